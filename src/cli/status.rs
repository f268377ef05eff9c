//! `mcpod status`: how active servers do.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::output::{Failure, Output};
use crate::orchestrator::Orchestrator;
use crate::orchestrator::status::{Running, Status};

/// How many of the last lines of its log are shown.
const LOG_LINES: u32 = 10;

/// Show how an active server does
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

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Some(name) = &arguments.name else {
        let mut all = Vec::new();
        let mut code = ExitCode::SUCCESS;
        for server in orchestrator.list().await? {
            match orchestrator.status(server.name.as_str()).await {
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
        }
        return Ok(code);
    };
    let status = orchestrator.status(name).await?;
    if output.is_json() {
        output.json(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = describe(&status);
    let log = orchestrator.log_end(&status.listed.name, LOG_LINES).await;
    if !log.is_empty() {
        text.push('\n');
        text.push_str(&log);
    }
    output.text(&text);
    Ok(ExitCode::SUCCESS)
}

/// The status in lines, headed as `systemctl status` heads them.
fn describe(status: &Status) -> String {
    let Status {
        listed,
        enabled,
        network,
        limits,
        accepted,
        refused,
        running,
    } = status;
    let mut text = format!(
        "{} - {}, {}\n",
        listed.name,
        listed.id,
        listed.state.as_str()
    );
    let mut line = |head: &str, value: &str| {
        // Writing to a String cannot fail.
        writeln!(text, "{head:>10}: {value}").ok();
    };
    line("Image", &format!("{}, {}", listed.image, listed.digest));
    let enabled = if *enabled {
        "enabled"
    } else {
        "not enabled: gone after a reboot"
    };
    line("Socket", &format!("{} ({enabled})", listed.socket));
    line("Network", network);
    line("Limits", limits);
    line(
        "Tools",
        &listed
            .tools
            .map_or_else(|| "not known yet".to_owned(), |tools| tools.to_string()),
    );
    line("Added", &listed.added_at.to_string());
    let refused = if *refused > 0 {
        format!(", {refused} refused")
    } else {
        String::new()
    };
    line(
        "Sessions",
        &format!(
            "{} ({accepted} since its socket was started{refused})",
            running.len()
        ),
    );
    for Running {
        unit,
        state,
        client,
        client_name,
        memory,
        cpu,
        tasks,
        since,
    } in running
    {
        let client = match (client, client_name) {
            (Some(pid), Some(name)) => format!("client {pid} ({name})"),
            (Some(pid), None) => format!("client {pid} (gone)"),
            (None, _) => "client not visible from here".to_owned(),
        };
        let mut facts = vec![state.clone(), client];
        facts.extend(memory.map(|bytes| format!("{:.1} MB", in_megabytes(bytes))));
        facts.extend(cpu.map(|seconds| format!("{seconds:.2} s of CPU")));
        facts.extend(tasks.map(|tasks| format!("{tasks} tasks")));
        facts.extend(since.map(|since| format!("since {since:.0}")));
        writeln!(
            text,
            "            {unit}\n              {}",
            facts.join(", ")
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
