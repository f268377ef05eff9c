//! The unit files of a stdio server in an image: a Quadlet template of its instances, and the socket they stand behind.

use std::time::Duration;

use super::choices::Network;
use super::plan::Plan;
use super::record::Record;
use crate::guard::{GUARD_UNIT, SLICE_UNIT};
use crate::image::ImageReference;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{container, install, quadlet, service, socket, unit};
use crate::quadlet::name::UnitName;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::{CpuShare, FileMode, PodmanOption, Specifier, Stream, Text};
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
const OPEN_LOG: [&str; 3] = ["/bin/chmod", "0666", "/proc/self/fd/2"];

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

/// The texts of a server's unit files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitTexts {
    /// `mcpod-NAME@.container`.
    pub container: String,
    /// `mcpod-NAME@.service.d/mcpod.conf`.
    pub drop_in: String,
    /// `mcpod-NAME.socket`, with the record.
    pub socket: String,
}

/// The socket of a server below mcpod's runtime directory, as systemd is to read it.
fn runtime_path(file: &str) -> Text {
    Text::from(Specifier::RuntimeDirectory).and(&*format!("/mcpod/{file}"))
}

/// Makes the template of the server's instances: one for each connection, gone when it ends.
pub fn container(plan: &Plan, pinned: &ImageReference) -> Result<UnitFile, ValueError> {
    let Plan {
        name,
        id: _,
        launch: _,
        image: _,
        args,
        environment,
        inputs: _,
        network,
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
    // Anybody may prune the image of a server that nobody uses at the moment; its digest says what must come back.
    file.push(container::PULL, "missing")?;
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
    // The user's own id does not exist inside: a server that breaks out is nobody.
    file.push(container::USER_NS, "nomap")?;
    for variable in environment {
        file.push(container::ENVIRONMENT, variable)?;
    }
    if !args.is_empty() {
        file.push(container::EXEC, args.as_slice())?;
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
    file.push(service::SLICE, &UnitName::from_systemd(SLICE_UNIT))?;
    file.push(service::MEMORY_MAX, &limits.memory.bytes())?;
    file.push(service::MEMORY_SWAP_MAX, &0)?;
    file.push(service::TASKS_MAX, &u64::from(limits.tasks))?;
    if let Some(cpus) = limits.cpus {
        file.push(service::CPU_QUOTA, &CpuShare(cpus.percent()))?;
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

/// A command as its key takes it.
fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}

/// Makes what is added to the service that Quadlet makes of the template.
///
/// Quadlet has the service wait for a notification that Podman sends from a child which ends at once, and systemd drops a
/// notification whose sender is gone when it is read (seen at the first session after a boot): the session would die. So the start is
/// over when `podman run -d` is, and the main process is conmon, by its file.
fn drop_in() -> Result<String, ValueError> {
    let mut file = UnitFile::new();
    file.push(service::TYPE, "forking")?;
    file.push(service::NOTIFY_ACCESS, "none")?;
    file.push(service::PID_FILE, &pid_file())?;
    Ok(file.to_string())
}

/// Where conmon writes its number.
fn pid_file() -> Text {
    Text::from(Specifier::RuntimeDirectory)
        .and("/mcpod/")
        .and(Specifier::UnitName)
        .and(".pid")
}

/// Makes the texts of all unit files of a server.
pub fn texts(
    plan: &Plan,
    pinned: &ImageReference,
    record: &Record,
) -> Result<UnitTexts, ValueError> {
    let container = container(plan, pinned)?.to_string();
    let drop_in = drop_in()?;
    let socket = socket(plan, record, &[&container, &drop_in])?;
    Ok(UnitTexts {
        container,
        drop_in,
        socket,
    })
}

fn socket(plan: &Plan, record: &Record, others: &[&str]) -> Result<String, ValueError> {
    let mut file = UnitFile::new();
    file.push(
        unit::DESCRIPTION,
        &Text::from(&*format!("MCP server {}", plan.name)),
    )?;
    file.push(
        socket::LISTEN_STREAM,
        &runtime_path(&plan.name.socket_file()),
    )?;
    file.push(socket::ACCEPT, &true)?;
    file.push(socket::SOCKET_MODE, &FileMode(0o600))?;
    file.push(socket::DIRECTORY_MODE, &FileMode(0o700))?;
    file.push(socket::MAX_CONNECTIONS, &u64::from(plan.limits.sessions))?;
    file.push(socket::REMOVE_ON_STOP, &true)?;
    file.push(
        install::WANTED_BY,
        &UnitName::from_systemd("sockets.target"),
    )?;
    record.write(&mut file, others)?;
    Ok(file.to_string())
}
