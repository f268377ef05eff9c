//! Searching: a few words to a list of entries, best first.

use serde::{Deserialize, Serialize};

use super::Catalog;
use super::category::Category;
use super::entry::{Entry, Tool};
use super::id::EntryId;
use super::index::IndexError;
use super::launch::LaunchOption;
use super::text::Line;

/// What is searched for.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// A few words. None at all fit every entry.
    pub text: &'a str,
    /// What an entry must be.
    pub filters: Filters,
    /// How many of the best are left out: those of earlier pages. The order of an unchanged catalog is always the same.
    pub offset: usize,
    /// How many there may be behind those.
    pub limit: usize,
    /// Whether each comes with the reasons for its place.
    pub explain: bool,
}

impl Default for Query<'_> {
    fn default() -> Self {
        Self {
            text: "",
            filters: Filters::default(),
            offset: 0,
            limit: 20,
            explain: false,
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The best, the best first.
    pub hits: Vec<T>,
    /// How many there are in all.
    pub total: usize,
}

/// What an entry must be to be found. By default everything is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Only of these sources; of all, if there is none.
    pub sources: Vec<String>,
    /// Only of one of these categories; of all, if there is none.
    pub categories: Vec<Category>,
    /// Only with all of these tags, whatever their case.
    pub tags: Vec<String>,
    /// Only those that the maker of what they serve makes.
    pub official: bool,
    /// Only those that their source recommends.
    pub featured: bool,
    /// Only those that can be run.
    pub runnable: bool,
    /// Only those that can be run without a key or a login.
    pub no_key: bool,
}

/// An entry that was found. Serialised, it is an item of `mcpod search --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The entry's id.
    pub id: EntryId,
    /// Its short name.
    pub name: Line,
    /// Its name for people.
    pub title: Option<Line>,
    /// What it does.
    pub description: Option<Line>,
    /// Its source.
    pub source: String,
    /// What it is for.
    pub categories: Vec<Category>,
    /// Free words about it.
    pub tags: Vec<Line>,
    /// Whether the maker of what it serves makes it.
    pub official: bool,
    /// Whether its source recommends it.
    pub featured: bool,
    /// Whether every way to run it needs a secret or a login.
    pub requires_key: bool,
    /// Whether it can be run.
    pub runnable: bool,
    /// The kind of its best launch option; see [`LaunchOption::kind`].
    pub launch: Option<String>,
    /// Why it should not be added any more, if so.
    #[serde(default)]
    pub deprecated: Option<Line>,
    /// How well it fits; comparable within one answer only.
    pub score: f64,
    /// The reasons for its place, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
}

/// A tool that was found. Serialised, it is an item of `mcpod search --tools --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolHit {
    /// The tool's name.
    pub tool: Line,
    /// What it does.
    pub description: Option<Line>,
    /// The id of the entry that has it.
    pub id: EntryId,
    /// That entry's name.
    pub name: Line,
    /// Whether the maker of what it serves makes it.
    pub official: bool,
    /// Whether every way to run it needs a secret or a login.
    pub requires_key: bool,
    /// Whether it can be run.
    pub runnable: bool,
    /// Why its server should not be added any more, if so.
    #[serde(default)]
    pub deprecated: Option<Line>,
    /// How well it fits; comparable within one answer only.
    pub score: f64,
    /// The reasons for its place, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
}

/// Why something has the place it has: the sum over the words, times how much of the query they are, times the factors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The words of the query that were met.
    pub words: Vec<Found>,
    /// What speaks for it or against it whatever is looked for.
    pub factors: Vec<Reason>,
}

/// A word of a query that was met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The word.
    pub word: String,
    /// What it adds.
    pub score: f64,
    /// Where it was met: a field and the term there, such as `tags: databas`.
    pub places: Vec<String>,
}

/// Something that speaks for an entry, or against it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// What.
    pub reason: String,
    /// By what it multiplies the score.
    pub factor: f64,
}

/// A description in a list, in front of which stands what is to be known first.
pub fn about(deprecated: Option<&Line>, description: Option<&Line>) -> String {
    let mark = deprecated.map(|_| "(deprecated)");
    let words = mark.into_iter().chain(description.map(Line::as_str));
    words.collect::<Vec<_>>().join(" ")
}

impl Catalog {
    /// The entries that fit a query, best first.
    pub fn search(&self, query: &Query) -> Result<Answer<Hit>, IndexError> {
        self.index.search(query)
    }

    /// The tools that fit a query, best first, as far as sources name any. They are opened when they are first asked for:
    /// open the catalog anew where it may have been refreshed more than once since.
    pub fn search_tools(&self, query: &Query) -> Result<Answer<ToolHit>, IndexError> {
        self.index.search_tools(query)
    }
}

impl Hit {
    pub(super) fn new(entry: &Entry, score: f64) -> Self {
        Self {
            id: entry.id.clone(),
            name: entry.name.clone(),
            title: entry.title.clone(),
            description: entry.description.clone(),
            source: entry.id.source().to_owned(),
            categories: entry.categories.clone(),
            tags: entry.tags.clone(),
            official: entry.official,
            featured: entry.featured,
            requires_key: entry.requires_key(),
            runnable: entry.is_runnable(),
            launch: entry
                .launch
                .first()
                .map(|option| LaunchOption::kind(option).to_owned()),
            deprecated: entry.status.deprecation().cloned(),
            score,
            why: None,
        }
    }
}

impl ToolHit {
    pub(super) fn new(tool: &Tool, entry: &Entry, score: f64) -> Self {
        Self {
            tool: tool.name.clone(),
            description: tool.description.clone(),
            id: entry.id.clone(),
            name: entry.name.clone(),
            official: entry.official,
            requires_key: entry.requires_key(),
            runnable: entry.is_runnable(),
            deprecated: entry.status.deprecation().cloned(),
            score,
            why: None,
        }
    }
}

#[cfg(test)]
mod tests;
