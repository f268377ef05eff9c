//! The one place that prints.
//!
//! Results go to standard output, everything else to standard error. Under `--json` standard output holds one document
//! and nothing else, and an error is a document too.
mod busy;
mod table;

use std::io::{IsTerminal, Stderr, Stdout, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use crate::orchestrator::{self, Kind};
use crate::text;
pub(super) use busy::{Aside, Busy, Shown};

/// How wide lines may be where nobody says how wide the terminal is.
const WIDTH: usize = 100;

/// How wide the column of marks is, blanks included.
const MARK: usize = 10;

/// Prints as the user asked for.
#[derive(Debug)]
pub(super) struct Output {
    json: bool,
    width: usize,
    stdout: Stdout,
    stderr: Stderr,
}

/// How good what a line says is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// Neither good nor bad.
    Plain,
    /// Not as it could be.
    Warning,
    /// Not as it must be.
    Bad,
}

/// How a command ended that did not do what was asked. The numbers are the program's exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It failed.
    Failed = 1,
    /// It was asked for in a way that makes no sense.
    Usage = 2,
    /// There is no such server or entry.
    NotFound = 3,
    /// The server needs inputs that were not given.
    InputsMissing = 4,
    /// The tool reported an error.
    ToolError = 5,
    /// This host lacks something.
    HostLacks = 6,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome as u8)
    }
}

/// An error as it is shown: what, why, what next.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    /// A stable word for programs.
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Failure {
    /// Something that was typed makes no sense.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Usage,
            code: "usage",
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl From<orchestrator::Error> for Failure {
    fn from(error: orchestrator::Error) -> Self {
        Self {
            outcome: match error.kind() {
                Kind::Failed => Outcome::Failed,
                Kind::Usage => Outcome::Usage,
                Kind::NotFound => Outcome::NotFound,
                Kind::InputsMissing => Outcome::InputsMissing,
                Kind::HostLacks => Outcome::HostLacks,
            },
            code: error.code(),
            hint: error.hint(),
            message: format!("{:#}", anyhow::Error::new(error)),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self {
            outcome: Outcome::Failed,
            code: "failed",
            message: format!("{error:#}"),
            hint: None,
        }
    }
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        let of_terminal = || {
            Some(usize::from(
                rustix::termios::tcgetwinsize(std::io::stdout())
                    .ok()?
                    .ws_col,
            ))
        };
        // What the user sets says more than the terminal (environ(7)).
        let set = std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        let width = set
            .or_else(of_terminal)
            .filter(|width| *width > 0)
            .unwrap_or(WIDTH);
        Self {
            json,
            width,
            stdout: std::io::stdout(),
            stderr: std::io::stderr(),
        }
    }

    /// Whether standard output is one JSON document.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether standard output is a terminal that is to be coloured (<https://no-color.org>).
    pub(super) fn has_color(&self) -> bool {
        self.stdout.is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    }

    /// Prints a result: text as it is, which must already be fit for a terminal.
    pub(super) fn text(&self, text: &str) {
        // A reader that has seen enough (`mcpod list | head -1`) is no error.
        let mut stdout = self.stdout.lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| {
            if text.ends_with('\n') {
                stdout.flush()
            } else {
                stdout.write_all(b"\n").and_then(|()| stdout.flush())
            }
        });
        if let Err(error) = written
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            self.note(&format!("error: cannot write to standard output: {error}"));
        }
    }

    /// Prints a result as a JSON document.
    pub(super) fn json<T: Serialize + ?Sized>(&self, document: &T) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(document)
            .map_err(|error| Failure::from(anyhow::Error::new(error)))?;
        self.text(&text::escaped(&text));
        Ok(())
    }

    /// Prints rows under headings, as wide as the terminal at most.
    pub(super) fn table(&self, headings: &[&str], rows: &[Vec<String>]) {
        self.text(&self.table_text(headings, rows));
    }

    /// Rows under headings, as [`Output::table`] prints them.
    pub(super) fn table_text(&self, headings: &[&str], rows: &[Vec<String>]) -> String {
        table::lines(headings, rows, self.width).join("\n")
    }

    /// Tells on a terminal what goes on, once it has gone on for a moment, until what this returns is dropped.
    pub(super) fn busy(&self, what: impl Into<String>) -> Busy {
        if self.json {
            Busy::silent()
        } else {
            Busy::with(what.into())
        }
    }

    /// Prints a paragraph beside a word that says what it is, as wide as the terminal.
    pub(super) fn marked(&self, mark: &str, tone: Tone, paragraph: &str) {
        let (color, plain) = match tone {
            _ if !self.has_color() => ("", ""),
            Tone::Plain => ("", ""),
            Tone::Good => ("\x1b[32m", "\x1b[0m"),
            Tone::Warning => ("\x1b[1;33m", "\x1b[0m"),
            Tone::Bad => ("\x1b[1;31m", "\x1b[0m"),
        };
        let paragraph = text::one_line(paragraph);
        let lines = wrapped(&paragraph, self.width.saturating_sub(MARK).max(20));
        let marks = std::iter::once(mark).chain(std::iter::repeat(""));
        for (line, mark) in lines.iter().zip(marks) {
            let padding = MARK.saturating_sub(mark.len());
            self.text(&format!("{color}{mark}{plain}{:padding$}{line}", ""));
        }
    }

    /// Says something about what is going on, on standard error.
    pub(super) fn note(&self, text: &str) {
        // There is nobody left to tell if this fails.
        busy::aside(|| writeln!(self.stderr.lock(), "{}", text::for_terminal(text))).ok();
    }

    /// Shows an error and gives its exit code.
    pub(super) fn failure(&self, failure: &Failure) -> ExitCode {
        if !self.json {
            return self.failure_aside(failure);
        }
        let Failure {
            outcome,
            code,
            message,
            hint,
        } = failure;
        let document =
            serde_json::json!({"error": {"code": code, "message": message, "hint": hint}});
        self.text(&document.to_string());
        (*outcome).into()
    }

    /// Shows an error of one of several things, whose results are printed all the same, and gives its exit code.
    pub(super) fn failure_aside(&self, failure: &Failure) -> ExitCode {
        let Failure {
            outcome,
            code: _,
            message,
            hint,
        } = failure;
        let (red, plain) = if stderr_has_color() {
            ("\x1b[1;31m", "\x1b[0m")
        } else {
            ("", "")
        };
        let message = text::for_terminal(message);
        busy::aside(|| writeln!(self.stderr.lock(), "{red}error:{plain} {message}")).ok();
        if let Some(hint) = hint {
            self.note(&format!("hint: {hint}"));
        }
        (*outcome).into()
    }
}

