//! Every key that mcpod writes, a module for each section and a line for each key: its type, its name, how it is written, and for
//! Quadlet's keys the first version of Podman that knows it.
//!
//! Quadlet drops a unit with a key that it does not know. The versions were read from its releases (pkg/systemd/quadlet).

use super::version::PodmanVersion;

/// Declares the keys of a section, and the table of their first versions.
macro_rules! keys {
    ($section:literal; $($(#[$meta:meta])* $constant:ident: $value:ty = $name:literal, $write:ident $(, $major:literal $minor:literal)?;)*) => {
        use super::super::grammar;
        use super::super::key::Key;

        $(
            #[doc = concat!("`", $name, "=`")]
            $(#[$meta])*
            pub const $constant: Key<$value> = Key::new($section, $name, grammar::$write);
        )*

        /// The section, and the first version of Podman that knows each key, where Quadlet reads it.
        pub(super) const FIRST_VERSIONS: super::FirstVersions =
            ($section, &[$($(($name, $major, $minor),)?)*]);
    };
}

/// A section, and in it the names of keys with the first version of Podman that knows them.
type FirstVersions = (&'static str, &'static [(&'static str, u32, u32)]);

/// The first versions of all sections; systemd's own keys have none.
const FIRST_VERSIONS: [FirstVersions; 10] = [
    unit::FIRST_VERSIONS,
    container::FIRST_VERSIONS,
    volume::FIRST_VERSIONS,
    build::FIRST_VERSIONS,
    quadlet::FIRST_VERSIONS,
    service::FIRST_VERSIONS,
    sandbox::FIRST_VERSIONS,
    socket::FIRST_VERSIONS,
    install::FIRST_VERSIONS,
    mcpod::FIRST_VERSIONS,
];

/// The first version of Podman whose Quadlet knows a key; nothing for keys that are not Quadlet's.
pub(super) fn first_version(section: &str, key: &str) -> Option<PodmanVersion> {
    FIRST_VERSIONS
        .iter()
        .filter(|(name, _)| *name == section)
        .flat_map(|(_, keys)| *keys)
        .find(|(name, ..)| *name == key)
        .map(|&(_, major, minor)| PodmanVersion::new(major, minor))
}

/// `[Unit]`: systemd.unit(5).
pub mod unit {
    use super::super::name::UnitName;
    use super::super::value::Text;
    use std::time::Duration;

    keys! { "Unit";
        DESCRIPTION: Text = "Description", shown;
        DOCUMENTATION: str = "Documentation", documentation;
        WANTS: UnitName = "Wants", unit_name;
        REQUIRES: UnitName = "Requires", unit_name;
        AFTER: UnitName = "After", unit_name;
        ASSERT_PATH_EXISTS: Text = "AssertPathExists", path;
        COLLECT_MODE: str = "CollectMode", token;
        STOP_WHEN_UNNEEDED: bool = "StopWhenUnneeded", boolean;
        START_LIMIT_INTERVAL: Duration = "StartLimitIntervalSec", span;
        START_LIMIT_BURST: u64 = "StartLimitBurst", number;
    }
}

/// `[Container]`: podman-systemd.unit(5).
pub mod container {
    use super::super::value::{Assignment, MemoryMount, PodmanOption, SecretVariable, VolumeMount};
    use std::time::Duration;

    keys! { "Container";
        ADD_CAPABILITY: str = "AddCapability", capability, 4 4;
        ANNOTATION: Assignment = "Annotation", label, 4 4;
        CONTAINER_NAME: str = "ContainerName", token, 4 4;
        DNS: str = "DNS", token, 4 7;
        DROP_CAPABILITY: str = "DropCapability", capability, 4 4;
        ENTRYPOINT: [String] = "Entrypoint", json_command, 5 0;
        ENVIRONMENT: Assignment = "Environment", container_variable, 4 4;
        EXEC: [String] = "Exec", arguments, 4 4;
        GLOBAL_ARGS: PodmanOption = "GlobalArgs", podman_option, 4 8;
        HEALTH_CMD: [String] = "HealthCmd", health_command, 4 5;
        HEALTH_INTERVAL: Duration = "HealthInterval", span, 4 5;
        HEALTH_ON_FAILURE: str = "HealthOnFailure", token, 4 5;
        HEALTH_RETRIES: u64 = "HealthRetries", number, 4 5;
        HEALTH_START_PERIOD: Duration = "HealthStartPeriod", span, 4 5;
        HEALTH_TIMEOUT: Duration = "HealthTimeout", span, 4 5;
        IMAGE: str = "Image", image, 4 4;
        LABEL: Assignment = "Label", label, 4 4;
        LOG_DRIVER: str = "LogDriver", token, 4 5;
        NETWORK: str = "Network", network, 4 4;
        NO_NEW_PRIVILEGES: bool = "NoNewPrivileges", boolean, 4 4;
        PIDS_LIMIT: u64 = "PidsLimit", number, 4 7;
        PODMAN_ARGS: PodmanOption = "PodmanArgs", podman_option, 4 4;
        PULL: str = "Pull", token, 4 6;
        READ_ONLY: bool = "ReadOnly", boolean, 4 4;
        READ_ONLY_TMPFS: bool = "ReadOnlyTmpfs", boolean, 4 8;
        RUN_INIT: bool = "RunInit", boolean, 4 4;
        SECRET: SecretVariable = "Secret", secret_variable, 4 5;
        STOP_TIMEOUT: Duration = "StopTimeout", seconds, 5 0;
        TMPFS: MemoryMount = "Tmpfs", memory, 4 5;
        USER: str = "User", token, 4 4;
        USER_NS: str = "UserNS", token, 4 5;
        VOLUME: VolumeMount = "Volume", volume, 4 4;
        /// with `--volume`, for a path of the host: it may have spaces and the like, which `Volume=` cannot hold.
        VOLUME_OPTION: VolumeMount = "PodmanArgs", volume_option, 4 4;
        WORKING_DIR: str = "WorkingDir", path_inside, 4 6;
    }
}

/// `[Volume]`: podman-systemd.unit(5).
pub mod volume {
    use super::super::value::Assignment;

    keys! { "Volume";
        LABEL: Assignment = "Label", label, 4 4;
        VOLUME_NAME: str = "VolumeName", token, 4 8;
    }
}

/// `[Build]`: podman-systemd.unit(5).
pub mod build {
    use super::super::value::{PodmanOption, VolumeMount};

    keys! { "Build";
        FILE: str = "File", path_inside, 5 2;
        /// for a path inside the context.
        FILE_INSIDE: str = "File", token, 5 2;
        GLOBAL_ARGS: PodmanOption = "GlobalArgs", podman_option, 5 2;
        /// for another program that Podman starts, and that starts Podman again.
        GLOBAL_WORDS: [String] = "GlobalArgs", arguments, 5 2;
        IMAGE_TAG: str = "ImageTag", image, 5 2;
        NETWORK: str = "Network", network, 5 2;
        PODMAN_ARGS: PodmanOption = "PodmanArgs", podman_option, 5 2;
        PULL: str = "Pull", token, 5 2;
        /// for a repository of git.
        REPOSITORY: str = "SetWorkingDirectory", repository, 5 2;
        SET_WORKING_DIRECTORY: str = "SetWorkingDirectory", path_inside, 5 2;
        /// with `--volume`, for a path of the host.
        VOLUME_OPTION: VolumeMount = "PodmanArgs", volume_option, 5 2;
    }
}

/// `[Quadlet]`: podman-systemd.unit(5).
pub mod quadlet {
    keys! { "Quadlet";
        DEFAULT_DEPENDENCIES: bool = "DefaultDependencies", boolean, 5 3;
    }
}

/// `[Service]`: systemd.service(5), systemd.exec(5), systemd.resource-control(5).
pub mod service {
    use super::super::name::UnitName;
    use super::super::value::{Assignment, CpuShare, Stream, Text};
    use std::time::Duration;

    keys! { "Service";
        CPU_QUOTA: CpuShare = "CPUQuota", cpu_share;
        ENVIRONMENT: Assignment = "Environment", service_variable;
        EXEC_START: [String] = "ExecStart", command;
        EXEC_START_POST: [String] = "ExecStartPost", command;
        EXEC_START_PRE: [String] = "ExecStartPre", command;
        EXEC_STOP: [String] = "ExecStop", command;
        EXEC_STOP_POST: [String] = "ExecStopPost", command;
        KILL_MODE: str = "KillMode", token;
        MEMORY_HIGH: u64 = "MemoryHigh", number;
        MEMORY_MAX: u64 = "MemoryMax", number;
        MEMORY_SWAP_MAX: u64 = "MemorySwapMax", number;
        NO_NEW_PRIVILEGES: bool = "NoNewPrivileges", boolean;
        NOTIFY_ACCESS: str = "NotifyAccess", token;
        OOM_POLICY: str = "OOMPolicy", token;
        PID_FILE: Text = "PIDFile", path;
        RESTART: str = "Restart", token;
        RESTART_DELAY: Duration = "RestartSec", span;
        RESTART_DELAY_MAX: Duration = "RestartMaxDelaySec", span;
        RESTART_STEPS: u64 = "RestartSteps", number;
        RUNTIME_MAX: Duration = "RuntimeMaxSec", span;
        SLICE: UnitName = "Slice", unit_name;
        STANDARD_ERROR: Stream = "StandardError", stream;
        STANDARD_INPUT: str = "StandardInput", token;
        /// for a socket.
        STANDARD_OUTPUT: str = "StandardOutput", token;
        /// for a file.
        STANDARD_OUTPUT_FILE: Stream = "StandardOutput", stream;
        SUCCESS_EXIT_STATUS: u64 = "SuccessExitStatus", number;
        TASKS_MAX: u64 = "TasksMax", number;
        TIMEOUT_START: Duration = "TimeoutStartSec", span;
        TIMEOUT_STOP: Duration = "TimeoutStopSec", span;
        TYPE: str = "Type", token;
        WORKING_DIRECTORY: str = "WorkingDirectory", bound_path;
    }
}

/// `[Service]`: what a service is kept from (systemd.exec(5), "Sandboxing").
pub mod sandbox {
    use super::super::value::Text;

    keys! { "Service";
        /// where it lies, and where it is seen.
        BIND: (String, String) = "BindPaths", bound_paths;
        /// where it lies, and where it is seen.
        BIND_READ_ONLY: (String, String) = "BindReadOnlyPaths", bound_paths;
        /// for what need not be there.
        BIND_READ_ONLY_IF_THERE: str = "BindReadOnlyPaths", bound_path_if_there;
        CAPABILITY_BOUNDING_SET: () = "CapabilityBoundingSet", nothing;
        KEYRING_MODE: str = "KeyringMode", token;
        LOCK_PERSONALITY: bool = "LockPersonality", boolean;
        MOUNT_API_VFS: bool = "MountAPIVFS", boolean;
        PRIVATE_DEVICES: bool = "PrivateDevices", boolean;
        PRIVATE_IPC: bool = "PrivateIPC", boolean;
        PRIVATE_NETWORK: bool = "PrivateNetwork", boolean;
        PRIVATE_PIDS: bool = "PrivatePIDs", boolean;
        PRIVATE_TMP: bool = "PrivateTmp", boolean;
        PRIVATE_USERS: bool = "PrivateUsers", boolean;
        PROC_SUBSET: str = "ProcSubset", token;
        PROTECT_CLOCK: bool = "ProtectClock", boolean;
        PROTECT_CONTROL_GROUPS: bool = "ProtectControlGroups", boolean;
        PROTECT_HOME: str = "ProtectHome", token;
        PROTECT_HOSTNAME: bool = "ProtectHostname", boolean;
        PROTECT_KERNEL_MODULES: bool = "ProtectKernelModules", boolean;
        PROTECT_KERNEL_TUNABLES: bool = "ProtectKernelTunables", boolean;
        PROTECT_PROC: str = "ProtectProc", token;
        PROTECT_SYSTEM: str = "ProtectSystem", token;
        REMOVE_IPC: bool = "RemoveIPC", boolean;
        RESTRICT_ADDRESS_FAMILIES: str = "RestrictAddressFamilies", token;
        RESTRICT_NAMESPACES: bool = "RestrictNamespaces", boolean;
        RESTRICT_REALTIME: bool = "RestrictRealtime", boolean;
        RESTRICT_SUID_SGID: bool = "RestrictSUIDSGID", boolean;
        SYSTEM_CALL_ARCHITECTURES: str = "SystemCallArchitectures", token;
        SYSTEM_CALL_ERROR_NUMBER: str = "SystemCallErrorNumber", token;
        SYSTEM_CALL_FILTER: str = "SystemCallFilter", system_calls;
        TEMPORARY_FILE_SYSTEM: Text = "TemporaryFileSystem", path;
        UMASK: str = "UMask", token;
    }
}

/// `[Socket]`: systemd.socket(5).
pub mod socket {
    use super::super::value::{FileMode, Text};

    keys! { "Socket";
        ACCEPT: bool = "Accept", boolean;
        BACKLOG: u64 = "Backlog", number;
        DIRECTORY_MODE: FileMode = "DirectoryMode", mode;
        FLUSH_PENDING: bool = "FlushPending", boolean;
        LISTEN_STREAM: Text = "ListenStream", path;
        MAX_CONNECTIONS: u64 = "MaxConnections", number;
        REMOVE_ON_STOP: bool = "RemoveOnStop", boolean;
        SOCKET_MODE: FileMode = "SocketMode", mode;
    }
}

/// `[Install]`: systemd.unit(5).
pub mod install {
    use super::super::name::UnitName;

    keys! { "Install";
        WANTED_BY: UnitName = "WantedBy", unit_name;
    }
}

/// `[X-Mcpod]`: what mcpod has to know again about an active server. systemd passes over sections that begin with `X-`.
pub mod mcpod {
    keys! { "X-Mcpod";
        ADDED: str = "Added", recorded;
        ALWAYS_ON: str = "AlwaysOn", recorded;
        CONTENT: str = "Content", recorded;
        DIGEST: str = "Digest", recorded;
        ENTRY: str = "Entry", recorded;
        ENVIRONMENT: str = "Environment", recorded;
        ID: str = "Id", recorded;
        IMAGE: str = "Image", recorded;
        INPUT: str = "Input", recorded;
        INSTANCES: str = "Instances", recorded;
        LAUNCH: str = "Launch", recorded;
        LAUNCH_HASH: str = "LaunchHash", recorded;
        LIMITS: str = "Limits", recorded;
        MOUNT: str = "Mount", recorded;
        NAME: str = "Name", recorded;
        NETWORK: str = "Network", recorded;
        PREVIOUS: str = "Previous", recorded;
        SCRIPTS: str = "Scripts", recorded;
        SECRET: str = "Secret", recorded;
        STATE: str = "State", recorded;
        TOOLS: str = "Tools", recorded;
        TOOLS_HASH: str = "ToolsHash", recorded;
    }
}
