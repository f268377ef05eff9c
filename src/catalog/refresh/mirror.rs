//! Mirrors of repositories: bare and shallow, fetched again and again, without a work tree.
//!
//! The first fetch takes one commit. Later ones ask without a depth: then an unchanged repository sends nothing and a
//! changed one only what is new, while a depth would have everything sent each time.

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gix::remote::Direction;
use gix::remote::fetch::Shallow;

use super::error::FetchError;
use super::limits::Limits;

/// The commit that was fetched last.
const TIP: &str = "refs/mcpod/tip";

/// How many packs a mirror may have before it is made anew: each change brings one, and nothing joins them.
const PACKS_MAX: usize = 30;

/// How often the size of what comes in is looked at.
const WATCH: Duration = Duration::from_millis(100);

/// Fetches a repository into a folder and says which commit is there now. Blocks.
pub(super) fn update(url: &str, folder: &Path, limits: &Limits) -> Result<String, FetchError> {
    crate::tls::install();
    let failed = |source| FetchError::file(folder, source);
    if packs(folder) > PACKS_MAX {
        // Beside the old one, so that a fetch that fails leaves that as it was.
        let fresh = folder.with_extension("new");
        remove(&fresh)?;
        let tip = fetch(url, &fresh, limits)?;
        remove(folder)?;
        fs::rename(&fresh, folder).map_err(failed)?;
        return Ok(tip);
    }
    match fetch(url, folder, limits) {
        Err(FetchError::Git { source, .. }) if folder.exists() && tip(folder).is_none() => {
            // A first fetch that was cut off has left nothing that could be built on.
            remove(folder)?;
            Err(FetchError::git(url, source))
        }
        fetched => fetched,
    }
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
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| FetchError::git(&name, error);
    let id = match repository.find_reference(TIP) {
        Ok(reference) => reference
            .into_fully_peeled_id()
            .map_err(|error| failed(error.into()))?,
        Err(_) => repository.head_id().map_err(|error| failed(error.into()))?,
    };
    let object = id.object().map_err(|error| failed(error.into()))?;
    object.peel_to_tree().map_err(|error| failed(error.into()))
}

/// Nothing of the user's own settings of git counts here: neither rewritten addresses nor helpers that ask for passwords.
fn options() -> gix::open::Options {
    gix::open::Options::isolated().config_overrides(["http.followRedirects=false", "core.askPass="])
}

fn fetch(url: &str, folder: &Path, limits: &Limits) -> Result<String, FetchError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| FetchError::git(url, error);
    let is_new = !folder.join("HEAD").exists();
    if is_new {
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
    let guard = Guard::start(folder, limits);
    let fetched = receive(&repository, url, depth, &guard.stop);
    guard.end(url)?;
    fetched.map_err(failed)?;
    tip(folder).ok_or_else(|| FetchError::Answer {
        url: url.to_owned(),
        reason: "the repository has no commit".to_owned(),
    })
}

fn receive(
    repository: &gix::Repository,
    url: &str,
    depth: Shallow,
    stop: &AtomicBool,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let refspec = format!("+HEAD:{TIP}");
    let remote = repository
        .remote_at(url)?
        .with_fetch_tags(gix::remote::fetch::Tags::None)
        .with_refspecs([refspec.as_str()], Direction::Fetch)?;
    let connection = remote
        .connect(Direction::Fetch)?
        .with_credentials(|_| Ok(None));
    let fetch = connection.prepare_fetch(
        gix::progress::Discard,
        gix::remote::ref_map::Options::default(),
    )?;
    fetch
        .with_shallow(depth)
        .receive(gix::progress::Discard, stop)?;
    Ok(())
}

/// Watches a fetch, which cannot be bounded from inside: too much or too long, and it is stopped.
struct Guard {
    stop: Arc<AtomicBool>,
    done: mpsc::Sender<()>,
    thread: std::thread::JoinHandle<Option<Excess>>,
}

enum Excess {
    Size(u64),
    Time(Duration),
}

impl Guard {
    fn start(folder: &Path, limits: &Limits) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (done, ended) = mpsc::channel();
        let (folder, limits, flag) = (folder.to_owned(), limits.clone(), Arc::clone(&stop));
        let start = Instant::now();
        let thread = std::thread::spawn(move || {
            while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(WATCH) {
                let excess = if size(&folder) > limits.source {
                    Some(Excess::Size(limits.source))
                } else if start.elapsed() > limits.time {
                    Some(Excess::Time(limits.time))
                } else {
                    None
                };
                if excess.is_some() {
                    flag.store(true, Ordering::Relaxed);
                    return excess;
                }
            }
            None
        });
        Self { stop, done, thread }
    }

    fn end(self, url: &str) -> Result<(), FetchError> {
        // The thread may have ended before.
        self.done.send(()).ok();
        let url = url.to_owned();
        match self.thread.join() {
            Ok(Some(Excess::Size(limit))) => Err(FetchError::TooLarge { url, limit }),
            Ok(Some(Excess::Time(limit))) => Err(FetchError::TooSlow { url, limit }),
            Ok(None) => Ok(()),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// The bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let items = fs::read_dir(folder).into_iter().flatten().flatten();
    items
        .map(|item| match item.file_type() {
            Ok(kind) if kind.is_dir() => size(&item.path()),
            _ => item.metadata().map_or(0, |metadata| metadata.len()),
        })
        .sum()
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
