//! Patterns: what the values of an input look like, as regular expressions of JSON Schema.
//!
//! They come from catalogs, so they are hostile: their length and what they compile to are bounded, and the engine takes a time that
//! is linear in the value's length. It does not know all that ECMA-262 has, such as looking ahead; a pattern that it cannot read
//! says so wherever it is shown, and keeps no value out.

use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::text::is_invisible;

/// The most bytes of a pattern.
const PATTERN_MAX: usize = 1000;

/// The most bytes that a pattern may compile to.
const COMPILED_MAX: usize = 1 << 20;

/// A regular expression that a value matches somewhere: it is anchored where it says so, and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a pattern has 1 to {PATTERN_MAX} bytes, all of them visible")]
pub struct PatternError;

impl Pattern {
    /// Takes it, whether it can be read or not.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() || text.len() > PATTERN_MAX || text.contains(is_invisible) {
            return Err(PatternError);
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether a value is as it says, as far as it can be read.
    pub fn fits(&self, value: &str) -> bool {
        self.compiled()
            .is_none_or(|pattern| pattern.is_match(value))
    }

    fn compiled(&self) -> Option<Regex> {
        RegexBuilder::new(&translated(&self.0))
            .size_limit(COMPILED_MAX)
            .build()
            .ok()
    }
}

/// A pattern of ECMA-262 in the engine's words: `\w` and `\d` are ASCII's there, and in a class a bracket and a sign are themselves.
fn translated(pattern: &str) -> String {
    let mut translated = String::new();
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('w') => translated.push_str("[0-9A-Za-z_]"),
                Some('W') => translated.push_str("[^0-9A-Za-z_]"),
                Some('d') => translated.push_str("[0-9]"),
                Some('D') => translated.push_str("[^0-9]"),
                other => translated.extend([Some(c), other].into_iter().flatten()),
            },
            '[' | '&' | '~' if in_class => translated.extend(['\\', c]),
            _ => {
                in_class = (in_class || c == '[') && c != ']';
                translated.push(c);
            }
        }
    }
    translated
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        Self::new(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

/// For people: as it was written, and whether it counts.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)?;
        if self.compiled().is_none() {
            f.write_str(" (a pattern that is not understood here, and not checked)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_matches_somewhere_unless_it_is_anchored() {
        for (pattern, value, fits) in [
            ("^https?://.*", "https://a.example", true),
            ("^https?://.*", "ftp://a.example", false),
            ("b+", "abba", true),
            ("^b+$", "abba", false),
            (r"^\d{4}-\d{2}$", "2026-11", true),
            (r"^\d{4}\/\d{2}$", "2026/11", true),
            (r"^[\w.-]{1,100}$", "a.b", true),
            (r"^[^\W\d]+$", "a_b", true),
            (r"^[^\W\d]+$", "a1", false),
            (r"^\w$", "ä", false),
            (r"^.$", "ä", true),
            (r"^[[&&a]+$", "[&a", true),
            (r"^\[[a-z]+\]$", "[a]", true),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.fits(value), fits, "{pattern}: {value}");
            assert!(!pattern.to_string().contains("not checked"), "{pattern}");
        }
    }

    #[test]
    fn one_that_cannot_be_read_keeps_no_value_out_and_says_so() {
        for pattern in [
            "^(?=x)y",
            r"^(a)\1$",
            "(",
            // Gigabytes, were it compiled.
            r"(((\w{1000}){1000}){1000}){1000}",
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert!(pattern.fits("anything"), "{pattern}");
            assert!(pattern.to_string().contains("not checked"), "{pattern}");
        }
    }

    #[test]
    fn what_hides_or_is_too_long_is_none() {
        for text in ["", "a\nb", "\u{202e}", &"a".repeat(PATTERN_MAX + 1)] {
            assert_eq!(Pattern::new(text), Err(PatternError), "{text:?}");
        }
    }

    #[test]
    fn one_that_others_try_for_ever_is_tried_for_a_moment() {
        let value = "a".repeat(100_000) + "!";
        assert!(!Pattern::new("^(a+)+$").unwrap().fits(&value));
    }
}
