//! Text that a server wrote, made fit for an error message: one line, bounded, nothing a terminal would obey.

/// Returns the text on one line, with at most `most` characters and an ellipsis where more was there.
///
/// White space becomes a space; every other control, bidirectional, invisible or tag character is shown as
/// `\u{...}`, since it could redraw the terminal or make the line read as something else.
pub(super) fn excerpt(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut characters = text.trim().chars();
    for c in characters.by_ref().take(most) {
        if c.is_whitespace() {
            line.push(' ');
        } else if is_unsafe(c) {
            line.extend(c.escape_unicode());
        } else {
            line.push(c);
        }
    }
    if characters.next().is_some() {
        line.push('…');
    }
    line
}

/// Whether a terminal might act on the character, or a reader not see it.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(
            excerpt("  a\x1b[2Jb\u{202e}c\u{9b}d\n\te\r\n", 100),
            "a\\u{1b}[2Jb\\u{202e}c\\u{9b}d  e"
        );
    }

    #[test]
    fn long_text_is_cut_at_characters() {
        assert_eq!(excerpt("äöü", 3), "äöü");
        assert_eq!(excerpt("äöüß", 3), "äöü…");
    }
}
