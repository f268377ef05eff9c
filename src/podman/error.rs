//! Why Podman did not do what we asked.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SOCKET_UNIT;
use super::message::printable;
use crate::image::ImageReference;
use crate::quadlet::version::PodmanVersion;

/// Why Podman did not do what we asked. Every `message` is Podman's own, made printable and bounded.
#[derive(Debug, thiserror::Error)]
pub enum PodmanError {
    /// There is no socket: `podman.socket` was never started. See [`PodmanError::is_down`].
    #[error("Podman's socket {path} does not exist")]
    SocketMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The socket's file is there and nobody listens: `podman.socket` was stopped. See [`PodmanError::is_down`].
    #[error("nobody listens on Podman's socket {path}")]
    NotListening {
        /// The socket.
        path: PathBuf,
    },
    /// The socket is somebody else's.
    #[error("no permission to use Podman's socket {path}")]
    NotPermitted {
        /// The socket.
        path: PathBuf,
    },
    /// The connection to Podman's service could not be made or did not last.
    #[error("lost the connection to Podman on {path}: {reason}")]
    Connection {
        /// The socket.
        path: PathBuf,
        /// The innermost cause.
        reason: String,
    },
    /// Podman took a request and did not answer it.
    #[error("Podman did not answer within {waited:?} when asked for {request}")]
    TimedOut {
        /// What it was asked for.
        request: &'static str,
        /// How long we waited.
        waited: Duration,
    },
    /// Podman is older than what the units need.
    #[error("Podman {found} is too old: mcpod needs {needed} or later")]
    TooOld {
        /// The version of the running service.
        found: PodmanVersion,
        /// The oldest that will do.
        needed: PodmanVersion,
    },
    /// The registry has no such repository, tag or digest.
    #[error("the registry has no image {reference}: {message}")]
    ImageNotFound {
        /// The image.
        reference: ImageReference,
        /// Podman's words.
        message: String,
    },
    /// The registry wants a login, or does not say that the image is missing: Docker Hub answers both alike.
    #[error("the registry does not let us have {reference}: {message}")]
    AccessDenied {
        /// The image.
        reference: ImageReference,
        /// Podman's words.
        message: String,
    },
    /// The registry counts pulls, and these were too many.
    #[error("the registry refuses {reference} for now: {message}")]
    RateLimited {
        /// The image.
        reference: ImageReference,
        /// Podman's words.
        message: String,
    },
    /// No connection to the registry: its name, its host, or the way to it.
    #[error("cannot reach the registry of {reference}: {message}")]
    RegistryUnreachable {
        /// The image.
        reference: ImageReference,
        /// Podman's words.
        message: String,
    },
    /// The registry's certificate is not accepted, or it speaks no TLS.
    #[error("cannot talk to the registry of {reference} securely: {message}")]
    RegistryUntrusted {
        /// The image.
        reference: ImageReference,
        /// Podman's words.
        message: String,
    },
    /// The policy of signatures does not let the image in.
    #[error("Podman's policy of signatures refuses {reference}: {message}")]
    Rejected {
        /// The image.
        reference: ImageReference,
        /// Podman's words.
        message: String,
    },
    /// The pull ended after it had begun: the registry or Podman's service went away.
    #[error("the pull of {reference} was interrupted: {message}")]
    PullInterrupted {
        /// The image.
        reference: ImageReference,
        /// Podman's words, or the connection's.
        message: String,
    },
    /// Podman's storage is full.
    #[error("no space left for the image: {message}")]
    NoSpace {
        /// Podman's words.
        message: String,
    },
    /// A pull failed for a reason that nothing above names.
    #[error("cannot pull {reference}: {message}")]
    PullFailed {
        /// The image.
        reference: ImageReference,
        /// Podman's words.
        message: String,
    },
    /// A container uses the image that should be removed.
    #[error("{reference} is in use: {message}")]
    ImageInUse {
        /// The image.
        reference: ImageReference,
        /// Podman's words.
        message: String,
    },
    /// Podman refused a request for a reason that nothing above names.
    #[error("Podman refused {request} with status {status}: {message}")]
    Api {
        /// What it was asked for.
        request: &'static str,
        /// The HTTP status.
        status: u16,
        /// Podman's words.
        message: String,
    },
    /// Podman's answer is not what its API says.
    #[error("cannot read Podman's answer when asked for {request}: {reason}")]
    Unreadable {
        /// What it was asked for.
        request: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl PodmanError {
    /// Whether starting [`SOCKET_UNIT`] would help: then start it and ask again, once.
    pub fn is_down(&self) -> bool {
        matches!(self, Self::SocketMissing { .. } | Self::NotListening { .. })
    }

    /// Whether the host lacks what it takes: there is no Podman of this user to talk to, or one that is too old.
    pub fn is_host(&self) -> bool {
        matches!(
            self,
            Self::SocketMissing { .. }
                | Self::NotListening { .. }
                | Self::NotPermitted { .. }
                | Self::TooOld { .. }
        )
    }

    /// The next step for the user, where there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::SocketMissing { .. } | Self::NotListening { .. } => format!(
                "systemctl --user start {SOCKET_UNIT} (the unit comes with the package podman)"
            ),
            Self::NotPermitted { path } => format!("see who owns it: ls -l {}", path.display()),
            Self::Connection { .. } | Self::TimedOut { .. } | Self::Unreadable { .. } => {
                "journalctl --user -u podman.service shows Podman's side".to_owned()
            }
            Self::TooOld { needed, .. } => {
                format!(
                    "install Podman {needed} or later; Debian 13, RHEL 9.6 and Fedora 41 have it"
                )
            }
            Self::ImageNotFound { reference, .. } => format!(
                "check the name and the tag; podman search --list-tags {} shows the tags there are",
                reference.repository()
            ),
            Self::AccessDenied { reference, .. } => format!(
                "either there is no such image, or it needs a login: podman login {}",
                reference.registry()
            ),
            Self::RateLimited { reference, .. } => format!(
                "wait, or log in for a higher limit: podman login {}",
                reference.registry()
            ),
            Self::RegistryUnreachable { reference, .. } => format!(
                "check the network and the proxy settings, and registries.conf for {}; podman pull {reference} shows the same",
                reference.registry()
            ),
            Self::RegistryUntrusted { reference, .. } => format!(
                "put the registry's CA certificate into ~/.config/containers/certs.d/{}/ca.crt",
                reference.registry()
            ),
            Self::Rejected { .. } => "podman image trust show says what is demanded (containers-policy.json(5)); the image is not signed so, or its signatures are not found (containers-registries.d(5))".to_owned(),
            Self::PullInterrupted { .. } => "try again, once the registry is there".to_owned(),
            Self::NoSpace { .. } => {
                "podman system df shows what takes the space, podman image prune frees some"
                    .to_owned()
            }
            Self::ImageInUse { .. } => {
                "podman ps --all --external shows the containers that use it".to_owned()
            }
            Self::PullFailed { .. } | Self::Api { .. } => return None,
        })
    }

    /// An error of the connection to the service, told apart by the I/O error inside it.
    pub(super) fn connection(path: &Path, error: &(dyn Error + 'static)) -> Self {
        let path = path.to_owned();
        let (kind, reason) = innermost(error);
        match kind {
            Some(io::ErrorKind::NotFound) => Self::SocketMissing { path },
            Some(io::ErrorKind::ConnectionRefused) => Self::NotListening { path },
            Some(io::ErrorKind::PermissionDenied) => Self::NotPermitted { path },
            _ => Self::Connection { path, reason },
        }
    }

    /// An error of podman-api. (Its type must not be cloned: its `Clone` calls itself for ever.)
    pub(super) fn from_api(path: &Path, request: &'static str, error: &podman_api::Error) -> Self {
        match error {
            podman_api::Error::Fault { code, message } => Self::Api {
                request,
                status: code.as_u16(),
                message: without_repeated_cause(&printable(message)).to_owned(),
            },
            podman_api::Error::SerdeJsonError(error) => Self::Unreadable {
                request,
                reason: printable(&error.to_string()),
            },
            podman_api::Error::InvalidResponse(reason) => Self::Unreadable {
                request,
                reason: printable(reason),
            },
            other => Self::connection(path, other),
        }
    }
}

