//! From what all sources have sent to the index in use.

use super::contents::{hash, parsed};
use super::error::{FetchError, RefreshError};
use super::settings::Source;
use super::state::{self, State};
use super::{Event, Refresh};
use crate::catalog::source::{Parsed, builtin};

/// The most refused records of a source that are remembered.
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
        let contents = enabled.iter().map(|source| {
            let content = State::load(&folder(source), &source.urls).content;
            (
                format!("{} {:?}", source.name, source.kind),
                content.into_bytes(),
            )
        });
        let own = [
            (
                "version".to_owned(),
                env!("CARGO_PKG_VERSION").as_bytes().to_vec(),
            ),
            (
                "builtin".to_owned(),
                format!("{:?}", builtin::parse()).into_bytes(),
            ),
        ];
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
                .map(|source| scope.spawn(|| parsed(source, &folder(source), &self.limits)))
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
        let mut sources = Vec::new();
        for (source, parsed) in enabled.iter().zip(parsed) {
            let mut state = State::load(&folder(source), &source.urls);
            let entries = match parsed {
                Ok(mut parsed) => {
                    parsed.refused.truncate(REFUSED_MAX);
                    state.refused = parsed.refused;
                    parsed.entries
                }
                // A folder that is gone, for one. What it held before counts on.
                Err(error) => {
                    state.error = Some(error.in_a_line());
                    match &before {
                        Some(catalog) => catalog.entries_of(&source.name)?,
                        None => Vec::new(),
                    }
                }
            };
            state.entries = entries.len();
            state.save(&folder(source))?;
            sources.push(entries);
            if source.name == "docker" {
                sources.push(builtin::parse().entries);
            }
        }
        if !enabled.iter().any(|source| source.name == "docker") {
            sources.insert(0, builtin::parse().entries);
        }
        self.store.replace(&crate::catalog::merge(sources))?;
        state::write(&file, &fingerprint)?;
        Ok(())
    }
}
