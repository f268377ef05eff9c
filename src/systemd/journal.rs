//! The journal: what instances wrote to their standard error, put in and got out.
//!
//! What goes in is a datagram for journald (its native protocol, <https://systemd.io/JOURNAL_NATIVE_PROTOCOL>), with the fields by which
//! `journalctl --user -u UNIT` finds the lines of a unit. What comes out is shown by journalctl(1): the journal's files are not ours to
//! read. The last words of an instance that has just died are read from its log file instead, which does not depend on a journal that
//! this user can read.

use std::cmp::Reverse;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::process::Command;

use super::instance::Instance;
use crate::host::RuntimeDir;
use crate::quadlet::name::{ServerName, UnitName};
use crate::text;

/// Where journald takes datagrams.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// How long journald may take to take a line.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much of the end of a log file is read for an instance's last words, in bytes, and how many lines of it are shown.
const LAST_BYTES: u64 = 8 << 10;
const LAST_LINES: usize = 20;

/// What systemd's own message bears that tells of a unit that failed (sd-messages.h, SD_MESSAGE_UNIT_FAILURE_RESULT).
const UNIT_FAILED: &str = "d9b373ed55a64feb8242e02dbe79a49c";

/// The field by which the lines of a server are found.
const SERVER_FIELD: &str = "MCPOD_SERVER";

/// What the name of the file in mcpod's runtime directory ends in that an instance writes to.
pub const LOG: &str = ".log";

/// What it ends in when all of it was passed on.
const LAST: &str = ".last";

/// What the name of the file ends in that says what was refused to an instance.
pub const REFUSED: &str = ".refused";

/// The file in mcpod's runtime directory that instances of a server write their standard error to: what stands before and behind
/// the name of the instance.
pub fn log_file_around(server: &ServerName) -> (String, &'static str) {
    (format!("{server}@"), LOG)
}

/// The instance that a file in mcpod's runtime directory is the log of, and whether it is over and all was passed on.
pub fn instance_of_log(file: &str) -> Option<(Instance, bool)> {
    let log = instance_of(file, LOG).map(|instance| (instance, false));
    log.or_else(|| Some((instance_of(file, LAST)?, true)))
}

/// The instance of which a file in mcpod's runtime directory says what was refused to it.
pub fn instance_of_refused(file: &str) -> Option<Instance> {
    instance_of(file, REFUSED)
}

fn instance_of(file: &str, behind: &str) -> Option<Instance> {
    let stem = file.strip_suffix(behind)?;
    Instance::parse(&UnitName::from_systemd(format!("mcpod-{stem}.service")))
}

/// A way into the journal. There is no connection that could break: every line is sent on its own.
#[derive(Debug)]
pub struct Journal {
    socket: UnixDatagram,
    journald: PathBuf,
}

impl Journal {
    /// Takes the socket on which journald listens, usually [`SOCKET`]. It need not be there yet.
    pub fn at(journald: impl Into<PathBuf>) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // A journald that is stuck must not stop whoever writes.
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            socket,
            journald: journald.into(),
        })
    }

    /// Puts a line in, in the name of a unit of a server. Text of any kind is taken; an empty line is left out.
    pub fn send(&self, server: &ServerName, unit: &UnitName, line: &[u8]) -> io::Result<()> {
        if line.is_empty() {
            return Ok(());
        }
        self.socket
            .send_to(&datagram(server, unit, line), &self.journald)?;
        Ok(())
    }
}

/// The fields of a line. Its text is written with its length, so that nothing in it can be taken for another field.
fn datagram(server: &ServerName, unit: &UnitName, line: &[u8]) -> Vec<u8> {
    // 6 is LOG_INFO (syslog(3)).
    let fields = format!(
        "PRIORITY=6\nSYSLOG_IDENTIFIER={server}\n{SERVER_FIELD}={server}\nUSER_UNIT={unit}\nMESSAGE\n"
    );
    let mut datagram = fields.into_bytes();
    datagram.extend((line.len() as u64).to_le_bytes());
    datagram.extend(line);
    datagram.push(b'\n');
    datagram
}

/// The journalctl(1) that shows what all instances of a server wrote since then: another server may have had its name before.
pub fn show(server: &ServerName, since: Timestamp, lines: Option<u32>, follow: bool) -> Command {
    let mut command = lines_of(server, lines, follow);
    command.arg(format!("--since={}", at(since.as_microsecond())));
    command
}

/// A time as journalctl(1) takes it, of microseconds since 1970.
fn at(microseconds: impl Into<i128>) -> String {
    let microseconds = microseconds.into();
    format!(
        "@{}.{:06}",
        microseconds / 1_000_000,
        microseconds % 1_000_000
    )
}

fn lines_of(server: &ServerName, lines: Option<u32>, follow: bool) -> Command {
    let mut command = Command::new("journalctl");
    command.args(["--user", "--quiet", "--no-pager", "--no-hostname"]);
    if let Some(lines) = lines {
        command.arg(format!("--lines={lines}"));
    }
    if follow {
        command.arg("--follow");
    }
    command.arg(format!("{SERVER_FIELD}={server}"));
    // A container that all connections share writes to the journal itself.
    command.args([
        "+".to_owned(),
        format!("_SYSTEMD_USER_UNIT={}", server.server_unit()),
    ]);
    command
}

