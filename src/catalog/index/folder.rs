//! The folder of an index that is read.
//!
//! Files are mapped into memory, but for the one with what documents hold: of its many megabytes a search needs some bytes here and there,
//! and the kernel would make 64 KB around each of them resident.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::directory::error::{DeleteError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    FileHandle, FileSlice, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};
use tantivy::{Directory, Result};

/// The extension of the file with what documents hold.
const STORE: &str = "store";

/// A folder with an index that never changes.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    mapped: MmapDirectory,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            mapped: MmapDirectory::open(path)?,
        })
    }
}

impl Directory for Folder {
    fn get_file_handle(
        &self,
        path: &Path,
    ) -> std::result::Result<Arc<dyn FileHandle>, OpenReadError> {
        if path.extension().is_none_or(|extension| extension != STORE) {
            return self.mapped.get_file_handle(path);
        }
        match FileSlice::open(&self.path.join(path)) {
            Ok(file) => Ok(Arc::new(file)),
            Err(error) => Err(OpenReadError::wrap_io_error(error, path.to_owned())),
        }
    }

    fn exists(&self, path: &Path) -> std::result::Result<bool, OpenReadError> {
        self.mapped.exists(path)
    }

    fn atomic_read(&self, path: &Path) -> std::result::Result<Vec<u8>, OpenReadError> {
        self.mapped.atomic_read(path)
    }

    fn watch(&self, callback: WatchCallback) -> Result<WatchHandle> {
        self.mapped.watch(callback)
    }

    fn delete(&self, path: &Path) -> std::result::Result<(), DeleteError> {
        self.mapped.delete(path)
    }

    fn open_write(&self, path: &Path) -> std::result::Result<WritePtr, OpenWriteError> {
        self.mapped.open_write(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.mapped.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.mapped.sync_directory()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::catalog::index::Index;
    use crate::catalog::{Query, merge, source};

    #[test]
    fn what_documents_hold_is_read_and_not_mapped_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let parsed = source::toml::parse("mine", "[[server]]\nname = 'anvil'\ntags = ['word']");
        Index::write(folder.path(), &merge(vec![parsed.entries])).unwrap();
        let files = || {
            let items = std::fs::read_dir(folder.path().join("entries")).unwrap();
            let mut names: Vec<_> = items.map(|item| item.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = files();

        let index = Index::open(folder.path()).unwrap();
        let query = Query {
            text: "word",
            ..Query::default()
        };
        assert_eq!(index.search(&query).unwrap().hits[0].name.as_str(), "anvil");
        assert_eq!(files(), before);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let path = folder.path().to_str().unwrap();
        let mapped: Vec<_> = maps
            .lines()
            .filter(|line| line.contains(path))
            .filter_map(|line| Path::new(line).extension())
            .collect();
        assert!(mapped.contains(&OsStr::new("term")), "{mapped:?}");
        assert!(!mapped.contains(&OsStr::new(STORE)), "{mapped:?}");
    }
}
