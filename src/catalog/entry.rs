//! Entries: servers, as their sources describe them.

use serde::Serialize;

use super::category::Category;
use super::id::EntryId;
use super::launch::LaunchOption;
use super::text::Line;

/// A server in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What it is called in the catalog.
    pub id: EntryId,
    /// Its short name.
    pub name: Line,
    /// Its name for people.
    pub title: Option<Line>,
    /// What it does.
    pub description: Option<Line>,
    /// Who makes it.
    pub publisher: Option<Line>,
    /// What it is for.
    pub categories: Vec<Category>,
    /// Free words about it, in lower case.
    pub tags: Vec<Line>,
    /// Whether the maker of the product that it serves, or the protocol's own project, makes it.
    pub official: bool,
    /// Whether its source recommends it.
    pub featured: bool,
    /// Whether it is still looked after.
    pub status: Status,
    /// A page about it.
    pub website: Option<Line>,
    /// The licence of its code, as an SPDX expression where the source has one.
    pub license: Option<Line>,
    /// Where its code lies.
    pub repository: Option<Repository>,
    /// The ways to run it, best first.
    pub launch: Vec<LaunchOption>,
    /// The tools that its source names.
    pub tools: Vec<Tool>,
}

/// Whether a server is still looked after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is.
    Active,
    /// It should not be added any more, for the reason given.
    Deprecated(Line),
}

/// Where a server's code lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repository {
    /// The repository's address.
    pub url: Line,
    /// The folder inside; the top, if there is none.
    pub folder: Option<Line>,
}

/// A tool, as the source describes it; the server itself has the last word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: Line,
    /// What it does.
    pub description: Option<Line>,
}

impl Entry {
    /// Whether every way to run it needs a secret or a login; not so for an entry that cannot be run.
    pub fn requires_key(&self) -> bool {
        !self.launch.is_empty() && self.launch.iter().all(LaunchOption::requires_key)
    }

    /// Whether there is a way to run it.
    pub fn is_runnable(&self) -> bool {
        !self.launch.is_empty()
    }
}
