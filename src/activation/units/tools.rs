//! The template of a server of mcpod's own, which runs a container for each call of a tool.

use std::time::Duration;

use super::container::push_limits;
use super::{push_connection, session, words};
use crate::activation::plan::Plan;
use crate::activation::tools::Served;
use crate::catalog::ToolContainer;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::service;
use crate::quadlet::unit_file::UnitFile;

/// How long a session has to end with its containers.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// Removes what a session leaves in the transient store: its containers bear its number.
const CLEAN_COMMAND: [&str; 3] = [
    "/bin/sh",
    "-c",
    "exec podman --transient-store --events-backend=none rm --force --time=0 --filter=label=io.mcpod.session=$INVOCATION_ID >/dev/null",
];

/// Makes the template of the instances: one for each connection.
///
/// `program` is mcpod. Unlike other servers it is ours, so it runs as mcpod does. What it runs is in containers, all in the control group of the session.
pub fn tools(
    plan: &Plan,
    containers: &[ToolContainer],
    program: &str,
) -> Result<UnitFile, ValueError> {
    let served = Served::of(plan, containers).to_json();
    let start = [program.to_owned(), "tools-of".to_owned(), served];
    let mut file = session(&plan.name)?;
    file.push(service::TYPE, "exec")?;
    file.push(service::EXEC_START, start.as_slice())?;
    push_connection(&mut file, &plan.name)?;
    push_limits(&mut file, &plan.limits)?;
    file.push(service::TIMEOUT_STOP, &STOP_TIMEOUT)?;
    file.push(service::EXEC_STOP_POST, words(&CLEAN_COMMAND).as_slice())?;
    // 128 + SIGTERM: told to stop, it stopped.
    file.push(service::SUCCESS_EXIT_STATUS, &143)?;
    Ok(file)
}
