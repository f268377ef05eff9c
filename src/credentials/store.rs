//! The folder of encrypted secrets.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{CredentialError, Credentials};
use crate::secret::Secret;

/// The longest id of a secret. Podman's have 25 hexadecimal digits.
const ID_MAX: usize = 64;

/// The folder with the encrypted secrets, a file each, named by its id.
#[derive(Debug, Clone)]
pub struct Store {
    credentials: Credentials,
    folder: PathBuf,
}

impl Store {
    /// The secrets in a folder.
    pub fn new(credentials: Credentials, folder: impl Into<PathBuf>) -> Self {
        Self {
            credentials,
            folder: folder.into(),
        }
    }

    /// Keeps a value, in place of what has the id.
    pub fn store(&self, id: &str, value: &Secret) -> Result<(), CredentialError> {
        let path = self.path(id)?;
        let blob = self.credentials.encrypt(id, value)?;
        let written = || -> io::Result<()> {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&self.folder)?;
            // A folder that somebody made before may be open to others.
            fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700))?;
            // tempfile makes files that only their owner can read.
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(blob.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            fs::File::open(&self.folder)?.sync_all()
        };
        written().map_err(failed("write", &path))
    }

    /// The value that has the id.
    pub fn lookup(&self, id: &str) -> Result<Secret, CredentialError> {
        let path = self.path(id)?;
        let blob = fs::read_to_string(&path).map_err(failed("read", &path))?;
        self.credentials.decrypt(id, blob.trim_end())
    }

    /// Forgets the value that has the id; one that is not there is no error.
    pub fn delete(&self, id: &str) -> Result<(), CredentialError> {
        let path = self.path(id)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// The ids of all values, sorted.
    pub fn ids(&self) -> Result<Vec<String>, CredentialError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", &self.folder)(error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed("list", &self.folder))?;
            ids.extend(entry.file_name().into_string().ok().filter(|id| is_id(id)));
        }
        ids.sort();
        Ok(ids)
    }

    fn path(&self, id: &str) -> Result<PathBuf, CredentialError> {
        if is_id(id) {
            Ok(self.folder.join(id))
        } else {
            Err(CredentialError::BadId { id: id.to_owned() })
        }
    }
}

/// Whether a text can be an id: nothing that leads to another folder.
fn is_id(text: &str) -> bool {
    (1..=ID_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CredentialError {
    let path = path.to_owned();
    move |source| CredentialError::File {
        action,
        path,
        source,
    }
}
