//! A handle on the test machine: commands run in it, and what came of them.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The script that makes, boots and enters the machine.
const MACHINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/machine/machine");

/// How long anything may take that is bound to come; only a failing test waits so long.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// How long a command may take at most, in seconds, whatever becomes of the host: one that hangs is then ended, and fails its test
/// with the exit code 124 (timeout(1)) and what it had said, instead of holding up all others.
const LONGEST: &str = "600";

/// How much of either end of a long output a failing test shows, in characters.
const SHOWN: usize = 2000;

/// How often the machine is asked again while waiting for something.
const POLL: Duration = Duration::from_millis(100);

/// A command of the machine's script itself.
#[track_caller]
pub(crate) fn machine<S: AsRef<OsStr>>(words: &[S]) -> Ran {
    let mut command = Command::new(MACHINE);
    command.args(words);
    finish(&command)
}

/// A command in the machine as its user.
#[must_use]
pub(crate) fn command<S: AsRef<OsStr>>(words: &[S]) -> Command {
    entering(&["enter", "--"], words)
}

/// The command, ended if it hangs.
fn bounded(command: &Command) -> Command {
    let mut bounded = Command::new("timeout");
    bounded
        .args(["--kill-after=10", LONGEST])
        .arg(command.get_program())
        .args(command.get_args());
    bounded
}

fn entering<S: AsRef<OsStr>>(how: &[&str], words: &[S]) -> Command {
    let mut command = Command::new(MACHINE);
    command.args(how).args(words);
    command
}

/// What a command that has ended printed, and how it ended.
pub(crate) struct Ran {
    words: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The ends of a long text.
fn shortened(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= 2 * SHOWN {
        return text.to_owned();
    }
    let (head, tail) = (
        &characters[..SHOWN],
        &characters[characters.len() - SHOWN..],
    );
    format!(
        "{} [...] {}",
        String::from_iter(head),
        String::from_iter(tail)
    )
}

/// As a terminal would show it.
impl fmt::Debug for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            words,
            code,
            stdout,
            stderr,
        } = self;
        let [words, stdout, stderr] = [words, stdout, stderr].map(|text| shortened(text));
        write!(
            f,
            "\n$ {words}\n{stdout}\n--- on stderr:\n{stderr}\n--- exit code: {code:?}"
        )
    }
}

impl Ran {
    pub(crate) fn new(command: &Command, output: &Output) -> Self {
        Self {
            words: command
                .get_args()
                .map(OsStr::to_string_lossy)
                .collect::<Vec<_>>()
                .join(" "),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the command succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.code(0)
    }

    /// Fails the test unless the command ended with this code, and did not panic.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }

    /// Fails the test unless standard error contains all of these.
    #[track_caller]
    pub(crate) fn complains(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "no {part:?} on stderr: {self:#?}"
            );
        }
        self
    }

    /// Fails the test unless standard output contains all of these.
    #[track_caller]
    pub(crate) fn prints(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stdout.contains(part),
                "no {part:?} on stdout: {self:#?}"
            );
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:#?}"))
    }

    /// The first text of the result that `call --json` printed.
    #[track_caller]
    pub(crate) fn result_text(&self) -> String {
        let text = self.json()["content"][0]["text"].take();
        serde_json::from_value(text).unwrap_or_else(|_| panic!("no text in the result: {self:#?}"))
    }
}

/// Runs a command as the machine's user, with nothing on standard input.
#[track_caller]
pub(crate) fn run<S: AsRef<OsStr>>(words: &[S]) -> Ran {
    finish(&command(words))
}

/// Runs a command as the machine's root.
#[track_caller]
pub(crate) fn root<S: AsRef<OsStr>>(words: &[S]) -> Ran {
    finish(&entering(&["enter", "--root", "--"], words))
}

/// Runs a command as another user of the machine.
#[track_caller]
pub(crate) fn run_as<S: AsRef<OsStr>>(user: &str, words: &[S]) -> Ran {
    finish(&entering(&["enter", "--user", user, "--"], words))
}

/// Runs a script of `sh` as the machine's user; `$1` and so on are `arguments`.
#[track_caller]
pub(crate) fn sh(script: &str, arguments: &[&str]) -> Ran {
    run(&[&["sh", "-c", script, "sh"], arguments].concat())
}

/// Runs `mcpod` as the machine's user.
#[track_caller]
pub(crate) fn mcpod(words: &[&str]) -> Ran {
    run(&[&["mcpod"], words].concat())
}

#[track_caller]
fn finish(command: &Command) -> Ran {
    let output = bounded(command)
        .stdin(Stdio::null())
        .output()
        .expect("the machine's script can be run");
    Ran::new(command, &output)
}

/// Runs a command with this on its standard input.
#[track_caller]
pub(crate) fn run_with_input(words: &[&str], input: &[u8]) -> Ran {
    feed(&command(words), input)
}

/// Runs a command as the machine's root with this on its standard input.
#[track_caller]
pub(crate) fn root_with_input(words: &[&str], input: &[u8]) -> Ran {
    feed(&entering(&["enter", "--root", "--"], words), input)
}

#[track_caller]
fn feed(command: &Command, input: &[u8]) -> Ran {
    let mut child = bounded(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the machine's script can be run");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let input = input.to_owned();
    // A command may end without having read it all.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child
        .wait_with_output()
        .expect("the command can be waited for");
    feeder.join().expect("the feeder does not panic");
    Ran::new(command, &output)
}

/// Waits until something is so; fails the test with what was last seen.
#[track_caller]
pub(crate) fn wait_until<T: fmt::Debug>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> Result<(), T>,
) {
    let started = Instant::now();
    loop {
        match look() {
            Ok(()) => return,
            Err(seen) if started.elapsed() > within => {
                panic!("not within {within:?}: {what}; last seen: {seen:#?}")
            }
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

/// Looks again and again for some time, for what must not happen: nothing tells that it did not.
#[track_caller]
pub(crate) fn stays_so(span: Duration, mut look: impl FnMut()) {
    let started = Instant::now();
    while started.elapsed() < span {
        look();
        std::thread::sleep(POLL);
    }
}

/// Writes a file in the machine as its user; the folder must be there.
#[track_caller]
pub(crate) fn write_file(path: &str, bytes: &[u8]) {
    run_with_input(&["tee", "--", path], bytes).ok();
}
