//! Pulls: our own request, since podman-api asks for the stream that has no byte counts.
//!
//! `POST /libpod/images/pull` with `compatMode=true` answers with JSON lines, one for each step of each layer, bytes once
//! a second. What fails before the first layer comes as a plain HTTP error, what fails later as a line with `error`.

use std::path::Path;
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde::Deserialize;
use tokio::time::timeout;

use super::error::{PodmanError, innermost};
use super::message::{PullStage, printable, pull_error};
use crate::image::ImageReference;
use crate::tls;

/// The longest line that is read, and the longest error: a line of Podman has about 200 bytes, and a message that it
/// hands on from a registry may have some thousand.
const LINE_MAX: usize = 256 * 1024;

/// How long a pull may be silent. Podman speaks once a second while bytes come, and is silent while it unpacks the last
/// layers or waits for a registry that counts pulls; it has no limit of its own for a registry that went away quietly.
const SILENCE_MAX: Duration = Duration::from_mins(15);

/// What is asked for, in errors.
const REQUEST: &str = "a pull";

/// A step of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullEvent {
    /// A layer went on. The image's configuration counts as one more layer, and comes last.
    Layer {
        /// The first 12 digits of its digest.
        id: String,
        /// How far it is.
        status: LayerStatus,
        /// How many bytes of it are here, where Podman says so: once a second, so never for a layer that is quick.
        current: Option<u64>,
        /// How many bytes it has, where Podman says so.
        total: Option<u64>,
    },
    /// Anything else that Podman says, made printable.
    Message(String),
}

/// How far a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerStatus {
    /// It will be fetched.
    Waiting,
    /// It is being fetched.
    Downloading,
    /// It was here already.
    Exists,
    /// It came to its end. Podman says so of a layer that broke off as well; then the pull fails.
    Done,
}

/// A line of the stream (Docker's `JSONMessage`), as far as Podman fills it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PullLine {
    id: Option<String>,
    status: Option<String>,
    stream: Option<String>,
    #[serde(rename = "progressDetail")]
    progress: Option<Progress>,
    error: Option<String>,
    #[serde(rename = "errorDetail")]
    error_detail: Option<Failure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Progress {
    current: Option<i64>,
    total: Option<i64>,
}

/// The body of an HTTP error, and what is inside `errorDetail`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    message: Option<String>,
}

/// Pulls an image and tells every step. Dropping the future closes the connection, and with it Podman ends the pull.
pub(super) async fn pull(
    socket: &Path,
    reference: &ImageReference,
    mut on_event: impl FnMut(PullEvent) + Send,
) -> Result<(), PodmanError> {
    let mut stage = PullStage::Asking(StatusCode::OK.as_u16());
    let mut answer = match timeout(SILENCE_MAX, begin(socket, reference)).await {
        Ok(answer) => answer?,
        Err(_) => return Err(silent(reference, stage)),
    };
    let mut lines = Lines::default();
    loop {
        let chunk = match timeout(SILENCE_MAX, answer.chunk()).await {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(error)) => {
                let (_, reason) = innermost(&error);
                return Err(PodmanError::PullInterrupted {
                    reference: reference.clone(),
                    message: format!("lost the connection to Podman: {reason}"),
                });
            }
            Err(_) => return Err(silent(reference, stage)),
        };
        let mut take = |line: &[u8]| {
            if let Some(event) = read_line(line, reference, stage)? {
                if matches!(event, PullEvent::Layer { .. }) {
                    stage = PullStage::Copying;
                }
                on_event(event);
            }
            Ok(())
        };
        match chunk {
            Some(chunk) => lines.add(&chunk, &mut take)?,
            None => return lines.end(&mut take),
        }
    }
}

