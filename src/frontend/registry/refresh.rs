//! `registry-refresh`: the sources of the catalog are read anew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Registry;
use super::answer::{Answer, Failure};

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
pub(super) async fn run(registry: &Registry, arguments: Arguments) -> Result<Answer, Failure> {
    let refresh = registry.frontend.orchestrator.refresh();
    let reports = refresh.run(&arguments.sources, false, |_| {}).await;
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

impl Source {
    fn line(&self) -> String {
        let error = self.error.as_ref();
        let error = error.map_or(String::new(), |error| format!(" ({error})"));
        format!("{}: {} servers{error}", self.name, self.servers)
    }
}
