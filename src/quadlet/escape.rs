//! What must be escaped, and what cannot be.
//!
//! A value of a Quadlet key is read twice. Quadlet splits lines and words (podman pkg/systemd/parser), puts the words into the
//! command line of `podman run` and writes that as `ExecStart=` of a service; then systemd reads that (systemd.syntax(7),
//! systemd.service(5) "Command lines"): words and their quotes, `%` specifiers, `$` variables. Quadlet quotes and escapes again
//! what it writes, but knows neither `%` nor `$`, so both are doubled here, for the second reader.

use super::error::Reason;
use crate::text::is_hidden;

/// The longest argument that Linux passes to a program, without its NUL (execve(2), MAX_ARG_STRLEN).
pub(super) const WORD_MAX: usize = 128 * 1024 - 1;

/// Doubles `%`, for every value in which systemd expands specifiers (systemd.unit(5) "Specifiers").
pub(super) fn specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

/// Doubles `%` and `$`, for every value that comes to stand in a command line.
pub(super) fn command_line(text: &str) -> String {
    specifiers(text).replace('$', "$$")
}

/// Writes a word so that Quadlet and systemd read it as one: in double quotes, unless it needs none.
///
/// [`check_word`] must have let it pass: of the control characters, a tab and a new line are written, by an escape that both know.
pub(super) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.:/@+,=-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('"');
    for character in word.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Lets pass what can stand in a quoted word: any text but control characters, of which tab and new line may stay.
///
/// Other control characters could be escaped too (all but C1, which Quadlet mangles), but nothing that a server is given needs them.
pub(super) fn check_word(word: &str) -> Result<(), Reason> {
    if word.len() > WORD_MAX {
        return Err(Reason::TooLong {
            length: word.len(),
            max: WORD_MAX,
        });
    }
    refuse(word, |c| {
        (c.is_control() && c != '\t' && c != '\n') || is_noncharacter(c)
    })
}

/// Lets pass what can stand on a line as it is: one line of text, with nothing at its ends that a reader takes away.
///
/// Both readers strip white space, Quadlet by Unicode's definition. A backslash at the end joins the next line; Quadlet thinks so
/// even of two of them.
pub(super) fn check_line(line: &str) -> Result<(), Reason> {
    let (Some(first), Some(last)) = (line.chars().next(), line.chars().next_back()) else {
        return Err(Reason::Empty);
    };
    if line.len() > WORD_MAX {
        return Err(Reason::TooLong {
            length: line.len(),
            max: WORD_MAX,
        });
    }
    refuse(line, |c| {
        c.is_control() || is_noncharacter(c) || matches!(c, '\u{2028}' | '\u{2029}')
    })?;
    for (character, drops) in [
        (first, first.is_whitespace()),
        (last, last.is_whitespace() || last == '\\'),
    ] {
        if drops {
            return Err(Reason::Edge { character });
        }
    }
    Ok(())
}

/// Refuses the first character that a test names.
pub(super) fn refuse(text: &str, is_refused: impl Fn(char) -> bool) -> Result<(), Reason> {
    match text.chars().find(|&c| is_refused(c)) {
        Some(character) => Err(Reason::Character { character }),
        None => Ok(()),
    }
}

/// Whether systemd takes a line with this character for no UTF-8 at all (Unicode's noncharacters, systemd src/basic/utf8.c).
pub(super) fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{FDD0}'..='\u{FDEF}') || u32::from(c) & 0xFFFE == 0xFFFE
}

/// Writes any text as one line of a section that only mcpod reads. [`parse_record`] gives it back exactly.
///
/// A backslash, and every character that ends a line, cannot be seen or would be stripped, is written as `\u{HEX}`.
pub(super) fn record(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (position, c) in text.chars().enumerate() {
        let at_edge = position == 0 || position == last;
        if c == '\\' || is_noncharacter(c) || is_hidden(c) || (at_edge && c.is_whitespace()) {
            line.extend(c.escape_unicode());
        } else {
            line.push(c);
        }
    }
    line
}

/// Reads what [`record`] wrote; nothing if somebody wrote something else there.
pub(super) fn parse_record(line: &str) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, escaped)) = rest.split_once('\\') {
        text.push_str(before);
        let (code, behind) = escaped.strip_prefix("u{")?.split_once('}')?;
        text.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
        rest = behind;
    }
    text.push_str(rest);
    Some(text)
}
