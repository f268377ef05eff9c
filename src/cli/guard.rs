//! `mcpod guard`: started by systemd beside the instances.

use std::process::ExitCode;

use super::output::Failure;
use crate::host::Host;

pub(super) async fn run(host: Host) -> Result<ExitCode, Failure> {
    crate::guard::run(&host).await.map_err(|error| Failure::from(anyhow::Error::new(error)))?;
    Ok(ExitCode::SUCCESS)
}
