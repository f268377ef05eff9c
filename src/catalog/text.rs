//! Text from outside, made fit for a terminal, a log and an agent.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize};

/// The most characters kept of one line. The longest description in the public catalogs has 1,056.
const LINE_MAX: usize = 4096;
/// The most characters kept of a longer text. The longest readme in Docker's registry has 16,000.
const PROSE_MAX: usize = 100_000;

/// One line of visible text: no control characters, no direction overrides, nothing of zero width.
///
/// Runs of blanks, line ends among them, become one space. So text from a catalog can neither move a terminal's cursor
/// nor hide or reorder what a reader sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Line(String);

impl Line {
    /// The visible part of `text`, on one line.
    pub fn new(text: &str) -> Self {
        let words = text
            .split_whitespace()
            .map(|word| word.replace(is_invisible, ""));
        let mut line = String::new();
        for word in words.filter(|word| !word.is_empty()) {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        if let Some((end, _)) = line.char_indices().nth(LINE_MAX) {
            line.truncate(end);
            line.truncate(line.trim_end().len());
        }
        Self(line)
    }

    /// The visible part of `text`, or nothing if there is none.
    pub fn some(text: &str) -> Option<Self> {
        let line = Self::new(text);
        (!line.is_empty()).then_some(line)
    }

    /// The line as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Line {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// Text of several lines, of which nothing else is invisible. Line ends are `\n`, tabs are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Prose(String);

impl Prose {
    /// The visible part of `text`, without blank lines around it.
    pub fn new(text: &str) -> Self {
        let visible = |c: &char| matches!(c, '\n' | '\t') || !is_invisible(*c);
        let text: String = text.chars().filter(visible).take(PROSE_MAX).collect();
        Self(text.trim().to_owned())
    }

    /// The visible part of `text`, or nothing if there is none.
    pub fn some(text: &str) -> Option<Self> {
        let prose = Self::new(text);
        (!prose.is_empty()).then_some(prose)
    }
}

impl Deref for Prose {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Prose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

/// Whether a character takes no place of its own or changes how others are shown.
///
/// Control characters, and the `Default_Ignorable_Code_Point`s and bidirectional controls of the Unicode character
/// database, joiners and variation selectors included: an emoji drawn in parts is the lesser harm.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_becomes_one_visible_line() {
        for (text, line) in [
            ("  plain  ", "plain"),
            ("two\n\tlines\u{a0}and more", "two lines and more"),
            ("\u{1b}[31mred\u{1b}[0m", "[31mred[0m"),
            ("user\u{202e}gnp.exe", "usergnp.exe"),
            ("zero\u{200b}width\u{feff}", "zerowidth"),
            ("\u{9b}31mC1", "31mC1"),
            ("\u{2028}", ""),
            ("Émile – 日本語", "Émile – 日本語"),
        ] {
            assert_eq!(Line::new(text).as_str(), line, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_leaves_anything_invisible(text in any::<String>()) {
            let line = Line::new(&text);
            prop_assert!(!line.chars().any(is_invisible));
            prop_assert!(!line.contains("  ") && line.trim() == line.as_str());
            prop_assert_eq!(Line::new(&line), line);
        }

        #[test]
        fn prose_keeps_its_lines_and_nothing_invisible(text in any::<String>()) {
            let prose = Prose::new(&text);
            prop_assert!(!prose.chars().any(|c| is_invisible(c) && !matches!(c, '\n' | '\t')));
            prop_assert_eq!(Prose::new(&prose), prose);
        }

        #[test]
        fn a_line_has_an_end(length in 0..3 * LINE_MAX) {
            let line = Line::new(&"ä ".repeat(length));
            prop_assert!(line.chars().count() <= LINE_MAX && !line.ends_with(' '));
        }
    }
}
