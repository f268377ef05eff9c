//! The relay: what instances write to their standard error is put into the journal.
//!
//! It cannot go there by itself. A container with `UserNS=nomap` runs under a number that is not the user's, and journald
//! keeps what such a process writes apart, where the user cannot read it; on a host whose journal is kept in memory the user could not
//! read anything. So an instance writes to a file of its own in mcpod's runtime directory, from which the guard passes every line on
//! to the journal, in the name of the instance's unit. Whoever wants the last words of an instance that died reads the file.
//!
//! ```text
//! NAME@INSTANCE.log    the instance writes to it; much that was passed on is given back to the kernel, but for the end
//! NAME@INSTANCE.last   the instance is over, and all was passed on
//! NAME@INSTANCE.refused   what its resolver refused (see `egress`), which takes it away itself unless it was killed
//! ```

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{DirEntry, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate};

use crate::host::RuntimeDir;
use crate::quadlet::name::UnitName;
use crate::systemd::Instance;
use crate::systemd::journal::{self, Journal};

/// How much of one instance's output is passed on at once. What is more was written in less than a second, by a server that
/// would otherwise fill the journal: it is left out.
const AT_ONCE: u64 = 256 << 10;

/// How much of what was passed on stays in the file, for those who want to know why an instance died.
const KEPT: u64 = 16 << 10;

/// How much a file may hold before what was passed on is given back to the kernel. It lies in memory.
const HELD: u64 = 1 << 20;

/// The unit in which a file's blocks are counted (stat(2)).
const BLOCK: u64 = 512;

/// The longest line that is passed on whole; journald takes 48 KiB of a stream's line (`LineMax=`).
const LINE_MAX: usize = 48 << 10;

/// How long the last words of an instance are kept.
const LAST_WORDS: Duration = Duration::from_mins(1);

/// Passes on what the instances write.
#[derive(Debug)]
pub(super) struct Relay {
    runtime: RuntimeDir,
    journal: Journal,
    /// How far each file was read.
    read: HashMap<OsString, u64>,
}

impl Relay {
    pub(super) fn new(runtime: RuntimeDir, journal: Journal) -> Self {
        Self {
            runtime,
            journal,
            read: HashMap::new(),
        }
    }

    /// Passes on what was written since the last time. With the units that still run, the files of all others are finished.
    ///
    /// A file that fails is told of, and does not keep the others.
    pub(super) fn pass(&mut self, running: Option<&HashSet<UnitName>>) {
        let entries = match std::fs::read_dir(self.runtime.mcpod()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return tracing::warn!("cannot look for the logs of instances: {error}"),
        };
        for entry in entries.flatten() {
            if let Err(error) = self.pass_file(&entry, running) {
                tracing::warn!("{}: {error}", entry.path().display());
            }
        }
    }

    fn pass_file(
        &mut self,
        entry: &DirEntry,
        running: Option<&HashSet<UnitName>>,
    ) -> io::Result<()> {
        let name = entry.file_name();
        if let Some(instance) = name.to_str().and_then(journal::instance_of_refused) {
            if running.is_some_and(|running| !running.contains(&instance.unit)) {
                // Its resolver may just have done so.
                std::fs::remove_file(entry.path()).ok();
            }
            return Ok(());
        }
        let Some((instance, is_over)) = name.to_str().and_then(journal::instance_of_log) else {
            return Ok(());
        };
        if is_over {
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if age > LAST_WORDS {
                std::fs::remove_file(entry.path())?;
            }
            return Ok(());
        }
        let is_over = running.is_some_and(|running| !running.contains(&instance.unit));
        // It was given to the container's user, but the instance let everybody write who can reach it.
        let file = match File::options().read(true).write(true).open(entry.path()) {
            // It was killed before it could; what it said is lost, and nobody else takes the file away.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && is_over => {
                self.read.remove(&name);
                return std::fs::remove_file(entry.path());
            }
            opened => opened?,
        };
        let position = self.read.entry(name.clone()).or_default();
        pass_lines(&file, position, is_over, &instance, &self.journal)?;
        let passed = position.saturating_sub(KEPT);
        let known = file.metadata()?;
        if is_over {
            self.read.remove(&name);
            return finish(&entry.path(), &known);
        }
        if known.blocks() * BLOCK > HELD && passed > 0 {
            // It stays as long as it is: where nothing is kept, zeros are read.
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(&file, flags, 0, passed)?;
        }
        Ok(())
    }
}

/// Marks a file as passed on; one without a word is of no use to anybody, and one that holds much is not worth it.
fn finish(log: &Path, file: &Metadata) -> io::Result<()> {
    if file.len() == 0 || file.blocks() * BLOCK > HELD {
        return std::fs::remove_file(log);
    }
    std::fs::rename(log, log.with_extension("last"))
}

