//! What the process needs to know of its surroundings: who runs it, where its files belong, whether the journal can be read.
//!
//! Agents start mcpod with little more than `HOME` and `PATH`. What is missing is derived: the runtime directory from the user's number
//! (pam_systemd(8)), and with it the sockets in it, without asking anybody; the other directories from the environment of the
//! user's systemd, then from the defaults of the XDG Base Directory Specification. Unit files follow the environment of the user's systemd
//! alone, since systemd and Quadlet read them there whatever our own says.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use crate::quadlet::name::ServerName;

/// The longest path of a socket, in bytes: `sun_path` of unix(7) without the NUL behind it.
const SOCKET_PATH_MAX: usize = 107;

/// The users below this number are the system's; journald keeps what they log with the system's own (journald.conf(5), `SplitMode=`).
const FIRST_REGULAR_USER: u32 = 1000;

/// Variables by name, of this process or of the user's systemd.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<OsString, OsString>);

/// The user and the environment this process was started with.
#[derive(Debug, Clone)]
pub struct Host {
    /// The user's number.
    pub uid: u32,
    /// The environment of this process.
    pub environment: Environment,
    /// The user's runtime directory.
    pub runtime: RuntimeDir,
}

/// The user's runtime directory: `$XDG_RUNTIME_DIR`, else `/run/user/UID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeDir(PathBuf);

/// The directories that files belong below. None of them need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// The user's home folder.
    pub home: PathBuf,
    /// `$XDG_CONFIG_HOME`, below which settings lie.
    pub config: PathBuf,
    /// `$XDG_DATA_HOME`, below which secrets and accepted tools lie.
    pub data: PathBuf,
    /// `$XDG_CACHE_HOME`, below which everything may be deleted at any time.
    pub cache: PathBuf,
    /// `$XDG_CONFIG_HOME` of the user's systemd, below which units lie.
    pub units: PathBuf,
}

/// What the surroundings lack.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// No home folder is known.
    #[error("HOME is not set to an absolute path, neither here nor for the user's systemd")]
    NoHome,
    /// A socket cannot have so long a path.
    #[error("the socket {} has {length} bytes in its path, and at most {SOCKET_PATH_MAX} can be", path.display())]
    SocketPathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// The path of this program cannot be found.
    #[error("cannot find out where this program lies")]
    NoProgram(#[source] io::Error),
    /// The path of this program is not UTF-8, which a unit file cannot hold.
    #[error("this program lies at {}, which is no text that a unit could name", path.display())]
    ProgramUnnameable {
        /// Where it is.
        path: PathBuf,
    },
    /// This program was deleted while it runs, and nothing took its place.
    #[error("this program was deleted from {}", path.display())]
    ProgramGone {
        /// Where it was.
        path: PathBuf,
    },
}

impl HostError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome => Some("set HOME to your home folder".to_owned()),
            Self::SocketPathTooLong { .. } => Some(
                "set XDG_RUNTIME_DIR to a shorter path, or choose a shorter name with --name"
                    .to_owned(),
            ),
            Self::ProgramGone { .. } => Some("install mcpod again".to_owned()),
            Self::ProgramUnnameable { .. } => {
                Some("move mcpod into a folder with a plain name".to_owned())
            }
            Self::NoProgram(_) => None,
        }
    }
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// A variable that names a directory. The specification wants a relative path ignored, and an empty one is as good as none.
    pub(crate) fn directory(&self, name: &str) -> Option<PathBuf> {
        let path = Path::new(self.0.get(OsStr::new(name))?);
        path.is_absolute().then(|| path.to_owned())
    }

    /// The program that is found by this name in `PATH`.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        let folders = self.0.get(OsStr::new("PATH"))?;
        std::env::split_paths(folders)
            .map(|folder| folder.join(name))
            .find(|path| {
                path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
            })
    }

    /// A directory of the specification: the variable, else a default below the home folder.
    fn xdg(&self, name: &str, default: &str, home: &Path) -> PathBuf {
        self.directory(name).unwrap_or_else(|| home.join(default))
    }
}