/// The journalctl(1) that writes those lines as JSON (`-o json`), for [`entry`]: `lines` of them, the last that were written up
/// to `until`, in microseconds since 1970.
pub fn export(server: &ServerName, since: Timestamp, lines: u32, until: Option<u64>) -> Command {
    let mut command = show(server, since, Some(lines), false);
    command.args(JSON);
    if let Some(until) = until {
        command.arg(format!("--until={}", at(until)));
    }
    command
}

/// The journalctl(1) that writes the lines that come as JSON: from now on, or from the one behind this cursor on.
pub fn follow(server: &ServerName, after: Option<&str>) -> Command {
    // A cursor goes with no other beginning.
    let mut command = lines_of(server, after.is_none().then_some(0), true);
    command.args(JSON);
    if let Some(cursor) = after {
        command.arg("--no-tail");
        command.arg(format!("--after-cursor={cursor}"));
    }
    command
}

/// How lines are written for [`entry`].
const JSON: [&str; 2] = ["--output=json", "--output-fields=MESSAGE"];

/// A line of a server's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When journald got it, in microseconds since 1970.
    pub time: u64,
    /// What nothing else in the journal is called.
    pub cursor: String,
    /// The line itself; hostile text.
    pub text: String,
}

/// Reads what [`export`] writes for a line. A text that is not Unicode is written as its bytes.
pub fn entry(json: &str) -> Option<Entry> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).ok()?;
    let word = |name: &str| fields.get(name)?.as_str();
    let text = match fields.get("MESSAGE")? {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(bytes) => {
            let bytes = bytes
                .iter()
                .filter_map(|byte| u8::try_from(byte.as_u64()?).ok());
            String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
        }
        _ => return None,
    };
    Some(Entry {
        time: word("__REALTIME_TIMESTAMP")?.parse().ok()?,
        cursor: word("__CURSOR")?.to_owned(),
        text,
    })
}

/// The journalctl(1) that prints, a line of JSON each, the newest first, the last failures of a server's instances, or of all units:
/// a pattern for those of all servers would stand for as many units as there ever were sessions, each to be looked for.
pub fn last_failures(server: Option<&ServerName>, lines: u32) -> Command {
    let mut command = Command::new("journalctl");
    command.args([
        "--user",
        "--quiet",
        "--no-pager",
        "--reverse",
        "--output=json",
        "--output-fields=USER_UNIT,UNIT_RESULT",
    ]);
    command.arg(format!("--lines={lines}"));
    if let Some(server) = server {
        command.arg(format!("--user-unit={}", server.instance_pattern()));
    }
    command.arg(format!("MESSAGE_ID={UNIT_FAILED}"));
    command
}

/// A failure of an instance, as [`last_failures`] prints it.
#[derive(Debug, Deserialize)]
pub struct Failure {
    /// The unit.
    #[serde(rename = "USER_UNIT")]
    pub unit: String,
    /// How it ended, in systemd's word.
    #[serde(rename = "UNIT_RESULT")]
    pub result: String,
    /// When, in microseconds since 1970, as digits.
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    pub time: String,
}

/// The end of what an instance wrote, as long as its log file is there; fit to be shown.
pub fn last_words(runtime: &RuntimeDir, instance: &Instance) -> String {
    let (before, _) = log_file_around(&instance.server);
    let unit = instance.unit.as_str();
    let which = unit
        .split_once('@')
        .and_then(|(_, which)| which.strip_suffix(".service"))
        .unwrap_or_default();
    [LOG, LAST]
        .iter()
        .map(|behind| runtime.mcpod().join(format!("{before}{which}{behind}")))
        .find_map(|path| end_of(&path).ok())
        .unwrap_or_default()
}

/// The instances of a server that have log files, those that wrote last first.
pub fn logged(runtime: &RuntimeDir, server: &ServerName) -> Vec<Instance> {
    let mut logged: Vec<_> = logs(runtime, server)
        .filter_map(|(path, instance)| {
            Some((std::fs::metadata(path).ok()?.modified().ok()?, instance))
        })
        .collect();
    logged.sort_by_key(|(time, _)| Reverse(*time));
    logged.into_iter().map(|(_, instance)| instance).collect()
}

/// Removes the log files of a server.
pub fn forget(runtime: &RuntimeDir, server: &ServerName) {
    for (path, _) in logs(runtime, server) {
        // One that stays is removed by the guard in time.
        std::fs::remove_file(path).ok();
    }
}

fn logs(runtime: &RuntimeDir, server: &ServerName) -> impl Iterator<Item = (PathBuf, Instance)> {
    let entries = std::fs::read_dir(runtime.mcpod())
        .into_iter()
        .flatten()
        .flatten();
    entries.filter_map(move |entry| {
        let (instance, _) = instance_of_log(entry.file_name().to_str()?)?;
        (instance.server == *server).then(|| (entry.path(), instance))
    })
}

fn end_of(path: &Path) -> io::Result<String> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES)))?;
    let mut end = Vec::new();
    file.take(LAST_BYTES).read_to_end(&mut end)?;
    let end = String::from_utf8_lossy(&end);
    let lines: Vec<&str> = end.lines().collect();
    let from = lines.len().saturating_sub(LAST_LINES);
    Ok(text::for_terminal(
        &lines.get(from..).unwrap_or_default().join("\n"),
    ))
}

#[cfg(test)]
mod tests;
