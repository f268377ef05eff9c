//! `mcpod refresh`: brings the catalog up to date.

use std::process::ExitCode;

use indicatif::ProgressBar;

use super::output::{Failure, Outcome, Output, Shown};
use crate::catalog::Store;
use crate::catalog::refresh::{Event, Limits, Refresh, RefreshError};
use crate::host::{Environment, Host};
use crate::orchestrator::{self, Orchestrator};
use crate::settings::Settings;

/// Fetch what the sources of the catalog publish
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A source is asked once a day at most. What it sent before counts where it cannot be reached.

Examples:
  mcpod refresh
  mcpod refresh docker --force
  mcpod refresh --enable-timer"
)]
pub(super) struct Arguments {
    /// Only these sources
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Ask sources that were asked less than a day ago, too
    #[arg(long)]
    force: bool,
    /// Refresh every day from now on, with a timer of systemd
    #[arg(long, conflicts_with_all = ["sources", "force", "disable_timer"])]
    enable_timer: bool,
    /// Do not refresh every day any more
    #[arg(long, conflicts_with_all = ["sources", "force"])]
    disable_timer: bool,
    /// Print how all sources do as a JSON list
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    host: Host,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Arguments {
        sources,
        force,
        enable_timer,
        disable_timer,
        json: _,
    } = arguments;
    if *enable_timer || *disable_timer {
        let orchestrator = Orchestrator::open(host).await?;
        let reports = || orchestrator.refresh().reports();
        let busy = output.busy("changing the timer");
        if *enable_timer {
            orchestrator.enable_timer().await?;
            drop(busy);
            output.note("the catalog is refreshed every day from now on");
        } else {
            orchestrator.disable_timer().await?;
            drop(busy);
            output.note("the catalog is not refreshed by itself any more");
        }
        if output.is_json() {
            output.json(&reports())?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let refresh = of_host(&host)?;
    let bar = Shown::with("{spinner} {msg}");
    let reports = refresh
        .run(sources, *force, |event| show(event, &bar, output))
        .await;
    drop(bar);
    let reports = reports?;
    if output.is_json() {
        output.json(&reports)?;
    } else {
        super::sources::show(&reports, output);
    }
    let failed = reports
        .iter()
        .any(|report| report.enabled && report.last_error.is_some());
    Ok(if failed {
        Outcome::Failed.into()
    } else {
        ExitCode::SUCCESS
    })
}

/// The refresh that this host's settings describe.
pub(super) fn of_host(host: &Host) -> Result<Refresh, Failure> {
    let dirs = host
        .dirs(&Environment::default())
        .map_err(orchestrator::Error::from)?;
    let settings = Settings::load(&dirs.config).map_err(orchestrator::Error::from)?;
    Ok(Refresh {
        store: Store::below(&dirs.cache),
        sources: settings.sources.sources(),
        limits: Limits::default(),
    })
}

fn show(event: Event<'_>, bar: &ProgressBar, output: &Output) {
    match event {
        Event::Waiting => bar.set_message("waiting for another refresh"),
        Event::Fetching(source) => bar.set_message(format!("{source}: fetching")),
        Event::Received(source, count) => bar.set_message(format!("{source}: {count} received")),
        Event::Fetched(source, true) => bar.set_message(format!("{source}: fetched")),
        Event::Fetched(source, false) => bar.set_message(format!("{source}: nothing new")),
        Event::Failed(source, error) => output.note(&format!("{source}: {error}")),
        Event::Indexing => bar.set_message("indexing"),
    }
}

impl From<RefreshError> for Failure {
    fn from(error: RefreshError) -> Self {
        let (outcome, code) = match &error {
            RefreshError::NoSuchSource { .. } | RefreshError::Disabled { .. } => {
                (Outcome::Usage, "no_such_source")
            }
            RefreshError::Fetch(_) | RefreshError::Store(_) | RefreshError::Index(_) => {
                (Outcome::Failed, "refresh")
            }
        };
        Self {
            outcome,
            code,
            hint: error.hint(),
            message: format!("{:#}", anyhow::Error::new(error)),
        }
    }
}