impl From<BTreeMap<String, String>> for Environment {
    /// Takes the environment as systemd tells it.
    fn from(variables: BTreeMap<String, String>) -> Self {
        let variables = variables.into_iter();
        Self(
            variables
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl Host {
    /// Looks at this process.
    pub fn of_process() -> Self {
        Self::new(
            rustix::process::getuid().as_raw(),
            Environment::of_process(),
        )
    }

    /// Takes a user and an environment as given.
    pub fn new(uid: u32, environment: Environment) -> Self {
        let runtime = environment
            .directory("XDG_RUNTIME_DIR")
            .unwrap_or_else(|| PathBuf::from(format!("/run/user/{uid}")));
        Self {
            uid,
            environment,
            runtime: RuntimeDir(runtime),
        }
    }

    /// Whether this environment alone says where everything but units belongs, so that systemd need not be asked.
    pub fn is_complete(&self) -> bool {
        ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"]
            .iter()
            .all(|name| self.environment.directory(name).is_some())
    }

    /// Where files belong. `manager` is the environment of the user's systemd; an empty one where it cannot be asked.
    pub fn dirs(&self, manager: &Environment) -> Result<Dirs, HostError> {
        let own = &self.environment;
        let home = own.directory("HOME").or_else(|| manager.directory("HOME"));
        let home = home.ok_or(HostError::NoHome)?;
        let managers_home = manager.directory("HOME").unwrap_or_else(|| home.clone());
        let either = |name, default| {
            own.directory(name)
                .unwrap_or_else(|| manager.xdg(name, default, &home))
        };
        Ok(Dirs {
            home: home.clone(),
            config: either("XDG_CONFIG_HOME", ".config"),
            data: either("XDG_DATA_HOME", ".local/share"),
            cache: either("XDG_CACHE_HOME", ".cache"),
            units: manager.xdg("XDG_CONFIG_HOME", ".config", &managers_home),
        })
    }

    /// Whether this user can read what its own units log. On hosts that keep the journal in memory, an ordinary user cannot.
    pub fn journal_readable(&self) -> bool {
        journal_readable(Path::new("/"), self.uid)
    }
}

impl RuntimeDir {
    /// Takes a directory as given.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The socket of the user's bus.
    pub fn bus(&self) -> PathBuf {
        self.0.join("bus")
    }

    /// What mcpod keeps here: sockets, and the last words of servers.
    pub fn mcpod(&self) -> PathBuf {
        self.0.join("mcpod")
    }

    /// The socket behind which a server stands. It is there while the server's socket unit is up.
    pub fn socket_path(&self, server: &ServerName) -> Result<PathBuf, HostError> {
        let path = self.mcpod().join(server.socket_file());
        let length = path.as_os_str().len();
        if length > SOCKET_PATH_MAX {
            return Err(HostError::SocketPathTooLong { path, length });
        }
        Ok(path)
    }
}

/// Where this program lies, for units that start it.
///
/// A program that was replaced while it runs, as by an upgrade, is found at its old place; the new one is meant.
pub fn program() -> Result<String, HostError> {
    let path = std::env::current_exe().map_err(HostError::NoProgram)?;
    let path = without_deleted(path);
    if !path.exists() {
        return Err(HostError::ProgramGone { path });
    }
    path.into_os_string()
        .into_string()
        .map_err(|path| HostError::ProgramUnnameable { path: path.into() })
}

/// Takes away what the kernel puts behind the name of a deleted program (proc_pid_exe(5)).
fn without_deleted(path: PathBuf) -> PathBuf {
    match path.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
        Some(name) if !path.exists() => PathBuf::from(OsString::from_vec(name.to_vec())),
        _ => path,
    }
}

fn journal_readable(root: &Path, uid: u32) -> bool {
    let Ok(machine) = std::fs::read_to_string(root.join("etc/machine-id")) else {
        return false;
    };
    let kept = root.join("var/log/journal").join(machine.trim());
    let in_memory = root.join("run/log/journal").join(machine.trim());
    // On disk every regular user has a file of its own, which journald makes with the first line.
    (uid >= FIRST_REGULAR_USER && kept.is_dir())
        // All else is in the system's files, which are there for members of some groups.
        || [kept, in_memory].iter().any(|journal| File::open(journal.join("system.journal")).is_ok())
}

#[cfg(test)]
mod tests;
