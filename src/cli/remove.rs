//! `mcpod remove`: an active server is taken away.

use std::process::ExitCode;

use super::output::{Failure, Output};
use crate::orchestrator::Orchestrator;
use crate::orchestrator::remove::Extent;

/// Take an active server away again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod remove time
  mcpod remove memory --volumes --secrets")]
pub(super) struct Arguments {
    /// The server's name
    name: String,
    /// Its volumes too, with all that is in them
    #[arg(long)]
    volumes: bool,
    /// Its secrets too
    #[arg(long)]
    secrets: bool,
    /// Also if its files were edited by hand
    #[arg(long)]
    force: bool,
    /// Print the removed server as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Arguments {
        name,
        volumes,
        secrets,
        force,
        json: _,
    } = arguments;
    let extent = Extent {
        volumes: *volumes,
        secrets: *secrets,
    };
    let busy = output.busy(format!("removing {name}"));
    let removed = orchestrator
        .remove(name, *force, extent, || {
            output.note("waiting for another mcpod that changes units");
        })
        .await?;
    drop(busy);
    if output.is_json() {
        output.json(&serde_json::json!({"name": removed.name, "id": removed.id}))?;
    } else {
        output.text(&format!("{} is removed", removed.name));
    }
    Ok(ExitCode::SUCCESS)
}
