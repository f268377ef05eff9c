//! Mirrors of repositories: bare and shallow, fetched again and again, without a work tree.
//!
//! The first fetch takes one commit. Later ones ask without a depth: then an unchanged repository sends nothing and a
//! changed one only what is new, while a depth would have everything sent each time.

mod connection;
mod guard;
mod received;

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gix::remote::Direction;
use gix::remote::fetch::Shallow;

use self::guard::{Guard, Stop};
use self::received::Received;
use super::error::FetchError;
use super::limits::Limits;

/// The commit that was fetched last.
const TIP: &str = "refs/mcpod/tip";

/// How many packs a mirror may have before it is made anew: each change brings one, and nothing joins them.
const PACKS_MAX: usize = 30;

/// Whatever gix and its transports fail with.
type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Fetches a repository into a folder, until the deadline. Blocks.
pub(super) fn update(
    url: &str,
    folder: &Path,
    limits: &Limits,
    deadline: Instant,
) -> Result<(), FetchError> {
    crate::tls::install();
    let failed = |source| FetchError::file(folder, source);
    if packs(folder) > PACKS_MAX {
        // Beside the old one, so that a fetch that fails leaves that as it was.
        let fresh = folder.with_extension("new");
        remove(&fresh)?;
        fetch(url, &fresh, limits, deadline)?;
        remove(folder)?;
        return fs::rename(&fresh, folder).map_err(failed);
    }
    let fetched = fetch(url, folder, limits, deadline);
    if fetched.is_err() && tip(folder).is_none() {
        // A first fetch that was cut off has left nothing that could be built on.
        remove(folder)?;
    }
    fetched
}

/// The commit that a mirror holds.
pub(super) fn tip(folder: &Path) -> Option<String> {
    let repository = open(folder).ok()?;
    let reference = repository.find_reference(TIP).ok()?;
    reference
        .into_fully_peeled_id()
        .ok()
        .map(|id| id.to_string())
}

/// Opens a mirror, or somebody's repository, with no settings but ours.
pub(super) fn open(folder: &Path) -> Result<gix::Repository, FetchError> {
    gix::open_opts(folder, options())
        .map_err(|error| FetchError::git(&folder.display().to_string(), error))
}

/// The tree that a mirror holds, or, of somebody's bare repository, that of its HEAD.
pub(super) fn tree(repository: &gix::Repository) -> Result<gix::Tree<'_>, FetchError> {
    let name = repository.path().display().to_string();
    let failed = |error: AnyError| FetchError::git(&name, error);
    let id = match repository.find_reference(TIP) {
        Ok(reference) => reference
            .into_fully_peeled_id()
            .map_err(|error| failed(error.into()))?,
        Err(_) => repository.head_id().map_err(|error| failed(error.into()))?,
    };
    let object = id.object().map_err(|error| failed(error.into()))?;
    object.peel_to_tree().map_err(|error| failed(error.into()))
}

/// Nothing of the user's own settings of git counts here: neither rewritten addresses nor helpers that ask for passwords. What
/// is packed small can be large: an object takes so many bytes of memory at most.
fn options() -> gix::open::Options {
    gix::open::Options::isolated().config_overrides([
        "http.followRedirects=false",
        "core.askPass=",
        "gitoxide.objects.allocLimit=134217728",
    ])
}

/// Fetches, again where that may help.
fn fetch(url: &str, folder: &Path, limits: &Limits, deadline: Instant) -> Result<(), FetchError> {
    let mut backoff = limits.backoff;
    let mut attempt = 1;
    loop {
        let fetched = attempt_once(url, folder, limits, deadline);
        let may_pass = matches!(fetched, Err(FetchError::Git { .. }));
        // Whoever waits until the deadline fails at the same moment as it is stopped.
        if may_pass && left(deadline).is_zero() {
            return Err(FetchError::TooSlow {
                url: url.to_owned(),
                limit: limits.time,
            });
        }
        if !may_pass || attempt >= limits.attempts || left(deadline) <= backoff {
            return fetched;
        }
        tracing::debug!(url, attempt, "fetching again");
        std::thread::sleep(backoff);
        attempt += 1;
        backoff = backoff.saturating_mul(2);
    }
}

fn attempt_once(
    url: &str,
    folder: &Path,
    limits: &Limits,
    deadline: Instant,
) -> Result<(), FetchError> {
    let failed = |error: AnyError| FetchError::git(url, error);
    if folder.join("HEAD").exists() {
        clear(folder)?;
    } else {
        remove(folder)?;
        fs::create_dir_all(folder).map_err(|source| FetchError::file(folder, source))?;
        gix::init_bare(folder).map_err(|error| failed(error.into()))?;
    }
    let repository = open(folder)?;
    let depth = if tip(folder).is_none() {
        Shallow::DepthAtRemote(NonZeroU32::MIN)
    } else {
        Shallow::NoChange
    };
    let guard = Guard::start(folder, limits, deadline);
    let patience = limits.request.min(left(deadline));
    let fetched = receive(&repository, url, depth, patience, &guard.stop);
    guard.end(url)?;
    fetched.map_err(failed)?;
    match tip(folder) {
        Some(_) => Ok(()),
        None => Err(FetchError::Answer {
            url: url.to_owned(),
            reason: "the repository has no commit".to_owned(),
        }),
    }
}

fn receive(
    repository: &gix::Repository,
    url: &str,
    depth: Shallow,
    patience: Duration,
    stop: &Arc<Stop>,
) -> Result<(), AnyError> {
    let refspec = format!("+HEAD:{TIP}");
    let remote = repository
        .remote_at(url)?
        .with_fetch_tags(gix::remote::fetch::Tags::None)
        .with_refspecs([refspec.as_str()], Direction::Fetch)?;
    let connection = connection::open(&remote, patience, stop)?.with_credentials(|_| Ok(None));
    let fetch = connection.prepare_fetch(
        Received::new(stop),
        gix::remote::ref_map::Options::default(),
    )?;
    fetch
        .with_shallow(depth)
        .receive(Received::new(stop), stop.flag())?;
    Ok(())
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Removes what a fetch that was killed left behind: locks, and packs without an end. Nobody else fetches here, since
/// whoever does holds the catalog's lock.
fn clear(folder: &Path) -> Result<(), FetchError> {
    let failed = |source| FetchError::file(folder, source);
    for item in fs::read_dir(folder).map_err(failed)? {
        let item = item.map_err(failed)?;
        let path = item.path();
        let has = |extension: &str| path.extension().is_some_and(|own| own == extension);
        let is_pack = ["pack", "idx", "keep"]
            .iter()
            .any(|extension| has(extension));
        let is_in_packs = folder.ends_with("objects/pack");
        if item.file_type().map_err(failed)?.is_dir() {
            clear(&path)?;
        } else if has("lock") || (is_in_packs && !is_pack) {
            fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}

fn packs(folder: &Path) -> usize {
    let items = fs::read_dir(folder.join("objects/pack"))
        .into_iter()
        .flatten()
        .flatten();
    items
        .filter(|item| item.path().extension().is_some_and(|own| own == "pack"))
        .count()
}

fn remove(path: &Path) -> Result<(), FetchError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FetchError::file(path, error))
        }
        _ => Ok(()),
    }
}
