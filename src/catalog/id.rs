//! Ids of entries: `<source>:<native id>`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text::is_invisible;

/// The most bytes an id may have; names in the official registry have at most 200.
const ID_MAX: usize = 400;

/// The id of an entry: its source (`[a-z0-9-]+`), a colon, and what that source calls it, such as `builtin:time`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryId {
    source: String,
    native: String,
}

/// Why a text is no entry's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// There is no `<source>:` in front.
    #[error(
        "an id has the form SOURCE:NAME, with a source of lower-case letters, digits and dashes"
    )]
    NoSource,
    /// Blanks, invisible characters, nothing at all, or too much behind the colon.
    #[error("an id's name has 1 to {ID_MAX} visible characters and no blanks")]
    IllegalName,
}

impl EntryId {
    /// The id of what `source` calls `native`.
    pub fn new(source: &str, native: &str) -> Result<Self, IdError> {
        let legal_source = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if source.is_empty() || !source.chars().all(legal_source) {
            return Err(IdError::NoSource);
        }
        let illegal = |c: char| c.is_whitespace() || is_invisible(c);
        if native.is_empty() || native.len() > ID_MAX || native.contains(illegal) {
            return Err(IdError::IllegalName);
        }
        Ok(Self {
            source: source.to_owned(),
            native: native.to_owned(),
        })
    }

    /// The source's name, such as `docker`.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether somebody looks at the source's entries before they are published; in others anybody can publish.
    pub fn is_curated(&self) -> bool {
        matches!(self.source.as_str(), "builtin" | "docker")
    }

    /// What the source calls the entry.
    pub fn native(&self) -> &str {
        &self.native
    }
}

impl FromStr for EntryId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (source, native) = text.split_once(':').ok_or(IdError::NoSource)?;
        Self::new(source, native)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.native)
    }
}

impl TryFrom<String> for EntryId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<EntryId> for String {
    fn from(id: EntryId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_is_a_source_and_a_name() {
        let id: EntryId = "official:io.github.foo/bar".parse().unwrap();
        assert_eq!(
            (id.source(), id.native()),
            ("official", "io.github.foo/bar")
        );
        assert_eq!(
            serde_json::to_string(&id).unwrap(),
            r#""official:io.github.foo/bar""#
        );
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for (text, error) in [
            ("time", IdError::NoSource),
            (":time", IdError::NoSource),
            ("Docker:time", IdError::NoSource),
            ("builtin:", IdError::IllegalName),
            ("builtin:a b", IdError::IllegalName),
            ("builtin:a\u{202e}b", IdError::IllegalName),
        ] {
            assert_eq!(text.parse::<EntryId>(), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_an_id_that_prints_alike_or_is_refused(text in any::<String>()) {
            if let Ok(id) = text.parse::<EntryId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
