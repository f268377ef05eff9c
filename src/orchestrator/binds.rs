//! What of the host must never be mounted into a server, even if the user names it: what would hand over the account.

use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use crate::activation::invocation::Bind;
use crate::host::{Dirs, Host};

/// Sockets of container engines: whoever speaks to one is the user, or root.
const ENGINE_SOCKETS: [&str; 4] = [
    "/run/podman",
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd",
];

/// What the kernel shows: through `/proc/PID/root` of any process of the user's lies all that the user has.
const KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Paths that are closed to servers.
#[derive(Debug, Clone)]
pub struct Closed {
    home: PathBuf,
    /// Neither they, nor anything in them, nor any folder that they are in.
    closed: Vec<PathBuf>,
}

/// Why a path of the host is not mounted.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// It is not there, or cannot be looked at.
    #[error("cannot mount {path}")]
    Unreachable {
        /// The path.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The whole home folder is in it.
    #[error("{path} is not mounted: your whole home folder is in it")]
    Home {
        /// The path.
        path: String,
    },
    /// What it holds lets whoever has it do all that the user can.
    #[error("{path} is not mounted: with {} a server could do all that you can", closed.display())]
    Closed {
        /// The path.
        path: String,
        /// What it holds, or lies in.
        closed: PathBuf,
    },
    /// Another part of the server could put something else in its place.
    #[error("{path} is not mounted: it lies in {above}, which the server can change")]
    Below {
        /// The path.
        path: String,
        /// The folder that is mounted as well.
        above: String,
    },
    /// It is a socket.
    #[error("{path} is not mounted: it is a socket")]
    Socket {
        /// The path.
        path: String,
    },
    /// It leads to a path that is no text.
    #[error("{path} is not mounted: it leads to a path that a unit cannot hold")]
    Unnameable {
        /// The path.
        path: String,
    },
}

impl BindError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Home { .. } => Some("name the folders in it that the server needs".to_owned()),
            Self::Unreachable { source, path } if source.kind() == io::ErrorKind::NotFound => {
                Some(format!("mkdir -p {path}, if it is to be a new folder"))
            }
            Self::Below { above, .. } => Some(format!("{above} alone has it in it")),
            _ => None,
        }
    }
}

impl Closed {
    /// The paths that are closed for a user of this host.
    pub fn of(host: &Host, dirs: &Dirs) -> Self {
        let Dirs {
            home,
            config,
            data,
            cache,
            units,
        } = dirs;
        let mut closed: Vec<PathBuf> = ENGINE_SOCKETS.map(PathBuf::from).into();
        closed.extend(KERNEL.map(PathBuf::from));
        // Sockets of Podman, of the user's bus, of servers.
        closed.push(host.runtime.path().to_owned());
        for folder in [config, units] {
            // Both say what systemd and Podman run.
            closed.extend(["systemd", "containers", "mcpod"].map(|name| folder.join(name)));
        }
        closed.extend(["systemd", "containers", "mcpod"].map(|name| data.join(name)));
        closed.push(cache.join("mcpod"));
        Self {
            home: resolved(home),
            closed: closed.iter().map(|path| resolved(path)).collect(),
        }
    }

    /// Lets the mounts of a server pass, and says in each where it truly lies.
    pub fn check_all(&self, binds: &mut [Bind]) -> Result<(), BindError> {
        for bind in &mut *binds {
            bind.source = self.check(&bind.source)?;
        }
        // In a folder that it can write to a server can put a link in the place of what is mounted at its next start.
        let can_change =
            |above: &&Bind, bind: &Bind| !above.read_only && is_below(&bind.source, &above.source);
        for bind in &*binds {
            if let Some(above) = binds.iter().find(|above| can_change(above, bind)) {
                return Err(BindError::Below {
                    path: bind.source.clone(),
                    above: above.source.clone(),
                });
            }
        }
        Ok(())
    }

