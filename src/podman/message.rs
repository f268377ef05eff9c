//! Podman's messages: the only thing that tells its failures apart, since most arrive as status 500.
//!
//! A message is a chain of causes joined by `: `, the innermost last; in front of a pull Podman sends the innermost
//! alone. Parts of it come from registries, so it is made [`printable`] before anybody shows it.

use super::error::PodmanError;
use super::reference::ImageReference;
use crate::text::one_line;

/// The most characters of a message that are kept: Podman's longest chains have about 500.
const MESSAGE_MAX: usize = 800;

/// How many of them are taken from the front, where the message is longer; the rest from the end, where the cause is.
const MESSAGE_FRONT: usize = 250;

/// How far a pull had come when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PullStage {
    /// No layer was announced yet.
    Asking,
    /// Layers were being copied.
    Copying,
}

/// What a failure of a pull means to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    NoSpace,
    RateLimited,
    Untrusted,
    Missing,
    Denied,
    Lost,
}

/// Words of Podman, its libraries, the kernel and registries, in lower case, and what they mean. The first row with a
/// word in the message decides, so what is more certain comes first.
const MEANINGS: &[(Meaning, &[&str])] = &[
    (
        Meaning::NoSpace,
        &["no space left on device", "disk quota exceeded"],
    ),
    (
        Meaning::RateLimited,
        &["toomanyrequests", "too many requests", "pull rate limit"],
    ),
    (
        Meaning::Untrusted,
        &[
            "x509:",
            "tls: ",
            "server gave http response to https client",
        ],
    ),
    (
        Meaning::Missing,
        &[
            "manifest unknown",
            "name unknown",
            "repository name not known",
            "repository does not exist",
            "404 (not found)",
            "statuscode: 404",
            "manifest_unknown",
            "name_unknown",
        ],
    ),
    (
        Meaning::Denied,
        &[
            "access to the resource is denied",
            "authentication required",
            "unauthorized",
            "denied",
            "401 (unauthorized)",
            "403 (forbidden)",
            "statuscode: 403",
        ],
    ),
    (
        Meaning::Lost,
        &[
            "unexpected eof",
            "connection refused",
            "connection reset",
            "connection timed out",
            "broken pipe",
            "i/o timeout",
            "no such host",
            "server misbehaving",
            "name resolution",
            "network is unreachable",
            "no route to host",
            "host is down",
            "handshake timeout",
            "deadline exceeded",
            "timeout awaiting",
            "proxyconnect",
            "502 (bad gateway)",
            "503 (service unavailable)",
            "504 (gateway",
        ],
    ),
];

/// Turns the message of a failed pull into an error.
pub(super) fn pull_error(
    reference: &ImageReference,
    stage: PullStage,
    message: &str,
) -> PodmanError {
    let reference = reference.clone();
    let meaning = meaning(message);
    let message = printable(message);
    match (meaning, stage) {
        (Some(Meaning::NoSpace), _) => PodmanError::NoSpace { message },
        (Some(Meaning::RateLimited), _) => PodmanError::RateLimited { reference, message },
        (Some(Meaning::Untrusted), _) => PodmanError::RegistryUntrusted { reference, message },
        (Some(Meaning::Missing), _) => PodmanError::ImageNotFound { reference, message },
        (Some(Meaning::Denied), _) => PodmanError::AccessDenied { reference, message },
        (Some(Meaning::Lost), PullStage::Asking) => {
            PodmanError::RegistryUnreachable { reference, message }
        }
        (Some(Meaning::Lost), PullStage::Copying) => {
            PodmanError::PullInterrupted { reference, message }
        }
        (None, _) => PodmanError::PullFailed { reference, message },
    }
}

fn meaning(message: &str) -> Option<Meaning> {
    let message = message.to_lowercase();
    if message == "eof" || message.ends_with(": eof") {
        return Some(Meaning::Lost);
    }
    MEANINGS
        .iter()
        .find(|(_, words)| words.iter().any(|word| message.contains(word)))
        .map(|(meaning, _)| *meaning)
}

/// One line without hidden characters, and of bounded length: the middle goes first.
pub(super) fn printable(text: &str) -> String {
    let line = one_line(text);
    let length = line.chars().count();
    if length <= MESSAGE_MAX {
        return line;
    }
    let front = line.chars().take(MESSAGE_FRONT);
    let end = line.chars().skip(length - (MESSAGE_MAX - MESSAGE_FRONT));
    front.chain(['…']).chain(end).collect()
}
