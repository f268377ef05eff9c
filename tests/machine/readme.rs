//! What README shows is run, from the top to the bottom, as a reader would type it.

use std::fmt::Write as _;

use crate::changes::afterwards;
use crate::idle::Idle;
use crate::machine::sh;

const README: &str = include_str!("../../README.md");

/// A command that README shows, and what it shows of its output.
struct Shown {
    command: String,
    output: String,
}

/// The commands of all blocks of README that are marked as a console's.
fn shown() -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in README.lines() {
        if let Some(mark) = line.strip_prefix("```") {
            inside = mark == "console";
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            shown.push(Shown {
                command: command.to_owned(),
                output: String::new(),
            });
        } else if inside && let Some(last) = shown.last_mut() {
            writeln!(last.output, "{line}").unwrap();
        }
    }
    shown
}

/// A text without what differs from run to run: digits, days of the week, and how wide columns are.
fn gist(line: &str) -> String {
    let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_hexadecimal =
        |word: &str| word.len() >= 32 && word.chars().all(|c| c.is_ascii_hexdigit());
    words
        .split(' ')
        .map(|word| match word.split_once("sha256:") {
            Some((_, digest)) if is_hexadecimal(digest) => "sha256:",
            None if word.ends_with("day\",") => "day",
            _ => word,
        })
        .collect::<Vec<_>>()
        .join(" ")
        .replace(|c: char| c.is_ascii_digit(), "")
}

#[test]
fn what_readme_shows_is_what_happens() {
    let _machine = Idle::now();
    let shown = shown();
    assert!(shown.len() >= 20, "{} commands", shown.len());
    // What the reader is told to have there already.
    sh(
        "mkdir -p ~/notes ~/.codex && printf 'buy milk\n' >~/notes/today && podman rmi --force --ignore docker.io/mcp/time",
        &[],
    )
    .ok();
    let _files = afterwards(|| {
        sh(
            "rm -rf ~/notes ~/.codex ~/.claude.json; systemctl --user stop 'mcpod-*.socket' >&2; true",
            &[],
        )
    });
    for Shown { command, output } in shown {
        let ran = sh(&format!("cd; {{ {command}\n}} 2>&1"), &[]);
        let fails = output.starts_with("error:");
        assert_eq!(ran.code != Some(0), fails, "{command}: {ran:#?}");
        // How far a pull is depends on who looks when: what is shown is there, in its order, among other lines.
        let printed: Vec<String> = ran.stdout.lines().map(gist).collect();
        let mut rest = printed.iter();
        for line in output.lines().map(gist).filter(|line| !line.is_empty()) {
            assert!(
                rest.any(|printed| *printed == line),
                "{command}: {line:?} is not in its place in {ran:#?}"
            );
        }
    }
}
