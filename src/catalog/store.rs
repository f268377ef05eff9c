//! Where the catalog lies on disk: the index in use, and what the sources sent.
//!
//! ```text
//! <cache>/mcpod/catalog/index/current -> 3     the index in use, a link
//! <cache>/mcpod/catalog/index/2, 3             the index before it, for readers that have just read the link, and itself
//! <cache>/mcpod/catalog/index/builtin-<hash>   the index of the builtin entries alone, where there was no refresh yet
//! <cache>/mcpod/catalog/sources/<name>/        what a source sent, and what is remembered of it
//! ```
//!
//! A new index is written into a folder of its own, and then the link is replaced. So readers never wait, never see half of
//! one, and a writer that is killed leaves nothing but a folder that the next one clears away.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::Catalog;
use super::index::{Index, IndexError};
use super::merge::{Listing, merge};
use super::source::builtin;

/// How often a reader looks again when an index disappears under it: two refreshes would have to end meanwhile each time.
const ATTEMPTS: usize = 3;

/// The catalog's place on disk. It need not exist.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// Why the catalog cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A file or folder.
    #[error("cannot write {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Store {
    /// The place below the user's cache (`$XDG_CACHE_HOME`).
    pub fn below(cache: &Path) -> Self {
        Self {
            folder: cache.join("mcpod/catalog"),
        }
    }

    /// The catalog: what the last refresh left, or the builtin entries if there was none or it cannot be read.
    pub fn open(&self) -> Result<Catalog, IndexError> {
        if let Some(catalog) = self.written() {
            return Ok(catalog);
        }
        match self.builtin() {
            Ok(catalog) => Ok(catalog),
            Err(error) => {
                tracing::debug!(%error, "the index of the builtin entries is not kept");
                Catalog::builtin()
            }
        }
    }

    /// The builtin entries alone. Their index takes longer to make than to open, so who is first keeps it for all others.
    ///
    /// Fails where it cannot be kept, and where somebody else is writing.
    fn builtin(&self) -> Result<Catalog, StoreError> {
        let name = builtin_name();
        let folder = self.indexes().join(&name);
        let opened = Index::open(&folder).or_else(|_| {
            self.write_builtin(&name)?;
            Ok::<_, StoreError>(Index::open(&folder)?)
        });
        Ok(Catalog { index: opened? })
    }

    fn write_builtin(&self, name: &str) -> Result<(), StoreError> {
        let indexes = self.indexes();
        fs::create_dir_all(&indexes).map_err(|source| failed(&indexes, source))?;
        let path = self.lock();
        let lock = File::create(&path).map_err(|source| failed(&path, source))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| failed(&path, error.into()))?;
        let folder = indexes.join(name);
        // Somebody else may have been quicker.
        if Index::open(&folder).is_ok() {
            return Ok(());
        }
        let new = indexes.join("new");
        for folder in [&new, &folder] {
            remove(folder)?;
        }
        fs::create_dir(&new).map_err(|source| failed(&new, source))?;
        Index::write(&new, &merge(vec![builtin::parse().entries]))?;
        fs::rename(&new, &folder).map_err(|source| failed(&folder, source))?;
        self.clear(&[self.current(), Some(name.to_owned())])
    }

    /// The name of the index in use, if a refresh left one.
    fn current(&self) -> Option<String> {
        let link = fs::read_link(self.link()).ok()?;
        Some(link.to_str()?.to_owned())
    }

    /// What the last refresh left, if it can be read.
    pub fn written(&self) -> Option<Catalog> {
        for _ in 0..ATTEMPTS {
            let generation = fs::read_link(self.link()).ok()?;
            match Index::open(&self.indexes().join(generation)) {
                Ok(index) => return Some(Catalog { index }),
                Err(error) => tracing::debug!(%error, "the catalog's index cannot be read"),
            }
        }
        None
    }

    /// Writes the index of some listings and puts it in the place of the one before.
    ///
    /// The caller holds the lock: two writers at once would clear each other's folders away.
    pub fn replace(&self, listings: &[Listing]) -> Result<(), StoreError> {
        let indexes = self.indexes();
        fs::create_dir_all(&indexes).map_err(|source| failed(&indexes, source))?;
        let old = self.current();
        let number = old.as_ref().and_then(|old| old.parse::<u64>().ok());
        let new = number.unwrap_or_default().wrapping_add(1).to_string();
        let folder = indexes.join(&new);
        // Of a writer that was killed, or of a link that was lost.
        remove(&folder)?;
        fs::create_dir(&folder).map_err(|source| failed(&folder, source))?;
        Index::write(&folder, listings)?;
        let link = indexes.join("next");
        remove(&link)?;
        symlink(&new, &link).map_err(|source| failed(&link, source))?;
        fs::rename(&link, self.link()).map_err(|source| failed(&link, source))?;
        self.clear(&[old.or_else(|| Some(builtin_name())), Some(new)])
    }

    /// Removes every index but these: the one in use and the one before it.
    fn clear(&self, kept: &[Option<String>; 2]) -> Result<(), StoreError> {
        let indexes = self.indexes();
        for item in fs::read_dir(&indexes).map_err(|source| failed(&indexes, source))? {
            let item = item.map_err(|source| failed(&indexes, source))?;
            let name = item.file_name();
            let is_kept = kept.iter().flatten().any(|kept| name == kept.as_str());
            if !is_kept && item.path() != self.link() {
                remove(&item.path())?;
            }
        }
        Ok(())
    }

    /// What a source sent lies here.
    pub fn source(&self, name: &str) -> PathBuf {
        self.folder.join("sources").join(name)
    }

    /// The file that whoever writes holds a lock on.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    fn indexes(&self) -> PathBuf {
        self.folder.join("index")
    }

    fn link(&self) -> PathBuf {
        self.indexes().join("current")
    }
}

