//! Podman's messages: what tells the failures of a pull apart.
//!
//! A message is a chain of causes joined by `: `, the innermost last; before the first layer Podman sends the innermost
//! alone, with the registry's status where the registry gave a proper error, else with 500. Parts of a message come from
//! registries and images, so it is made [`printable`] before anybody shows it.

use super::error::PodmanError;
use crate::image::ImageReference;
use crate::text::one_line;

/// The most characters of a message that are kept: Podman's longest chains have about 500.
const MESSAGE_MAX: usize = 800;

/// How many of them are taken from the front, where the message is longer; the rest from the end, where the cause is.
const MESSAGE_FRONT: usize = 250;

/// How far a pull had come when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PullStage {
    /// No layer was announced yet; the answer's HTTP status.
    Asking(u16),
    /// Layers were being copied.
    Copying,
}

/// What a failure of a pull means to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Rejected,
    NoSpace,
    RateLimited,
    Untrusted,
    Missing,
    Denied,
    Lost,
}

/// Words of Podman, its libraries, the kernel and registries, in lower case, and what they mean. The first row with a
/// word in the message decides. The tests have whole messages.
const MEANINGS: &[(Meaning, &[&str])] = &[
    (
        Meaning::Rejected,
        &[
            "source image rejected",
            "is rejected by policy",
            "a signature was required",
            "none of the signatures were accepted",
            "signature verification failed",
        ],
    ),
    (
        Meaning::NoSpace,
        &["no space left on device", "disk quota exceeded"],
    ),
    (
        Meaning::RateLimited,
        &["toomanyrequests", "too many requests"],
    ),
    (
        Meaning::Untrusted,
        &[
            "x509: ",
            "tls: ",
            "server gave http response to https client",
        ],
    ),
    (
        Meaning::Missing,
        &[
            "manifest unknown",
            "name unknown",
            "repository does not exist",
            "http 404 response",
            "404 (not found)",
            "http status: 404",
        ],
    ),
    (
        Meaning::Denied,
        &[
            "unauthorized",
            "authentication required",
            "access to the resource is denied",
            "http 401 response",
            "http 403 response",
            "403 (forbidden)",
            "http status: 401",
            "http status: 403",
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
            "timeout",
            "deadline exceeded",
            "no such host",
            "server misbehaving",
            "name resolution",
            "network is unreachable",
            "no route to host",
            "host is down",
            "proxyconnect",
            "http status: 5",
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
    let meaning = match stage {
        PullStage::Asking(404) => Some(Meaning::Missing),
        PullStage::Asking(401 | 403) => Some(Meaning::Denied),
        PullStage::Asking(429) => Some(Meaning::RateLimited),
        PullStage::Asking(_) | PullStage::Copying => meaning(message),
    };
    let message = printable(message);
    match (meaning, stage) {
        (Some(Meaning::Rejected), _) => PodmanError::Rejected { reference, message },
        (Some(Meaning::NoSpace), _) => PodmanError::NoSpace { message },
        (Some(Meaning::RateLimited), _) => PodmanError::RateLimited { reference, message },
        (Some(Meaning::Untrusted), _) => PodmanError::RegistryUntrusted { reference, message },
        (Some(Meaning::Missing), _) => PodmanError::ImageNotFound { reference, message },
        (Some(Meaning::Denied), _) => PodmanError::AccessDenied { reference, message },
        (Some(Meaning::Lost), PullStage::Asking(_)) => {
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
    // What Go's HTTP client says of a server that hangs up without an answer.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Messages of Podman 5.4.2, as its API sent them: the stage, the message, and the beginning of our error.
    const RECORDED: &[(PullStage, &str, &str)] = &[
        (
            PullStage::Asking(404),
            "manifest unknown: manifest unknown",
            "the registry has no image",
        ),
        (
            PullStage::Asking(404),
            "name unknown",
            "the registry has no image",
        ),
        (
            PullStage::Asking(500),
            r#"error parsing HTTP 404 response body: invalid character '<' looking for beginning of value: "<html>404</html>""#,
            "the registry has no image",
        ),
        (
            PullStage::Asking(401),
            "unauthorized: authentication required",
            "the registry does not let us have",
        ),
        (
            PullStage::Asking(401),
            "unauthorized",
            "the registry does not let us have",
        ),
        (
            PullStage::Asking(403),
            "denied",
            "the registry does not let us have",
        ),
        (
            PullStage::Asking(500),
            r#"error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: "<html>no</html>""#,
            "the registry does not let us have",
        ),
        (
            PullStage::Asking(429),
            "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit",
            "the registry refuses",
        ),
        (
            PullStage::Asking(500),
            "connection refused",
            "cannot reach the registry of",
        ),
        (
            PullStage::Asking(500),
            "lookup nosuchhost.invalid on 198.51.100.53:53: no such host",
            "cannot reach the registry of",
        ),
        (
            PullStage::Asking(500),
            "EOF",
            "cannot reach the registry of",
        ),
        (
            PullStage::Asking(500),
            "received unexpected HTTP status: 502 Bad Gateway",
            "cannot reach the registry of",
        ),
        (
            PullStage::Asking(500),
            "x509: certificate signed by unknown authority",
            "cannot talk to the registry of",
        ),
        (
            PullStage::Asking(500),
            "http: server gave HTTP response to HTTPS client",
            "cannot talk to the registry of",
        ),
        (
            PullStage::Asking(500),
            "unknown: I am a teapot",
            "cannot pull",
        ),
        (
            PullStage::Asking(500),
            "invalid character 'j' looking for beginning of value",
            "cannot pull",
        ),
        (
            PullStage::Copying,
            r#"writing blob: storing blob to file "/var/tmp/container_images_storage2927688035/3": happened during read: (heuristic tuning data: total 131072 @1098.935 ms, last retry 65536 @3.134 ms, last progress @ 0.673 ms): unexpected EOF"#,
            "the pull of",
        ),
        (
            PullStage::Copying,
            r#"writing blob: storing blob to file "/var/tmp/container_images_storage3066509518/2": happened during read: unexpected EOF (while reconnecting: Get "http://127.0.0.1:5105/v2/mcp/time/blobs/sha256:d4a48a1068630e0c7442840da1af00f035a8a1fc3fc6d4b95ae9415fce7d48c4": dial tcp 127.0.0.1:5105: connect: connection refused)"#,
            "the pull of",
        ),
        (
            PullStage::Copying,
            r#"writing blob: storing blob to file "/home/tester/tmp/container_images_storage3467780272/3": write /home/tester/tmp/container_images_storage3467780272/3: no space left on device"#,
            "no space left for the image",
        ),
        (
            PullStage::Copying,
            r#"writing blob: adding layer with blob "sha256:d4a48a1068630e0c7442840da1af00f035a8a1fc3fc6d4b95ae9415fce7d48c4"/""/"sha256:f90387f0e2a2bf70c044361858c96912075f6cfb1fb2cf1f4c91fd46cf19679f": unpacking failed (error: exit status 1; output: write /usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.33: no space left on device)"#,
            "no space left for the image",
        ),
    ];

    #[test]
    fn what_podman_says_is_told_apart() {
        let reference: ImageReference = "mcp/time".parse().unwrap();
        for (stage, message, expected) in RECORDED {
            let error = pull_error(&reference, *stage, message);
            assert!(error.to_string().starts_with(expected), "{error}");
            assert!(error.to_string().ends_with(message), "{error}");
        }
    }

    #[test]
    fn a_registrys_words_are_shown_without_their_tricks() {
        let reference: ImageReference = "mcp/time".parse().unwrap();
        let hostile = "manifest unknown: \u{1b}[2J\u{202e}evil\nline";
        let error = pull_error(&reference, PullStage::Asking(404), hostile);
        assert_eq!(
            error.to_string(),
            "the registry has no image docker.io/mcp/time:latest: manifest unknown: [2Jevil line"
        );
    }

    #[test]
    fn a_long_message_keeps_its_two_ends() {
        let message = format!("first {} last", "ä".repeat(100_000));
        let shown = printable(&message);
        assert_eq!(shown.chars().count(), MESSAGE_MAX + 1);
        assert!(shown.starts_with("first ä") && shown.ends_with("ä last"));
        let fits = "ä".repeat(MESSAGE_MAX);
        assert_eq!(printable(&fits), fits);
    }

    proptest! {
        #[test]
        fn any_message_makes_an_error_of_one_line(message in "\\PC*|.*", status: u16) {
            let reference = "x".parse().unwrap();
            for stage in [PullStage::Asking(status), PullStage::Copying] {
                let text = pull_error(&reference, stage, &message).to_string();
                prop_assert!(!text.contains('\n'));
            }
        }
    }
}
