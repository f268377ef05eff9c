//! What a build says: a file in the runtime directory, which lies in memory, read while it grows.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use rustix::fs::{FallocateFlags, fallocate};

use crate::text;

/// How much is read at once, how much of its end stays to be shown where the build fails, in bytes; and how many lines of that are shown.
const AT_ONCE: u64 = 16 << 10;
const KEPT: u64 = 64 << 10;
const LAST_LINES: usize = 30;

/// How much is read before it is given back to the kernel, in bytes.
const HELD: u64 = 1 << 20;

/// The most that a build may say, in bytes. Long ones of compilers say some MB.
const LOG_MAX: u64 = 256 << 20;

/// What a build writes.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    /// How much of it was read, in bytes.
    read: u64,
    /// How much of it was given back, in bytes.
    dropped: u64,
}

impl Log {
    /// A log that is yet to be written; what an earlier build wrote is removed.
    pub(super) fn new(path: PathBuf) -> Self {
        let log = Self {
            path,
            read: 0,
            dropped: 0,
        };
        log.remove();
        log
    }

    /// Gives the lines that were written since the last time, fit to be shown.
    pub(super) fn lines(&mut self, mut on_line: impl FnMut(String)) {
        while let Ok(new) = self.from(self.read) {
            let is_full = new.len() as u64 == AT_ONCE;
            let end = match new.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => end + 1,
                // A line that is still being written waits for its end, unless it is longer than anybody wants to read.
                None if is_full => new.len(),
                None => break,
            };
            let (whole, _) = new.split_at(end);
            self.read += end as u64;
            String::from_utf8_lossy(whole)
                .lines()
                .map(text::one_line)
                .for_each(&mut on_line);
            if !is_full {
                break;
            }
        }
        if let Err(error) = self.give_back() {
            tracing::debug!("{}: {error}", self.path.display());
        }
    }

    /// Whether more was written than any build has to say.
    pub(super) fn is_too_long(&self) -> bool {
        self.length() > LOG_MAX
    }

    /// The last lines, fit to be shown.
    pub(super) fn end(&self) -> String {
        let end = self.from(self.length().saturating_sub(AT_ONCE));
        let end = text::for_terminal(&String::from_utf8_lossy(&end.unwrap_or_default()));
        let lines: Vec<&str> = end.lines().collect();
        let skipped = lines.len().saturating_sub(LAST_LINES);
        lines
            .into_iter()
            .skip(skipped)
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub(super) fn remove(&self) {
        // One that is not there need not be removed, and one that stays is overwritten.
        std::fs::remove_file(&self.path).ok();
    }

    fn length(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    fn from(&self, position: u64) -> io::Result<Vec<u8>> {
        let file = File::open(&self.path)?;
        let mut bytes = vec![0; usize::try_from(AT_ONCE).unwrap_or_default()];
        let length = file.read_at(&mut bytes, position)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Gives what was read back to the kernel, but for the end. The file stays as long as it is: where nothing is kept, zeros are read.
    fn give_back(&mut self) -> io::Result<()> {
        let unneeded = self.read.saturating_sub(KEPT);
        if unneeded < self.dropped + HELD {
            return Ok(());
        }
        let file = File::options().write(true).open(&self.path)?;
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(&file, flags, 0, unneeded)?;
        self.dropped = unneeded;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn said(log: &mut Log) -> Vec<String> {
        let mut lines = Vec::new();
        log.lines(|line| lines.push(line));
        lines
    }

    #[test]
    fn every_line_comes_once_and_whole_whatever_its_bytes_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut log = Log::new(path.clone());
        assert_eq!(said(&mut log), [""; 0]);
        let mut file = File::create(&path).unwrap();
        // Each of these bytes becomes three where it is shown.
        file.write_all(b"\xff\xff\xff\none \x1b[2J\ntw").unwrap();
        let first = said(&mut log);
        assert_eq!(first.len(), 2);
        assert!(
            first[1].starts_with("one") && !first[1].contains('\x1b'),
            "{first:?}"
        );
        assert_eq!(said(&mut log), [""; 0]);
        file.write_all(b"o\nthree\n").unwrap();
        assert_eq!(said(&mut log), ["two", "three"]);
        assert!(log.end().ends_with("two\nthree"), "{}", log.end());
        log.remove();
        assert!(!path.exists());
    }

    #[test]
    fn a_log_without_end_holds_little_and_is_found_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut log = Log::new(path.clone());
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        let line = format!("{}\n", "x".repeat(99));
        for _ in 0..4 {
            file.write_all(line.repeat(20_000).as_bytes()).unwrap();
            assert_eq!(said(&mut log).len(), 20_000);
        }
        let held = file.metadata().unwrap().blocks() * 512;
        assert!(held < HELD + 4 * KEPT, "{held}");
        assert!(log.end().ends_with(line.trim_end()));
        // A line without end goes by as well.
        file.write_all(&vec![b'y'; 48 << 10]).unwrap();
        assert_eq!(said(&mut log).len(), 3);
        assert!(!log.is_too_long());
        file.set_len(LOG_MAX + 1).unwrap();
        assert!(log.is_too_long());
    }
}
