//! A handle on the test machine: commands run in it, and what must be left of them afterwards.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The script that makes, boots and enters the machine.
const MACHINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/machine/machine");

/// The longest a client that is gone may leave an instance behind.
pub(crate) const NO_ORPHANS_WITHIN: Duration = Duration::from_secs(15);

/// How often the machine is asked again while waiting for something.
const POLL: Duration = Duration::from_millis(100);

/// A command in the machine as its user.
#[must_use]
pub(crate) fn command<S: AsRef<OsStr>>(words: &[S]) -> Command {
    entering(&["enter", "--"], words)
}

/// A command in the machine as root.
#[must_use]
pub(crate) fn as_root<S: AsRef<OsStr>>(words: &[S]) -> Command {
    entering(&["enter", "--root", "--"], words)
}

fn entering<S: AsRef<OsStr>>(how: &[&str], words: &[S]) -> Command {
    let mut command = Command::new(MACHINE);
    command.args(how).args(words);
    command
}

/// What a command that has ended printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    words: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn new(command: &Command, output: Output) -> Self {
        Self {
            words: format!("{command:?}"),
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

    /// Fails the test unless the command ended with this code.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{self:#?}");
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
}

/// Runs a command as the machine's user, with nothing on standard input.
#[track_caller]
pub(crate) fn run<S: AsRef<OsStr>>(words: &[S]) -> Ran {
    finish(command(words))
}

/// Runs a command as the machine's root.
#[track_caller]
pub(crate) fn root<S: AsRef<OsStr>>(words: &[S]) -> Ran {
    finish(as_root(words))
}

/// Runs `mcpod` as the machine's user.
#[track_caller]
pub(crate) fn mcpod(words: &[&str]) -> Ran {
    run(&[&["mcpod"], words].concat())
}

#[track_caller]
fn finish(mut command: Command) -> Ran {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the machine's script can be run");
    Ran::new(&command, output)
}

/// Runs a command with this on its standard input.
#[track_caller]
pub(crate) fn run_with_input(words: &[&str], input: &[u8]) -> Ran {
    let mut command = command(words);
    let mut child = command
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
    Ran::new(&command, output)
}

/// Starts a command and leaves it running, with pipes to it.
#[track_caller]
pub(crate) fn spawn(words: &[&str]) -> Child {
    command(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the machine's script can be run")
}

/// Waits until something is so; fails the test with what was last seen.
#[track_caller]
pub(crate) fn wait_until<T: std::fmt::Debug>(
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

/// Writes a file in the machine as its user; the folder must be there.
#[track_caller]
pub(crate) fn write_file(path: &str, bytes: &[u8]) {
    run_with_input(&["tee", "--", path], bytes).ok();
}

/// What of a running or once active server is still there, in words.
pub(crate) fn leftovers() -> Vec<String> {
    let mut left = Vec::new();
    let mut look = |what: &str, words: &[&str]| {
        let ran = run(words);
        left.extend(
            ran.stdout
                .lines()
                .filter(|line| !line.trim().is_empty())
                .map(|line| format!("{what}: {line}")),
        );
    };
    look(
        "container",
        &[
            "podman",
            "--transient-store",
            "ps",
            "--all",
            "--format",
            "{{.ID}} {{.Image}} {{.Command}}",
        ],
    );
    look(
        "container in the store",
        &["podman", "ps", "--all", "--format", "{{.ID}} {{.Image}}"],
    );
    look(
        "instance",
        &[
            "systemctl",
            "--user",
            "list-units",
            "--all",
            "--plain",
            "--no-legend",
            "mcpod-*@*.service",
        ],
    );
    look(
        "container process",
        &["pgrep", "--uid", "tester", "--list-full", "conmon"],
    );
    left
}

/// Waits until no instance of any server, no container and no process of one is left.
#[track_caller]
pub(crate) fn no_orphans() {
    wait_until("no orphan is left", NO_ORPHANS_WITHIN, || {
        let left = leftovers();
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}

/// Fails the test if anything of mcpod's is left in the unit directories or in the user manager.
#[track_caller]
pub(crate) fn nothing_half_done() {
    no_orphans();
    let files = run(&[
        "find",
        "/home/tester/.config/systemd",
        "/home/tester/.config/containers/systemd",
        "-name",
        "*mcpod*",
    ]);
    assert_eq!(files.stdout, "", "files are left");
    let units = run(&[
        "systemctl",
        "--user",
        "list-units",
        "--all",
        "--plain",
        "--no-legend",
        "mcpod-*.socket",
    ]);
    assert_eq!(units.stdout, "", "units are left");
    let sockets = run(&["find", "/run/user/1000/mcpod", "-name", "*.sock"]);
    assert_eq!(sockets.stdout, "", "sockets are left");
}

/// A server that is active for the length of a test.
#[must_use]
pub(crate) struct Server(pub(crate) &'static str);

impl Server {
    /// Adds a server under a name.
    #[track_caller]
    pub(crate) fn add(reference: &str, name: &'static str) -> Self {
        mcpod(&["add", reference, "--name", name]).ok();
        Self(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let removed = mcpod(&["remove", self.0]);
        // A test that failed already says why; a second panic would hide it.
        if !std::thread::panicking() {
            removed.ok();
        }
    }
}
