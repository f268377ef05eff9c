//! Which era each image speaks, kept so that a server is probed once.
//!
//! One small file for each image, under the cache directory: several processes can write at once, a file that is
//! missing or cannot be read is as if there had been none, and the folder can be deleted at any time.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::era::Era;

/// The most bytes such a file is read for; a version of the protocol has ten.
const LONGEST: u64 = 64;

/// The folder of remembered eras.
#[derive(Debug, Clone)]
pub struct Remembered {
    folder: PathBuf,
}

impl Remembered {
    /// Takes mcpod's cache directory, which need not exist.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        let mut folder = cache.into();
        folder.push("eras");
        Self { folder }
    }

    /// The era that was kept for an image's digest (or whatever names a server for good).
    pub fn recall(&self, digest: &str) -> Option<Era> {
        let file = fs::File::open(self.path(digest)).ok()?;
        let version = io::read_to_string(io::Read::take(file, LONGEST)).ok()?;
        version.trim().parse().ok()
    }

    /// Keeps the era of an image's digest in place of what was kept before.
    pub fn keep(&self, digest: &str, era: &Era) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        writeln!(file, "{era}")?;
        // No sync: a file that a power cut leaves empty is read as none.
        file.persist(self.path(digest))?;
        Ok(())
    }

    /// Forgets the era of an image's digest.
    pub fn forget(&self, digest: &str) -> io::Result<()> {
        match fs::remove_file(self.path(digest)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// The file of a digest, whose text is hashed since it could hold anything.
    fn path(&self, digest: &str) -> PathBuf {
        self.folder
            .join(format!("{:x}", Sha256::digest(digest.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn era(version: &str) -> Era {
        version.parse().unwrap()
    }

    #[test]
    fn an_era_is_kept_until_it_is_forgotten() {
        let cache = tempfile::tempdir().unwrap();
        let eras = Remembered::new(cache.path().join("not yet"));
        assert_eq!(eras.recall("sha256:a"), None);
        eras.keep("sha256:a", &era("2024-11-05")).unwrap();
        eras.keep("../../etc", &era("2025-06-18")).unwrap();
        eras.keep("sha256:a", &era("2026-07-28")).unwrap();
        assert_eq!(eras.recall("sha256:a"), Some(era("2026-07-28")));
        assert_eq!(eras.recall("../../etc"), Some(era("2025-06-18")));
        eras.forget("sha256:a").unwrap();
        eras.forget("sha256:a").unwrap();
        assert_eq!(eras.recall("sha256:a"), None);
    }

    #[test]
    fn a_broken_file_is_none() {
        let cache = tempfile::tempdir().unwrap();
        let eras = Remembered::new(cache.path());
        eras.keep("x", &era("2024-11-05")).unwrap();
        for broken in [
            "",
            "2024-11",
            "1999-01-01\n",
            "\u{0}",
            &"2024-11-05".repeat(99),
        ] {
            fs::write(eras.path("x"), broken).unwrap();
            assert_eq!(eras.recall("x"), None, "{broken:?}");
        }
        fs::write(eras.path("x"), b"\xff\xfe").unwrap();
        assert_eq!(eras.recall("x"), None);
    }

    #[test]
    fn several_may_write_at_once() {
        let cache = tempfile::tempdir().unwrap();
        let eras = Remembered::new(cache.path());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        eras.keep("x", &era("2025-11-25")).unwrap();
                        assert_eq!(eras.recall("x"), Some(era("2025-11-25")));
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(&eras.folder).unwrap().count(), 1);
    }
}
