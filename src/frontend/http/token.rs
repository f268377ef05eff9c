//! The token with which agents show over HTTP that they are the user's.
//!
//! It lies in `$XDG_DATA_HOME/mcpod/token`, readable by the user alone, and is made when it is first needed. A face that
//! runs notices when it is renewed.

use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use subtle::ConstantTimeEq as _;

use crate::frontend::parking;
use crate::frontend::voice::lock;

/// The longest file that is read as a token, in bytes.
const FILE_MAX: u64 = 1024;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file or its folder cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The file holds no token.
    #[error("{} holds no token", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
    },
    /// Others can read it.
    #[error("{} can be read by others: its mode is {mode:03o}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl TokenError {
    /// Nothing can be made up that nobody guesses.
    pub(super) fn no_random(error: rustix::io::Errno) -> Self {
        Self::Io {
            action: "make up",
            path: PathBuf::from("the page's key"),
            source: error.into(),
        }
    }

    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::NoToken { .. } | Self::Exposed { .. } => {
                Some("`mcpod token --renew` makes a new one".to_owned())
            }
        }
    }
}

/// The file with the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    /// The file below `$XDG_DATA_HOME`.
    pub fn below(data: &Path) -> Self {
        Self {
            path: data.join("mcpod/token"),
        }
    }

    /// The token; made, if there is none.
    pub fn read_or_make(&self) -> Result<String, TokenError> {
        match self.read() {
            Err(TokenError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let made = self.write_new(|file, path| file.persist_noclobber(path))?;
                match made {
                    Some(token) => Ok(token),
                    // Somebody else was first.
                    None => self.read(),
                }
            }
            read => read,
        }
    }

    /// Makes a new token in the place of the present one.
    pub fn renew(&self) -> Result<String, TokenError> {
        let made = self.write_new(|file, path| file.persist(path))?;
        made.map_or_else(|| self.read(), Ok)
    }

    /// The token, if there is one.
    fn read(&self) -> Result<String, TokenError> {
        let file = std::fs::File::open(&self.path).map_err(self.failed("open"))?;
        let mode = file
            .metadata()
            .map_err(self.failed("look at"))?
            .permissions()
            .mode()
            & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokenError::Exposed {
                path: self.path.clone(),
                mode,
            });
        }
        let mut text = String::new();
        let read = file.take(FILE_MAX).read_to_string(&mut text);
        read.map_err(self.failed("read"))?;
        let token = text.trim_ascii();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::NoToken {
                path: self.path.clone(),
            });
        }
        Ok(token.to_owned())
    }

    /// Writes a new token beside the file and puts it there; nothing if the file may not be replaced.
    fn write_new<P>(&self, put: P) -> Result<Option<String>, TokenError>
    where
        P: FnOnce(tempfile::NamedTempFile, &Path) -> Result<std::fs::File, tempfile::PersistError>,
    {
        let token = random().map_err(|error| self.failed("make up")(error.into()))?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder).map_err(self.failed("make the folder of"))?;
        let written = || -> io::Result<tempfile::NamedTempFile> {
            // Its mode is 0600 from the beginning.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            writeln!(file, "{token}")?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        match put(written().map_err(self.failed("write"))?, &self.path) {
            Ok(_) => Ok(Some(token)),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(self.failed("write")(error.error)),
        }
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> TokenError {
        let path = self.path.clone();
        move |source| TokenError::Io {
            action,
            path,
            source,
        }
    }
}

/// The token as it is now, whoever renews it.
#[derive(Debug)]
pub(super) struct Token {
    file: TokenFile,
    known: Mutex<Known>,
}

struct Known {
    /// None where it cannot be read.
    token: Option<String>,
    of: Option<Version>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

/// By what a file that was replaced is told from the one before.
#[derive(Debug, PartialEq, Eq)]
struct Version(u64, Option<SystemTime>);

impl Token {
    /// Reads the token, or makes it. Where neither can be done, nobody is let in until it can be read: a process that
    /// systemd starts must not fail over it again and again, since systemd would then listen no more.
    pub(super) fn open(file: TokenFile) -> Self {
        let of = version(&file.path);
        let token = file.read_or_make();
        let token = token.inspect_err(|error| tracing::warn!("nobody is let in: {error}"));
        let known = Mutex::new(Known {
            token: token.ok(),
            of,
        });
        Self { file, known }
    }

