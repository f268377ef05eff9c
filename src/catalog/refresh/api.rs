//! The API of the official registry: pages by cursor, all of them now and then, in between what changed.
//!
//! What changed since (`updated_since`) does not say everything: real dumps lost their newest version, and changed what
//! they say, without a new date. So all is fetched anew once a week. Each page is kept as it comes, and a walk that is cut
//! off goes on where it ended.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;

use super::error::FetchError;
use super::limits::Limits;
use super::state::{State, Walk};
use super::web::{Answer, Web};
use crate::catalog::source::official::{self, Published};

/// The items in use, one a line.
pub(super) const ITEMS: &str = "items.jsonl";
/// The items of a walk that has not ended.
const WALK: &str = "walk.jsonl";

/// How many versions of a server are kept: the newest, and one to fall back to when that is deleted.
const KEPT: usize = 2;

/// How old a walk may be to be gone on with: cursors are good for longer, but what they skip grows.
const WALK_MAX: SignedDuration = SignedDuration::from_hours(24);

/// How far before the latest change is asked again, since clocks differ.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);

/// Follows an API and says whether what is kept in the folder changed.
pub(super) async fn follow(
    base: &str,
    folder: &Path,
    state: &mut State,
    web: &Web,
    limits: &Limits,
    mut page_read: impl FnMut(usize),
) -> Result<bool, FetchError> {
    let now = Timestamp::now();
    let has_items = folder.join(ITEMS).exists();
    let is_old = |at: Timestamp, age: SignedDuration| now.duration_since(at) > age;
    let full_pass = SignedDuration::try_from(limits.full_pass).unwrap_or(SignedDuration::MAX);
    let mut walk = match state.api.walk.take() {
        Some(walk) if !is_old(walk.begun_at, WALK_MAX) => walk,
        _ => Walk {
            begun_at: now,
            since: match (state.api.full_at, state.api.until) {
                (Some(full), Some(until)) if has_items && !is_old(full, full_pass) => {
                    until.checked_sub(OVERLAP).ok()
                }
                _ => None,
            },
            cursor: None,
            bytes: 0,
        },
    };
    let mut seen = HashSet::new();
    let mut items = 0;
    loop {
        let url = page_url(base, &walk)?;
        let Answer::Body { bytes, .. } = web.get(url.as_str(), None).await? else {
            return Err(answer(
                &url,
                "it says unchanged, though nothing was there to compare",
            ));
        };
        let page = official::page(&bytes).map_err(|error| answer(&url, &error.to_string()))?;
        items += page.items.len();
        walk.bytes = append(&folder.join(WALK), walk.bytes, &page.items)?;
        if walk.bytes > limits.source {
            return Err(FetchError::TooLarge {
                url: base.to_owned(),
                limit: limits.source,
            });
        }
        page_read(items);
        let Some(next) = page.next else { break };
        if !seen.insert(next.clone()) {
            return Err(answer(&url, "its pages lead in circles"));
        }
        walk.cursor = Some(next);
        state.api.walk = Some(walk.clone());
        state.save(folder)?;
    }
    let changed = settle(folder, &walk, state)?;
    state.api.walk = None;
    if walk.since.is_none() {
        state.api.full_at = Some(walk.begun_at);
    }
    Ok(changed)
}

fn page_url(base: &str, walk: &Walk) -> Result<Url, FetchError> {
    let mut url =
        Url::parse(&format!("{}/v0.1/servers", base.trim_end_matches('/'))).map_err(|_| {
            FetchError::Address {
                url: base.to_owned(),
            }
        })?;
    let mut query = url.query_pairs_mut();
    query.append_pair("limit", "100");
    if let Some(since) = walk.since {
        query.append_pair("updated_since", &since.to_string());
    }
    if let Some(cursor) = &walk.cursor {
        query.append_pair("cursor", cursor);
    }
    drop(query);
    Ok(url)
}

fn answer(url: &Url, reason: &str) -> FetchError {
    FetchError::Answer {
        url: url.to_string(),
        reason: reason.to_owned(),
    }
}

/// Writes items behind the first `bytes` of a file and says how many there are then.
fn append(path: &Path, bytes: u64, items: &[String]) -> Result<u64, FetchError> {
    let failed = |source| FetchError::file(path, source);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(failed)?;
    // What was written behind what is remembered was not remembered.
    file.set_len(bytes).map_err(failed)?;
    let mut file = BufWriter::new(file);
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(bytes)).map_err(failed)?;
    let mut written = bytes;
    for item in items {
        let line = item.replace(['\n', '\r'], " ");
        writeln!(file, "{line}").map_err(failed)?;
        written += u64::try_from(line.len()).unwrap_or_default() + 1;
    }
    file.flush().map_err(failed)?;
    Ok(written)
}

/// Takes what a walk found into the items in use and says whether that changed them.
fn settle(folder: &Path, walk: &Walk, state: &mut State) -> Result<bool, FetchError> {
    let found = read(&folder.join(WALK))?;
    let kept = if walk.since.is_some() {
        read(&folder.join(ITEMS))?
    } else {
        String::new()
    };
    let mut names: BTreeMap<String, BTreeMap<String, (Published, &str)>> = BTreeMap::new();
    let mut latest = state.api.until;
    for item in kept.lines().chain(found.lines()) {
        // An item that cannot be read is kept for the parser, which says what is wrong with it.
        let published = official::published(item).unwrap_or_else(|_| Published::unreadable(item));
        if let Ok(updated) = published.updated_at.parse::<Timestamp>() {
            latest = latest.max(Some(updated));
        }
        let versions = names.entry(published.name.clone()).or_default();
        versions.insert(published.version.clone(), (published, item));
    }
    // A page that was read early may have changed while later ones were read: what changed since the beginning is asked again.
    state.api.until = latest.map(|latest| latest.min(walk.begun_at));
    let path = folder.join(ITEMS);
    let failed = |source| FetchError::file(&path, source);
    let new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let mut file = BufWriter::new(new);
    for versions in names.values() {
        for item in newest(versions) {
            writeln!(file, "{item}").map_err(failed)?;
        }
    }
    let new = file
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    let changed = !same(new.path(), &path);
    if changed {
        new.persist(&path).map_err(|error| failed(error.error))?;
        state.api.changes += 1;
    }
    fs::remove_file(folder.join(WALK))
        .map_err(|source| FetchError::file(&folder.join(WALK), source))?;
    Ok(changed)
}

/// The newest versions of a server that were not deleted, as many as are kept.
fn newest<'a>(versions: &BTreeMap<String, (Published, &'a str)>) -> Vec<&'a str> {
    let mut left: Vec<&(Published, &'a str)> = versions.values().collect();
    let mut kept = Vec::new();
    while kept.len() < KEPT {
        let Some(newest) = official::newest(left.iter().map(|(published, _)| published)) else {
            break;
        };
        let Some(at) = left
            .iter()
            .position(|(published, _)| std::ptr::eq(published, newest))
        else {
            break;
        };
        kept.push(left.remove(at).1);
    }
    kept
}

/// The text of a file; none where it is not there.
pub(super) fn read(path: &Path) -> Result<String, FetchError> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(FetchError::file(path, source)),
    }
}

fn same(a: &Path, b: &Path) -> bool {
    let length = |path: &Path| {
        File::open(path)
            .and_then(|file| file.metadata())
            .map(|metadata| metadata.len())
            .ok()
    };
    length(a) == length(b) && fs::read(a).ok() == fs::read(b).ok()
}