/// Passes on the lines behind a position, and moves it behind each. Of an instance that is over, the last line need not end.
fn pass_lines(
    file: &File,
    position: &mut u64,
    is_over: bool,
    instance: &Instance,
    journal: &Journal,
) -> io::Result<()> {
    let end = file.metadata()?.len();
    let from = (*position).max(end.saturating_sub(AT_ONCE));
    if from > *position {
        let left_out = from - *position;
        let note = format!("({left_out} bytes of output were too many at once, and are left out)");
        journal.send(&instance.server, &instance.unit, note.as_bytes())?;
        *position = from;
    }
    let mut text = vec![0; usize::try_from(end.saturating_sub(from)).unwrap_or_default()];
    file.read_exact_at(&mut text, from)?;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let is_whole = line.ends_with(b"\n") || line.len() >= LINE_MAX;
        if !is_whole && !is_over {
            break;
        }
        for piece in line.trim_ascii_end().chunks(LINE_MAX) {
            journal.send(&instance.server, &instance.unit, piece)?;
        }
        *position += line.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixDatagram;
    use std::path::PathBuf;
    use std::sync::mpsc;

    use super::*;

    const LOG: &str = "time@3-12-1000.log";

    /// A runtime directory and a journald of our own.
    struct Place {
        folder: tempfile::TempDir,
        journald: mpsc::Receiver<Vec<u8>>,
        relay: Relay,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let runtime = RuntimeDir::at(folder.path());
            std::fs::create_dir(runtime.mcpod()).unwrap();
            let path = folder.path().join("journald");
            let socket = UnixDatagram::bind(&path).unwrap();
            let (received, journald) = mpsc::channel();
            // Reads as it comes, since the kernel keeps little for a socket that nobody reads; ends with the test.
            std::thread::spawn(move || {
                let mut datagram = vec![0; 1 << 20];
                while let Ok(length) = socket.recv(&mut datagram) {
                    if received.send(datagram[..length].to_vec()).is_err() {
                        return;
                    }
                }
            });
            Self {
                relay: Relay::new(runtime, Journal::at(path).unwrap()),
                journald,
                folder,
            }
        }

        fn path(&self, file: &str) -> PathBuf {
            self.folder.path().join("mcpod").join(file)
        }

        fn write(&self, text: &[u8]) {
            let mut file = File::options()
                .create(true)
                .append(true)
                .open(self.path(LOG))
                .unwrap();
            file.write_all(text).unwrap();
        }

        /// The messages that were passed on since the last time.
        fn passed(&self) -> Vec<String> {
            let end = UnixDatagram::unbound().unwrap();
            end.send_to(b"", self.folder.path().join("journald"))
                .unwrap();
            let datagrams = std::iter::from_fn(|| {
                self.journald
                    .recv()
                    .ok()
                    .filter(|datagram| !datagram.is_empty())
            });
            datagrams
                .map(|datagram| {
                    let head = datagram
                        .windows(9)
                        .position(|part| part == b"\nMESSAGE\n")
                        .unwrap()
                        + 9;
                    String::from_utf8_lossy(&datagram[head + 8..datagram.len() - 1]).into_owned()
                })
                .collect()
        }
    }

    fn over() -> HashSet<UnitName> {
        HashSet::new()
    }

    fn running() -> HashSet<UnitName> {
        HashSet::from([UnitName::from_systemd("mcpod-time@3-12-1000.service")])
    }

    #[test]
    fn lines_are_passed_on_once_and_the_last_when_it_is_whole_or_the_instance_over() {
        let mut place = Place::new();
        place.write(b"one\n\ntw");
        place.relay.pass(Some(&running()));
        assert_eq!(place.passed(), ["one"]);
        place.relay.pass(None);
        place.write(b"o\nthree");
        place.relay.pass(None);
        assert_eq!(place.passed(), ["two"]);
        place.relay.pass(Some(&over()));
        assert_eq!(place.passed(), ["three"]);
        assert!(!place.path(LOG).exists() && place.path("time@3-12-1000.last").exists());
        place.relay.pass(Some(&over()));
        assert_eq!(place.passed(), [""; 0]);
    }

    #[test]
    fn a_silent_instance_leaves_no_file_and_others_files_stay() {
        let mut place = Place::new();
        place.write(b"");
        for other in ["time.sock", "note.log"] {
            std::fs::write(place.path(other), "other").unwrap();
        }
        place.relay.pass(Some(&over()));
        assert!(!place.path(LOG).exists());
        assert!(place.path("time.sock").exists() && place.path("note.log").exists());
    }

    #[test]
    fn last_words_are_removed_in_time() {
        let mut place = Place::new();
        let old = place.path("time@3-12-1000.last");
        std::fs::write(&old, "words").unwrap();
        place.relay.pass(Some(&over()));
        assert!(old.exists());
        let long_ago = std::time::SystemTime::now() - LAST_WORDS - Duration::from_secs(1);
        File::options()
            .write(true)
            .open(&old)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        place.relay.pass(Some(&over()));
        assert!(!old.exists());
    }

    #[test]
    fn a_flood_is_cut_and_given_back_to_the_kernel() {
        let mut place = Place::new();
        let line = format!("{}\n", "x".repeat(40_000));
        place.write(line.repeat(100).as_bytes());
        place.relay.pass(Some(&running()));
        let passed = place.passed();
        assert!(passed[0].contains("left out"), "{}", passed[0]);
        assert!(passed.len() < 10, "{}", passed.len());
        assert!(
            blocks(&place.path(LOG)) * BLOCK < 200_000,
            "{}",
            blocks(&place.path(LOG))
        );
        place.write(b"more\n");
        place.relay.pass(None);
        assert_eq!(place.passed().last().unwrap(), "more");
    }

    #[test]
    fn what_was_refused_to_an_instance_goes_with_it() {
        let mut place = Place::new();
        let refused = place.path("time@3-12-1000.refused");
        std::fs::write(&refused, "{}").unwrap();
        place.relay.pass(Some(&running()));
        place.relay.pass(None);
        assert!(refused.exists());
        place.relay.pass(Some(&over()));
        assert!(!refused.exists());
    }

    #[test]
    fn without_a_journal_nothing_is_lost() {
        let mut place = Place::new();
        let away = place.folder.path().join("away");
        std::fs::rename(place.folder.path().join("journald"), &away).unwrap();
        place.write(b"one\n");
        place.relay.pass(Some(&over()));
        assert!(place.path(LOG).exists());
        std::fs::rename(&away, place.folder.path().join("journald")).unwrap();
        place.relay.pass(Some(&over()));
        assert_eq!(place.passed(), ["one"]);
    }

    fn blocks(path: &Path) -> u64 {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).unwrap().blocks()
    }
}
