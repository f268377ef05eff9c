//! From what all sources have sent to the index in use.

use super::contents::{hash, parsed};
use super::error::{FetchError, RefreshError};
use super::settings::Source;
use super::state::{self, State};
use super::{Event, Refresh};
use crate::catalog::source::{Parsed, builtin};

/// The most refused records of a source that are remembered; all are counted.
const REFUSED_MAX: usize = 500;

impl Refresh {
    /// Makes the index anew, unless it is that of what is there.
    pub(super) fn index(&self, tell: &mut impl FnMut(Event<'_>)) -> Result<(), RefreshError> {
        let file = self.store.source("index.json");
        let enabled: Vec<&Source> = self
            .sources
            .iter()
            .filter(|source| source.enabled)
            .collect();
        let folder = |source: &Source| self.store.source(&source.name);
        let states: Vec<State> = enabled
            .iter()
            .map(|source| State::load(&folder(source), &source.origin()))
            .collect();
        let contents = enabled.iter().zip(&states).map(|(source, state)| {
            (
                format!("{} {}", source.name, state.origin),
                state.content.clone().into_bytes(),
            )
        });
        let own = [("builtin".to_owned(), builtin::fingerprint().into_bytes())];
        let fingerprint = hash(&own.into_iter().chain(contents).collect::<Vec<_>>());
        let before = self.store.written();
        if before.is_some() && state::read::<String>(&file).as_deref() == Some(&fingerprint) {
            return Ok(());
        }
        tell(Event::Indexing);
        // Each source is read on a thread of its own.
        let parsed: Vec<Result<Parsed, FetchError>> = std::thread::scope(|scope| {
            let threads: Vec<_> = enabled
                .iter()
                .zip(&states)
                .map(|(source, state)| {
                    scope.spawn(|| parsed(source, &folder(source), state, &self.limits))
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        });
        let mut states = states;
        let mut sources = Vec::new();
        for ((source, state), parsed) in enabled.iter().zip(&mut states).zip(parsed) {
            let entries = match parsed {
                Ok(mut parsed) => {
                    state.refused_count = parsed.refused.len();
                    parsed.refused.truncate(REFUSED_MAX);
                    state.refused = parsed.refused;
                    parsed.entries
                }
                // A folder that is gone, for one. What it held before counts on.
                Err(error) => {
                    state.error = Some(error.in_a_line());
                    match &before {
                        Some(catalog) if state.is_indexed => catalog.entries_of(&source.name)?,
                        _ => Vec::new(),
                    }
                }
            };
            state.entries = entries.len();
            state.is_indexed = true;
            sources.push(entries);
            if source.name == "docker" {
                sources.push(builtin::parse().entries);
            }
        }
        if !enabled.iter().any(|source| source.name == "docker") {
            sources.insert(0, builtin::parse().entries);
        }
        self.store.replace(&crate::catalog::merge(sources))?;
        // Behind the index, so that nothing is said to be in it that is not.
        for (source, state) in enabled.iter().zip(&states) {
            state.save(&folder(source))?;
        }
        state::write(&file, &fingerprint)?;
        Ok(())
    }
}
