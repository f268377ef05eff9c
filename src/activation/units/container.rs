//! The Quadlet template of a server's instances: its sandbox, its limits, what it is started with.

use std::time::Duration;

use super::mounts::{certificates, mount_of, volume_of};
use super::words;
use crate::activation::build::surroundings;
use crate::activation::choices::Network;
use crate::activation::invocation::Invocation;
use crate::activation::plan::Plan;
use crate::guard::{GUARD_UNIT, SLICE_UNIT};
use crate::image::Pinned;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{container, quadlet, service, unit};
use crate::quadlet::name::{ServerName, UnitName};
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::{Assignment, CpuShare, PodmanOption, Specifier, Stream, Text};
use crate::settings::Relabel;
use crate::systemd::journal;

/// How long Podman waits for a server to end after SIGTERM before it kills it.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How long systemd waits for Podman to have stopped a container; must exceed [`STOP_TIMEOUT`] by what Podman's clean-up takes.
const UNIT_STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// How long an instance may take to start. Long, since an image that was pruned meanwhile is pulled again by its digest.
const START_TIMEOUT: Duration = Duration::from_mins(10);

/// Lets everybody write to the log of an instance; its folder keeps all but the user out.
///
/// `crun` gives the file to the container's user, and systemd opens it again, as the user, for the commands that stop the instance.
/// `UMask=` does not do it: systemd makes the file before it sets that, with the mask of the user manager.
const OPEN_LOG: [&str; 3] = ["/bin/chmod", "0666", "/proc/self/fd/2"];

/// What Go is told about Podman's memory: a command that lives a tenth of a second collects nothing, unless it comes to that much,
/// as it may where it has to pull the image again.
const PODMAN_MEMORY: [(&str, &str); 2] = [("GOGC", "off"), ("GOMEMLIMIT", "64MiB")];

/// Removes the container of an instance, without a word.
///
/// Quadlet adds such a command as well, behind this one. It fails where all of the instance was killed at once, as by the kernel for its
/// memory, and leaves a dead container; a second one then succeeds. And every command of the unit has the connection as its standard output, and
/// `podman rm` prints what it removed: into the face of the client where one is still there, and dying of SIGPIPE where none is.
const STOP_COMMAND: [&str; 3] = [
    "/bin/sh",
    "-c",
    "cid=$XDG_RUNTIME_DIR/${PODMAN_SYSTEMD_UNIT%.service}.cid; \
     [ ! -e \"$cid\" ] || exec podman --transient-store --events-backend=none rm -v -f -i --cidfile=\"$cid\" >/dev/null",
];

