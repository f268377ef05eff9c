//! Words: from text to what is looked up.
//!
//! A word is a run of letters and digits, in lower case and without its English ending (Porter's algorithm, second
//! version). Entries and queries go through the same steps.

use frostem::{Algorithm, Stemmer};

/// The most bytes of a word: longer ones are keys and hashes, which nobody types.
const WORD_MAX: usize = 40;

/// The most words that a query is searched for. Nobody types more, and each costs time.
const QUERY_WORDS_MAX: usize = 16;

/// Words of plain language that say nothing about a server.
const EMPTY_WORDS: [&str; 74] = [
    "a",
    "about",
    "all",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "by",
    "can",
    "could",
    "do",
    "does",
    "for",
    "from",
    "give",
    "has",
    "have",
    "help",
    "how",
    "i",
    "if",
    "in",
    "into",
    "is",
    "it",
    "its",
    "let",
    "like",
    "looking",
    "mcp",
    "me",
    "my",
    "need",
    "of",
    "on",
    "or",
    "our",
    "out",
    "please",
    "server",
    "servers",
    "so",
    "some",
    "something",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "this",
    "those",
    "through",
    "to",
    "up",
    "us",
    "use",
    "used",
    "using",
    "via",
    "want",
    "we",
    "what",
    "when",
    "where",
    "which",
    "with",
    "would",
    "you",
    "your",
];

/// Words that mean nearly the same, in the language of this trade: the abbreviations that people type and the names that
/// things have, what people do and what it is done to.
const KIN: &[&[&str]] = &[
    &["postgres", "postgresql", "pg", "psql"],
    &["kubernetes", "k8s", "kube", "kubectl"],
    &["mongodb", "mongo"],
    &["javascript", "js", "node", "nodejs"],
    &["typescript", "ts"],
    &["python", "py"],
    &["database", "db", "sql"],
    &["elasticsearch", "elastic"],
    &["documentation", "docs", "doc", "manual", "reference"],
    &["repository", "repo"],
    &["directory", "folder", "filesystem"],
    &["file", "filesystem"],
    &["image", "picture", "photo"],
    &["film", "movie"],
    &["email", "mail", "inbox", "imap", "smtp"],
    &["website", "site", "page", "web", "url"],
    &["web", "internet", "online"],
    &["scrape", "crawl", "extract", "fetch"],
    &["browser", "chrome", "headless", "puppeteer", "playwright"],
    &["issue", "ticket", "bug"],
    &["task", "todo"],
    &["note", "notebook"],
    &["meeting", "appointment", "event", "calendar"],
    &["payment", "pay", "checkout", "billing", "invoice"],
    &["stock", "share", "equity", "ticker"],
    &["crypto", "cryptocurrency", "bitcoin", "blockchain"],
    &["price", "quote", "cost"],
    &["translate", "translation"],
    &[
        "transcribe",
        "transcript",
        "transcription",
        "caption",
        "subtitle",
    ],
    &["speech", "voice", "audio"],
    &["map", "location", "geocode", "place", "direction", "route"],
    &["weather", "forecast"],
    &["time", "clock", "timezone"],
    &["error", "exception", "crash"],
    &["log", "logging"],
    &["metric", "monitoring", "observability"],
    &["vulnerability", "cve", "security"],
    &["container", "docker"],
    &["message", "chat", "messaging"],
    &["paper", "article", "publication", "arxiv"],
    &["research", "study"],
    &["memory", "remember", "recall"],
    &["flight", "airline", "travel"],
    &["hotel", "accommodation", "booking"],
    &["spreadsheet", "excel", "sheet"],
    &["presentation", "slide", "powerpoint"],
    &["shop", "store", "ecommerce"],
    &["customer", "crm"],
    &["diagram", "chart", "graph", "plot"],
    &["deploy", "deployment", "hosting"],
    &["pipeline", "ci", "build"],
    &["query", "select"],
    &["drive", "gdrive"],
    &["design", "figma"],
    &["terminal", "shell", "command", "bash"],
    &["music", "song", "playlist"],
    &["job", "career", "hiring"],
    &["news", "headline"],
    &["library", "package", "framework"],
    &["test", "testing"],
    &["model", "llm"],
    &["summarize", "summarise", "summary"],
    &["convert", "conversion"],
    &["automation", "automate", "automated"],
];

/// What takes a word to its stem.
pub(super) struct Stems {
    stemmer: Stemmer,
}

/// A word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueryWord {
    /// As it was typed, in lower case.
    pub(super) text: String,
    /// Its stem.
    pub(super) stem: String,
    /// The stems of words of nearly the same meaning.
    pub(super) kin: Vec<String>,
}

impl Stems {
    pub(super) fn new() -> Self {
        Self {
            stemmer: Stemmer::new(Algorithm::English),
        }
    }

