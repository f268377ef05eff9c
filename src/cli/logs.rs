//! `mcpod logs`: what a server wrote to its standard error.

use std::process::ExitCode;

use super::output::{Failure, Outcome};
use crate::orchestrator::Orchestrator;

/// Show what a server wrote to its standard error
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod logs time
  mcpod logs time -f
  mcpod logs time -n 20")]
pub(super) struct Arguments {
    /// The server's name
    name: String,
    /// Go on with what it writes from now on
    #[arg(short, long)]
    follow: bool,
    /// Only the last N lines
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<u32>,
}

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: &Orchestrator,
) -> Result<ExitCode, Failure> {
    let Arguments {
        name,
        follow,
        lines,
    } = arguments;
    let mut command = orchestrator.logs(name, *lines, *follow)?;
    let program = command.as_std().get_program().display().to_string();
    let ended = command.status().await.map_err(|error| Failure {
        outcome: Outcome::HostLacks,
        ..Failure::from(anyhow::Error::new(error).context(format!("cannot run {program}")))
    })?;
    let code = ended.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
