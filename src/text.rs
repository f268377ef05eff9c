//! Hostile text made fit to be shown: on a terminal, in a result, in an error.

pub mod markdown;

use std::fmt::Write as _;

/// True for characters that a reader does not see or that change how others are shown: controls, direction marks,
/// zero-width characters and tag characters (which smuggle text past a human reader to a model).
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The text on one line: hidden characters dropped, every run of white space one blank.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else if !is_hidden(c) {
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// The text with its lines and tabs, without any other hidden character: for a terminal.
pub fn for_terminal(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !is_hidden(*c))
        .collect()
}

/// A JSON document of the same meaning without hidden characters: each is written as an escape, since it can only stand in a
/// string; but for the line ends and tabs that JSON has between its words.
pub fn escaped(json: &str) -> String {
    let is_blank = |c: char| matches!(c, '\n' | '\r' | '\t');
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\r' {
            text.push(' ');
        } else if is_hidden(c) && !is_blank(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                write!(text, "\\u{unit:04x}").ok();
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// At most `max` characters of the text, an ellipsis in place of what was cut.
pub fn shortened(text: &str, max: usize) -> String {
    let mut characters = text.char_indices();
    match (characters.nth(max), max.checked_sub(1)) {
        (Some(_), Some(kept)) => text.chars().take(kept).chain(['…']).collect(),
        _ => text.to_owned(),
    }
}

/// So many of a thing, whose name takes an `s` where it is not one.
pub fn counted(count: usize, thing: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hidden_is_left() {
        let hostile = "\u{1b}[31mred\u{202e}\u{7f}\u{9b}x\0 a\r\n\tb\u{e0041}\u{feff} ";
        assert_eq!(one_line(hostile), "[31mredx a b");
        assert_eq!(for_terminal(hostile), "[31mredx a\n\tb ");
        assert_eq!(one_line("\n \t"), "");
    }

    #[test]
    fn one_thing_has_no_ending() {
        let said = [0, 1, 2].map(|count| counted(count, "tool"));
        assert_eq!(said, ["0 tools", "1 tool", "2 tools"]);
    }

    #[test]
    fn a_document_says_the_same_without_anything_hidden() {
        let hidden = "\u{9b}31m\u{202e}\u{e0041}\u{7f} \u{1b}\n\tä";
        let json = format!(
            "{{\r\n\t\"a\": {}}}",
            serde_json::to_string(hidden).unwrap()
        );
        let text = escaped(&json);
        assert!(
            !text.contains(|c| is_hidden(c) && !matches!(c, '\n' | '\t')),
            "{text:?}"
        );
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["a"], hidden);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shortened("äöüß", 4), "äöüß");
        assert_eq!(shortened("äöüßx", 4), "äöü…");
        assert_eq!(shortened("x", 0), "x");
    }
}
