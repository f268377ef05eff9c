//! What a server wrote to its standard error.

use std::process::Stdio;

use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::status::Listed;
use super::{Active, Error, Orchestrator};
use crate::systemd::journal;
use crate::text;

/// The longest line of journalctl's that is read, in bytes: journald cuts lines at 48 KiB (journald.conf(5), `LineMax=`).
const LINE_MAX: usize = 1 << 20;

/// A line of a server's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, in microseconds since 1970.
    pub time: u64,
    /// What no other line is called.
    pub cursor: String,
    /// The line; hostile text.
    pub text: String,
}

impl LogLine {
    /// When it was written, to the second (RFC 3339).
    pub fn at(&self) -> String {
        let time = i64::try_from(self.time).ok();
        let time = time.and_then(|time| Timestamp::from_microsecond(time).ok());
        time.map(|time| format!("{time:.0}")).unwrap_or_default()
    }
}

impl From<journal::Entry> for LogLine {
    fn from(entry: journal::Entry) -> Self {
        let journal::Entry { time, cursor, text } = entry;
        Self { time, cursor, text }
    }
}

/// The line before which others are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// When it was written, in microseconds since 1970.
    pub time: u64,
    /// What no other line is called.
    pub cursor: String,
}

/// The lines that a server writes. Dropping it ends it.
#[derive(Debug)]
pub struct Follower {
    /// Killed when it is dropped.
    _journalctl: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Follower {
    /// The next line; nothing when there are no more.
    pub async fn next(&mut self) -> Option<LogLine> {
        loop {
            let line = self.lines.next_line().await.ok()??;
            let entry = (line.len() <= LINE_MAX).then(|| journal::entry(&line));
            if let Some(entry) = entry.flatten() {
                return Some(entry.into());
            }
        }
    }
}

impl Orchestrator {
    /// The last lines of a server's log, or the last of those before one of them, the first of them first.
    pub async fn log_lines(
        &self,
        typed: &str,
        lines: u32,
        before: Option<&Before>,
    ) -> Result<Vec<LogLine>, Error> {
        let active = self.readable_log(typed)?;
        // One more, since the line itself is among those up to its time.
        let wanted = lines.saturating_add(u32::from(before.is_some()));
        let until = before.map(|before| before.time);
        let output = journal::export(&active.name, active.record.added, wanted, until)
            .output()
            .await;
        let output = output.map_err(Error::Journal)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut all: Vec<LogLine> = text
            .lines()
            .filter_map(|line| Some(journal::entry(line)?.into()))
            .collect();
        if let Some(before) = before
            && let Some(at) = all.iter().position(|line| line.cursor == before.cursor)
        {
            all.truncate(at);
        }
        Ok(all)
    }

    /// The lines that a server writes from now on, or behind the one of this cursor.
    pub fn follow_log(&self, typed: &str, after: Option<&str>) -> Result<Follower, Error> {
        let mut journalctl = journal::follow(&self.readable_log(typed)?.name, after)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::Journal)?;
        let stdout = journalctl.stdout.take();
        let stdout = stdout.ok_or_else(|| Error::Journal(std::io::ErrorKind::BrokenPipe.into()))?;
        Ok(Follower {
            lines: BufReader::new(stdout).lines(),
            _journalctl: journalctl,
        })
    }

    /// A server whose log this user can read.
    fn readable_log(&self, typed: &str) -> Result<Active, Error> {
        let active = self.find(typed)?;
        if !self.host.journal_readable() {
            return Err(Error::JournalUnreadable);
        }
        Ok(active)
    }

    /// The command that shows the logs of a server: the last `lines`, or all; with `follow`, also what comes.
    pub fn logs(&self, typed: &str, lines: Option<u32>, follow: bool) -> Result<Command, Error> {
        let Active { name, record, .. } = self.readable_log(typed)?;
        Ok(journal::show(&name, record.added, lines, follow))
    }

    /// The last lines of a server's log, as far as they can be read.
    pub async fn log_end(&self, server: &Listed, lines: u32) -> String {
        let Listed { name, added_at, .. } = server;
        let mut command = journal::show(name, *added_at, Some(lines), false);
        let output = command.output().await;
        let text = output
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        text::for_terminal(&text)
    }
}
