//! Refreshing: from what sources publish to the index in use.
//!
//! Each source is fetched into a folder of its own, and stays there: a mirror of a repository, the pages of an API. A source
//! that cannot be fetched is reported, and what it sent before counts on. If anything changed, all of it is read, merged
//! and indexed, and the new index takes the place of the old one in one step.

mod api;
mod error;
mod limits;
mod mirror;
mod settings;
mod site;
mod state;
mod tree;
mod web;

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use self::error::FetchError;
pub use self::limits::Limits;
pub use self::settings::{INTERVAL, Kind, Source, SourcesFile};
use self::state::State;
use self::tree::Tree;
use self::web::{Answer, Web};
use super::source::list::File as ListFile;
use super::source::{Parsed, Refused, builtin, docker, list, official, toml};
use super::store::{Store, StoreError};

/// The most refused records of a source that are remembered.
const REFUSED_MAX: usize = 500;

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

/// How a source does. Serialised, it is an item of `mcpod sources --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// What it publishes.
    pub kind: Kind,
    /// Where it is read from.
    pub urls: Vec<String>,
    /// Whether its entries are in the catalog.
    pub enabled: bool,
    /// How many entries it has.
    pub entries: usize,
    /// The records that were refused, and why.
    pub refused: Vec<Refused>,
    /// When it was last fetched.
    pub fetched_at: Option<Timestamp>,
    /// How many seconds ago that was.
    pub age: Option<i64>,
    /// Why the last fetch failed, if it did.
    pub last_error: Option<String>,
}

