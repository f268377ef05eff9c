//! What is printed where, and the exit codes.

use crate::bare::Bare;
use crate::terminal::Terminal;

#[test]
fn the_catalog_can_be_searched_and_read_on_a_bare_host() {
    let host = Bare::new();
    let found = host
        .run(&["search", "what", "time", "is", "it", "--json"])
        .json();
    assert_eq!(found[0]["id"], "builtin:time");
    let shown = host.run(&["show", "time", "--json"]).json();
    assert_eq!(shown["id"], "builtin:time");
    assert!(
        host.run(&["show", "builtin:time"])
            .stdout
            .contains("docker.io/mcp/time")
    );
}

#[test]
fn nothing_found_is_no_failure() {
    let ran = Bare::new().run(&["search", "xyzzyplugh", "--json"]);
    assert_eq!(
        (ran.code, ran.json()),
        (Some(0), serde_json::json!([])),
        "{ran:?}"
    );
}

#[test]
fn an_unknown_entry_is_not_found_and_a_near_one_named() {
    let host = Bare::new();
    let ran = host.run(&["show", "tiem"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("builtin:time"), "{ran:?}");
    let ran = host.run(&["show", "tiem", "--json"]);
    let error = &ran.json()["error"];
    assert_eq!(
        (ran.code, error["code"].as_str()),
        (Some(3), Some("no_such_entry")),
        "{ran:?}"
    );
    assert!(
        error["hint"].as_str().unwrap().contains("builtin:time"),
        "{ran:?}"
    );
    assert_eq!(ran.stderr, "");
}

#[test]
fn without_a_user_bus_the_host_lacks_something() {
    let host = Bare::new();
    for words in [
        &["list"][..],
        &["add", "time"],
        &["status", "time"],
        &["attach", "time"],
        &["logs", "time"],
    ] {
        let ran = host.run(words);
        assert_eq!(ran.code, Some(6), "{words:?}: {ran:?}");
        assert!(
            ran.stderr.contains("user bus") && ran.stderr.contains("hint:"),
            "{words:?}: {ran:?}"
        );
        assert_eq!(ran.stdout, "", "{words:?}");
    }
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let host = Bare::new();
    for words in [
        &["ad", "time"][..],
        &["add"],
        &["add", "time", "--name", "Not/Legal"],
        &["add", "time", "--memory", "much"],
        &["add", "time", "--env", "no-equals-sign"],
        &["add", "time", "--sessions", "0"],
        &["search", "x", "--category", "no-such-category"],
    ] {
        let ran = host.run(words);
        assert_eq!(ran.code, Some(2), "{words:?}: {ran:?}");
        let json = host.run(&[words, &["--json"]].concat());
        assert_eq!(json.code, Some(2), "{words:?}: {json:?}");
        assert_eq!(json.json()["error"]["code"], "usage", "{words:?}");
    }
}

#[test]
fn help_and_version_are_results() {
    let host = Bare::new();
    assert!(host.run(&["--help"]).stdout.contains("attach"));
    assert!(host.run(&["--version"]).stdout.starts_with("mcpod "));
    assert_eq!(host.run(&["help", "add"]).code, Some(0));
}

#[test]
fn a_command_or_an_agent_that_is_mistyped_is_answered_with_the_nearest() {
    let host = Bare::new();
    for (words, near) in [
        (&["serach", "time"][..], "'search'"),
        (&["disconect", "zed"], "'disconnect'"),
        (&["connect", "claud-code"], "claude-code"),
        (&["connect", "nothing-like-it"], "mcpod agents --all"),
    ] {
        let ran = host.run(words);
        assert_eq!(ran.code, Some(2), "{words:?}: {ran:?}");
        assert!(ran.stderr.contains(near), "{words:?}: {ran:?}");
    }
}

#[test]
fn what_is_nearly_right_is_suggested() {
    let host = Bare::new();
    for (words, suggested) in [
        (&["serach", "x"][..], "'search'"),
        (&["add", "time", "--netwrok", "none"], "'--network'"),
        (&["search", "x", "--category", "databse"], "database,"),
        (&["search", "x", "--source", "dokcer"], "docker"),
        (&["completions", "bsh"], "bash"),
    ] {
        let ran = host.run(words);
        assert_eq!(ran.code, Some(2), "{words:?}: {ran:?}");
        assert!(ran.stderr.contains(suggested), "{words:?}: {ran:?}");
    }
}

#[test]
fn agents_are_connected_and_listed_without_a_user_manager() {
    let host = Bare::new();
    host.write(
        ".gemini/settings.json",
        "{\n  // mine\n  \"theme\": \"Dark\"\n}\n",
    );
    let agents = |words: &[&str]| {
        let all = host.run(&[&["agents", "--json"], words].concat()).json();
        let all = all.as_array().unwrap().clone();
        let found = all.into_iter().find(|agent| agent["agent"] == "gemini");
        found.unwrap()
    };
    let before = agents(&[]);
    assert_eq!(
        (&before["installed"], &before["user"]["state"]),
        (&true.into(), &"absent".into())
    );
    let done = host.run(&["connect", "gemini", "--json"]).json();
    assert_eq!(done["change"], "added");
    let text = std::fs::read_to_string(done["file"].as_str().unwrap()).unwrap();
    // Agents are started from anywhere: the program stands there with its path.
    assert!(
        text.contains("// mine") && text.contains(env!("CARGO_BIN_EXE_mcpod")),
        "{text}"
    );
    assert_eq!(agents(&[])["user"]["state"], "stdio");
    let again = host.run(&["connect", "gemini"]);
    assert!(again.stdout.contains("connected already"), "{again:?}");
    let shown = host.run(&["connect", "zed", "--http", "--dry-run"]);
    assert!(
        shown.stdout.contains("http://127.0.0.1:8931/mcp") && shown.stdout.contains("Bearer TOKEN"),
        "{shown:?}"
    );
    let listed = host.run(&["agents"]);
    assert!(
        listed.stdout.contains("gemini") && !listed.stdout.contains("zed"),
        "{listed:?}"
    );
    let done = host.run(&["disconnect", "gemini", "--json"]).json();
    assert_eq!(done["change"], "removed");
    let refused = host.run(&["connect", "claude-desktop", "--http", "--json"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.json()["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("--http"),
        "{refused:?}"
    );
}

#[test]
fn every_command_explains_itself_with_examples() {
    let host = Bare::new();
    let help = host.run(&["--help"]).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = commands
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() > 15, "{help}");
    for command in commands {
        let help = host.run(&["help", command]).stdout;
        assert!(help.contains("Examples:\n  mcpod "), "{command}: {help}");
        assert!(!help.contains('\u{1b}'), "{help}");
    }
}

#[test]
fn colours_are_for_terminals_whose_user_wants_them() {
    let host = Bare::new();
    for (environment, is_colored) in [(&[][..], true), (&[("NO_COLOR", "1")], false)] {
        for words in [
            &["doctor"][..],
            &["show", "time"],
            &["status"],
            &["--help"],
            &["nonsense"],
        ] {
            let mut terminal = Terminal::open_with(&host, words, environment, 100);
            terminal.end();
            let written = &terminal.written;
            let colors = written.contains("\u{1b}[3") || written.contains("\u{1b}[1");
            assert_eq!(colors, is_colored, "{words:?} {environment:?}: {written:?}");
        }
    }
    for words in [&["doctor"][..], &["show", "time"], &["status"]] {
        let ran = host.run(words);
        assert!(
            !format!("{}{}", ran.stdout, ran.stderr).contains('\u{1b}'),
            "{ran:?}"
        );
    }
}

#[test]
fn lines_are_as_wide_as_the_terminal() {
    let host = Bare::new();
    for columns in [60, 100, 180] {
        let words = ["search", "files", "--source", "builtin"];
        let mut terminal = Terminal::open_with(&host, &words, &[], columns);
        terminal.end();
        let width = |line: &str| line.trim_end().chars().count();
        let widest = terminal.written.lines().map(width).max().unwrap();
        assert!(
            widest <= usize::from(columns),
            "{columns}: {}",
            terminal.written
        );
    }
    // Elsewhere the user's word counts.
    let output = host
        .command(&["search", "files"])
        .env("COLUMNS", "50")
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.lines().all(|line| line.chars().count() <= 50),
        "{shown}"
    );
}

#[test]
fn completions_are_printed_for_each_shell() {
    let host = Bare::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = host.run(&["completions", shell]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            ran.stdout.contains("doctor") && ran.stdout.contains("no-probe"),
            "{shell}"
        );
    }
}
