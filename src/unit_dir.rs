//! The two directories mcpod writes units to: Quadlet files in one, systemd units in the other.
//!
//! The record of an active server is the `[X-Mcpod]` section of its socket unit. The socket file is written first and
//! removed last, so whatever a killed process leaves behind is found under a name that can be removed or added again.
//! Files are replaced whole (written beside, synced, renamed); nothing is written without the [`Lock`].

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};
use serde::{Deserialize, Serialize};

/// Names of files that are still being written begin with this: neither systemd nor Quadlet looks at them.
const UNFINISHED: &str = ".mcpod-";

/// The file in the unit directory that holds a change of several files while it is being made. systemd passes over it.
const CHANGE: &str = ".change-of-mcpod";

/// How often a lock that somebody else holds is tried again. flock(2) cannot wait and be cancelled.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// The user's unit directories.
#[derive(Debug, Clone)]
pub struct UnitDir {
    quadlets: PathBuf,
    units: PathBuf,
}

/// Which of the two directories a file belongs into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// `$XDG_CONFIG_HOME/containers/systemd`: read by Quadlet's generator (podman-systemd.unit(5)).
    Quadlet,
    /// `$XDG_CONFIG_HOME/systemd/user`: read by the user manager (systemd.unit(5)).
    Unit,
}

/// A file of ours, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnitPath {
    /// The directory.
    pub place: Place,
    /// The file's name in it.
    pub file: String,
}

impl UnitPath {
    /// Where it lies below `$XDG_CONFIG_HOME`.
    pub fn below_config(&self) -> PathBuf {
        Path::new(self.place.folder()).join(&self.file)
    }
}

impl Place {
    /// The directory, below `$XDG_CONFIG_HOME`.
    fn folder(self) -> &'static str {
        match self {
            Self::Quadlet => "containers/systemd",
            Self::Unit => "systemd/user",
        }
    }
}

/// What becomes of a file in a change of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The file.
    pub path: UnitPath,
    /// Its text from then on; nothing if it is taken away.
    pub text: Option<String>,
}

/// The right to write, held until dropped. The kernel gives it back when its process dies, however it dies.
#[derive(Debug)]
pub struct Lock {
    /// flock(2) lies on the open directory itself: there is no lock file to be left over.
    _directory: File,
    /// Whether a change was finished that somebody else had begun: systemd does not know of it yet.
    finished: bool,
}

impl Lock {
    /// Whether a change was finished that somebody else had begun: systemd does not know of it yet.
    pub fn finished_another(&self) -> bool {
        self.finished
    }
}

/// Why a unit directory could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum UnitDirError {
    /// The system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file would be replaced that is not ours.
    #[error("{} is there already and was not written by mcpod", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

impl UnitPath {
    /// A file that Quadlet reads.
    pub fn quadlet(file: impl Into<String>) -> Self {
        Self {
            place: Place::Quadlet,
            file: file.into(),
        }
    }

    /// A file that systemd reads.
    pub fn unit(file: impl Into<String>) -> Self {
        Self {
            place: Place::Unit,
            file: file.into(),
        }
    }
}

impl UnitDirError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, path, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => Some(format!("make {} writable for you", path.display())),
                io::ErrorKind::ReadOnlyFilesystem => Some(
                    "the home folder is on a read-only file system: remount it, or point XDG_CONFIG_HOME of the user manager elsewhere"
                        .to_owned(),
                ),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Some("free some space and try again; nothing was left half written".to_owned())
                }
                _ => None,
            },
            Self::Foreign { path } => Some(format!("choose another name with --name, or move {} away", path.display())),
        }
    }
}

impl UnitDir {
    /// The directories below `config`, the `XDG_CONFIG_HOME` of the user manager.
    pub fn below(config: &Path) -> Self {
        Self {
            quadlets: config.join(Place::Quadlet.folder()),
            units: config.join(Place::Unit.folder()),
        }
    }

    /// Where a file lies.
    pub fn path(&self, unit: &UnitPath) -> PathBuf {
        self.folder(unit.place).join(&unit.file)
    }

    fn folder(&self, place: Place) -> &Path {
        match place {
            Place::Quadlet => &self.quadlets,
            Place::Unit => &self.units,
        }
    }