    /// Whether this is the token. It takes as long for one that is wrong in the first place as in the last.
    pub(super) fn is(&self, given: &str) -> bool {
        self.current()
            .is_some_and(|token| token.as_bytes().ct_eq(given.as_bytes()).into())
    }

    /// The token as it is now; nothing where it cannot be read any more.
    pub(super) fn current(&self) -> Option<String> {
        let mut known = lock(&self.known);
        let now = version(&self.file.path);
        // Who may read a file is no part of its version.
        if known.of != now || known.token.is_none() {
            match self.file.read() {
                Ok(token) => {
                    *known = Known {
                        token: Some(token),
                        of: now,
                    };
                }
                Err(error) => {
                    tracing::warn!("nobody is let in: {error}");
                    return None;
                }
            }
        }
        known.token.clone()
    }
}

fn version(path: &Path) -> Option<Version> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Version(metadata.ino(), metadata.modified().ok()))
}

/// A token that nobody guesses.
fn random() -> Result<String, rustix::io::Errno> {
    Ok(parking::handle()? + &parking::handle()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_only_its_owner_can_read_it() {
        let data = tempfile::tempdir().unwrap();
        let file = TokenFile::below(data.path());
        let token = file.read_or_make().unwrap();
        assert_eq!(token.len(), 64);
        assert_eq!(file.read_or_make().unwrap(), token);
        let mode = std::fs::metadata(&file.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let beside = std::fs::read_dir(data.path().join("mcpod")).unwrap();
        assert_eq!(beside.count(), 1);
    }

    #[test]
    fn of_two_that_make_it_at_once_both_have_the_same() {
        let data = tempfile::tempdir().unwrap();
        let made: Vec<String> = std::thread::scope(|scope| {
            let make = || TokenFile::below(data.path()).read_or_make().unwrap();
            let all: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(made.iter().all(|token| *token == made[0]), "{made:?}");
    }

    #[test]
    fn a_renewed_token_counts_at_once_and_the_old_one_no_more() {
        let data = tempfile::tempdir().unwrap();
        let file = TokenFile::below(data.path());
        let token = Token::open(file.clone());
        let old = file.read_or_make().unwrap();
        assert!(token.is(&old));
        for wrong in ["", "x", &format!("x{old}"), &format!("{old}x")] {
            assert!(!token.is(wrong));
        }
        let new = file.renew().unwrap();
        assert!(token.is(&new) && !token.is(&old));
        std::fs::remove_file(&file.path).unwrap();
        assert!(!token.is(&new));
    }

    #[test]
    fn with_a_token_that_cannot_be_read_nobody_is_let_in_until_it_can() {
        let data = tempfile::tempdir().unwrap();
        let file = TokenFile::below(data.path());
        let secret = file.renew().unwrap();
        let set = |mode| {
            std::fs::set_permissions(&file.path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set(0o644);
        let token = Token::open(file.clone());
        assert!(!token.is(&secret) && !token.is(""));
        set(0o600);
        assert!(token.is(&secret));
    }

    #[test]
    fn a_token_that_others_can_read_or_that_is_none_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let file = TokenFile::below(data.path());
        file.renew().unwrap();
        let set = |mode| {
            std::fs::set_permissions(&file.path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set(0o640);
        let error = file.read_or_make().unwrap_err();
        assert!(
            matches!(error, TokenError::Exposed { mode: 0o640, .. }),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("--renew"));
        set(0o600);
        for text in ["", "\n", "two words", "schl\u{fc}ssel"] {
            std::fs::write(&file.path, text).unwrap();
            let error = file.read_or_make().unwrap_err();
            assert!(matches!(error, TokenError::NoToken { .. }), "{error}");
        }
    }
}
