//! Searching: a few words to a list of entries, best first.
//!
//! Every word of the query is looked for in every field of an entry. What it is worth depends on the field, on how well it
//! fits (a slip of the hand fits badly, yet it fits) and on how rare it is in the catalog.

use serde::Serialize;
use strsim::damerau_levenshtein;

use super::Catalog;
use super::category::Category;
use super::entry::{Entry, Status};
use super::id::EntryId;
use super::launch::LaunchOption;
use super::text::Line;

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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    pub launch: Option<&'static str>,
    /// How well it fits; comparable within one answer only.
    pub score: f64,
}

/// Words of plain language that say nothing about a server.
const EMPTY_WORDS: [&str; 17] = [
    "a", "an", "and", "by", "for", "from", "in", "me", "mcp", "my", "of", "on", "or", "server",
    "the", "to", "with",
];

/// The part of its worth that a word keeps if it only begins like the word it met.
const BEGINNING: f64 = 0.6;
/// The part if they differ in their endings alone.
const ENDING: f64 = 0.8;
/// The part if they differ by slips of the hand.
const SLIP: f64 = 0.5;
/// The factor for what is recommended or official: enough to decide between equals.
const CURATED: f64 = 1.05;
/// The factor for what should not be added any more.
const DEPRECATED: f64 = 0.8;

impl Catalog {
    /// The entries that fit a query and the filters, best first, at most `limit`. An empty query fits every entry.
    pub fn search(&self, query: &str, filters: &Filters, limit: usize) -> Vec<Hit> {
        let admitted: Vec<&Entry> = self
            .entries()
            .iter()
            .filter(|entry| filters.admit(entry))
            .collect();
        let mut hits: Vec<Hit> = if query.trim().is_empty() {
            admitted
                .into_iter()
                .map(|entry| Hit::new(entry, 0.0))
                .collect()
        } else {
            ranked(&query_words(query), &admitted)
        };
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        hits.truncate(limit);
        hits
    }
}

impl Filters {
    fn admit(&self, entry: &Entry) -> bool {
        let Self {
            sources,
            categories,
            tags,
            official,
            featured,
            runnable,
            no_key,
        } = self;
        let has_tag = |tag: &String| entry.tags.iter().any(|own| own.eq_ignore_ascii_case(tag));
        (sources.is_empty() || sources.iter().any(|source| source == entry.id.source()))
            && (categories.is_empty()
                || entry.categories.iter().any(|own| categories.contains(own)))
            && tags.iter().all(has_tag)
            && (!official || entry.official)
            && (!featured || entry.featured)
            && (!runnable || entry.is_runnable())
            && (!no_key || entry.is_runnable() && !entry.requires_key())
    }
}

impl Hit {
    fn new(entry: &Entry, score: f64) -> Self {
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
            launch: entry.launch.first().map(LaunchOption::kind),
            score,
        }
    }
}

/// The entries that at least one of the words fits, with their scores.
fn ranked(query: &[String], entries: &[&Entry]) -> Vec<Hit> {
    let indexed: Vec<Vec<(f64, String)>> =
        entries.iter().map(|entry| weighted_words(entry)).collect();
    let mut scores = vec![0.0; entries.len()];
    for word in query {
        let worths: Vec<f64> = indexed.iter().map(|words| worth(word, words)).collect();
        let met = worths.iter().filter(|worth| **worth > 0.0).count();
        let rarity = rarity(met, entries.len());
        for (score, worth) in scores.iter_mut().zip(worths) {
            *score += worth * rarity;
        }
    }
    let found = entries.iter().zip(scores).filter(|(_, score)| *score > 0.0);
    found
        .map(|(entry, score)| Hit::new(entry, score * prior(entry)))
        .collect()
}

/// What a word is worth that `met` of `all` entries have: more, the fewer they are.
fn rarity(met: usize, all: usize) -> f64 {
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    (1.0 + count(all) / count(met.max(1))).ln()
}

/// What speaks for an entry whatever is looked for.
fn prior(entry: &Entry) -> f64 {
    let curated = if entry.official || entry.featured {
        CURATED
    } else {
        1.0
    };
    match entry.status {
        Status::Active => curated,
        Status::Deprecated(_) => curated * DEPRECATED,
    }
}

/// All words of an entry, each with the weight of its field.
fn weighted_words(entry: &Entry) -> Vec<(f64, String)> {
    let mut weighted = Vec::new();
    let mut add = |weight: f64, text: &str| weighted.extend(words(text).map(|word| (weight, word)));
    add(8.0, &entry.name);
    add(6.0, entry.title.as_deref().unwrap_or_default());
    entry.tags.iter().for_each(|tag| add(5.0, tag));
    for tool in &entry.tools {
        add(3.0, &tool.name);
        add(1.5, tool.description.as_deref().unwrap_or_default());
    }
    entry
        .categories
        .iter()
        .for_each(|category| add(3.0, category.as_str()));
    add(2.0, entry.description.as_deref().unwrap_or_default());
    add(1.0, entry.publisher.as_deref().unwrap_or_default());
    weighted
}

/// The worth of a query's word for an entry: that of the best word it meets there.
fn worth(word: &str, weighted: &[(f64, String)]) -> f64 {
    weighted
        .iter()
        .map(|(weight, own)| weight * fit(word, own))
        .fold(0.0, f64::max)
}

/// How well a query's word fits a word of an entry, from 0 to 1.
fn fit(word: &str, own: &str) -> f64 {
    let (length, own_length) = (word.chars().count(), own.chars().count());
    if word == own {
        1.0
    } else if length < 3 || own_length < 3 {
        0.0
    } else if (own.starts_with(word) || word.starts_with(own)) && length.abs_diff(own_length) <= 3 {
        ENDING
    } else if own.starts_with(word) {
        BEGINNING
    } else if is_slip(word, length, own, own_length) {
        SLIP
    } else {
        0.0
    }
}

/// Whether two words are the same but for one slip of the hand, or two in a long word.
fn is_slip(word: &str, length: usize, own: &str, own_length: usize) -> bool {
    let slips = match length {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    };
    length.abs_diff(own_length) <= slips && slips > 0 && damerau_levenshtein(word, own) <= slips
}

/// The words that a query asks for: all of them, if none says anything.
fn query_words(query: &str) -> Vec<String> {
    // A query is typed; nobody types more words than this, and each costs a pass.
    const WORDS_MAX: usize = 32;
    let all: Vec<String> = words(query).take(WORDS_MAX).collect();
    let telling: Vec<String> = all
        .iter()
        .filter(|word| !EMPTY_WORDS.contains(&word.as_str()))
        .cloned()
        .collect();
    if telling.is_empty() { all } else { telling }
}

/// The words of a text in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::source::toml;
    use crate::catalog::text::is_invisible;

    fn names(query: &str, filters: &Filters) -> Vec<String> {
        let hits = Catalog::builtin().search(query, filters, 5);
        hits.iter().map(|hit| hit.name.to_string()).collect()
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
        let all = Catalog::builtin().entries().len();
        let count = |filters: Filters| Catalog::builtin().search("", &filters, usize::MAX).len();
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
    fn a_hit_has_the_fields_of_the_command_contract() {
        let hits = Catalog::builtin().search("time", &Filters::default(), 1);
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
            let catalog = Catalog::from(toml::parse("mine", &source).entries);
            for hit in catalog.search(&query, &Filters::default(), 5) {
                prop_assert!(hit.score.is_finite());
                let texts = [Some(hit.name), hit.description, hit.tags.first().cloned()];
                prop_assert!(!texts.iter().flatten().any(|line| line.contains(is_invisible)));
            }
        }
    }
}