    /// The stem of a word in lower case.
    pub(super) fn stem(&self, word: &str) -> String {
        self.stemmer.stem(word).into_owned()
    }

    /// The stems of a text's words, in order.
    pub(super) fn of_text(&self, text: &str) -> Vec<String> {
        words(text).map(|word| self.stem(&word)).collect()
    }

    /// The stems of an identifier's words, such as `getUserInfo` and `brave_web_search`: its parts, and all of it as one.
    pub(super) fn of_identifier(&self, text: &str) -> Vec<String> {
        let parts = humps(text);
        let mut stems: Vec<String> = parts.iter().flat_map(|part| self.of_text(part)).collect();
        let whole: String = text
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
            .to_lowercase();
        if stems.len() > 1 && stems.len() < 5 && whole.len() <= WORD_MAX {
            stems.push(self.stem(&whole));
        }
        stems
    }

    /// The words that a query asks for: those that say something, or all of them if none does.
    pub(super) fn of_query(&self, query: &str) -> Vec<QueryWord> {
        let all: Vec<String> = words(query).take(4 * QUERY_WORDS_MAX).collect();
        let telling: Vec<String> = all
            .iter()
            .filter(|word| !EMPTY_WORDS.contains(&word.as_str()))
            .cloned()
            .collect();
        let mut words: Vec<QueryWord> = Vec::new();
        for text in if telling.is_empty() { all } else { telling } {
            let stem = self.stem(&text);
            if words.len() < QUERY_WORDS_MAX && !words.iter().any(|word| word.stem == stem) {
                let kin = self.kin(&text, &stem);
                words.push(QueryWord { text, stem, kin });
            }
        }
        words
    }

    fn kin(&self, word: &str, stem: &str) -> Vec<String> {
        let mut kin: Vec<String> = Vec::new();
        // No stem begins otherwise than its word, and hardly any of these words begins as this one does.
        let first = stem.chars().next();
        for group in KIN {
            let is_in = group.iter().any(|other| {
                *other == word || (other.chars().next() == first && self.stem(other) == stem)
            });
            if !is_in {
                continue;
            }
            for other in *group {
                let other = self.stem(other);
                if other != stem && !kin.contains(&other) {
                    kin.push(other);
                }
            }
        }
        kin
    }
}

/// Neighbours as one term: `web search` is more than `web` and `search`.
pub(super) fn pairs(stems: &[String]) -> impl Iterator<Item = String> {
    stems.windows(2).filter_map(|pair| match pair {
        [first, second] => Some(pair_of(first, second)),
        _ => None,
    })
}

/// The term of two neighbours. A word has no such character in it.
pub(super) fn pair_of(first: &str, second: &str) -> String {
    format!("{first}_{second}")
}

/// Whether a word says nothing about a server.
pub(super) fn is_empty_word(word: &str) -> bool {
    EMPTY_WORDS.contains(&word)
}

/// The words of a text in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && word.len() <= WORD_MAX)
        .map(str::to_lowercase)
}

/// The parts of an identifier in camel case.
fn humps(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut was_lower = false;
    for c in text.chars() {
        if was_lower && c.is_uppercase() {
            parts.push(String::new());
        }
        was_lower = c.is_lowercase();
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_lose_their_endings() {
        let stems = Stems::new();
        assert_eq!(
            stems.of_text("Searching files, searches FILE!"),
            ["search", "file", "search", "file"]
        );
        assert_eq!(
            stems.of_identifier("getUserInfo"),
            ["get", "user", "info", "getuserinfo"]
        );
        assert_eq!(
            stems.of_identifier("brave_web_search"),
            ["brave", "web", "search", "bravewebsearch"]
        );
    }

    #[test]
    fn a_query_keeps_what_says_something() {
        let stems = Stems::new();
        let texts = |query: &str| -> Vec<String> {
            stems
                .of_query(query)
                .into_iter()
                .map(|word| word.text)
                .collect()
        };
        assert_eq!(
            texts("how can I query a Postgres database"),
            ["query", "postgres", "database"]
        );
        assert_eq!(texts("the server"), ["the", "server"]);
        let words = stems.of_query("k8s");
        assert!(words[0].kin.contains(&"kubernet".to_owned()), "{words:?}");
    }

    #[test]
    fn the_empty_words_are_sorted() {
        assert!(EMPTY_WORDS.is_sorted());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let stems = Stems::new();
            prop_assert!(stems.of_query(&text).len() <= QUERY_WORDS_MAX);
            for stem in stems.of_text(&text).iter().chain(&stems.of_identifier(&text)) {
                prop_assert!(!stem.contains('_'));
            }
        }

        #[test]
        fn a_stem_begins_as_its_word(word in "[a-z0-9]{1,14}") {
            prop_assert_eq!(Stems::new().stem(&word).chars().next(), word.chars().next());
        }
    }
}
