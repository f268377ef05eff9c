//! Markdown as text that can be read on a terminal.
//!
//! Headings and bold type become bold, code keeps its place, links show where they lead, badges, comments and HTML
//! disappear. It is meant for readmes, which hold anything: what is not understood is shown as it is.

/// The text of some Markdown, with escapes for a terminal if it is to have `color`.
///
/// The Markdown must already be free of control characters.
pub fn readable(markdown: &str, color: bool) -> String {
    let style = Style::of(color);
    let markdown = without_html(markdown);
    let mut text = String::new();
    let mut is_code = false;
    let mut was_blank = true;
    for line in markdown.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            is_code = !is_code;
            continue;
        }
        let shown = if is_code {
            format!("    {line}")
        } else {
            prose(line, &style)
        };
        let is_blank = shown.trim().is_empty();
        if !(is_blank && was_blank) {
            text.push_str(shown.trim_end());
            text.push('\n');
        }
        was_blank = is_blank;
    }
    text.truncate(text.trim_end().len());
    text
}

struct Style {
    bold: &'static str,
    plain: &'static str,
}

impl Style {
    fn of(color: bool) -> Self {
        if color {
            Self {
                bold: "\x1b[1m",
                plain: "\x1b[0m",
            }
        } else {
            Self {
                bold: "",
                plain: "",
            }
        }
    }
}

/// A line outside of code.
fn prose(line: &str, style: &Style) -> String {
    let Style { bold, plain } = style;
    let trimmed = line.trim_start();
    let indent = line.strip_suffix(trimmed).unwrap_or_default();
    let title = trimmed.trim_start_matches('#');
    if title.len() < trimmed.len() && title.starts_with(' ') {
        return format!("{bold}{}{plain}", inline(title.trim(), &Style::of(false)));
    }
    // The line between the head and the body of a table, and lines drawn across.
    let is_rule = trimmed.len() > 2
        && trimmed
            .chars()
            .all(|c| matches!(c, '|' | '-' | ':' | ' ' | '=' | '*' | '_'));
    if is_rule {
        return String::new();
    }
    if let Some(item) = trimmed
        .strip_prefix("* ")
        .or_else(|| trimmed.strip_prefix("+ "))
    {
        return format!("{indent}- {}", inline(item, style));
    }
    format!("{indent}{}", inline(trimmed, style))
}

/// What stands in a line: bold type, code, links, pictures.
fn inline(line: &str, style: &Style) -> String {
    let mut text = String::new();
    let mut rest = line;
    let mut is_bold = false;
    while let Some(c) = rest.chars().next() {
        if let Some(behind) = picture(rest) {
            rest = behind;
        } else if let Some((name, url, behind)) = link(rest) {
            let name = inline(name, &Style::of(false));
            if name.is_empty() || name == url || url.starts_with('#') {
                text.push_str(if name.is_empty() { "" } else { &name });
            } else {
                text.extend([&name, " <", url, ">"]);
            }
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix("**") {
            is_bold = !is_bold;
            text.push_str(if is_bold { style.bold } else { style.plain });
            rest = behind;
        } else {
            if c != '`' {
                text.push(c);
            }
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    if is_bold {
        text.push_str(style.plain);
    }
    text
}

/// The text behind the picture that a text begins with.
fn picture(text: &str) -> Option<&str> {
    let (_, rest) = text.strip_prefix("![")?.split_once("](")?;
    rest.split_once(')').map(|(_, behind)| behind)
}

/// The words and the address of the link that a text begins with, and what is behind it.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let inside = text.strip_prefix('[')?;
    // A badge is a link around a picture.
    let (name, rest) = match picture(inside) {
        Some(behind) => ("", behind.strip_prefix("](")?),
        None => inside.split_once("](")?,
    };
    if name.contains('[') {
        return None;
    }
    let (url, behind) = rest.split_once(')')?;
    Some((
        name,
        url.split_whitespace().next().unwrap_or_default(),
        behind,
    ))
}

/// The text without comments and tags of HTML. An angle bracket that opens no tag stays.
fn without_html(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.find('<').and_then(|at| rest.split_at_checked(at)) {
        kept.push_str(before);
        let comment = from
            .strip_prefix("<!--")
            .map(|inside| inside.split_once("-->").map_or("", |(_, behind)| behind));
        if let Some(behind) = comment.or_else(|| tag(from)) {
            rest = behind;
        } else {
            kept.push('<');
            rest = from.strip_prefix('<').unwrap_or_default();
        }
    }
    kept.push_str(rest);
    kept
}

/// The text behind the tag that a text begins with. `<your-key>` is none: nobody wrote it as HTML.
fn tag(text: &str) -> Option<&str> {
    const TAGS: [&str; 26] = [
        "a", "b", "br", "p", "div", "img", "h1", "h2", "h3", "h4", "table", "tr", "td", "th",
        "thead", "tbody", "details", "summary", "sub", "sup", "picture", "source", "kbd", "strong",
        "em", "code",
    ];
    let inside = text.strip_prefix('<')?;
    let name = inside.trim_start_matches('/');
    let end = name
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(name.len());
    let name = name.get(..end)?.to_ascii_lowercase();
    if !TAGS.contains(&name.as_str()) {
        return None;
    }
    inside.split_once('>').map(|(_, behind)| behind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markdown_can_be_read() {
        let markdown = "<h1 align=center>Notes</h1>\n[![badge](a)](b) ![c](d)\n\n# Title of `it`\n\n\n* **Bold** and [docs](https://a.b \"t\"), <https://c.d>\n<!-- hidden -->\n| a | b |\n|---|---|\n```json\n{\n  \"key\": \"<your-key>\"\n}\n```\n";
        let text = "Notes\n\nTitle of it\n\n- Bold and docs <https://a.b>, <https://c.d>\n\n| a | b |\n\n    {\n      \"key\": \"<your-key>\"\n    }";
        assert_eq!(readable(markdown, false), text);
        assert_eq!(
            readable("# A\n**b** c", true),
            "\x1b[1mA\x1b[0m\n\x1b[1mb\x1b[0m c"
        );
    }

    proptest! {
        #[test]
        fn no_markdown_panics_and_every_escape_ends(text in "[#*`\\[\\]()!<>a-c \n/-]{0,60}|\\PC{0,40}") {
            let shown = readable(&text, true);
            prop_assert_eq!(shown.matches("\x1b[1m").count() <= shown.matches("\x1b[0m").count(), true);
            prop_assert!(!readable(&text, false).contains('\x1b'));
        }
    }
}