/// The kind of the I/O error that caused another, if one did, and the text of the innermost cause.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> (Option<io::ErrorKind>, String) {
    let mut kind = None;
    let mut innermost = error;
    loop {
        if let Some(error) = innermost.downcast_ref::<io::Error>() {
            kind = Some(error.kind());
        }
        match innermost.source() {
            Some(source) => innermost = source,
            None => return (kind, printable(&innermost.to_string())),
        }
    }
}

/// podman-api writes `MESSAGE: CAUSE`, and Podman's message has its cause in it already.
fn without_repeated_cause(message: &str) -> &str {
    message
        .match_indices(": ")
        .filter_map(|(at, _)| message.split_at_checked(at))
        .find(|(said, rest)| {
            rest.strip_prefix(": ")
                .is_some_and(|cause| said.contains(cause))
        })
        .map_or(message, |(said, _)| said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let in_use = "image used by dd16: image is in use by a container: consider listing external containers";
        for (message, expected) in [
            ("no such thing: ", "no such thing:"),
            ("plain", "plain"),
            ("", ""),
            ("a: b: c", "a: b: c"),
            (
                "failed to find image x: x: image not known: image not known",
                "failed to find image x: x: image not known",
            ),
            (&format!("{in_use}: image is in use by a container"), in_use),
        ] {
            assert_eq!(without_repeated_cause(&printable(message)), expected);
        }
    }
}