/// Makes the template of the server's instances: one for each connection, gone when it ends.
pub fn container(plan: &Plan, pinned: &Pinned) -> Result<UnitFile, ValueError> {
    let Plan {
        name,
        id: _,
        launch: _,
        launch_hash: _,
        origin: _,
        invocation,
        inputs: _,
        environment: _,
        relabel,
        instances: _,
        network,
        ca_bundle,
        proxy,
        limits,
    } = plan;
    let mut file = UnitFile::new();
    file.push(
        unit::DESCRIPTION,
        &Text::from(&*format!("MCP server {name}, session ")).and(Specifier::Instance),
    )?;
    // Without it every session that failed would stay loaded until somebody resets it.
    file.push(unit::COLLECT_MODE, "inactive-or-failed")?;
    file.push(unit::WANTS, &UnitName::from_systemd(GUARD_UNIT))?;

    file.push(container::IMAGE, &pinned.to_string())?;
    match pinned {
        // Anybody may prune the image of a server that nobody uses at the moment; its digest says what must come back.
        Pinned::Fetched(_) => file.push(container::PULL, "missing")?,
        // It is nowhere but here.
        Pinned::Built(_) => file.push(container::PULL, "never")?,
    }
    // The state of a container, and with it every secret's value, lies in the runtime directory, not in the home folder.
    file.push(
        container::GLOBAL_ARGS,
        &PodmanOption::flag("transient-store"),
    )?;
    // Its events would go to the journal, several lines for each session, among what the server itself says.
    file.push(
        container::GLOBAL_ARGS,
        &PodmanOption::with("events-backend", "none"),
    )?;
    // The container's standard input and output are the connection itself.
    file.push(container::LOG_DRIVER, "passthrough")?;
    file.push(
        container::PODMAN_ARGS,
        &PodmanOption::with("conmon-pidfile", pid_file()),
    )?;
    // A server as process 1 would ignore SIGTERM.
    file.push(container::RUN_INIT, &true)?;
    file.push(container::STOP_TIMEOUT, &STOP_TIMEOUT)?;
    // TasksMax= below is the limit; Podman's own fails where the controller is not delegated.
    file.push(container::PIDS_LIMIT, &0)?;
    match network {
        Network::None => file.push(container::NETWORK, "none")?,
        // The default of rootless Podman, said so that no containers.conf changes it.
        Network::Open => file.push(container::NETWORK, "pasta")?,
    }
    file.push(container::READ_ONLY, &true)?;
    file.push(container::DROP_CAPABILITY, "all")?;
    file.push(container::NO_NEW_PRIVILEGES, &true)?;
    if invocation.binds.is_empty() {
        // The user's own id does not exist inside: a server that breaks out is nobody.
        file.push(container::USER_NS, "nomap")?;
    } else {
        // It runs with the user's own id, whose files it is to read and write.
        file.push(container::USER_NS, "keep-id")?;
    }
    if let Some(user) = &invocation.user {
        file.push(container::USER, user.as_str())?;
    }
    push_invocation(&mut file, name, invocation, *relabel)?;
    push_surroundings(
        &mut file,
        invocation,
        ca_bundle.as_deref(),
        proxy.as_deref(),
    )?;
    if !invocation.args.is_empty() {
        file.push(container::EXEC, invocation.args.as_slice())?;
    }
    // Else the first start of a boot can wait for a network-online.target that user managers never reach.
    file.push(quadlet::DEFAULT_DEPENDENCIES, &false)?;

    file.push(service::STANDARD_INPUT, "socket")?;
    file.push(service::STANDARD_OUTPUT, "socket")?;
    // Not to the journal itself: see the guard's relay.
    let (before, behind) = journal::log_file_around(name);
    let log = Text::from(Specifier::RuntimeDirectory)
        .and(&*format!("/mcpod/{before}"))
        .and(Specifier::Instance)
        .and(behind);
    file.push(service::STANDARD_ERROR, &Stream::Append(log))?;
    file.push(service::EXEC_START_PRE, words(&OPEN_LOG).as_slice())?;
    for (name, value) in PODMAN_MEMORY {
        file.push(service::ENVIRONMENT, &Assignment::new(name, value))?;
    }
    file.push(service::SLICE, &UnitName::from_systemd(SLICE_UNIT))?;
    file.push(service::MEMORY_MAX, &limits.memory.bytes())?;
    file.push(service::MEMORY_SWAP_MAX, &0)?;
    file.push(service::TASKS_MAX, &u64::from(limits.tasks))?;
    if let Some(cpus) = limits.cpus {
        file.push(service::CPU_QUOTA, &CpuShare(cpus.percent()))?;
    }
    if let Some(lifetime) = limits.lifetime {
        file.push(service::RUNTIME_MAX, &lifetime.duration())?;
    }
    file.push(service::TIMEOUT_START, &START_TIMEOUT)?;
    file.push(service::TIMEOUT_STOP, &UNIT_STOP_TIMEOUT)?;
    let stop = words(&STOP_COMMAND);
    file.push(service::EXEC_STOP, stop.as_slice())?;
    file.push(service::EXEC_STOP_POST, stop.as_slice())?;
    // 128 + SIGTERM: told to stop, it stopped.
    file.push(service::SUCCESS_EXIT_STATUS, &143)?;
    Ok(file)
}

/// What a server is started with.
fn push_invocation(
    file: &mut UnitFile,
    name: &ServerName,
    invocation: &Invocation,
    relabel: Relabel,
) -> Result<(), ValueError> {
    let Invocation {
        args: _,
        environment,
        secret_variables,
        secrets: _,
        binds,
        volumes,
        user: _,
    } = invocation;
    for bind in binds {
        file.push(container::VOLUME_OPTION, &mount_of(bind, relabel))?;
    }
    for volume in volumes {
        file.push(container::VOLUME, &volume_of(name, volume))?;
    }
    for secret in secret_variables {
        file.push(container::SECRET, secret)?;
    }
    for variable in environment {
        file.push(container::ENVIRONMENT, variable)?;
    }
    Ok(())
}

/// What certificates a server trusts and what proxy it takes, unless it is told otherwise already.
fn push_surroundings(
    file: &mut UnitFile,
    invocation: &Invocation,
    ca_bundle: Option<&str>,
    proxy: Option<&str>,
) -> Result<(), ValueError> {
    if let Some(bundle) = ca_bundle {
        file.push(container::VOLUME_OPTION, &certificates(bundle))?;
    }
    for variable in surroundings(ca_bundle, proxy) {
        let secrets = &invocation.secret_variables;
        let is_set = invocation
            .environment
            .iter()
            .any(|set| set.name == variable.name)
            || secrets.iter().any(|set| set.variable == variable.name);
        if !is_set {
            file.push(container::ENVIRONMENT, &variable)?;
        }
    }
    Ok(())
}

/// Makes what is added to the service that Quadlet makes of the template.
///
/// Quadlet has the service wait for a notification that Podman sends from a child which ends at once, and systemd drops a
/// notification whose sender is gone when it is read (seen at the first session after a boot): the session would die. So the start is
/// over when `podman run -d` is, and the main process is conmon, by its file.
pub(super) fn drop_in() -> Result<UnitFile, ValueError> {
    let mut file = UnitFile::new();
    file.push(service::TYPE, "forking")?;
    file.push(service::NOTIFY_ACCESS, "none")?;
    file.push(service::PID_FILE, &pid_file())?;
    Ok(file)
}

/// Where conmon writes its number.
fn pid_file() -> Text {
    Text::from(Specifier::RuntimeDirectory)
        .and("/mcpod/")
        .and(Specifier::UnitName)
        .and(".pid")
}

#[cfg(test)]
mod tests;
