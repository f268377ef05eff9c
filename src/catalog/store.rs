//! Where the catalog lies on disk: the index in use, and what the sources sent.
//!
//! ```text
//! <cache>/mcpod/catalog/index/current -> 3     the index in use, a link
//! <cache>/mcpod/catalog/index/2, 3             the index before it, for readers that have just read the link, and itself
//! <cache>/mcpod/catalog/sources/<name>/        what a source sent, and what is remembered of it
//! ```
//!
//! A new index is written into a folder of its own, and then the link is replaced. So readers never wait, never see half of
//! one, and a writer that is killed leaves nothing but a folder that the next one clears away.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Catalog;
use super::index::{Index, IndexError};
use super::merge::Listing;

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
        self.written().map_or_else(Catalog::builtin, Ok)
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
        let old = fs::read_link(self.link())
            .ok()
            .and_then(|link| link.to_str()?.parse::<u64>().ok());
        let new = old.unwrap_or_default().wrapping_add(1);
        let folder = indexes.join(new.to_string());
        // Of a writer that was killed, or of a link that was lost.
        remove(&folder)?;
        fs::create_dir(&folder).map_err(|source| failed(&folder, source))?;
        Index::write(&folder, listings)?;
        let link = indexes.join("next");
        remove(&link)?;
        symlink(new.to_string(), &link).map_err(|source| failed(&link, source))?;
        fs::rename(&link, self.link()).map_err(|source| failed(&link, source))?;
        self.clear(old, new)
    }

    /// Removes every index but the one in use and the one before it.
    fn clear(&self, old: Option<u64>, new: u64) -> Result<(), StoreError> {
        let indexes = self.indexes();
        let kept = [
            old.map(|old| old.to_string()),
            Some(new.to_string()),
            Some("current".to_owned()),
        ];
        for item in fs::read_dir(&indexes).map_err(|source| failed(&indexes, source))? {
            let item = item.map_err(|source| failed(&indexes, source))?;
            let name = item.file_name();
            if !kept
                .iter()
                .flatten()
                .any(|kept| name.to_str() == Some(kept))
            {
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
        assert!(store.open().unwrap().size() > 30 && store.written().is_none());
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