/// Asks for the pull. The answer is here when the first layer is announced, or when it failed before.
async fn begin(socket: &Path, reference: &ImageReference) -> Result<Response, PodmanError> {
    let lost = |error: reqwest::Error| PodmanError::connection(socket, &error);
    // `always`: what a tag is, the registry says, and a digest is asked for so that the image gets it as a name, which
    // Podman does only then. Layers that are here are not fetched again.
    let query = [
        ("reference", reference.to_string()),
        ("compatMode", "true".to_owned()),
        ("policy", "always".to_owned()),
    ];
    let mut answer = tls::client()
        .unix_socket(socket)
        .pool_max_idle_per_host(0)
        .build()
        .map_err(lost)?
        // The host's name is looked up by nobody.
        .post("http://podman/v5.0.0/libpod/images/pull")
        .query(&query)
        .send()
        .await
        .map_err(lost)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let mut body = Vec::new();
    while body.len() < LINE_MAX
        && let Some(chunk) = answer.chunk().await.map_err(lost)?
    {
        body.extend_from_slice(&chunk);
    }
    let message = match serde_json::from_slice(&body) {
        Ok(Failure {
            message: Some(message),
        }) => message,
        _ => format!("status {status}: {}", String::from_utf8_lossy(&body)),
    };
    let stage = PullStage::Asking(status.as_u16());
    Err(pull_error(reference, stage, &message))
}

fn silent(reference: &ImageReference, stage: PullStage) -> PodmanError {
    pull_error(
        reference,
        stage,
        &format!("timeout: nothing came for {SILENCE_MAX:?}"),
    )
}

/// Reads one line: a step, nothing worth telling, or the failure of the pull.
fn read_line(
    line: &[u8],
    reference: &ImageReference,
    stage: PullStage,
) -> Result<Option<PullEvent>, PodmanError> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let PullLine {
        id,
        status,
        stream,
        progress,
        error,
        error_detail,
    } = serde_json::from_slice(line).map_err(|error| PodmanError::Unreadable {
        request: REQUEST,
        reason: error.to_string(),
    })?;
    if let Some(message) = error_detail.and_then(|detail| detail.message).or(error) {
        return Err(pull_error(reference, stage, &message));
    }
    let layer = match status.as_deref() {
        Some("Pulling fs layer" | "Waiting") => Some(LayerStatus::Waiting),
        Some("Downloading") => Some(LayerStatus::Downloading),
        Some("Already exists") => Some(LayerStatus::Exists),
        Some("Download complete" | "Pull complete") => Some(LayerStatus::Done),
        _ => None,
    };
    let bytes = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
    Ok(match (id, layer, status.or(stream)) {
        (Some(id), Some(status), _) => {
            let Progress { current, total } = progress.unwrap_or_default();
            Some(PullEvent::Layer {
                id: printable(&id),
                status,
                current: bytes(current),
                // Podman leaves the size out, or says -1, where the registry does not tell it.
                total: bytes(total).filter(|total| *total > 0),
            })
        }
        (_, _, Some(text)) => Some(PullEvent::Message(printable(&text))),
        (_, _, None) => None,
    })
}

/// Lines out of chunks that end anywhere, also inside a character.
#[derive(Debug, Default)]
struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Adds a chunk and gives out every line that it completes.
    fn add(
        &mut self,
        chunk: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), PodmanError>,
    ) -> Result<(), PodmanError> {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            if self.begun.len() + piece.len() > LINE_MAX {
                return Err(PodmanError::Unreadable {
                    request: REQUEST,
                    reason: format!("a line has more than {LINE_MAX} bytes"),
                });
            }
            self.begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                take(&self.begun)?;
                self.begun.clear();
            }
        }
        Ok(())
    }

    /// Gives out what is left: a last line need not end.
    fn end(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), PodmanError>,
    ) -> Result<(), PodmanError> {
        take(&std::mem::take(&mut self.begun))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_and_no_cut_make_a_panic_or_another_line(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200),
            size in 1_usize..20,
        ) {
            let reference = "x".parse().unwrap();
            let mut taken = Vec::new();
            let mut lines = Lines::default();
            let mut take = |line: &[u8]| {
                taken.extend_from_slice(line);
                let _any = read_line(line, &reference, PullStage::Copying);
                Ok(())
            };
            for chunk in bytes.chunks(size) {
                lines.add(chunk, &mut take).unwrap();
            }
            lines.end(&mut take).unwrap();
            prop_assert_eq!(taken, bytes);
        }
    }
}
