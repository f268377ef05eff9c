//! `mcpod accept`: tools that are held back are taken.

use std::process::ExitCode;

use super::ask;
use super::output::{Failure, Output};
use crate::activation::record::Tools;
use crate::orchestrator::Orchestrator;
use crate::session::definitions::Change;

/// Take tools of a server that are held back because they are new or other than they were
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod accept time
  mcpod accept github --always
What a server has when it is added is accepted with it; what it shows later in another form is held back.")]
pub(super) struct Arguments {
    /// The server's name
    name: String,
    /// From now on take whatever tools it has, for servers whose tools change by design
    #[arg(long)]
    always: bool,
    /// From now on hold back again what changes
    #[arg(long, conflicts_with = "always")]
    pin: bool,
    /// Take them without asking
    #[arg(long)]
    yes: bool,
    /// Print the tools that were taken as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let name = &arguments.name;
    let active = orchestrator.find(name)?;
    let held = orchestrator.held(&active);
    let tools = match (arguments.always, arguments.pin) {
        (true, _) => Tools::Any,
        (_, true) => Tools::Accepted,
        _ => active.record.tools,
    };
    if held.is_empty() && tools == active.record.tools {
        if output.is_json() {
            output.json::<[Change]>(&[])?;
        } else {
            output.text(&format!("nothing of {name} is held back"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !output.is_json() && !held.is_empty() {
        let lines: Vec<String> = held.iter().map(Change::line).collect();
        output.text(&lines.join("\n"));
    }
    if !held.is_empty() && !arguments.yes && ask::can_ask() && !ask::yes("accept them?")? {
        output.note("they stay held back");
        return Ok(ExitCode::FAILURE);
    }
    let waiting = || output.note("waiting for another mcpod that changes units");
    let busy = output.busy(format!("changing {name}"));
    orchestrator.accept(name, &held, tools, waiting).await?;
    drop(busy);
    if output.is_json() {
        output.json(&held)?;
        return Ok(ExitCode::SUCCESS);
    }
    let from_now_on = match tools {
        Tools::Any => "; whatever tools it has from now on are taken",
        Tools::Accepted => "",
    };
    output.text(&format!(
        "{} tools of {name} are accepted{from_now_on}",
        held.len()
    ));
    Ok(ExitCode::SUCCESS)
}
