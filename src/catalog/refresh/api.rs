//! The API of the official registry: pages by cursor, all of them now and then, in between what changed.
//!
//! What changed since (`updated_since`) does not say everything: real dumps lost their newest version, and changed what
//! they say, without a new date. So all is fetched anew once a week. Each page is kept as it comes, and a walk that is cut
//! off goes on where it ended, until it is as old as a whole copy may be.
//!
//! What is remembered of the source names the file of items in use. A walk is taken over by writing another one and then
//! what is remembered, in one step: whoever is killed before has lost nothing, and does the same again.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;

use super::error::FetchError;
use super::limits::Limits;
use super::state::{Api, State, Walk};
use super::web::{Answer, Web};
use crate::catalog::source::official::{self, Published};

/// How the names of files of items begin and end.
const ITEMS: &str = "items-";
const SEQUENCE: &str = ".json-seq";
/// The items of a walk that was not taken over.
const WALK: &str = "walk.json-seq";

/// What stands before each item (RFC 7464): no JSON has it inside, so that items are kept word for word.
const MARK: char = '\u{1e}';

/// How many versions of a server are kept: the newest, and one to fall back to when that is deleted.
const KEPT: usize = 2;

/// How far before the latest change is asked again, since clocks differ.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);

/// Follows an API and takes over what it sends, once all of it is there.
pub(super) async fn follow(
    base: &str,
    folder: &Path,
    state: &mut State,
    web: &Web,
    limits: &Limits,
    mut page_read: impl FnMut(usize),
) -> Result<(), FetchError> {
    let mut walk = begun(folder, &state.api, limits);
    let mut seen = HashSet::new();
    let mut count = 0;
    while !walk.is_complete {
        let page = match page(base, &walk, web).await {
            Ok(page) => page,
            Err(error) => {
                // A place in the list that the server does not know any more leads nowhere next time either.
                if !may_pass(&error) {
                    state.api.walk = None;
                }
                return Err(error);
            }
        };
        count += page.items.len();
        walk.bytes = append(&folder.join(WALK), walk.bytes, &page.items)?;
        let is_endless = page
            .next
            .as_ref()
            .is_some_and(|next| !seen.insert(next.clone()));
        if is_endless || walk.bytes > limits.source {
            state.api.walk = None;
            return Err(if is_endless {
                answer(base, "its pages lead in circles")
            } else {
                FetchError::TooLarge {
                    url: base.to_owned(),
                    limit: limits.source,
                }
            });
        }
        page_read(count);
        walk.is_complete = page.next.is_none();
        walk.cursor = page.next;
        state.api.walk = Some(walk.clone());
        state.save(folder)?;
    }
    take_over(folder, &walk, state)
}

/// The items in use, as text that [`items`] takes apart.
pub(super) fn read_items(folder: &Path, api: &Api) -> Result<String, FetchError> {
    read(&folder.join(file_name(api.items)))
}

/// The items of a file's text, word for word.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    let items = text.split(MARK).skip(1);
    items.map(|item| item.strip_suffix('\n').unwrap_or(item))
}

/// The walk to go on with: the one that was cut off, or a new one.
fn begun(folder: &Path, api: &Api, limits: &Limits) -> Walk {
    let now = Timestamp::now();
    let full_pass = SignedDuration::try_from(limits.full_pass).unwrap_or(SignedDuration::MAX);
    let is_recent = |at: Timestamp| at <= now && now.duration_since(at) < full_pass;
    let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    if let Some(walk) = &api.walk
        && is_recent(walk.begun_at)
        && length(&folder.join(WALK)) >= walk.bytes
    {
        return walk.clone();
    }
    let has_items = folder.join(file_name(api.items)).exists();
    Walk {
        begun_at: now,
        since: match (api.full_at, api.until) {
            (Some(full), Some(until)) if has_items && is_recent(full) => {
                until.checked_sub(OVERLAP).ok()
            }
            _ => None,
        },
        cursor: None,
        bytes: 0,
        is_complete: false,
    }
}

