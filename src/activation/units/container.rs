//! The Quadlet template of a server's instances: its sandbox, its limits, what it is started with.

use std::time::Duration;

use super::mounts::{certificates, mount_of, volume_of};
use super::network::push_network;
use super::{bridge, push_connection, session, words};
use crate::activation::build::surroundings;
use crate::activation::endpoint::Endpoint;
use crate::activation::invocation::Invocation;
use crate::activation::limits::Limits;
use crate::activation::plan::Plan;
use crate::guard::{REMOVE_CONTAINER, SLICE_UNIT};
use crate::image::Pinned;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{container, install, quadlet, service, unit};
use crate::quadlet::name::{ServerName, UnitName};
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::{Assignment, CpuShare, PodmanOption, Specifier, Text};
use crate::settings::Relabel;

/// How long Podman waits for a server to end after SIGTERM before it kills it.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How long systemd waits for Podman to have stopped a container; must exceed [`STOP_TIMEOUT`] by what Podman's clean-up takes.
const UNIT_STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// How long an instance may take to start. Long, since an image that was pruned meanwhile is pulled again by its digest.
const START_TIMEOUT: Duration = Duration::from_mins(10);

/// How often a server that speaks HTTP may fail to start before it is left alone. Its start may take as long as
/// [`AWAIT`](bridge::AWAIT) each time.
const START_LIMIT_INTERVAL: Duration = Duration::from_mins(10);
const START_LIMIT_BURST: u64 = 4;

/// How long after its failure it is started again: at first, at most, and in how many steps from one to the other.
const RESTART_DELAY: Duration = Duration::from_secs(1);
const RESTART_DELAY_MAX: Duration = Duration::from_secs(30);
const RESTART_STEPS: u64 = 4;

/// Lets everybody write to the log of an instance; its folder keeps all but the user out.
///
/// `crun` gives the file to the container's user, and systemd opens it again, as the user, for the commands that stop the instance.
/// `UMask=` does not do it: systemd makes the file before it sets that, with the mask of the user manager.
const OPEN_LOG: [&str; 3] = ["/bin/chmod", "0666", "/proc/self/fd/2"];

/// What Go is told about Podman's memory: a command that lives a tenth of a second collects nothing, unless it comes to that much,
/// as it may where it has to pull the image again.
const PODMAN_MEMORY: [(&str, &str); 2] = [("GOGC", "off"), ("GOMEMLIMIT", "64MiB")];

/// Begins the count of starts anew, since this one succeeded: systemd counts all of them (systemd.unit(5), `StartLimitBurst=`), and
/// each client that comes to a server that nobody uses is one.
const FORGET_STARTS: [&str; 3] = [
    "/bin/sh",
    "-c",
    "exec systemctl --user reset-failed \"$PODMAN_SYSTEMD_UNIT\"",
];

/// Removes the files that tell of a container: its first process, and what its resolver refused, if that was killed.
const FORGET: [&str; 3] = [
    "/bin/sh",
    "-c",
    "cd \"$XDG_RUNTIME_DIR/mcpod\" && rm -f \"${PODMAN_SYSTEMD_UNIT%.service}.inside\" \"${PODMAN_SYSTEMD_UNIT%.service}.refused\"",
];

/// What the file with the number of a container's first process ends in, behind the name of the container's unit.
pub const INSIDE: &str = ".inside";

/// Removes the container of an instance. Quadlet adds such a command as well, behind this one, which is not run where this one fails.
fn stop_command() -> [String; 3] {
    let script = format!(
        "cid=$XDG_RUNTIME_DIR/${{PODMAN_SYSTEMD_UNIT%.service}}.cid; [ -e \"$cid\" ] || exit 0; {REMOVE_CONTAINER}"
    );
    ["/bin/sh".to_owned(), "-c".to_owned(), script]
}

/// Makes the template of the server's instances: one for each connection, gone when it ends.
pub fn container(plan: &Plan, pinned: &Pinned) -> Result<UnitFile, ValueError> {
    let mut file = session(&plan.name)?;
    // The container's standard input and output are the connection itself.
    push_container(&mut file, plan, pinned, "passthrough")?;

    push_connection(&mut file, &plan.name)?;
    file.push(service::EXEC_START_PRE, words(&OPEN_LOG).as_slice())?;
    push_service(&mut file, plan)?;
    Ok(file)
}

