//! `mcpod tools-of`: started by systemd for each session with a server whose tools are containers.

use std::process::ExitCode;

use super::output::Failure;
use crate::tool_server::ToolServer;

/// Serve tools that are containers (started by systemd)
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What the unit says of them
    served: String,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let server = ToolServer::of_json(&arguments.served)
        .map_err(|error| anyhow::Error::new(error).context("the unit was changed by hand"))?;
    server.serve().await?;
    Ok(ExitCode::SUCCESS)
}
