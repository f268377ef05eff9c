//! `mcpod guard`: started by systemd beside the instances.

use std::process::ExitCode;

use super::output::Failure;
use crate::guard::{self, Pace};
use crate::host::Host;
use crate::orchestrator;
use crate::systemd::Systemd;

pub(super) async fn run(host: Host) -> Result<ExitCode, Failure> {
    let systemd = Systemd::connect(&host.runtime.bus())
        .await
        .map_err(orchestrator::Error::from)?;
    match guard::run(&systemd, host.runtime.clone(), Pace::default()).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(anyhow::Error::new(error).into()),
    }
}