/// Makes the unit of a server that speaks HTTP: one container for all connections, as long as a bridge to it is there.
///
/// Nothing of it is published: bridges enter its network namespace. It has started when it answers.
pub(super) fn shared(
    plan: &Plan,
    pinned: &Pinned,
    endpoint: &Endpoint,
    program: &str,
) -> Result<UnitFile, ValueError> {
    let name = &plan.name;
    let mut file = UnitFile::new();
    file.push(
        unit::DESCRIPTION,
        &Text::from(&*format!("MCP server {name}")),
    )?;
    if !plan.always_on {
        file.push(unit::STOP_WHEN_UNNEEDED, &true)?;
    }
    file.push(unit::START_LIMIT_INTERVAL, &START_LIMIT_INTERVAL)?;
    file.push(unit::START_LIMIT_BURST, &START_LIMIT_BURST)?;
    // conmon writes the lines, as the user, whose journal they are then; see the guard's relay for why a server cannot.
    push_container(&mut file, plan, pinned, "journald")?;
    file.push(
        container::PODMAN_ARGS,
        &PodmanOption::with("pidfile", inside_file()),
    )?;

    file.push(
        service::EXEC_START_POST,
        bridge::await_command(name, endpoint, program).as_slice(),
    )?;
    file.push(service::EXEC_START_POST, words(&FORGET_STARTS).as_slice())?;
    file.push(service::RESTART, "on-failure")?;
    file.push(service::RESTART_DELAY, &RESTART_DELAY)?;
    file.push(service::RESTART_STEPS, &RESTART_STEPS)?;
    file.push(service::RESTART_DELAY_MAX, &RESTART_DELAY_MAX)?;
    push_service(&mut file, plan)?;
    file.push(service::EXEC_STOP_POST, words(&FORGET).as_slice())?;
    if plan.always_on {
        file.push(
            install::WANTED_BY,
            &UnitName::from_systemd("default.target"),
        )?;
    }
    Ok(file)
}

/// What runs, and in which sandbox.
fn push_container(
    file: &mut UnitFile,
    plan: &Plan,
    pinned: &Pinned,
    log_driver: &str,
) -> Result<(), ValueError> {
    let Plan {
        name,
        id: _,
        launch: _,
        launch_hash: _,
        origin: _,
        http: _,
        always_on: _,
        invocation,
        inputs: _,
        environment: _,
        mounts: _,
        relabel,
        instances: _,
        network,
        ca_bundle,
        proxy,
        limits: _,
    } = plan;
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
    file.push(container::LOG_DRIVER, log_driver)?;
    file.push(
        container::PODMAN_ARGS,
        &PodmanOption::with("conmon-pidfile", pid_file()),
    )?;
    // A server as process 1 would ignore SIGTERM.
    file.push(container::RUN_INIT, &true)?;
    file.push(container::STOP_TIMEOUT, &STOP_TIMEOUT)?;
    // TasksMax= below is the limit; Podman's own fails where the controller is not delegated.
    file.push(container::PIDS_LIMIT, &0)?;
    push_network(file, name, network)?;
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
    push_invocation(file, name, invocation, *relabel)?;
    push_surroundings(file, invocation, ca_bundle.as_deref(), proxy.as_deref())?;
    if !invocation.args.is_empty() {
        file.push(container::EXEC, invocation.args.as_slice())?;
    }
    // Else the first start of a boot can wait for a network-online.target that user managers never reach.
    file.push(quadlet::DEFAULT_DEPENDENCIES, &false)
}

/// What Podman's command is given, and what its unit may use; how both end.
fn push_service(file: &mut UnitFile, plan: &Plan) -> Result<(), ValueError> {
    for (name, value) in PODMAN_MEMORY {
        file.push(service::ENVIRONMENT, &Assignment::new(name, value))?;
    }
    push_limits(file, &plan.limits)?;
    file.push(service::TIMEOUT_START, &START_TIMEOUT)?;
    file.push(service::TIMEOUT_STOP, &UNIT_STOP_TIMEOUT)?;
    let stop = stop_command();
    file.push(service::EXEC_STOP, stop.as_slice())?;
    file.push(service::EXEC_STOP_POST, stop.as_slice())?;
    // 128 + SIGTERM: told to stop, it stopped.
    file.push(service::SUCCESS_EXIT_STATUS, &143)
}

/// What a unit may use.
pub(super) fn push_limits(file: &mut UnitFile, limits: &Limits) -> Result<(), ValueError> {
    let Limits {
        memory,
        cpus,
        tasks,
        sessions: _,
        lifetime,
    } = limits;
    file.push(service::SLICE, &UnitName::from_systemd(SLICE_UNIT))?;
    file.push(service::MEMORY_MAX, &memory.bytes())?;
    file.push(service::MEMORY_SWAP_MAX, &0)?;
    // Else, since Quadlet delegates the control group, systemd goes on as if nothing had been, and nobody is told what it died of.
    file.push(service::OOM_POLICY, "stop")?;
    file.push(service::TASKS_MAX, &u64::from(*tasks))?;
    if let Some(cpus) = cpus {
        file.push(service::CPU_QUOTA, &CpuShare(cpus.percent()))?;
    }
    if let Some(lifetime) = lifetime {
        file.push(service::RUNTIME_MAX, &lifetime.duration())?;
    }
    Ok(())
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

/// Where Podman writes the number of the first process inside: by it bridges find the container.
fn inside_file() -> Text {
    Text::from(Specifier::RuntimeDirectory)
        .and("/mcpod/")
        .and(Specifier::UnitName)
        .and(INSIDE)
}

#[cfg(test)]
mod tests;