    /// Waits for the right to write; `on_wait` is called once if somebody else has it.
    ///
    /// Makes the directories where they are missing, and removes what a process killed while writing left unfinished.
    pub async fn lock(&self, on_wait: impl FnOnce()) -> Result<Lock, UnitDirError> {
        for folder in [&self.quadlets, &self.units] {
            std::fs::create_dir_all(folder).map_err(failed("make the folder", folder))?;
        }
        let directory = rustix::fs::open(
            &self.units,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|error| failed("open", &self.units)(error.into()))?;
        let mut on_wait = Some(on_wait);
        loop {
            match rustix::fs::flock(directory.as_fd(), FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    if let Some(on_wait) = on_wait.take() {
                        on_wait();
                    }
                    tokio::time::sleep(LOCK_POLL).await;
                }
                Err(error) => return Err(failed("lock", &self.units)(error.into())),
            }
        }
        let mut lock = Lock {
            _directory: File::from(directory),
            finished: false,
        };
        self.remove_unfinished()?;
        lock.finished = self.finish_change(&lock)?;
        Ok(lock)
    }

    /// Replaces several files together: whoever has the lock next sees all of them replaced, however this ends, once it has begun.
    /// Those who read without the lock may see some that are and some that are not; so the record should come last.
    pub fn replace(&self, lock: &Lock, change: &[Replacement]) -> Result<(), UnitDirError> {
        let path = self.units.join(CHANGE);
        let written = serde_json::to_string(change)
            .map_err(io::Error::other)
            .and_then(|text| write_whole(&self.units, &path, &text));
        written.map_err(failed("write", &path))?;
        self.finish_change(lock).map(drop)
    }

    /// Does what is left of a change of several files; says whether there was one.
    fn finish_change(&self, lock: &Lock) -> Result<bool, UnitDirError> {
        let path = self.units.join(CHANGE);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            text => text.map_err(failed("read", &path))?,
        };
        let change: Vec<Replacement> = serde_json::from_slice(&text)
            .map_err(|error| failed("read", &path)(io::Error::other(error)))?;
        for Replacement { path, text } in &change {
            match text {
                Some(text) => self.write(lock, path, text)?,
                None => self.remove(lock, path)?,
            }
        }
        std::fs::remove_file(&path).map_err(failed("remove", &path))?;
        Ok(true)
    }

    fn remove_unfinished(&self) -> Result<(), UnitDirError> {
        for folder in [&self.quadlets, &self.units] {
            for entry in std::fs::read_dir(folder).map_err(failed("read", folder))? {
                let entry = entry.map_err(failed("read", folder))?;
                if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                    std::fs::remove_file(entry.path()).map_err(failed("remove", &entry.path()))?;
                }
            }
        }
        Ok(())
    }

    /// Reads a file; `None` if it is not there.
    pub fn read(&self, unit: &UnitPath) -> Result<Option<String>, UnitDirError> {
        let path = self.path(unit);
        match std::fs::read(&path) {
            // What is not UTF-8 was not written by us; it then fails to parse or to match its hash.
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed("read", &path)(source)),
        }
    }

    /// The names of all files in the unit directory that match `mcpod-*.socket`, sorted.
    pub fn socket_files(&self) -> Result<Vec<UnitPath>, UnitDirError> {
        self.files(Place::Unit, |file| {
            file.starts_with("mcpod-") && file.ends_with(".socket")
        })
    }

    /// The files of a directory whose names pass, sorted; none where there is no such directory.
    pub fn files(
        &self,
        place: Place,
        passes: impl Fn(&str) -> bool,
    ) -> Result<Vec<UnitPath>, UnitDirError> {
        let folder = self.folder(place);
        let names = names(folder)?.into_iter().filter(|file| passes(file));
        Ok(names.map(|file| UnitPath { place, file }).collect())
    }

    /// The files in a folder of a directory, sorted; none where there is no such folder.
    pub fn files_in(&self, place: Place, folder: &str) -> Result<Vec<UnitPath>, UnitDirError> {
        let names = names(&self.folder(place).join(folder))?.into_iter();
        let file = |name| UnitPath {
            place,
            file: format!("{folder}/{name}"),
        };
        Ok(names.map(file).collect())
    }

    /// Writes a file whole, in place of what is there.
    pub fn write(&self, _lock: &Lock, unit: &UnitPath, text: &str) -> Result<(), UnitDirError> {
        let path = self.path(unit);
        let folder = self.folder(unit.place);
        write_whole(folder, &path, text).map_err(failed("write", &path))
    }

    /// Removes a file; one that is not there is no error.
    pub fn remove(&self, _lock: &Lock, unit: &UnitPath) -> Result<(), UnitDirError> {
        let path = self.path(unit);
        let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        if let Err(error) = std::fs::remove_file(&path)
            && !gone(&error)
        {
            return Err(failed("remove", &path)(error));
        }
        // The folder of drop-ins goes too, unless there are some of the user's.
        if let Some(parent) = path
            .parent()
            .filter(|parent| *parent != self.folder(unit.place))
            && let Err(error) = std::fs::remove_dir(parent)
            && !gone(&error)
            && error.kind() != io::ErrorKind::DirectoryNotEmpty
        {
            return Err(failed("remove", parent)(error));
        }
        Ok(())
    }
}

/// The names of what lies in a folder, sorted; none where there is no such folder.
fn names(folder: &Path) -> Result<Vec<String>, UnitDirError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed("read", folder)(source)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed("read", folder))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Writes a file in a folder, or in one below it, whole, in place of what is there.
fn write_whole(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    // A drop-in lies in a folder of its own.
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent)?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(parent)?.sync_all()
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> UnitDirError {
    let path = path.to_owned();
    move |source| UnitDirError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests;
