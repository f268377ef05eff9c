//! The template of a command of this host: a service of systemd's own, in the strictest sandbox that a user manager has.

use std::time::Duration;

use super::container::push_limits;
use super::{push_connection, session};
use crate::activation::choices::Network;
use crate::activation::plan::Plan;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{sandbox, service};
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::{Specifier, Text};

/// The oldest systemd that gives a service processes of its own (`PrivatePIDs=`). Without that, whatever else is closed, it could
/// look through `/proc` at all that the user's other processes see.
pub const SYSTEMD_FLOOR: u32 = 257;

/// How long it has to end after SIGTERM. It is the first process of its kind, and many a program ignores the signal then.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// What is switched on. `MemoryDenyWriteExecute=` is not: whatever compiles while it runs, as Node does, would not start.
/// `ProtectKernelLogs=` is not, since it fails where a container of the host's has no kernel log; without capabilities it adds nothing.
const CLOSED: [crate::quadlet::key::Key<bool>; 17] = [
    service::NO_NEW_PRIVILEGES,
    sandbox::PRIVATE_USERS,
    sandbox::PRIVATE_PIDS,
    sandbox::PRIVATE_TMP,
    sandbox::PRIVATE_DEVICES,
    sandbox::PRIVATE_IPC,
    sandbox::PROTECT_KERNEL_TUNABLES,
    sandbox::PROTECT_KERNEL_MODULES,
    sandbox::PROTECT_CONTROL_GROUPS,
    sandbox::PROTECT_CLOCK,
    sandbox::PROTECT_HOSTNAME,
    sandbox::RESTRICT_NAMESPACES,
    sandbox::RESTRICT_REALTIME,
    sandbox::RESTRICT_SUID_SGID,
    sandbox::LOCK_PERSONALITY,
    sandbox::REMOVE_IPC,
    sandbox::MOUNT_API_VFS,
];