async fn page(base: &str, walk: &Walk, web: &Web) -> Result<official::Page, FetchError> {
    let url = page_url(base, walk)?;
    match web.get(url.as_str(), None).await? {
        Answer::Body { bytes, .. } => {
            official::page(&bytes).map_err(|error| answer(url.as_str(), &error.to_string()))
        }
        Answer::Unchanged => Err(FetchError::unasked(url.as_str())),
    }
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

fn answer(url: &str, reason: &str) -> FetchError {
    FetchError::Answer {
        url: url.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Whether the same page may be there next time.
fn may_pass(error: &FetchError) -> bool {
    match error {
        FetchError::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
        FetchError::Answer { .. } | FetchError::TooLarge { .. } => false,
        _ => true,
    }
}

fn file_name(number: u64) -> String {
    format!("{ITEMS}{number}{SEQUENCE}")
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
        writeln!(file, "{MARK}{item}").map_err(failed)?;
        written += u64::try_from(item.len()).unwrap_or_default() + 2;
    }
    file.flush().map_err(failed)?;
    Ok(written)
}

/// Takes what a walk found into the items in use.
fn take_over(folder: &Path, walk: &Walk, state: &mut State) -> Result<(), FetchError> {
    let found = read(&folder.join(WALK))?;
    let before = folder.join(file_name(state.api.items));
    let kept = if walk.since.is_some() {
        read(&before)?
    } else {
        String::new()
    };
    let mut names: BTreeMap<String, BTreeMap<String, (Published, &str)>> = BTreeMap::new();
    let mut latest = state.api.until;
    for item in items(&kept).chain(items(&found)) {
        // An item that cannot be read is kept for the parser, which says what is wrong with it.
        let published = official::published(item).unwrap_or_else(|_| Published::unreadable(item));
        if let Ok(updated) = published.updated_at.parse::<Timestamp>() {
            latest = latest.max(Some(updated));
        }
        let versions = names.entry(published.name.clone()).or_default();
        versions.insert(published.version.clone(), (published, item));
    }
    let failed = |source| FetchError::file(&before, source);
    let new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let mut file = BufWriter::new(new);
    for item in names.values().flat_map(newest) {
        writeln!(file, "{MARK}{item}").map_err(failed)?;
    }
    let new = file
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    let mut api = Api {
        walk: None,
        // A page that was read early may have changed while later ones were read: what changed since the beginning is
        // asked again.
        until: latest.map(|latest| latest.min(walk.begun_at)),
        ..state.api.clone()
    };
    if walk.since.is_none() {
        api.full_at = Some(walk.begun_at);
    }
    if api.items == 0 || !same(new.path(), &before) {
        api.items += 1;
        let path = folder.join(file_name(api.items));
        new.persist(&path).map_err(|error| failed(error.error))?;
    }
    state.api = api;
    state.save(folder)?;
    // From here on nothing needs these.
    clear(folder, &file_name(state.api.items))
}

/// Removes the file of a walk that was taken over and all files of items but the one of that name.
fn clear(folder: &Path, kept: &str) -> Result<(), FetchError> {
    let failed = |source| FetchError::file(folder, source);
    for item in fs::read_dir(folder).map_err(failed)? {
        let item = item.map_err(failed)?;
        let name = item.file_name();
        let is_old = name
            .to_str()
            .is_some_and(|name| name.ends_with(SEQUENCE) && name != kept);
        if is_old {
            fs::remove_file(item.path()).map_err(failed)?;
        }
    }
    Ok(())
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
fn read(path: &Path) -> Result<String, FetchError> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(FetchError::file(path, source)),
    }
}

fn same(a: &Path, b: &Path) -> bool {
    let length = |path: &Path| fs::metadata(path).map(|metadata| metadata.len()).ok();
    length(a) == length(b) && fs::read(a).ok() == fs::read(b).ok()
}
