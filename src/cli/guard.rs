//! `mcpod guard`: started by systemd beside the instances.

use std::process::ExitCode;

use super::output::Failure;
use crate::guard::{self, Pace};
use crate::host::Host;
use crate::orchestrator;
use crate::systemd::Systemd;

/// What `mcpod guard` takes.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Arguments {
    /// Only have removed what instances left that are over
    #[arg(long)]
    remains: bool,
}

pub(super) async fn run(arguments: &Arguments, host: Host) -> Result<ExitCode, Failure> {
    // Nearly always: systemd runs this whenever the last session has ended.
    if arguments.remains && !guard::are_there_containers(&host.runtime) {
        return Ok(ExitCode::SUCCESS);
    }
    let systemd = Systemd::connect(&host.runtime.bus())
        .await
        .map_err(orchestrator::Error::from)?;
    let runtime = host.runtime.clone();
    let done = if arguments.remains {
        guard::clear_up(&systemd, runtime).await
    } else {
        guard::run(&systemd, runtime, Pace::default()).await
    };
    match done {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(anyhow::Error::new(error).into()),
    }
}
