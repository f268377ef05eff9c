//! Refusals: what a server wanted to reach and may not, told to its log and kept for `status`, both bounded.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::host::RuntimeDir;
use crate::quadlet::name::{ServerName, UnitName};
use crate::systemd::journal::{self, Journal};

/// The same is told again after this time at the earliest.
const AGAIN: Duration = Duration::from_mins(1);

/// How many different ones are told within [`AGAIN`]; of more than that only their number.
const TOLD_MAX: usize = 30;

/// How many of the last ones are kept.
const KEPT: usize = 8;

/// What was refused to one instance so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// How many names and packets. (The kernel counts ten packets a second, and passes over more.)
    pub count: u64,
    /// The last of them, in words, each once; the last one last.
    pub last: VecDeque<String>,
}

/// Where a server's log is written.
#[derive(Debug)]
enum Log {
    /// The file that an instance writes its standard error to.
    File(PathBuf),
    /// The journal, where the container writes by itself that all sessions share.
    Journal(Journal, ServerName, UnitName),
}

/// Tells what is refused to a server.
#[derive(Debug)]
pub struct Refusals {
    log: Option<Log>,
    kept: Option<PathBuf>,
    refused: Refused,
    told: HashMap<String, Instant>,
    /// What was kept is not what there is.
    is_stale: bool,
}

impl Refusals {
    /// For the container of this unit: an instance, whose files lie in the runtime directory, or one that all sessions share.
    pub fn of(runtime: &RuntimeDir, unit: Option<&UnitName>, journald: impl Into<PathBuf>) -> Self {
        Self {
            log: unit.and_then(|unit| log_of(runtime, unit, journald.into())),
            kept: unit.and_then(|unit| kept_of(runtime, unit)),
            refused: Refused::default(),
            told: HashMap::new(),
            is_stale: false,
        }
    }

    /// Tells of one thing that was refused: what, and why.
    pub fn tell(&mut self, what: &str, why: &str) {
        self.refused.count += 1;
        self.refused.last.retain(|earlier| earlier != what);
        self.refused.last.push_back(what.to_owned());
        if self.refused.last.len() > KEPT {
            self.refused.last.pop_front();
        }
        self.is_stale = true;
        let now = Instant::now();
        self.told.retain(|_, at| now.duration_since(*at) < AGAIN);
        if self.told.contains_key(what) || self.told.len() > TOLD_MAX {
            return;
        }
        let is_last = self.told.len() == TOLD_MAX;
        self.told.insert(what.to_owned(), now);
        if is_last {
            self.say("more was refused than is told here; mcpod status counts it");
        } else {
            self.say(&format!("refused {what}: {why}"));
        }
    }

    /// Writes a line to the server's log. One that cannot be written to is nobody's fault here.
    pub fn say(&self, line: &str) {
        let Some(log) = &self.log else { return };
        let line = format!("mcpod egress: {line}");
        let said = match log {
            Log::File(path) => append(path, &line),
            Log::Journal(journal, server, unit) => journal.send(server, unit, line.as_bytes()),
        };
        if let Err(error) = said {
            tracing::warn!("{line:?} is not in the log: {error}");
        }
    }

    /// Keeps what there is for `status`, if it has changed since.
    pub fn keep(&mut self) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        if let Some(kept) = &self.kept
            && let Err(error) = write(kept, &self.refused)
        {
            tracing::warn!("{}: {error}", kept.display());
        }
    }

    /// Takes away what was kept: the container is gone.
    pub fn forget(&mut self) {
        if let Some(kept) = self.kept.take() {
            // Where it stays, the guard takes it away, or the unit as it stops.
            std::fs::remove_file(kept).ok();
        }
    }
}

