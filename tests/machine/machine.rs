//! A handle on the test machine: commands run in it, what is changed for a test and put back, what must not be left.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The script that makes, boots and enters the machine.
const MACHINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/machine/machine");

/// The longest a client that is gone may leave an instance behind.
pub(crate) const NO_ORPHANS_WITHIN: Duration = Duration::from_secs(15);

/// How long anything may take that is bound to come; only a failing test waits so long.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// How much of either end of a long output a failing test shows, in characters.
const SHOWN: usize = 2000;

/// How often the machine is asked again while waiting for something.
const POLL: Duration = Duration::from_millis(100);

/// A command of the machine's script itself.
#[track_caller]
pub(crate) fn machine<S: AsRef<OsStr>>(words: &[S]) -> Ran {
    let mut command = Command::new(MACHINE);
    command.args(words);
    finish(command)
}

/// A command in the machine as its user.
#[must_use]
pub(crate) fn command<S: AsRef<OsStr>>(words: &[S]) -> Command {
    entering(&["enter", "--"], words)
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
    finish(command(words))
}

/// Runs a command as the machine's root.
#[track_caller]
pub(crate) fn root<S: AsRef<OsStr>>(words: &[S]) -> Ran {
    finish(entering(&["enter", "--root", "--"], words))
}

/// Runs a command as another user of the machine.
#[track_caller]
pub(crate) fn run_as<S: AsRef<OsStr>>(user: &str, words: &[S]) -> Ran {
    finish(entering(&["enter", "--user", user, "--"], words))
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
fn finish(mut command: Command) -> Ran {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the machine's script can be run");
    Ran::new(&command, &output)
}

/// Runs a command with this on its standard input.
#[track_caller]
pub(crate) fn run_with_input(words: &[&str], input: &[u8]) -> Ran {
    feed(command(words), input)
}

/// Runs a command as the machine's root with this on its standard input.
#[track_caller]
pub(crate) fn root_with_input(words: &[&str], input: &[u8]) -> Ran {
    feed(entering(&["enter", "--root", "--"], words), input)
}

#[track_caller]
fn feed(mut command: Command, input: &[u8]) -> Ran {
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
    Ran::new(&command, &output)
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

/// Prints, a line each, what of a running or once active server is still there. Containers of rootless users run with
/// subordinate ids, which begin at 100000.
const FIND_SESSIONS: &str = r#"
podman --transient-store ps --all --format "container {{.ID}} {{.Image}}"
podman ps --all --format "container in the store {{.ID}} {{.Image}}"
systemctl --user list-units --all --plain --no-legend "mcpod-*@*.service" | sed "s/^/instance /"
ps -eo uid=,pid=,args= | while read -r uid pid args; do
    case $args in */conmon\ *) echo "process $pid $args" ;; *) [ "$uid" -lt 100000 ] || echo "process $pid $args" ;; esac
done
"#;

/// Prints, a line each, what of mcpod is in the unit directories, in the user manager and in the runtime directory.
const FIND_UNITS: &str = r#"
find ~/.config/systemd ~/.config/containers/systemd -name "*mcpod*" 2>/dev/null
systemctl --user list-units --all --plain --no-legend "mcpod-*.socket"
find "$XDG_RUNTIME_DIR/mcpod" -name "*.sock" 2>/dev/null
[ ! -d ~/.config/systemd/user ] || flock --nonblock ~/.config/systemd/user true || echo "the lock of the unit directory is held"
"#;

/// Stops and removes all that the two scripts above look for, whoever left it.
const SCRUB: &str = r#"
systemctl --user stop "mcpod-*.socket" "mcpod-*@*.service" mcpod-guard.service
systemctl --user kill --signal=KILL "mcpod-*@*.service"
podman --transient-store rm --all --force --time=0 || podman --transient-store rm --all --force --time=0
podman rm --all --force --time=0
find ~/.config/systemd ~/.config/containers/systemd -name "*mcpod*" -exec rm -rf {} +
find "$XDG_RUNTIME_DIR/mcpod" -name "*.sock" -delete
systemctl --user daemon-reload
systemctl --user reset-failed "mcpod-*"
"#;

/// What of a running or once active server is still there, in words.
pub(crate) fn leftovers() -> Vec<String> {
    lines(&sh(FIND_SESSIONS, &[]))
}

/// What of an active server is there that does not run.
fn units() -> Vec<String> {
    lines(&sh(FIND_UNITS, &[]))
}

fn lines(ran: &Ran) -> Vec<String> {
    ran.stdout.lines().map(str::to_owned).collect()
}

