//! One bullet of a list: a link and what is said about it.
//!
//! ```text
//! - [owner/repo](https://github.com/owner/repo): What it does. Install: `npx -y pkg`.
//! - **[Name](https://…)** - What it does.
//! - [name](https://…) 🎖️ 🐍 ☁️ - What it does.
//! ```

/// The parts of a bullet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bullet<'t> {
    /// The text of the link.
    pub(super) name: &'t str,
    /// Its address.
    pub(super) url: &'t str,
    /// Whether the list's own sign for a maker's own server stands there.
    pub(super) official: bool,
    /// What is said about it, as Markdown.
    pub(super) about: &'t str,
}

/// The bullet that a line is; nothing if it is none that begins with a link.
pub(super) fn bullet(line: &str) -> Option<Bullet<'_>> {
    let rest = line.strip_prefix(['-', '*'])?.strip_prefix([' ', '\t'])?;
    let rest = emphasis(rest.trim_start()).strip_prefix('[')?;
    let (name, rest) = rest.split_once("](")?;
    let (url, rest) = target(rest)?;
    let mut rest = emphasis(rest);
    while let Some(behind) = badge(rest.trim_start()) {
        rest = behind;
    }
    let mut official = false;
    // Signs of language and place stand between the link and what is said about it.
    while let Some(c) = rest.trim_start().chars().next().filter(|c| is_sign(*c)) {
        official |= c == '🎖';
        rest = rest.trim_start().get(c.len_utf8()..).unwrap_or_default();
    }
    let rest = rest.trim_start();
    let about = rest.strip_prefix([':', '-', '–', '—']).unwrap_or(rest);
    let name = name.trim();
    (!name.is_empty()).then(|| Bullet {
        name,
        url: url.trim(),
        official,
        about: emphasis(about).trim(),
    })
}

/// The text without asterisks in front, escaped or not.
fn emphasis(text: &str) -> &str {
    text.trim_start_matches(['*', '\\'])
}

/// The address up to the parenthesis that closes it, and the text behind. Of a link inside an address, which is a
/// mistake, the text is taken.
fn target(text: &str) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix("<[") {
        let (url, rest) = inside.split_once(']')?;
        let (_, rest) = rest.split_once(">)").or_else(|| rest.split_once(')'))?;
        return Some((url, rest));
    }
    text.split_once(')')
}

/// The text behind the badge that it begins with: `[![…](…)](…)` or `![…](…)`.
fn badge(text: &str) -> Option<&str> {
    if let Some(inside) = text.strip_prefix("[![") {
        let (_, rest) = inside.split_once(")](")?;
        return rest.split_once(')').map(|(_, rest)| rest);
    }
    let (_, rest) = text.strip_prefix("![")?.split_once("](")?;
    rest.split_once(')').map(|(_, rest)| rest)
}

/// Emoji, their selectors and joiners, and what stands between them.
fn is_sign(c: char) -> bool {
    matches!(c, '/' | '#' | '\u{20e3}' | '\u{200d}' | '\u{fe0f}' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// A description without Markdown: links become their text, marks of bold type and code disappear.
pub(super) fn plain(markdown: &str) -> String {
    let mut plain = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(c) = rest.chars().next() {
        if let Some((text, behind)) = link(rest) {
            plain.push_str(text);
            rest = behind;
            continue;
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '`' => {}
            '*' if rest.starts_with('*') => rest = rest.trim_start_matches('*'),
            '\\' if rest.starts_with('*') => {}
            c => plain.push(c),
        }
    }
    plain
}

/// The text of the link or picture that a text begins with, and what is behind it.
fn link(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('!').unwrap_or(text);
    let (name, rest) = text.strip_prefix('[')?.split_once("](")?;
    if name.contains(['[', '\n']) || name.len() > 300 {
        return None;
    }
    let (_, behind) = rest.split_once(')')?;
    Some((name, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_in_use_are_read() {
        for (line, name, url, official, about) in [
            (
                "- [o/r](https://a.b/o/r): Does. Much.",
                "o/r",
                "https://a.b/o/r",
                false,
                "Does. Much.",
            ),
            (
                "- [o/r](https://a.b ) - Does",
                "o/r",
                "https://a.b",
                false,
                "Does",
            ),
            ("- [o/r](u) — Does", "o/r", "u", false, "Does"),
            ("- [o/r](u) Does", "o/r", "u", false, "Does"),
            ("- **[N](u)** - Does", "N", "u", false, "Does"),
            (
                "- **[N](u) - Does **this\\*\\*.",
                "N",
                "u",
                false,
                "Does **this\\*\\*.",
            ),
            ("- \\*\\*[N](u) – Does", "N", "u", false, "Does"),
            (
                "- [N](u) [![b](i)](l) ![c](j) - Does",
                "N",
                "u",
                false,
                "Does",
            ),
            ("- [N](u) 🎖️ 🐍 ☁️/🏠 - Does", "N", "u", true, "Does"),
            ("- [N](u) #️⃣ Does", "N", "u", false, "Does"),
            (
                "- **[K](<[https://k.com](https://x.y/z)>)** - Does",
                "K",
                "https://k.com",
                false,
                "Does",
            ),
        ] {
            let bullet = bullet(line).unwrap();
            assert_eq!(
                (bullet.name, bullet.url, bullet.official, bullet.about),
                (name, url, official, about),
                "{line}"
            );
        }
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "",
            "- prose",
            "text [a](b)",
            "- [a]",
            "- [a](b",
            "- [](b) x",
            "-[a](b)",
        ] {
            assert_eq!(bullet(line), None, "{line:?}");
        }
    }

    #[test]
    fn markdown_becomes_text() {
        for (markdown, text) in [
            (
                "See [docs](https://a.b) and `npx x`.",
                "See docs and npx x.",
            ),
            ("**Bold** and 2 * 3, \\*\\*", "Bold and 2 * 3, **"),
            ("an [open and ![b](c)", "an [open and b"),
        ] {
            assert_eq!(plain(markdown), text);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-*\\[\\]()!< a-c🎖️`]{0,40}|.{0,40}") {
            if let Some(bullet) = bullet(&text) {
                prop_assert!(!bullet.name.is_empty());
            }
            plain(&text);
        }
    }
}