/// The terminal's other screen, on which something is drawn again and again. The first one is back as it was when this is gone.
#[derive(Debug)]
pub(super) struct Screen {
    stdout: Stdout,
}

impl Screen {
    /// Switches to it, and hides the cursor.
    pub(super) fn enter() -> Self {
        let screen = Self {
            stdout: std::io::stdout(),
        };
        screen.write("\x1b[?1049h\x1b[?25l");
        screen
    }

    /// Shows a text from the top, as much of it as there is room for.
    pub(super) fn draw(&self, content: &str) {
        let rows = rustix::termios::tcgetwinsize(std::io::stdout())
            .map_or(usize::MAX, |size| usize::from(size.ws_row.max(1)));
        let mut page = "\x1b[H".to_owned();
        let lines: Vec<&str> = content.lines().take(rows).collect();
        for (at, line) in lines.iter().enumerate() {
            page.push_str(&text::for_terminal(line));
            // What stood behind it is cleared.
            page.push_str("\x1b[K");
            if at + 1 < lines.len() {
                page.push_str("\r\n");
            }
        }
        page.push_str("\x1b[J");
        self.write(&page);
    }

    fn write(&self, text: &str) {
        let mut stdout = self.stdout.lock();
        // A terminal that is gone ends us by a signal.
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .ok();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.write("\x1b[?25h\x1b[?1049l");
    }
}

/// A line of words as lines that have at most so many characters, unless a word has more.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Shows what clap says of a command line: help and version, or why it makes no sense.
///
/// There are no parsed arguments yet, so whether `--json` was meant is read from the words as they are.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|word| word == "--json");
    if error.use_stderr() && json {
        let message = error.to_string();
        let failure = Failure::usage(message.trim_start_matches("error: ").trim_end());
        return Output::new(true).failure(&failure);
    }
    // Nobody reads what cannot be printed.
    error.print().ok();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Whether standard error is a terminal that is to be coloured (<https://no-color.org>).
pub(super) fn stderr_has_color() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_as_wide_as_it_may_be() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one two three", 13), ["one two three"]);
        assert_eq!(wrapped("a-long-word b", 4), ["a-long-word", "b"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
