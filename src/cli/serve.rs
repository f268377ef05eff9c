//! `mcpod serve`: what an agent's configuration starts.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::output::Failure;
use crate::frontend::{Frontend, Shape, stdio};
use crate::orchestrator::Orchestrator;

/// Be the MCP server through which an agent finds, adds and uses all others
#[derive(Debug, clap::Args)]
#[command(after_help = "In an agent's configuration:
  {\"mcpServers\": {\"mcpod\": {\"command\": \"mcpod\", \"args\": [\"serve\"]}}}")]
pub(super) struct Arguments {
    /// Show one active server alone, under its own names
    #[arg(long, value_name = "NAME", conflicts_with = "lazy")]
    server: Option<String>,
    /// Show the registry tools alone, for agents that take few tools
    #[arg(long)]
    lazy: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: Orchestrator,
) -> Result<ExitCode, Failure> {
    let shape = match &arguments.server {
        Some(name) => Shape::Server(orchestrator.find(name)?.name),
        None if arguments.lazy => Shape::Lazy,
        None => Shape::All,
    };
    let frontend = Frontend::start(Arc::new(orchestrator), shape).await?;
    let stop = stop().map_err(failed)?;
    let served = stdio::serve(&frontend, tokio::io::stdin(), tokio::io::stdout(), stop).await;
    served.map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}

/// Resolves when the process is told to end.
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

fn failed(error: std::io::Error) -> Failure {
    anyhow::Error::new(error)
        .context("the agent cannot be served")
        .into()
}
