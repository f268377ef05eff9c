//! A command that runs in the machine while the test goes on: a conversation with it, signals to it, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::machine::{Ran, SOON, command, run, wait_until};

/// A command that runs. It is killed when this is dropped.
pub(crate) struct Running {
    command: Command,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    /// The lines of standard output that were read already.
    seen: String,
}

/// Starts a command as the machine's user.
#[track_caller]
pub(crate) fn start(words: &[&str]) -> Running {
    let command = command(words);
    // Whoever starts tests in the background has them ignore SIGINT, and a shell cannot trap what it began with as ignored: the
    // machine's script would not hand it on.
    let mut child = Command::new("env")
        .arg("--default-signal")
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the machine's script can be run");
    let stdin = child.stdin.take();
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let mut stderr = child.stderr.take().expect("stderr is a pipe");
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            // The test may have seen enough.
            drop(sender.send(String::from_utf8_lossy(&line).into_owned()));
        }
    });
    let stderr = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(stderr.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    });
    Running {
        command,
        child,
        stdin,
        stdout: lines,
        stderr: Some(stderr),
        seen: String::new(),
    }
}

/// Shows all processes of the machine's user, with what they wait for and their signals.
const PROCESSES: [&str; 3] = ["ps", "-eo", "pid,ppid,stat,wchan:24,pending,caught,args"];

impl Running {
    /// Writes a line to its standard input.
    #[track_caller]
    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its input is open");
        writeln!(stdin, "{line}")
            .and_then(|()| stdin.flush())
            .expect("it reads its input");
    }

    /// The next line of its standard output.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let Ok(line) = self.stdout.recv_timeout(SOON) else {
            let stderr = self.killed_stderr();
            panic!(
                "no line within {SOON:?} from {:?}; before: {}; its stderr: {stderr}",
                self.command, self.seen
            );
        };
        self.seen.push_str(&line);
        self.seen.push('\n');
        line
    }

    /// Fails the test unless the next line of its standard output is this.
    #[track_caller]
    pub(crate) fn says(&mut self, expected: &str) {
        assert_eq!(self.line(), expected, "{:?}", self.command);
    }

    /// Sends it a signal. (The machine's script hands it on to the command, `KILL` included.)
    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }

    /// Ends the input of some and waits until all have ended.
    #[track_caller]
    pub(crate) fn finish_all<const N: usize>(mut running: [Self; N]) -> [Ran; N] {
        for each in &mut running {
            each.stdin = None;
        }
        running.map(Self::finish)
    }

    /// Ends its input and waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Ran {
        self.stdin = None;
        let mut status = None;
        let started = Instant::now();
        wait_until(&format!("{:?} ends", self.command), SOON, || {
            status = self.child.try_wait().expect("the child can be waited for");
            // What it waits for, and whether the signal that should end it has arrived.
            status.map(drop).ok_or_else(|| {
                let is_late = started.elapsed() > SOON;
                is_late.then(|| run(&PROCESSES))
            })
        });
        let stdout = std::mem::take(&mut self.seen)
            + &self
                .stdout
                .iter()
                .map(|line| line + "\n")
                .collect::<String>();
        let output = std::process::Output {
            status: status.expect("it has ended"),
            stdout: stdout.into_bytes(),
            stderr: self.killed_stderr().into_bytes(),
        };
        Ran::new(&self.command, &output)
    }

    /// Its standard error, once it has ended or was ended here.
    fn killed_stderr(&mut self) -> String {
        drop(self.child.kill());
        drop(self.child.wait());
        self.stderr
            .take()
            .and_then(|reader| reader.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