/// What the index of the builtin entries is called, as long as they and the program are these.
fn builtin_name() -> String {
    format!("builtin-{}", builtin::fingerprint())
}

/// Removes a file, a link or a folder with all that is in it, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, source: io::Error) -> StoreError {
    StoreError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Query, Resolution, merge, source};

    fn listings(name: &str) -> Vec<Listing> {
        let parsed = source::toml::parse(
            "mine",
            &format!("[[server]]\nname = '{name}'\ntags = ['word']"),
        );
        merge(vec![parsed.entries])
    }

    #[test]
    fn what_was_written_is_what_is_opened() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::below(cache.path());
        assert!(store.written().is_none());
        for name in ["one", "two", "three"] {
            store.replace(&listings(name)).unwrap();
            let catalog = store.open().unwrap();
            assert_eq!(catalog.size(), 1);
            let query = Query {
                text: "word",
                ..Query::default()
            };
            assert_eq!(catalog.search(&query).unwrap().hits[0].name.as_str(), name);
            let Resolution::Found(found) = catalog.find(name).unwrap() else {
                panic!("{name}")
            };
            assert_eq!(vec![*found], listings(name));
        }
        let kept = fs::read_dir(store.indexes()).unwrap().count();
        assert_eq!(kept, 3, "the link, the index in use and the one before");
    }

    /// The folders that hold the builtin entries alone.
    fn builtin_folders(store: &Store) -> Vec<String> {
        let items = fs::read_dir(store.indexes()).into_iter().flatten();
        let names = items.map(|item| item.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("builtin")).collect()
    }

    #[test]
    fn without_a_refresh_the_index_of_the_builtin_entries_is_kept() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::below(cache.path());
        let size = store.open().unwrap().size();
        assert!(size > 30, "{size}");
        assert_eq!(builtin_folders(&store), [builtin_name()]);
        // What is kept is what is opened.
        let folder = store.indexes().join(builtin_name());
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        Index::write(&folder, &listings("kept")).unwrap();
        assert_eq!(store.open().unwrap().size(), 1);
        // Its readers may still open its tools behind the first refresh.
        store.replace(&listings("one")).unwrap();
        assert_eq!(builtin_folders(&store).len(), 1);
        store.replace(&listings("two")).unwrap();
        assert!(builtin_folders(&store).is_empty());
        assert!(matches!(
            store.open().unwrap().find("two").unwrap(),
            Resolution::Found(_)
        ));
    }

    #[test]
    fn a_broken_or_older_index_of_the_builtin_entries_is_made_anew() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::below(cache.path());
        let size = store.open().unwrap().size();
        let folder = store.indexes().join(builtin_name());
        fs::write(folder.join("entries/meta.json"), "{").unwrap();
        fs::create_dir_all(store.indexes().join("builtin-0/entries")).unwrap();
        // Of one who was killed.
        fs::create_dir_all(store.indexes().join("new/entries")).unwrap();
        assert_eq!(store.open().unwrap().size(), size);
        assert_eq!(builtin_folders(&store), [builtin_name()]);
        assert_eq!(fs::read_dir(store.indexes()).unwrap().count(), 1);
    }

    #[test]
    fn where_nothing_can_be_kept_the_builtin_entries_are_there_all_the_same() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::below(&cache.path().join("file"));
        fs::write(cache.path().join("file"), "").unwrap();
        assert!(store.open().unwrap().size() > 30);
        // A refresh that runs holds the lock.
        let store = Store::below(cache.path());
        fs::create_dir_all(&store.folder).unwrap();
        let lock = File::create(store.lock()).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        assert!(store.open().unwrap().size() > 30);
        assert!(builtin_folders(&store).is_empty());
    }

    #[test]
    fn many_readers_at_once_all_have_the_builtin_entries() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::below(cache.path());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..3 {
                        assert!(store.open().unwrap().size() > 30);
                    }
                });
            }
        });
        assert_eq!(builtin_folders(&store), [builtin_name()]);
    }

    #[test]
    fn an_open_catalog_outlives_its_folder() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::below(cache.path());
        store.replace(&listings("old")).unwrap();
        let catalog = store.open().unwrap();
        for name in ["a", "b", "c"] {
            store.replace(&listings(name)).unwrap();
        }
        assert!(matches!(catalog.find("old").unwrap(), Resolution::Found(_)));
    }

    #[test]
    fn what_a_killed_writer_left_is_cleared_away() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::below(cache.path());
        store.replace(&listings("old")).unwrap();
        let half = store.indexes().join("2/entries");
        fs::create_dir_all(&half).unwrap();
        fs::write(half.join("meta.json"), "{").unwrap();
        symlink("2", store.indexes().join("next")).unwrap();
        assert!(matches!(
            store.open().unwrap().find("old").unwrap(),
            Resolution::Found(_)
        ));
        store.replace(&listings("new")).unwrap();
        assert!(matches!(
            store.open().unwrap().find("new").unwrap(),
            Resolution::Found(_)
        ));
    }

    #[test]
    fn a_broken_index_is_as_good_as_none() {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::below(cache.path());
        store.replace(&listings("old")).unwrap();
        fs::write(store.indexes().join("1/entries/meta.json"), "{").unwrap();
        assert!(store.open().unwrap().size() > 30);
    }
}