    /// Lets a path pass that may be mounted, and gives where it truly lies.
    pub fn check(&self, path: &str) -> Result<String, BindError> {
        let unreachable = |source| BindError::Unreachable {
            path: path.to_owned(),
            source,
        };
        let named = || path.to_owned();
        let true_path = Path::new(path).canonicalize().map_err(unreachable)?;
        // `/` among others.
        if self.home.starts_with(&true_path) {
            return Err(BindError::Home { path: named() });
        }
        let meets = |closed: &&PathBuf| {
            closed.starts_with(&true_path) || true_path.starts_with(closed.as_path())
        };
        if let Some(closed) = self.closed.iter().find(meets) {
            return Err(BindError::Closed {
                path: named(),
                closed: closed.clone(),
            });
        }
        if true_path
            .metadata()
            .map_err(unreachable)?
            .file_type()
            .is_socket()
        {
            return Err(BindError::Socket { path: named() });
        }
        true_path
            .into_os_string()
            .into_string()
            .map_err(|_| BindError::Unnameable { path: named() })
    }
}

/// Whether a path lies in a folder, and is not the folder itself.
fn is_below(path: &str, folder: &str) -> bool {
    path != folder && Path::new(path).starts_with(folder)
}

/// Where a path truly lies, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    path.ancestors()
        .find_map(|ancestor| {
            let true_path = ancestor.canonicalize().ok()?;
            let behind = path.strip_prefix(ancestor).ok()?;
            // Joining nothing would put a slash behind.
            Some(true_path.join(behind).components().collect())
        })
        .unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Environment, RuntimeDir};

    #[test]
    fn only_what_does_not_hand_over_the_account_is_mounted() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path).display().to_string();
        for folder in [
            "home/src/project",
            "home/src.old",
            "home/.config/systemd/user",
            "home/.local/share/mcpod",
            "run",
            "srv",
        ] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(at("home"), at("srv/home")).unwrap();
        std::os::unix::fs::symlink(at("home/src"), at("srv/src")).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(at("srv/x.sock")).unwrap();
        let host = Host {
            uid: 1000,
            environment: Environment::default(),
            runtime: RuntimeDir::at(at("run")),
        };
        let home = root.path().join("home");
        let dirs = Dirs {
            config: home.join(".config"),
            data: home.join(".local/share"),
            cache: home.join(".cache"),
            units: home.join(".config"),
            home,
        };
        let closed = Closed::of(&host, &dirs);
        let real = |path: &str| root.path().join(path).canonicalize().unwrap();

        for (path, found) in [
            ("home/src", "home/src"),
            ("home/src/../src/project", "home/src/project"),
            ("srv/src/project", "home/src/project"),
        ] {
            let checked = closed.check(&at(path)).unwrap();
            assert_eq!(Path::new(&checked), real(found), "{path}");
        }
        for path in ["home", "srv/home", "home/src/..", ""] {
            let checked = closed.check(&at(path));
            assert!(
                matches!(checked, Err(BindError::Home { .. })),
                "{path}: {checked:?}"
            );
        }
        assert!(matches!(closed.check("/"), Err(BindError::Home { .. })));
        for path in [
            "run",
            "home/.config",
            "home/.config/systemd",
            "home/.config/systemd/user",
            "home/.local",
            "home/.local/share/mcpod",
        ] {
            let checked = closed.check(&at(path));
            assert!(
                matches!(checked, Err(BindError::Closed { .. })),
                "{path}: {checked:?}"
            );
        }
        let bind = |source: &str, read_only| Bind {
            source: at(source),
            target: "/x".to_owned(),
            read_only,
        };
        for (binds, passes) in [
            (
                [bind("srv/src", false), bind("home/src/project", false)],
                false,
            ),
            (
                [bind("home/src/project", true), bind("home/src", false)],
                false,
            ),
            (
                [bind("home/src", true), bind("home/src/project", false)],
                true,
            ),
            ([bind("home/src", false), bind("srv/src", false)], true),
            (
                [bind("home/src/project", false), bind("home/src.old", false)],
                true,
            ),
        ] {
            let mut checked = binds.clone();
            let result = closed.check_all(&mut checked);
            assert_eq!(result.is_ok(), passes, "{binds:?}: {result:?}");
        }
        assert!(matches!(
            closed.check(&at("srv/x.sock")),
            Err(BindError::Socket { .. })
        ));
        assert!(matches!(
            closed.check(&at("srv/none")),
            Err(BindError::Unreachable { .. })
        ));
        assert!(matches!(
            closed.check("/nul\0"),
            Err(BindError::Unreachable { .. })
        ));
    }
}
