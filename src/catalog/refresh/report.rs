//! Reports: how the sources do.

use jiff::Timestamp;
use serde::Serialize;

use super::Refresh;
use super::settings::{Kind, Source};
use super::state::State;
use crate::catalog::source::{Refused, builtin};

/// How a source does. Serialised, it is an item of `mcpod sources --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// What it publishes.
    pub kind: Kind,
    /// Where it is read from.
    pub urls: Vec<String>,
    /// Whether its entries are in the catalog.
    pub enabled: bool,
    /// How many entries it has.
    pub entries: usize,
    /// The records that were refused, and why.
    pub refused: Vec<Refused>,
    /// When it was last fetched.
    pub fetched_at: Option<Timestamp>,
    /// How many seconds ago that was.
    pub age: Option<i64>,
    /// Why the last fetch failed, if it did.
    pub last_error: Option<String>,
}

impl Refresh {
    /// How all sources do, the builtin one first.
    pub fn reports(&self) -> Vec<Report> {
        let now = Timestamp::now();
        let builtin = Report {
            name: "builtin".to_owned(),
            kind: Kind::Toml,
            urls: Vec::new(),
            enabled: true,
            entries: builtin::parse().entries.len(),
            refused: Vec::new(),
            fetched_at: None,
            age: None,
            last_error: None,
        };
        let report = |source: &Source| {
            let state = State::load(&self.store.source(&source.name), &source.urls);
            Report {
                name: source.name.clone(),
                kind: source.kind,
                urls: source.urls.clone(),
                enabled: source.enabled,
                entries: state.entries,
                refused: state.refused,
                fetched_at: state.fetched_at,
                age: state.fetched_at.map(|at| now.duration_since(at).as_secs()),
                last_error: state.error,
            }
        };
        std::iter::once(builtin)
            .chain(self.sources.iter().map(report))
            .collect()
    }
}
