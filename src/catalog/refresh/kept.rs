//! Answers that are kept, each with the mark that it was sent with, so that they need not be sent again.

use std::path::{Path, PathBuf};

use super::contents::hash;
use super::error::FetchError;
use super::state;
use super::web::{Answer, Mark, Web};

/// The folder of answers, below that of a source.
const ANSWERS: &str = "answers";

/// What is at an address: sent anew if it changed, else as it was kept.
pub(super) async fn get(url: &str, folder: &Path, web: &Web) -> Result<Vec<u8>, FetchError> {
    let path = path(url, folder);
    let kept = read(&path);
    let mark = kept.as_ref().and_then(|(mark, _)| mark.as_ref());
    match (web.get(url, mark).await?, kept) {
        (Answer::Body { bytes, mark }, _) => {
            let mark =
                serde_json::to_vec(&mark).map_err(|error| FetchError::file(&path, error.into()))?;
            // Both in one file, so that neither is there without the other.
            state::write_bytes(&path, &[&mark, b"\n", &bytes])?;
            Ok(bytes)
        }
        (Answer::Unchanged, Some((_, bytes))) => Ok(bytes),
        (Answer::Unchanged, None) => Err(FetchError::unasked(url)),
    }
}

/// What was kept of an address.
pub(super) fn kept(url: &str, folder: &Path) -> Option<Vec<u8>> {
    read(&path(url, folder)).map(|(_, bytes)| bytes)
}

fn path(url: &str, folder: &Path) -> PathBuf {
    let name = hash(&[(url.to_owned(), Vec::new())]);
    folder.join(ANSWERS).join(name)
}

fn read(path: &Path) -> Option<(Option<Mark>, Vec<u8>)> {
    let bytes = std::fs::read(path).ok()?;
    let end = memchr::memchr(b'\n', &bytes)?;
    let mark = serde_json::from_slice(bytes.get(..end)?).ok()?;
    Some((mark, bytes.get(end + 1..)?.to_owned()))
}
