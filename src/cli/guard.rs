//! `mcpod guard`: started by systemd beside the instances.

use std::process::ExitCode;

use super::output::Failure;

pub(super) async fn run() -> Result<ExitCode, Failure> {
    crate::guard::run().await.map_err(|error| Failure::from(anyhow::Error::new(error)))?;
    Ok(ExitCode::SUCCESS)
}
