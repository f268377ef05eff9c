//! `mcpod list`: the active servers.

use std::process::ExitCode;

use super::output::{Failure, Output};
use crate::catalog::Resolution;
use crate::orchestrator::Orchestrator;

/// List the active servers
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod list
  mcpod list --json | jq -r '.[].name'")]
pub(super) struct Arguments {
    /// Print a JSON list
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(orchestrator: &Orchestrator, output: &Output) -> Result<ExitCode, Failure> {
    let servers = orchestrator.list().await?;
    if output.is_json() {
        output.json(&servers)?;
        return Ok(ExitCode::SUCCESS);
    }
    if servers.is_empty() {
        output.note(
            "no server is active; mcpod search WORDS finds some, mcpod add ID makes one active",
        );
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = servers
        .iter()
        .map(|server| {
            vec![
                server.name.to_string(),
                server.state.as_str().to_owned(),
                server.sessions.to_string(),
                server
                    .tools
                    .map_or_else(|| "?".to_owned(), |tools| tools.to_string()),
                server.id.clone(),
                server.image.clone(),
            ]
        })
        .collect();
    output.table(
        &["NAME", "STATE", "SESSIONS", "TOOLS", "ID", "IMAGE"],
        &rows,
    );
    // Only what a refresh left is looked at: the builtin entries alone are no reason to make an index.
    if let Some(catalog) = orchestrator.refresh().store.written() {
        for server in &servers {
            if let Ok(Resolution::Found(listing)) = catalog.find(&server.id)
                && let Some(why) = listing.entry.status.deprecation()
            {
                output.note(&format!(
                    "{}: {} is deprecated: {why}",
                    server.name, server.id
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
