//! Entries: servers, as their sources describe them.

use serde::{Deserialize, Serialize};

use super::category::Category;
use super::id::EntryId;
use super::launch::LaunchOption;
use super::text::{Line, Prose};

/// A server in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How much it is used, as far as its source counts that.
    #[serde(default)]
    pub popularity: Popularity,
    /// Its newest version, in its own way of counting.
    #[serde(default)]
    pub version: Option<Line>,
    /// What its source says at length, as Markdown.
    #[serde(default)]
    pub readme: Option<Prose>,
    /// Other servers, products or programs that it cannot work without.
    #[serde(default)]
    pub requires: Vec<Line>,
    /// What is odd in its record, for whoever wants to run it.
    #[serde(default)]
    pub warnings: Vec<Line>,
    /// Entries of other sources that may be the same server, or a part of it; nobody can tell.
    #[serde(default)]
    pub related: Vec<EntryId>,
    /// The records that it was read from, as they were published.
    #[serde(default)]
    pub records: Vec<Record>,
}

/// What a source published about a server, word for word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Where it lies in its source: a file, and a line if it has many records.
    pub place: Line,
    /// The record itself: YAML, JSON, TOML, a line of Markdown; of a page what it says to search engines, or what is read on
    /// it. Nothing was taken out of it: it is not fit for a terminal.
    pub text: String,
}

/// How much a server is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Popularity {
    /// How many people marked its code as worth their while.
    pub stars: Option<u64>,
    /// How often its image or package was fetched.
    pub downloads: Option<u64>,
}

/// Whether a server is still looked after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is.
    Active,
    /// It should not be added any more, for the reason given.
    Deprecated(Line),
}

/// Where a server's code lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// The repository's address.
    pub url: Line,
    /// The folder inside; the top, if there is none.
    pub folder: Option<Line>,
}

/// A tool, as the source describes it; the server itself has the last word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: Line,
    /// What it does.
    pub description: Option<Line>,
}

impl Status {
    /// Why it should not be added any more, if so.
    pub fn deprecation(&self) -> Option<&Line> {
        match self {
            Self::Active => None,
            Self::Deprecated(why) => Some(why),
        }
    }
}

impl Repository {
    /// Who owns it: the first part of the address behind the host.
    pub fn owner(&self) -> Option<&str> {
        let (_, path) = self.url.split_once("://")?;
        path.split('/').nth(1).filter(|owner| !owner.is_empty())
    }
}

impl Entry {
    /// An entry of which nothing else is known.
    pub fn new(id: EntryId, name: Line) -> Self {
        Self {
            id,
            name,
            title: None,
            description: None,
            publisher: None,
            categories: Vec::new(),
            tags: Vec::new(),
            official: false,
            featured: false,
            status: Status::Active,
            website: None,
            license: None,
            repository: None,
            launch: Vec::new(),
            tools: Vec::new(),
            popularity: Popularity::default(),
            version: None,
            readme: None,
            requires: Vec::new(),
            warnings: Vec::new(),
            related: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Whether every way to run it needs a secret or a login; not so for an entry that cannot be run.
    pub fn requires_key(&self) -> bool {
        !self.launch.is_empty() && self.launch.iter().all(LaunchOption::requires_key)
    }

    /// Whether there is a way to run it.
    pub fn is_runnable(&self) -> bool {
        !self.launch.is_empty()
    }
}