/// What was refused to the container of a unit so far.
pub fn of(runtime: &RuntimeDir, unit: &UnitName) -> Refused {
    kept_of(runtime, unit)
        .and_then(|kept| std::fs::read(kept).ok())
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

/// What a unit is called for: `NAME@INSTANCE`, or `NAME` where all sessions share its container.
fn stem(unit: &UnitName) -> Option<&str> {
    let name = unit.as_str().strip_prefix("mcpod-")?;
    name.strip_suffix(".service")
}

fn log_of(runtime: &RuntimeDir, unit: &UnitName, journald: PathBuf) -> Option<Log> {
    let stem = stem(unit)?;
    if stem.contains('@') {
        let log = format!("{stem}{}", journal::LOG);
        return Some(Log::File(runtime.mcpod().join(log)));
    }
    let journal = Journal::at(journald).inspect_err(|error| tracing::warn!("no log: {error}"));
    Some(Log::Journal(
        journal.ok()?,
        stem.parse().ok()?,
        unit.clone(),
    ))
}

fn kept_of(runtime: &RuntimeDir, unit: &UnitName) -> Option<PathBuf> {
    let stem = stem(unit)?;
    // The unit of a shared container takes its files away by its own name; the guard knows those of instances.
    let shared = if stem.contains('@') { "" } else { "mcpod-" };
    let kept = format!("{shared}{stem}{}", journal::REFUSED);
    Some(runtime.mcpod().join(kept))
}

fn append(log: &Path, line: &str) -> io::Result<()> {
    // Only the one that systemd made: the instance may be over.
    let mut log = File::options().append(true).open(log)?;
    log.write_all(format!("{line}\n").as_bytes())
}

/// In one step after its length: whoever reads between them sees nothing, and looks again. A file beside it could be left over.
fn write(kept: &Path, refused: &Refused) -> io::Result<()> {
    std::fs::write(kept, serde_json::to_vec(refused)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_and_many_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = RuntimeDir::at(folder.path());
        std::fs::create_dir(runtime.mcpod()).unwrap();
        let unit = UnitName::from_systemd("mcpod-time@3-12-1000.service");
        let log = runtime.mcpod().join("time@3-12-1000.log");
        let mut refusals = Refusals::of(&runtime, Some(&unit), "/nowhere");
        refusals.tell("lost.example", "nobody made the log");
        assert!(!log.exists());
        File::create(&log).unwrap();
        for _ in 0..100 {
            refusals.tell("evil.example", "it is not listed");
        }
        assert_eq!(of(&runtime, &unit), Refused::default());
        refusals.keep();
        let kept = of(&runtime, &unit);
        assert_eq!(
            (kept.count, kept.last),
            (
                101,
                ["lost.example", "evil.example"].map(str::to_owned).into()
            )
        );
        for number in 0..200 {
            refusals.tell(&format!("{number}.example"), "it is not listed");
        }
        refusals.keep();
        assert_eq!(of(&runtime, &unit).last.len(), KEPT);
        let written = std::fs::read_to_string(&log).unwrap();
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(
            lines[0],
            "mcpod egress: refused evil.example: it is not listed"
        );
        assert_eq!(lines.len(), TOLD_MAX, "{written}");
        assert!(lines[TOLD_MAX - 1].contains("more was refused"));
        refusals.forget();
        assert_eq!(of(&runtime, &unit), Refused::default());
        assert_eq!(std::fs::read_dir(runtime.mcpod()).unwrap().count(), 1);
    }

    #[test]
    fn of_a_container_that_sessions_share_it_is_told_to_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = RuntimeDir::at(folder.path());
        std::fs::create_dir(runtime.mcpod()).unwrap();
        let journald = folder.path().join("journald");
        let listening = std::os::unix::net::UnixDatagram::bind(&journald).unwrap();
        let unit = UnitName::from_systemd("mcpod-web.service");
        let mut refusals = Refusals::of(&runtime, Some(&unit), journald);
        refusals.tell("evil.example", "it is not listed");
        refusals.keep();
        let mut datagram = [0; 1024];
        let length = listening.recv(&mut datagram).unwrap();
        let said = String::from_utf8_lossy(&datagram[..length]);
        for part in [
            "MCPOD_SERVER=web\n",
            "USER_UNIT=mcpod-web.service\n",
            "mcpod egress: refused evil.example: it is not listed\n",
        ] {
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(of(&runtime, &unit).count, 1);
        assert!(runtime.mcpod().join("mcpod-web.refused").exists());
    }
}
