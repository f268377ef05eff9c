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
    /// The first of the records that were refused, and why.
    pub refused: Vec<Refused>,
    /// How many were refused.
    pub refused_count: usize,
    /// When it was last fetched.
    pub fetched_at: Option<Timestamp>,
    /// How many seconds ago that was.
    pub age: Option<i64>,
    /// Why the last fetch failed, if it did.
    pub last_error: Option<String>,
    /// When it is asked again at the earliest, if it failed.
    pub again_at: Option<Timestamp>,
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
            refused_count: 0,
            fetched_at: None,
            age: None,
            last_error: None,
            again_at: None,
        };
        let report = |source: &Source| {
            let state = State::load(&self.store.source(&source.name), &source.origin());
            let again_at = state.again_at();
            Report {
                name: source.name.clone(),
                kind: source.kind,
                urls: source.urls.clone(),
                enabled: source.enabled,
                entries: state.entries,
                refused: state.refused,
                refused_count: state.refused_count,
                fetched_at: state.fetched_at,
                age: state.fetched_at.map(|at| now.duration_since(at).as_secs()),
                again_at,
                last_error: state.error,
            }
        };
        std::iter::once(builtin)
            .chain(self.sources.iter().map(report))
            .collect()
    }
}
