//! The picker on a terminal: what it draws, and what its keys do.

use crate::bare::Bare;
use crate::terminal::Terminal;

/// Entries of somebody who would like to have the terminal.
const HOSTILE: &str = r#"
[[server]]
name = "evil"
title = "Evil \u001b[31mred\u202e title"
description = "Rings \u001b]0;pwned\u0007 bells\non two lines, \u009b31m says {q} and \u200bhides"
tags = ["a\u001b[2J"]
[[server.tools]]
name = "ring\u001b[5m"
description = "Rings\u0007"
[[server.launch]]
image = "docker.io/mcp/evil"

[[server]]
name = "good"
title = "Good"
description = "Counts sheep."
[[server.tools]]
name = "count_sheep"
description = "Counts until you sleep"
[[server.launch]]
image = "docker.io/mcp/good"
"#;

fn host() -> Bare {
    let host = Bare::with_sources(
        "[[sources.extra]]\nname = 'ours'\nkind = 'toml'\nurl = '~/ours.toml'\n",
    );
    host.write("ours.toml", HOSTILE);
    let refreshed = host.run(&["refresh", "--json"]);
    assert_eq!(refreshed.code, Some(0), "{refreshed:?}");
    assert!(!refreshed.stdout.contains("reason"), "{refreshed:?}");
    host
}

#[test]
fn results_follow_what_is_typed_and_enter_shows_one() {
    let host = host();
    let mut terminal = Terminal::open(&host, &["search"]);
    // All there is, the prompt and a preview.
    terminal.shows(|text| {
        text.contains("search>") && text.contains("builtin:time") && text.contains("Runs as 1")
    });
    terminal.types("sheep");
    let text = terminal.shows(|text| text.contains("Counts until you sleep"));
    assert!(
        text.contains("ours:good Good: Counts sheep.") && !text.contains("builtin:time"),
        "{text}"
    );
    assert!(text.contains("image docker.io/mcp/good"), "{text}");
    terminal.types("\r");
    assert_eq!(terminal.end(), Some(0));
    // The picker has left the terminal as it was; the entry is shown on it.
    let text = terminal.text();
    assert!(
        text.contains("Id: ours:good") && !text.contains("search>"),
        "{text}"
    );
}

#[test]
fn a_typo_is_no_hindrance_and_filters_hold() {
    let host = host();
    let mut terminal = Terminal::open(&host, &["search", "--source", "builtin"]);
    terminal.shows(|text| text.contains("search>") && !text.contains("ours:"));
    terminal.types("kuberntes");
    terminal.shows(|text| text.contains("Id: builtin:kubernetes"));
}

#[test]
fn escape_chooses_nothing() {
    let host = host();
    let mut terminal = Terminal::open(&host, &["search"]);
    terminal.shows(|text| text.contains("builtin:time"));
    terminal.types("\x1b");
    assert_eq!(terminal.end(), Some(0));
    assert!(!terminal.text().contains("Id:"), "{}", terminal.text());
}

#[test]
fn a_key_adds_what_is_under_the_cursor() {
    let host = host();
    let mut terminal = Terminal::open(&host, &["search"]);
    terminal.shows(|text| text.contains("builtin:time"));
    terminal.types("sheep");
    terminal.shows(|text| text.contains("Counts until you sleep"));
    terminal.types("\x07");
    // This host has no systemd of the user's, which is as far as adding can get.
    let code = terminal.end();
    assert_eq!(code, Some(6), "{}", terminal.text());
    assert!(terminal.text().contains("user bus"), "{}", terminal.text());
}

#[test]
fn who_types_fast_gets_what_was_typed() {
    let host = host();
    let mut terminal = Terminal::open(&host, &["search"]);
    terminal.shows(|text| text.contains("builtin:time"));
    terminal.types("sheep\r");
    assert_eq!(terminal.end(), Some(0));
    assert!(
        terminal.text().contains("Id: ours:good"),
        "{}",
        terminal.text()
    );
}

#[test]
fn what_a_catalog_says_cannot_move_the_terminal() {
    let host = host();
    let mut terminal = Terminal::open(&host, &["search", "--source", "ours"]);
    terminal.shows(|text| text.contains("ours:evil"));
    terminal.types("evil");
    terminal.shows(|text| text.contains("Id: ours:evil") && text.contains("1/1"));
    terminal.types("\r");
    assert_eq!(terminal.end(), Some(0));
    let written = &terminal.written;
    for hostile in [
        "\x1b]0;",
        "\x07",
        "\u{9b}",
        "\u{202e}",
        "\u{200b}",
        "\x1b[31mred",
        "\x1b[5m",
    ] {
        assert!(!written.contains(hostile), "{hostile:?} in {written:?}");
    }
    // What is left of it is harmless text.
    assert!(
        terminal.text().contains("Evil [31mred title"),
        "{}",
        terminal.text()
    );
}