/// Why there was no refresh at all.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// No source has that name.
    #[error("there is no source {name:?}")]
    NoSuchSource {
        /// The name.
        name: String,
        /// Those that there are.
        names: Vec<String>,
    },
    /// A source is turned off.
    #[error("the source {name} is turned off")]
    Disabled {
        /// The source.
        name: String,
    },
    /// Our own files.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The catalog.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RefreshError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchSource { names, .. } => Some(format!("there are {}", names.join(", "))),
            Self::Disabled { name } => Some(format!(
                "set enabled = true in [sources.{name}] of config.toml"
            )),
            Self::Fetch(_) | Self::Store(_) => None,
        }
    }
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

    /// How all sources do, the builtin one first.
    pub fn reports(&self) -> Vec<Report> {
        let now = Timestamp::now();
        let builtin = Report {
            name: "builtin".to_owned(),
            kind: Kind::Toml,
            urls: Vec::new(),
            enabled: true,
            entries: builtin::parse().entries.len(),
            refused: Vec::new(),
            fetched_at: None,
            age: None,
            last_error: None,
        };
        let report = |source: &Source| {
            let state = State::load(&self.store.source(&source.name), &source.urls);
            Report {
                name: source.name.clone(),
                kind: source.kind,
                urls: source.urls.clone(),
                enabled: source.enabled,
                entries: state.entries,
                refused: state.refused,
                fetched_at: state.fetched_at,
                age: state.fetched_at.map(|at| now.duration_since(at).as_secs()),
                last_error: state.error,
            }
        };
        std::iter::once(builtin)
            .chain(self.sources.iter().map(report))
            .collect()
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
            .fetched_at
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
        state.asked_at = Some(asked);
        match fetched {
            Ok(content) => {
                tell(Event::Fetched(&source.name, content != state.content));
                state.fetched_at = Some(asked);
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
                (Address::Folder(path), _) => hash(&self.records(source.kind, &path)?),
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

    /// The files of a folder that a source of that kind is read from.
    fn records(&self, kind: Kind, folder: &Path) -> Result<Vec<(String, Vec<u8>)>, FetchError> {
        let named = |files: Vec<ListFile>| {
            files
                .into_iter()
                .map(|file| (file.path, file.bytes))
                .collect()
        };
        if kind == Kind::Toml && folder.is_file() {
            let bytes = std::fs::read(folder).map_err(|source| FetchError::file(folder, source))?;
            return Ok(vec![("catalog.toml".to_owned(), bytes)]);
        }
        let tree = Tree::open(folder, &self.limits)?;
        Ok(match kind {
            Kind::Docker => {
                let folders = tree.docker()?.into_iter();
                folders
                    .flat_map(|folder| {
                        let files = [Some(folder.server), folder.tools, folder.readme];
                        files
                            .into_iter()
                            .flatten()
                            .map(move |bytes| (folder.name.clone(), bytes))
                    })
                    .collect()
            }
            Kind::List => {
                let (mut pages, sidecars) = tree.list()?;
                pages.extend(sidecars);
                named(pages)
            }
            Kind::Official => named(tree.files("", "json")?),
            Kind::Toml => named(tree.files("", "toml")?),
            Kind::Site => Vec::new(),
        })
    }

    /// Makes the index anew, unless it is that of what is there.
    fn index(&self, tell: &mut impl FnMut(Event<'_>)) -> Result<(), RefreshError> {
        let file = self.store.source("index.json");
        let enabled: Vec<&Source> = self
            .sources
            .iter()
            .filter(|source| source.enabled)
            .collect();
        let folder = |source: &Source| self.store.source(&source.name);
        let contents = enabled.iter().map(|source| {
            let content = State::load(&folder(source), &source.urls).content;
            (
                format!("{} {:?}", source.name, source.kind),
                content.into_bytes(),
            )
        });
        let own = [
            (
                "version".to_owned(),
                env!("CARGO_PKG_VERSION").as_bytes().to_vec(),
            ),
            (
                "builtin".to_owned(),
                format!("{:?}", builtin::parse()).into_bytes(),
            ),
        ];
        let fingerprint = hash(&own.into_iter().chain(contents).collect::<Vec<_>>());
        if self.store.has_index() && state::read::<String>(&file).as_deref() == Some(&fingerprint) {
            return Ok(());
        }
        tell(Event::Indexing);
        // Each source is read on a thread of its own.
        let parsed: Vec<Result<Parsed, FetchError>> = std::thread::scope(|scope| {
            let threads: Vec<_> = enabled
                .iter()
                .map(|source| scope.spawn(|| self.parsed(source, &folder(source))))
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        });
        let mut sources = Vec::new();
        for (source, parsed) in enabled.iter().zip(parsed) {
            let mut state = State::load(&folder(source), &source.urls);
            let mut parsed = match parsed {
                Ok(parsed) => parsed,
                Err(error) => {
                    state.error = Some(error.in_a_line());
                    Parsed::default()
                }
            };
            state.entries = parsed.entries.len();
            parsed.refused.truncate(REFUSED_MAX);
            state.refused = parsed.refused;
            state.save(&folder(source))?;
            sources.push(parsed.entries);
            if source.name == "docker" {
                sources.push(builtin::parse().entries);
            }
        }
        if !enabled.iter().any(|source| source.name == "docker") {
            sources.insert(0, builtin::parse().entries);
        }
        self.store.replace(&super::merge(sources))?;
        state::write(&file, &fingerprint)?;
        Ok(())
    }

    /// What is there of a source, read.
    fn parsed(&self, source: &Source, folder: &Path) -> Result<Parsed, FetchError> {
        let mut all = Parsed::default();
        let (mut list_pages, mut sidecars) = (Vec::new(), Vec::new());
        for (number, url) in (0..).zip(&source.urls) {
            let address = Address::of(url, source.kind)?;
            let is_folder = matches!(address, Address::Folder(_));
            let place = match address {
                Address::Folder(path) => path,
                Address::Git => folder.join(format!("{number}.git")),
                Address::Web => folder.to_owned(),
            };
            // Nothing was fetched yet.
            if !place.exists() {
                continue;
            }
            match source.kind {
                Kind::Docker => all.append(docker::parse(
                    &source.name,
                    &Tree::open(&place, &self.limits)?.docker()?,
                )),
                Kind::List => {
                    let (mut more_pages, mut more_sidecars) =
                        Tree::open(&place, &self.limits)?.list()?;
                    list_pages.append(&mut more_pages);
                    sidecars.append(&mut more_sidecars);
                }
                Kind::Official if is_folder => {
                    all.append(pages(&source.name, &self.records(source.kind, &place)?));
                }
                Kind::Official => {
                    let items = api::read(&place.join(api::ITEMS))?;
                    all.append(official::parse(&source.name, items.lines()));
                }
                Kind::Toml => {
                    let place = if is_folder {
                        place
                    } else {
                        place.join("catalog.toml")
                    };
                    let files = if place.exists() {
                        self.records(source.kind, &place)?
                    } else {
                        Vec::new()
                    };
                    for (_, bytes) in files {
                        all.append(toml::parse(&source.name, &String::from_utf8_lossy(&bytes)));
                    }
                }
                Kind::Site => all.append(site::parsed(&place)),
            }
        }
        if source.kind == Kind::List {
            // All at once, since the same server stands in several lists.
            all.append(list::parse(&source.name, &list_pages, &sidecars));
        }
        Ok(all)
    }
}

/// The entries of files that are pages of the API.
fn pages(source: &str, files: &[(String, Vec<u8>)]) -> Parsed {
    let mut items = Vec::new();
    let mut refused = Vec::new();
    for (path, bytes) in files {
        match official::page(bytes) {
            Ok(page) => items.extend(page.items),
            Err(error) => refused.push(Refused {
                record: path.as_str().into(),
                field: "JSON".into(),
                reason: error.reason,
            }),
        }
    }
    let mut parsed = official::parse(source, items.iter().map(String::as_str));
    parsed.refused.extend(refused);
    parsed
}

/// What an address is.
enum Address {
    /// A folder, or a file, of this host.
    Folder(PathBuf),
    /// A repository.
    Git,
    /// Something else that answers HTTP.
    Web,
}

impl Address {
    /// What an address is for a source of that kind: those of the web are repositories where the source is one.
    fn of(url: &str, kind: Kind) -> Result<Self, FetchError> {
        let wrong = || FetchError::Address {
            url: url.to_owned(),
        };
        if let Some(rest) = url.strip_prefix("~/") {
            let home = std::env::home_dir().ok_or_else(wrong)?;
            return Ok(Self::Folder(home.join(rest)));
        }
        if url.starts_with('/') {
            return Ok(Self::Folder(PathBuf::from(url)));
        }
        let is_repository = matches!(kind, Kind::Docker | Kind::List);
        match url.split_once("://") {
            Some(("http" | "https" | "git" | "file", _)) if is_repository => Ok(Self::Git),
            Some(("http" | "https", _)) => Ok(Self::Web),
            _ => Err(wrong()),
        }
    }
}

/// What tells some files from others.
fn hash(files: &[(String, Vec<u8>)]) -> String {
    let mut hash = Sha256::new();
    for (path, bytes) in files {
        // Lengths keep the end of one file from being read as the beginning of the next.
        hash.update(format!("{} {path} {} ", path.len(), bytes.len()));
        hash.update(bytes);
    }
    let digest = hash.finalize();
    digest
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests;
