//! An agent's configuration file on disk: read whole, replaced whole, with one backup beside it.
//!
//! A symbolic link is followed, as agents follow it, and what it leads to is replaced; but a project's files come from whoever
//! wrote the project, so what they lead to must lie in the project, and a file is only written if it belongs to the user.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::ClientConfigError;

/// What is put behind a file's name for the file as it was before.
const BACKUP: &str = ".mcpod-backup";

/// The longest file that is read, in bytes. Claude Code keeps histories in its own.
const LONGEST: u64 = 64 << 20;

/// A file for its user alone, as one with a token has to be.
const PRIVATE: u32 = 0o600;

/// A file that a project shares.
const SHARED: u32 = 0o644;

/// A configuration file as it was read.
#[derive(Debug)]
pub(super) struct ConfigFile {
    /// Where it lies, links followed.
    target: PathBuf,
    /// What it says; nothing if it is not there.
    pub(super) text: Option<String>,
    /// Its permissions.
    mode: Option<u32>,
}

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its user alone, whoever could before.
    User,
    /// Who could before; its user alone if it is new.
    Same,
    /// Who could before; everybody if it is new.
    Everybody,
}

impl ConfigFile {
    /// Reads a file, or finds that it is not there. `within` is the folder that it must not lead out of.
    pub(super) fn read(path: &Path, within: Option<&Path>) -> Result<Self, ClientConfigError> {
        let target = resolved(path, within)?;
        let mut file = match File::open(&target) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self {
                    target,
                    text: None,
                    mode: None,
                });
            }
            Err(error) => return Err(failed("open", &target)(error)),
        };
        let metadata = file.metadata().map_err(failed("read", &target))?;
        check_owner(&target, &metadata)?;
        let mut bytes = Vec::new();
        (&mut file)
            .take(LONGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(failed("read", &target))?;
        if bytes.len() as u64 > LONGEST {
            return Err(failed("read", &target)(io::ErrorKind::FileTooLarge.into()));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            failed("read", &target)(io::Error::new(io::ErrorKind::InvalidData, error))
        })?;
        Ok(Self {
            target,
            text: Some(text),
            mode: Some(metadata.mode() & 0o7777),
        })
    }

    /// Puts a text in the file's place, and what was there into the backup. False if it was changed since it was read.
    pub(super) fn replace(&self, text: &str, readers: Readers) -> Result<bool, ClientConfigError> {
        let mode = match (readers, self.mode) {
            (Readers::User, mode) => mode.unwrap_or(PRIVATE) & PRIVATE,
            (Readers::Same | Readers::Everybody, Some(mode)) => mode,
            (Readers::Same, None) => PRIVATE,
            (Readers::Everybody, None) => SHARED,
        };
        let folder = self.folder();
        std::fs::create_dir_all(folder).map_err(failed("make the folder", folder))?;
        if !self.is_unchanged()? {
            return Ok(false);
        }
        if let (Some(before), Some(mode)) = (&self.text, self.mode) {
            let backup = self.backup();
            // A backup is no more public than the file now is.
            let mode = if readers == Readers::User {
                mode & PRIVATE
            } else {
                mode
            };
            write(&backup, before, mode)?;
        }
        write(&self.target, text, mode)?;
        Ok(true)
    }

    /// Removes the file. False if it was changed since it was read.
    pub(super) fn remove(&self) -> Result<bool, ClientConfigError> {
        if !self.is_unchanged()? {
            return Ok(false);
        }
        std::fs::remove_file(&self.target).map_err(failed("remove", &self.target))?;
        Ok(true)
    }

    /// Removes the backup if it says no more than this text.
    pub(super) fn remove_backup_of(&self, text: &str) -> Result<(), ClientConfigError> {
        let backup = self.backup();
        match std::fs::read(&backup) {
            Ok(bytes) if bytes == text.as_bytes() => {
                std::fs::remove_file(&backup).map_err(failed("remove", &backup))
            }
            _ => Ok(()),
        }
    }

    fn is_unchanged(&self) -> Result<bool, ClientConfigError> {
        match std::fs::read(&self.target) {
            Ok(bytes) => Ok(self.text.as_ref().map(String::as_bytes) == Some(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.text.is_none()),
            Err(error) => Err(failed("read", &self.target)(error)),
        }
    }

    fn folder(&self) -> &Path {
        self.target.parent().unwrap_or(Path::new("/"))
    }

    fn backup(&self) -> PathBuf {
        let mut name = self.target.clone().into_os_string();
        name.push(BACKUP);
        name.into()
    }
}

/// Writes a file beside its place and renames it.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), ClientConfigError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let written = || -> io::Result<()> {
        // Its mode is 0600 from the beginning.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file()
            .set_permissions(Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    written().map_err(failed("write", path))
}

/// Where a path leads, if it may.
fn resolved(path: &Path, within: Option<&Path>) -> Result<PathBuf, ClientConfigError> {
    let target = match path.canonicalize() {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if path.is_symlink() {
                return Err(ClientConfigError::Dangling {
                    path: path.to_owned(),
                });
            }
            unmade(path)?
        }
        Err(error) => return Err(failed("find", path)(error)),
    };
    if let Some(within) = within {
        let within = within.canonicalize().map_err(failed("find", within))?;
        if !target.starts_with(&within) {
            return Err(ClientConfigError::Outside {
                path: path.to_owned(),
                target,
            });
        }
    }
    Ok(target)
}

/// Where a file would come to lie that is not there yet: the folders that are there are followed.
fn unmade(path: &Path) -> Result<PathBuf, ClientConfigError> {
    let mut missing = Vec::new();
    let mut folder = path;
    loop {
        match folder.canonicalize() {
            Ok(there) => {
                return Ok(missing
                    .iter()
                    .rev()
                    .fold(there, |path, name| path.join(name)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_symlink() => {}
            Err(error) => return Err(failed("find", folder)(error)),
        }
        match (folder.file_name(), folder.parent()) {
            (Some(name), Some(parent)) => {
                missing.push(name);
                folder = parent;
            }
            _ => return Err(failed("find", path)(io::ErrorKind::NotFound.into())),
        }
    }
}

/// Refuses what is no file of the user's.
fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), ClientConfigError> {
    if metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(ClientConfigError::NotYours {
        path: path.to_owned(),
    })
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ClientConfigError {
    let path = path.to_owned();
    move |source| ClientConfigError::Io {
        action,
        path,
        source,
    }
}
