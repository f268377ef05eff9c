//! What is remembered of a source between refreshes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::FetchError;
use crate::catalog::source::Refused;

/// What is remembered of a source.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// The addresses that all of this is about.
    pub(super) urls: Vec<String>,
    /// When a fetch that succeeded was begun.
    pub(super) fetched_at: Option<Timestamp>,
    /// When it ended. Whoever waited for it meanwhile need not fetch again.
    pub(super) done_at: Option<Timestamp>,
    /// Why the last fetch failed, if it did.
    pub(super) error: Option<String>,
    /// What tells what was fetched from what was fetched before.
    pub(super) content: String,
    /// The marks of answers that need not be sent again.
    pub(super) marks: BTreeMap<String, String>,
    /// How far an API was followed.
    pub(super) api: Api,
    /// How many entries it has.
    pub(super) entries: usize,
    /// The records that were refused.
    pub(super) refused: Vec<Refused>,
}

/// How far an API was followed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Api {
    /// When the last whole copy was begun.
    pub(super) full_at: Option<Timestamp>,
    /// The latest change that was seen.
    pub(super) until: Option<Timestamp>,
    /// A walk through its pages that has not ended.
    pub(super) walk: Option<Walk>,
    /// How often what is kept was changed.
    pub(super) changes: u64,
}

/// A walk through the pages of an API.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Walk {
    /// When it was begun.
    pub(super) begun_at: Timestamp,
    /// What changed since then is asked for; all, if there is none.
    pub(super) since: Option<Timestamp>,
    /// The next page; the first, if there is none.
    pub(super) cursor: Option<String>,
    /// How many bytes of the file of this walk count.
    pub(super) bytes: u64,
}

impl State {
    /// What is remembered in a folder of what comes from these addresses.
    pub(super) fn load(folder: &Path, urls: &[String]) -> Self {
        let state: Self = read(&folder.join("state.json")).unwrap_or_default();
        if state.urls == urls {
            return state;
        }
        // Of other addresses nothing counts.
        Self {
            urls: urls.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn save(&self, folder: &Path) -> Result<(), FetchError> {
        write(&folder.join("state.json"), self)
    }
}

/// A file of JSON; nothing where it is not there or is no such JSON, which is as good as nothing to remember.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a file of JSON in one step.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), FetchError> {
    let failed = |source| FetchError::file(path, source);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let json = serde_json::to_vec(value).map_err(|error| failed(error.into()))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(&json).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