/// Waits until no instance of any server, no container and no process of one is left.
#[track_caller]
pub(crate) fn no_orphans() {
    wait_until("no orphan is left", NO_ORPHANS_WITHIN, || {
        let left = leftovers();
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}

/// Fails the test if anything of mcpod's is left running, in the unit directories or in the user manager.
#[track_caller]
pub(crate) fn nothing_half_done() {
    let found = units();
    assert!(found.is_empty(), "left half done: {found:#?}");
    no_orphans();
}

/// The machine as a test finds it and leaves it: without any server. Begin a test with `let _machine = Idle::now();`.
///
/// When the test ends it fails if anything is left. When it has failed, what is left is removed, so that the tests after
/// it begin as they should.
#[must_use]
pub(crate) struct Idle;

impl Idle {
    #[track_caller]
    pub(crate) fn now() -> Self {
        // A machine that somebody tried things in, or whose tests were ended from without.
        if !units().is_empty() || !leftovers().is_empty() {
            sh(SCRUB, &[]);
        }
        nothing_half_done();
        Self
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        if std::thread::panicking() {
            sh(SCRUB, &[]);
            return;
        }
        let left = std::panic::catch_unwind(nothing_half_done);
        if let Err(why) = left {
            sh(SCRUB, &[]);
            std::panic::resume_unwind(why);
        }
    }
}

/// Does something when it is dropped: puts back what a test changed, also when the test failed.
#[must_use]
pub(crate) struct Afterwards<F: FnMut()>(F);

impl<F: FnMut()> Drop for Afterwards<F> {
    fn drop(&mut self) {
        self.0();
    }
}

/// Puts something back when the test ends.
pub(crate) fn afterwards<F: FnMut()>(undo: F) -> Afterwards<F> {
    Afterwards(undo)
}

/// Runs something as root that must succeed, and its opposite when the test ends.
#[track_caller]
pub(crate) fn root_until_the_end(change: &[&str], undo: &[&str]) -> impl Drop + use<> {
    let undo: Vec<String> = undo.iter().map(|&word| word.to_owned()).collect();
    root(change).ok();
    afterwards(move || {
        let undone = root(&undo);
        // A test that failed already says why; a second panic would hide it.
        if !std::thread::panicking() {
            undone.ok();
        }
    })
}

/// Moves files of the machine aside until the test ends.
#[track_caller]
pub(crate) fn moved_aside(files: &[&str]) -> impl Drop + use<> {
    let mv = |script| [&["sh", "-euc", script, "sh"], files].concat();
    root_until_the_end(
        &mv(r#"for file; do mv -T "$file" "$file.aside"; done"#),
        &mv(r#"for file; do mv -T "$file.aside" "$file"; done"#),
    )
}

/// Writes the user's settings, which are removed when the test ends.
#[track_caller]
pub(crate) fn settings(toml: &str) -> impl Drop + use<> {
    sh(
        r#"mkdir -p ~/.config/mcpod && printf %s "$1" >~/.config/mcpod/config.toml"#,
        &[toml],
    )
    .ok();
    afterwards(|| drop(sh("rm -r ~/.config/mcpod", &[])))
}

/// The server image that misbehaves as it is told.
pub(crate) const MISBEHAVE: &str = "docker://mcpod-test/misbehave";

/// A server that is active for the length of a test.
#[must_use]
pub(crate) struct Server(pub(crate) &'static str);

impl Server {
    /// Adds a server under a name.
    #[track_caller]
    pub(crate) fn add(reference: &str, name: &'static str) -> Self {
        Self::add_with(reference, name, &[])
    }

    /// Adds a server under a name, with these options.
    #[track_caller]
    pub(crate) fn add_with(reference: &str, name: &'static str, options: &[&str]) -> Self {
        mcpod(&[&["add", reference, "--name", name], options].concat()).ok();
        Self(name)
    }

    /// Adds a server that misbehaves as the mode says, which is its name too.
    #[track_caller]
    pub(crate) fn misbehaving(mode: &'static str) -> Self {
        Self::add_with(MISBEHAVE, mode, &["--env", &format!("MODE={mode}")])
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> String {
        format!("/run/user/1000/mcpod/{}.sock", self.0)
    }

    /// Its instances that are up or on their way up.
    #[track_caller]
    pub(crate) fn instances(&self) -> Vec<String> {
        let pattern = format!("mcpod-{}@*.service", self.0);
        let ran = run(&[
            "systemctl",
            "--user",
            "list-units",
            "--state=active,activating",
            "--plain",
            "--no-legend",
            &pattern,
        ])
        .ok();
        ran.stdout
            .lines()
            .filter_map(|line| line.split(' ').next())
            .map(str::to_owned)
            .collect()
    }

    /// Calls one of its tools with one JSON object.
    #[track_caller]
    pub(crate) fn call(&self, tool: &str, arguments: &str) -> Ran {
        mcpod(&["call", self.0, tool, arguments, "--json"])
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
