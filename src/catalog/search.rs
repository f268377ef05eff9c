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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::source::toml;
    use crate::catalog::text::is_invisible;

    fn names(query: &str, filters: &Filters) -> Vec<String> {
        let query = Query {
            text: query,
            filters: filters.clone(),
            limit: 5,
            ..Query::default()
        };
        let answer = Catalog::builtin().unwrap().search(&query).unwrap();
        answer.hits.iter().map(|hit| hit.name.to_string()).collect()
    }

    #[test]
    fn what_is_meant_comes_first() {
        for (query, meant) in [
            ("time", "time"),
            ("what time is it in tokyo", "time"),
            ("send slack message", "slack"),
            ("browser automation", "playwright"),
            ("search github issues and pull requests", "github"),
            ("run sql on a sqlite file", "sqlite"),
            ("read and write local files", "filesystem"),
            ("create a jira ticket", "atlassian"),
            ("edit a notion page", "notion"),
            ("get the weather forecast", "openweather"),
            ("query mongodb collections", "mongodb"),
            ("get youtube video transcript", "youtube-transcript"),
            ("look up errors in sentry", "sentry"),
            ("kuberntes", "kubernetes"),
            ("playwrigth browser", "playwright"),
            ("elastic", "elasticsearch"),
        ] {
            let names = names(query, &Filters::default());
            assert_eq!(
                names.first().map(String::as_str),
                Some(meant),
                "{query}: {names:?}"
            );
        }
        for query in ["postgrs", "query a postgres database"] {
            assert!(
                names(query, &Filters::default()).contains(&"dbhub".to_owned()),
                "{query}"
            );
        }
    }

    #[test]
    fn what_fits_nothing_finds_nothing() {
        assert_eq!(names("qqqqqqqq", &Filters::default()), Vec::<String>::new());
        assert_eq!(names("::", &Filters::default()), Vec::<String>::new());
    }

    #[test]
    fn filters_hold() {
        let catalog = Catalog::builtin().unwrap();
        let all = catalog.size();
        let count = |filters: Filters| {
            catalog
                .search(&Query {
                    filters,
                    ..Query::default()
                })
                .unwrap()
                .total
        };
        assert_eq!(count(Filters::default()), all);
        assert_eq!(
            count(Filters {
                sources: vec!["docker".to_owned()],
                ..Filters::default()
            }),
            0
        );
        let no_key = Filters {
            no_key: true,
            ..Filters::default()
        };
        let databases = Filters {
            categories: vec![Category::Database],
            ..Filters::default()
        };
        let tagged = Filters {
            tags: vec!["SQL".to_owned()],
            ..Filters::default()
        };
        let official = Filters {
            official: true,
            ..Filters::default()
        };
        for filters in [no_key, databases, tagged, official] {
            let some = count(filters.clone());
            assert!(some > 0 && some < all, "{filters:?}: {some}");
        }
    }

    #[test]
    fn what_is_deprecated_says_so_wherever_it_is_found() {
        let text = "[[server]]\nname = 'old'\ndescription = 'Does.'\ndeprecated = 'use new'\n[[server.tools]]\nname = 'do_it'";
        let catalog = Catalog::of(vec![toml::parse("mine", text).entries]).unwrap();
        let query = |text| Query {
            text,
            ..Query::default()
        };
        let hits = catalog.search(&query("old")).unwrap().hits;
        assert_eq!(hits[0].deprecated.as_deref(), Some("use new"));
        let shown = about(hits[0].deprecated.as_ref(), hits[0].description.as_ref());
        assert_eq!(shown, "(deprecated) Does.");
        let tools = catalog.search_tools(&query("do it")).unwrap().hits;
        assert_eq!(tools[0].deprecated.as_deref(), Some("use new"));
        assert_eq!(about(None, None), "");
    }

    #[test]
    fn a_source_has_the_tools_of_what_it_lists_with_others() {
        let text = |tools: &str| {
            format!("[[server]]\nname = 'x'\n{tools}\n[[server.launch]]\nimage = 'a/b'")
        };
        let first = toml::parse("a", &text("")).entries;
        let second = toml::parse("b", &text("tools = ['do_it']")).entries;
        let catalog = Catalog::of(vec![first, second]).unwrap();
        for source in ["a", "b"] {
            let query = Query {
                text: "do it",
                filters: Filters {
                    sources: vec![source.to_owned()],
                    ..Filters::default()
                },
                ..Query::default()
            };
            assert_eq!(catalog.search_tools(&query).unwrap().total, 1, "{source}");
        }
    }

    #[test]
    fn a_hit_has_the_fields_of_the_command_contract() {
        let hits = Catalog::builtin()
            .unwrap()
            .search(&Query {
                text: "time",
                limit: 1,
                ..Query::default()
            })
            .unwrap()
            .hits;
        let json = serde_json::to_value(&hits).unwrap();
        let fields: Vec<_> = json[0].as_object().unwrap().keys().cloned().collect();
        let contract = [
            "id",
            "name",
            "title",
            "description",
            "source",
            "categories",
            "tags",
            "official",
            "featured",
            "requires_key",
            "runnable",
            "launch",
            "deprecated",
            "score",
        ];
        assert_eq!(fields, contract);
        assert_eq!(json[0]["id"], "builtin:time");
        assert_eq!(json[0]["launch"], "image");
    }

    proptest! {
        #[test]
        fn no_query_panics_and_no_hit_hides_anything(query in any::<String>(), name in "\\PC{1,9}", text in any::<String>()) {
            let quoted = |text: &str| ::toml::Value::String(text.to_owned()).to_string();
            let source = format!("[[server]]\nname = {}\ndescription = {}\ntags = [{}]", quoted(&name), quoted(&text), quoted(&text));
            let catalog = Catalog::of(vec![toml::parse("mine", &source).entries]).unwrap();
            for hit in catalog.search(&Query { text: &query, ..Query::default() }).unwrap().hits {
                prop_assert!(hit.score.is_finite());
                let texts = [Some(hit.name), hit.description, hit.tags.first().cloned()];
                prop_assert!(!texts.iter().flatten().any(|line| line.contains(is_invisible)));
            }
        }
    }
}
