//! `mcpod status`: how active servers do.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;

use super::output::{Failure, Output};
use crate::orchestrator::Orchestrator;
use crate::orchestrator::status::{Allowed, Running, Status, controllers_hint};
use crate::text::one_line;

/// How many of the last lines of its log are shown.
const LOG_LINES: u32 = 10;

/// Show how an active server does: its sessions and what they use, its tools, its last failure, its log
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod status
  mcpod status time")]
pub(super) struct Arguments {
    /// The server's name; all active servers where none is given
    name: Option<String>,
    /// Print JSON: one object, or a list of them where no NAME is given
    #[arg(long)]
    pub(super) json: bool,
}

/// The status of one server, with the end of its log.
#[derive(Serialize)]
struct WithLog {
    #[serde(flatten)]
    status: Status,
    log: Vec<String>,
}

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Some(name) = &arguments.name else {
        let mut all = Vec::new();
        let mut code = ExitCode::SUCCESS;
        let busy = output.busy("looking");
        let statuses = orchestrator.statuses_with_errors().await?;
        drop(busy);
        for status in statuses {
            match status {
                Ok(status) => all.push(status),
                // One that cannot be looked at does not take the others' away.
                Err(error) => code = output.failure_aside(&error.into()),
            }
        }
        if output.is_json() {
            output.json(&all)?;
        } else if all.is_empty() && code == ExitCode::SUCCESS {
            output.note("no server is active");
        } else {
            output.text(&all.iter().map(describe).collect::<Vec<_>>().join("\n"));
            warn(all.first(), output);
        }
        return Ok(code);
    };
    let busy = output.busy("looking");
    let status = orchestrator.status(name).await?;
    let log = orchestrator.log_end(&status.listed, LOG_LINES).await;
    drop(busy);
    if output.is_json() {
        let log = log.lines().map(str::to_owned).collect();
        output.json(&WithLog { status, log })?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = describe(&status);
    if !log.is_empty() {
        text.push('\n');
        text.push_str(&log);
    }
    output.text(&text);
    warn(Some(&status), output);
    Ok(ExitCode::SUCCESS)
}

/// Says what of the host keeps limits from holding.
fn warn(status: Option<&Status>, output: &Output) {
    if let Some(status) = status
        && !status.missing_controllers.is_empty()
    {
        let hint = controllers_hint(&status.missing_controllers);
        output.note(&format!("warning: {hint}"));
    }
}

/// The status in lines, headed as `systemctl status` heads them.
fn describe(status: &Status) -> String {
    let Status {
        listed,
        enabled,
        limits,
        missing_controllers: _,
        previous,
        held_tools,
        last_error,
        accepted,
        refused,
        running,
        container,
    } = status;
    let name = &listed.name;
    let mut text = format!("{name} - {}, {}\n", listed.id, listed.state.as_str());
    let mut line = |head: &str, value: &str| {
        // Writing to a String cannot fail.
        writeln!(text, "{head:>10}: {value}").ok();
    };
    line("Image", &format!("{}, {}", listed.image, listed.digest));
    if let Some(previous) = previous {
        line("Before", &format!("{previous} (mcpod rollback {name})"));
    }
    let enabled = if *enabled {
        "enabled"
    } else {
        "not enabled: gone after a reboot"
    };
    line("Socket", &format!("{} ({enabled})", listed.socket));
    line("Network", &listed.network);
    line("Limits", &limits.to_string());
    let tools = listed
        .tools
        .map_or_else(|| "not known yet".to_owned(), |tools| tools.to_string());
    if held_tools.is_empty() {
        line("Tools", &tools);
    } else {
        let count = held_tools.len();
        line(
            "Tools",
            &format!("{tools}, and {count} held back (mcpod accept {name})"),
        );
        for change in held_tools {
            line("", &change.line());
        }
    }
    line("Added", &format!("{:.0}", listed.added_at));
    if let Some(error) = last_error {
        let at = error.at.map(|at| format!(", {at:.0}")).unwrap_or_default();
        line("Failed", &format!("{} ({}{at})", error.result, error.unit));
        for words in error.last_words.lines() {
            line("", words);
        }
    }
    let refused = if *refused > 0 {
        format!(", {refused} refused")
    } else {
        String::new()
    };
    line(
        "Sessions",
        &format!(
            "{} of {} ({accepted} since its socket was started{refused})",
            running.len(),
            limits.sessions
        ),
    );
    let memory: Vec<u64> = running.iter().filter_map(|one| one.memory).collect();
    if memory.len() > 1 {
        let all: u64 = memory.iter().sum();
        line("Memory", &format!("{:.1} MB in all", in_megabytes(all)));
    }
    for session in running {
        writeln!(text, "            {}", session.unit).ok();
        writeln!(
            text,
            "              {}, {}",
            client(session),
            facts(session, limits)
        )
        .ok();
    }
    if let Some(container) = container {
        writeln!(text, " Container: {}", container.unit).ok();
        writeln!(text, "              {}", facts(container, limits)).ok();
    }
    text
}

/// Whose a session is.
fn client(session: &Running) -> String {
    match (session.client, &session.client_name) {
        (Some(pid), Some(name)) => format!("client {pid} ({name})"),
        (Some(pid), None) => format!("client {pid} (gone)"),
        (None, _) => "client not visible from here".to_owned(),
    }
}

/// How a unit is, and what it uses of what it may use.
fn facts(unit: &Running, limits: &Allowed) -> String {
    let Running {
        unit: _,
        state,
        client: _,
        client_name: _,
        memory,
        cpu,
        tasks,
        restarts,
        since,
        refused,
    } = unit;
    let mut facts = vec![state.clone()];
    facts.extend(memory.map(|bytes| {
        let allowed = in_megabytes(limits.memory);
        format!("{:.1} of {allowed:.0} MB", in_megabytes(bytes))
    }));
    facts.extend(cpu.map(|seconds| format!("{seconds:.2} s of CPU")));
    facts.extend(tasks.map(|tasks| format!("{tasks} of {} tasks", limits.tasks)));
    facts.extend((*restarts > 0).then(|| format!("restarted {restarts} times")));
    facts.extend(since.map(|since| format!("since {since:.0}")));
    let mut text = facts.join(", ");
    if refused.count > 0 {
        let last: Vec<String> = refused.last.iter().map(|what| one_line(what)).collect();
        write!(
            text,
            "\n              refused {} times what is not in its network: {}",
            refused.count,
            last.join(", ")
        )
        .ok();
    }
    text
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shown with one digit behind the point"
)]
fn in_megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
