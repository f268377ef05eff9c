//! Refreshing: from what sources publish to the index in use.
//!
//! Each source is fetched into a folder of its own, and stays there: a mirror of a repository, the pages of an API. A source
//! that cannot be fetched is reported, and what it sent before counts on. If anything changed, all of it is read, merged
//! and indexed, and the new index takes the place of the old one in one step.

mod address;
mod api;
mod contents;
mod error;
mod fetch;
mod indexing;
mod kept;
mod limits;
mod mirror;
mod report;
mod settings;
mod site;
mod state;
mod tree;
mod web;

use std::fs::File;
use std::path::Path;

use jiff::Timestamp;

pub use self::error::{FetchError, RefreshError};
pub use self::limits::Limits;
pub use self::report::Report;
pub use self::settings::{INTERVAL, Kind, Source, SourcesFile};
use self::web::Web;
use super::store::Store;

/// Refreshes the catalog of one user.
#[derive(Debug)]
pub struct Refresh {
    /// Where the catalog lies.
    pub store: Store,
    /// All sources but the builtin one, the most trusted first.
    pub sources: Vec<Source>,
    /// How much they may send.
    pub limits: Limits,
}

/// Something that a refresh has to tell while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// Another refresh runs; this one waits for it.
    Waiting,
    /// A source is being fetched.
    Fetching(&'a str),
    /// So many records of it have come.
    Received(&'a str, usize),
    /// It was fetched; whether there is anything new.
    Fetched(&'a str, bool),
    /// It could not be fetched, and why.
    Failed(&'a str, &'a str),
    /// All is being read and indexed.
    Indexing,
}

impl Refresh {
    /// Fetches the sources of these names, all if there are none, as far as it is time or `force` is said, and puts a new
    /// index in place if anything changed.
    ///
    /// The reports are those of all sources; one that failed says so in `last_error`. Of two refreshes at once the second
    /// waits and finds the work done.
    pub async fn run(
        &self,
        names: &[String],
        force: bool,
        mut tell: impl FnMut(Event<'_>),
    ) -> Result<Vec<Report>, RefreshError> {
        self.check(names)?;
        let begun = Timestamp::now();
        let _lock = self.lock(&mut tell).await?;
        for source in self.sources.iter().filter(|source| source.enabled) {
            state::forget_others(&self.store.source(&source.name), &source.origin())?;
        }
        let web = Web::new(&self.limits)?;
        for source in self.sources.iter().filter(|source| source.enabled) {
            if names.is_empty() || names.contains(&source.name) {
                self.source(source, begun, force, &web, &mut tell).await?;
            }
        }
        self.index(&mut tell)?;
        Ok(self.reports())
    }

    fn check(&self, names: &[String]) -> Result<(), RefreshError> {
        for name in names {
            match self.sources.iter().find(|source| source.name == *name) {
                Some(source) if source.enabled => {}
                Some(_) => return Err(RefreshError::Disabled { name: name.clone() }),
                None => {
                    return Err(RefreshError::NoSuchSource {
                        name: name.clone(),
                        names: self
                            .sources
                            .iter()
                            .map(|source| source.name.clone())
                            .collect(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Takes the lock, waiting for whoever has it. It ends with the file, so with the process too.
    async fn lock(&self, tell: &mut impl FnMut(Event<'_>)) -> Result<File, FetchError> {
        use rustix::fs::{FlockOperation, flock};
        let path = self.store.lock();
        let failed = |source| FetchError::file(&path, source);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
        let file = File::create(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => tell(Event::Waiting),
            Err(error) => return Err(failed(error.into())),
        }
        let waited = tokio::task::spawn_blocking(move || {
            flock(&file, FlockOperation::LockExclusive).map(|()| file)
        })
        .await;
        waited
            .map_err(|error| failed(error.into()))?
            .map_err(|error| failed(error.into()))
    }
}

#[cfg(test)]
mod tests;
