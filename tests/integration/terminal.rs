//! The program on a terminal of its own, and what is to be seen there.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use avt::Vt;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::bare::Bare;

const COLUMNS: u16 = 100;
const ROWS: u16 = 40;

/// How long the program may take to show something.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program on a terminal of its own.
pub(crate) struct Terminal {
    child: Child,
    master: File,
    screen: Vt,
    /// All that was written to the terminal.
    pub(crate) written: String,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Terminal {
    pub(crate) fn open(host: &Bare, words: &[&str]) -> Self {
        Self::open_with(host, words, &[], COLUMNS)
    }

    /// The same with more in its environment, on a terminal of another width.
    pub(crate) fn open_with(
        host: &Bare,
        words: &[&str],
        environment: &[(&str, &str)],
        columns: u16,
    ) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: ROWS,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options()
            .read(true)
            .write(true)
            .open(path.to_str().unwrap())
            .unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        // Makes the terminal the one that the program's keys come from.
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_mcpod")])
            .args(words);
        host.confine(&mut command);
        command
            .env("TERM", "xterm-256color")
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(environment.iter().copied());
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        Self {
            child,
            master: File::from(master),
            screen: Vt::new(columns.into(), ROWS.into()),
            written: String::new(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let lines: Vec<String> = self
            .screen
            .view()
            .map(|line| line.text().trim_end().to_owned())
            .collect();
        lines.join("\n")
    }

    /// Reads until the screen is as it should be.
    #[track_caller]
    pub(crate) fn shows(&mut self, what: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let text = self.text();
            if what(&text) {
                return text;
            }
            let is_open = start.elapsed() < PATIENCE && self.read();
            assert!(
                is_open,
                "this is not what should be there:\n{}",
                self.text()
            );
        }
    }

    /// Reads until nobody has the terminal open any more, and says how the program ended.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE && self.read() {}
        self.child.wait().unwrap().code()
    }

    /// Reads something; false at the end.
    fn read(&mut self) -> bool {
        let second = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        let mut ready = [PollFd::new(&self.master, PollFlags::IN)];
        if poll(&mut ready, Some(&second)).unwrap() == 0 {
            return true;
        }
        let mut bytes = [0; 4096];
        // Linux says that nobody has the terminal open any more with an error.
        match self.master.read(&mut bytes) {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
                self.screen.feed_str(&text);
                self.written.push_str(&text);
                true
            }
        }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }
}
