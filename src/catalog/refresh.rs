//! Refreshing: from what sources publish to the index in use.
//!
//! Each source is fetched into a folder of its own, and stays there: a mirror of a repository, the pages of an API. A source
//! that cannot be fetched is reported, and what it sent before counts on. If anything changed, all of it is read, merged
//! and indexed, and the new index takes the place of the old one in one step.

mod address;
mod api;
mod contents;
mod error;
mod indexing;
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

use jiff::{SignedDuration, Timestamp};

use self::address::Address;
use self::contents::{hash, records};
pub use self::error::{FetchError, RefreshError};
pub use self::limits::Limits;
pub use self::report::Report;
pub use self::settings::{INTERVAL, Kind, Source, SourcesFile};
use self::state::State;
use self::web::{Answer, Web};
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

    /// Fetches a source if it is time, and remembers how that ended.
    async fn source(
        &self,
        source: &Source,
        begun: Timestamp,
        force: bool,
        web: &Web,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<(), RefreshError> {
        let folder = self.store.source(&source.name);
        let mut state = State::load(&folder, &source.urls);
        let interval = SignedDuration::try_from(source.interval).unwrap_or(SignedDuration::MAX);
        // A clock that was set back must not stop a source for ever: what is fetched in the future is old.
        let is_fresh = state
            .fetched_at
            .is_some_and(|at| at <= begun && begun.duration_since(at) < interval);
        let was_done_meanwhile = state
            .done_at
            .is_some_and(|at| at > begun && at <= Timestamp::now());
        if was_done_meanwhile || (is_fresh && !force) {
            return Ok(());
        }
        tell(Event::Fetching(&source.name));
        let asked = Timestamp::now();
        std::fs::create_dir_all(&folder).map_err(|error| FetchError::file(&folder, error))?;
        let work = self.fetch(source, &folder, &mut state, web, tell);
        let fetched = match tokio::time::timeout(self.limits.time, work).await {
            Ok(fetched) => fetched,
            Err(_) => Err(FetchError::TooSlow {
                url: source.urls.join(", "),
                limit: self.limits.time,
            }),
        };
        match fetched {
            Ok(content) => {
                tell(Event::Fetched(&source.name, content != state.content));
                state.fetched_at = Some(asked);
                state.done_at = Some(Timestamp::now());
                state.error = None;
                state.content = content;
            }
            Err(error) => {
                let text = error.in_a_line();
                tell(Event::Failed(&source.name, &text));
                state.error = Some(text);
            }
        }
        Ok(state.save(&folder)?)
    }

    /// Fetches a source and says what tells its content from any other.
    async fn fetch(
        &self,
        source: &Source,
        folder: &Path,
        state: &mut State,
        web: &Web,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<String, FetchError> {
        let mut contents = Vec::new();
        for (number, url) in (0..).zip(&source.urls) {
            let received = |count| tell(Event::Received(&source.name, count));
            contents.push(match (Address::of(url, source.kind)?, source.kind) {
                (Address::Folder(path), _) => hash(&records(source.kind, &path, &self.limits)?),
                (Address::Git, _) => {
                    let (url, mirror, limits) = (
                        url.clone(),
                        folder.join(format!("{number}.git")),
                        self.limits.clone(),
                    );
                    let update =
                        tokio::task::spawn_blocking(move || mirror::update(&url, &mirror, &limits));
                    update
                        .await
                        .map_err(|error| FetchError::file(folder, error.into()))??
                }
                (Address::Web, Kind::Official) => {
                    api::follow(url, folder, state, web, &self.limits, received).await?;
                    state.api.changes.to_string()
                }
                (Address::Web, Kind::Site) => {
                    site::visit(url, &source.name, folder, web, &self.limits, received).await?;
                    site::content(folder)
                }
                (Address::Web, _) => self.file(url, folder, state, web).await?,
            });
        }
        Ok(contents.join(" "))
    }

    /// Fetches a single file.
    async fn file(
        &self,
        url: &str,
        folder: &Path,
        state: &mut State,
        web: &Web,
    ) -> Result<String, FetchError> {
        let path = folder.join("catalog.toml");
        let mark = state.marks.get(url).filter(|_| path.exists()).cloned();
        if let Answer::Body { bytes, mark } = web.get(url, mark.as_deref()).await? {
            let failed = |source| FetchError::file(&path, source);
            let new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
            std::fs::write(new.path(), &bytes).map_err(failed)?;
            new.persist(&path).map_err(|error| failed(error.error))?;
            state.marks.remove(url);
            if let Some(mark) = mark {
                state.marks.insert(url.to_owned(), mark);
            }
        }
        let bytes = std::fs::read(&path).map_err(|source| FetchError::file(&path, source))?;
        Ok(hash(&[("catalog.toml".to_owned(), bytes)]))
    }
}

#[cfg(test)]
mod tests;