/// Makes the template of the instances of a command: one for each connection.
pub fn command(plan: &Plan, program: &str) -> Result<UnitFile, ValueError> {
    let invocation = &plan.invocation;
    // The user manager's variables are none of its business: whatever the user's session imported is among them.
    let mut words: Vec<String> = ["/usr/bin/env", "-i", "--", "HOME=/tmp", "LANG=C.UTF-8"]
        .map(str::to_owned)
        .into();
    let folder = program.rsplit_once('/').map_or("", |(folder, _)| folder);
    words.push(format!("PATH=/usr/local/bin:/usr/bin:/bin:{folder}"));
    let variables = invocation.environment.iter();
    words.extend(variables.map(|set| format!("{}={}", set.name, set.value)));
    words.push(program.to_owned());
    words.extend(invocation.args.iter().cloned());
    let mut file = session(&plan.name)?;
    // It fails to start, and not later, where the program is not there.
    file.push(service::TYPE, "exec")?;
    file.push(service::EXEC_START, words.as_slice())?;
    push_connection(&mut file, &plan.name)?;
    file.push(service::WORKING_DIRECTORY, "/tmp")?;

    for key in CLOSED {
        file.push(key, &true)?;
    }
    file.push(sandbox::PROTECT_SYSTEM, "strict")?;
    // Nothing of a home folder is there, wherever it lies, and no socket of the host's: not the bus, not Podman's, not ours.
    file.push(sandbox::PROTECT_HOME, "tmpfs")?;
    for hidden in [
        Text::from(Specifier::HomeDirectory).and(":ro"),
        Text::from("/run:ro"),
    ] {
        file.push(sandbox::TEMPORARY_FILE_SYSTEM, &hidden)?;
    }
    file.push(sandbox::PROTECT_PROC, "invisible")?;
    file.push(sandbox::PROC_SUBSET, "pid")?;
    file.push(sandbox::KEYRING_MODE, "private")?;
    file.push(sandbox::UMASK, "0077")?;
    file.push(sandbox::CAPABILITY_BOUNDING_SET, &())?;
    file.push(sandbox::SYSTEM_CALL_ARCHITECTURES, "native")?;
    file.push(sandbox::SYSTEM_CALL_FILTER, "@system-service")?;
    file.push(sandbox::SYSTEM_CALL_ERROR_NUMBER, "EPERM")?;
    for family in ["AF_UNIX", "AF_INET", "AF_INET6"] {
        file.push(sandbox::RESTRICT_ADDRESS_FAMILIES, family)?;
    }
    match plan.network {
        // Of hosts alone there is no plan for a command; should there be one, nothing is open.
        Network::None | Network::Allow(_) => file.push(sandbox::PRIVATE_NETWORK, &true)?,
        Network::Open => {
            file.push(sandbox::RESTRICT_ADDRESS_FAMILIES, "AF_NETLINK")?;
            // Where names are asked for; what /etc/resolv.conf often leads to.
            for file_of_names in ["/run/systemd/resolve", "/run/NetworkManager"] {
                file.push(sandbox::BIND_READ_ONLY_IF_THERE, file_of_names)?;
            }
        }
    }
    // Programs of the user's own lie where nothing else is seen.
    file.push(sandbox::BIND_READ_ONLY_IF_THERE, program)?;
    for bind in &invocation.binds {
        let paths = (bind.source.clone(), bind.target.clone());
        if bind.read_only {
            file.push(sandbox::BIND_READ_ONLY, &paths)?;
        } else {
            file.push(sandbox::BIND, &paths)?;
        }
    }
    push_limits(&mut file, &plan.limits)?;
    file.push(service::TIMEOUT_STOP, &STOP_TIMEOUT)?;
    // 128 + SIGTERM: told to stop, it stopped.
    file.push(service::SUCCESS_EXIT_STATUS, &143)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::choices::Choices;
    use crate::activation::command::HostCommand;
    use crate::activation::invocation::Bind;
    use crate::activation::plan::Origin;
    use crate::quadlet::value::Assignment;
    use crate::settings::Settings;

    fn text(words: &str, choices: &Choices) -> String {
        let launch = words.parse::<HostCommand>().unwrap().launch();
        let name = "x".parse().unwrap();
        let plan = Plan::new("command:x", &[launch], name, choices, &Settings::default()).unwrap();
        let Origin::Command(program) = &plan.origin else {
            panic!("{:?}", plan.origin);
        };
        command(&plan, program).unwrap().to_string()
    }

    #[test]
    fn the_whole_of_a_template() {
        let choices = Choices {
            environment: vec![Assignment::new("A", "100% $b")],
            mounts: vec![Bind::at("/srv/a b%", true), Bind::at("/srv/w", false)],
            ..Choices::default()
        };
        insta::assert_snapshot!(text("/home/u/bin/x --to 'a $b'", &choices), @r#"
        [Unit]
        Description=MCP server x, session %i
        CollectMode=inactive-or-failed
        Wants=mcpod-guard.service

        [Service]
        Type=exec
        ExecStart=/usr/bin/env -i -- HOME=/tmp LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin:/home/u/bin "A=100%% $$b" /home/u/bin/x --to "a $$b"
        StandardInput=socket
        StandardOutput=socket
        StandardError=append:%t/mcpod/x@%i.log
        WorkingDirectory=/tmp
        NoNewPrivileges=true
        PrivateUsers=true
        PrivatePIDs=true
        PrivateTmp=true
        PrivateDevices=true
        PrivateIPC=true
        ProtectKernelTunables=true
        ProtectKernelModules=true
        ProtectControlGroups=true
        ProtectClock=true
        ProtectHostname=true
        RestrictNamespaces=true
        RestrictRealtime=true
        RestrictSUIDSGID=true
        LockPersonality=true
        RemoveIPC=true
        MountAPIVFS=true
        ProtectSystem=strict
        ProtectHome=tmpfs
        TemporaryFileSystem=%h:ro
        TemporaryFileSystem=/run:ro
        ProtectProc=invisible
        ProcSubset=pid
        KeyringMode=private
        UMask=0077
        CapabilityBoundingSet=
        SystemCallArchitectures=native
        SystemCallFilter=@system-service
        SystemCallErrorNumber=EPERM
        RestrictAddressFamilies=AF_UNIX
        RestrictAddressFamilies=AF_INET
        RestrictAddressFamilies=AF_INET6
        PrivateNetwork=true
        BindReadOnlyPaths=-/home/u/bin/x
        BindReadOnlyPaths="/srv/a b%%":"/srv/a b%%"
        BindPaths=/srv/w:/srv/w
        Slice=mcpod.slice
        MemoryMax=1073741824
        MemorySwapMax=0
        OOMPolicy=stop
        TasksMax=512
        TimeoutStopSec=2s
        SuccessExitStatus=143
        "#);
    }

    #[test]
    fn the_open_network_is_the_hosts() {
        let choices = Choices {
            network: Some(Network::Open),
            ..Choices::default()
        };
        let text = text("/bin/x", &choices);
        assert!(!text.contains("PrivateNetwork="));
        assert!(text.contains("BindReadOnlyPaths=-/run/systemd/resolve\n"));
    }
}
