//! The beginning of what a server wrote, for an error message.

use crate::text::{one_line, shortened};

/// Returns the text on one line without anything hidden, with at most `most` characters.
pub(super) fn excerpt(text: &str, most: usize) -> String {
    // A server can write sixteen mebibytes; four times what is shown leaves room for white space.
    let beginning: String = text.trim_start().chars().take(4 * most).collect();
    shortened(&one_line(&beginning), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt(" a\x1b[2J\u{202e}b\r\n\tc ", 100), "a[2Jb c");
        assert_eq!(excerpt("äöüß", 3), "äö…");
    }
}
