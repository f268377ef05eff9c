//! `registry-refresh`: the sources of the catalog are read anew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use rmcp::service::{RequestContext, RoleServer};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::answer::{Answer, Failure};
use super::{Registry, progress};
use crate::catalog::refresh::Event;

/// What the model reads.
pub(super) const DESCRIPTION: &str = "Read the sources of the catalog anew, so that servers published since are found. It can take a minute; a source is \
    asked once a day at most. Use it when registry-find does not know a server that should be there.";

/// Which sources.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// Only these; all if you name none.
    #[serde(default)]
    sources: Vec<String>,
}

/// How the sources do now.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Refreshed {
    /// Each source.
    sources: Vec<Source>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Source {
    /// Its name.
    name: String,
    /// How many servers it sent.
    servers: usize,
    /// Why it could not be read, if it could not; what it sent before counts then.
    error: Option<String>,
}

/// Reads them.
pub(super) async fn run(
    registry: &Registry,
    arguments: Arguments,
    context: &RequestContext<RoleServer>,
) -> Result<Answer, Failure> {
    let refresh = registry.frontend.orchestrator.refresh();
    let (teller, told) = progress::start(context);
    let cancelled = context.ct.clone();
    let runtime = Handle::current();
    // It parses and indexes for seconds, while other agents wait for their answers.
    let refreshing = spawn_blocking(move || {
        let tell = |event: Event<'_>| teller.say(said(&event));
        runtime.block_on(async {
            tokio::select! {
                reports = refresh.run(&arguments.sources, false, tell) => Some(reports),
                () = cancelled.cancelled() => None,
            }
        })
    });
    let reports = refreshing.await;
    told.done().await;
    let reports = reports.map_err(|error| Failure::new(format!("the refresh failed: {error}")))?;
    let reports = reports.ok_or_else(|| Failure::new("cancelled"))?;
    registry.frontend.describe_catalog();
    let reports = reports.map_err(|error| {
        let hint = error.hint();
        let failure = Failure::new(format!("{:#}", anyhow::Error::new(error)));
        match hint {
            Some(hint) => failure.next(hint),
            None => failure,
        }
    })?;
    let sources: Vec<Source> = reports
        .into_iter()
        .filter(|report| report.enabled)
        .map(|report| Source {
            name: report.name,
            servers: report.entries,
            error: report.last_error,
        })
        .collect();
    let lines: Vec<String> = sources.iter().map(Source::line).collect();
    Answer::new(&Refreshed { sources }, lines.join("\n"))
}

/// What is going on, in words.
pub(in crate::frontend) fn said(event: &Event<'_>) -> String {
    match event {
        Event::Waiting => "waiting for another refresh".to_owned(),
        Event::Fetching(source) => format!("{source}: fetching"),
        Event::Received(source, count) => format!("{source}: {count} received"),
        Event::Fetched(source, true) => format!("{source}: fetched"),
        Event::Fetched(source, false) => format!("{source}: nothing new"),
        Event::Failed(source, _) => format!("{source}: cannot be read"),
        Event::Indexing => "indexing".to_owned(),
    }
}

impl Source {
    fn line(&self) -> String {
        let error = self.error.as_ref();
        let error = error.map_or(String::new(), |error| format!(" ({error})"));
        format!("{}: {} servers{error}", self.name, self.servers)
    }
}
