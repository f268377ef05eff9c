//! Files of a repository, whether it is a mirror of ours or a folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::FetchError;
use super::limits::Limits;
use super::mirror;
use crate::catalog::source::docker::Folder;
use crate::catalog::source::list::File;

/// A repository to read from.
pub(super) struct Tree {
    place: Place,
    limits: Limits,
}

enum Place {
    Folder(PathBuf),
    Git(Box<gix::Repository>),
}

/// A file or folder in a folder.
struct Item {
    name: String,
    is_folder: bool,
}

impl Tree {
    /// The tree of a folder: a work tree, or, where it is a bare repository, that of its commit.
    pub(super) fn open(folder: &Path, limits: &Limits) -> Result<Self, FetchError> {
        let is_bare = folder.join("HEAD").is_file() && folder.join("objects").is_dir();
        let place = if is_bare {
            Place::Git(Box::new(mirror::open(folder)?))
        } else {
            fs::read_dir(folder).map_err(|source| FetchError::file(folder, source))?;
            Place::Folder(folder.to_owned())
        };
        Ok(Self {
            place,
            limits: limits.clone(),
        })
    }

    /// The folders of Docker's registry.
    pub(super) fn docker(&self) -> Result<Vec<Folder>, FetchError> {
        let mut folders = Vec::new();
        for folder in self
            .items("servers")?
            .into_iter()
            .filter(|item| item.is_folder)
            .take(self.limits.files)
        {
            let path = format!("servers/{}", folder.name);
            let items = self.items(&path)?;
            let file = |name: &str| -> Result<Option<Vec<u8>>, FetchError> {
                let item = items
                    .iter()
                    .find(|item| item.name.eq_ignore_ascii_case(name));
                item.map_or(Ok(None), |item| self.read(&format!("{path}/{}", item.name)))
            };
            if let Some(server) = file("server.yaml")? {
                folders.push(Folder {
                    name: folder.name,
                    server,
                    tools: file("tools.json")?,
                    readme: file("readme.md")?,
                });
            }
        }
        Ok(folders)
    }

    /// The pages of a list, those below `docs` if there are any, else those at the top, and its sidecars.
    pub(super) fn list(&self) -> Result<(Vec<File>, Vec<File>), FetchError> {
        let mut pages = self.files("docs", "md")?;
        if pages.is_empty() {
            pages = self.files("", "md")?;
        }
        Ok((pages, self.files("data/server-metadata", "json")?))
    }

    /// The files of a folder whose names end so, in order; none where the folder is not there.
    pub(super) fn files(&self, folder: &str, extension: &str) -> Result<Vec<File>, FetchError> {
        let mut files = Vec::new();
        let has_extension = |item: &Item| {
            item.name
                .rsplit_once('.')
                .is_some_and(|(_, own)| own.eq_ignore_ascii_case(extension))
        };
        for item in self.items(folder)?.into_iter().take(self.limits.files) {
            if !item.is_folder && has_extension(&item) {
                let path = if folder.is_empty() {
                    item.name
                } else {
                    format!("{folder}/{}", item.name)
                };
                if let Some(bytes) = self.read(&path)? {
                    files.push(File { path, bytes });
                }
            }
        }
        Ok(files)
    }

    fn items(&self, folder: &str) -> Result<Vec<Item>, FetchError> {
        let mut items = match &self.place {
            Place::Folder(root) => {
                let path = root.join(folder);
                let Ok(found) = fs::read_dir(&path) else {
                    return Ok(Vec::new());
                };
                let item = |item: std::io::Result<fs::DirEntry>| {
                    let item = item.map_err(|source| FetchError::file(&path, source))?;
                    // A link may lead anywhere; what it leads to is not of this repository.
                    let kind = item
                        .file_type()
                        .map_err(|source| FetchError::file(&path, source))?;
                    Ok(item.file_name().into_string().ok().map(|name| Item {
                        name,
                        is_folder: kind.is_dir(),
                    }))
                };
                found
                    .filter_map(|found| item(found).transpose())
                    .collect::<Result<Vec<_>, FetchError>>()?
            }
            Place::Git(repository) => git_items(repository, folder)?,
        };
        items.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(items)
    }

    /// A file; none where it is not there, or is no file, or is larger than a record can be.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FetchError> {
        match &self.place {
            Place::Folder(root) => {
                let path = root.join(path);
                let metadata = fs::symlink_metadata(&path)
                    .map_err(|source| FetchError::file(&path, source))?;
                if !metadata.is_file() || metadata.len() > self.limits.file {
                    return Ok(None);
                }
                fs::read(&path)
                    .map(Some)
                    .map_err(|source| FetchError::file(&path, source))
            }
            Place::Git(repository) => {
                let failed =
                    |error: Box<dyn std::error::Error + Send + Sync>| FetchError::git(path, error);
                let entry = mirror::tree(repository)?
                    .lookup_entry_by_path(path)
                    .map_err(|error| failed(error.into()))?;
                let Some(entry) = entry.filter(|entry| entry.mode().is_blob()) else {
                    return Ok(None);
                };
                let header = entry.id().header().map_err(|error| failed(error.into()))?;
                if header.size() > self.limits.file {
                    return Ok(None);
                }
                let object = entry.object().map_err(|error| failed(error.into()))?;
                Ok(Some(object.data.clone()))
            }
        }
    }
}

fn git_items(repository: &gix::Repository, folder: &str) -> Result<Vec<Item>, FetchError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| FetchError::git(folder, error);
    let mut tree = mirror::tree(repository)?;
    if !folder.is_empty() {
        let entry = tree
            .lookup_entry_by_path(folder)
            .map_err(|error| failed(error.into()))?;
        let Some(entry) = entry.filter(|entry| entry.mode().is_tree()) else {
            return Ok(Vec::new());
        };
        tree = entry
            .object()
            .map_err(|error| failed(error.into()))?
            .into_tree();
    }
    let mut items = Vec::new();
    for entry in tree.iter() {
        let entry = entry.map_err(|error| failed(error.into()))?;
        if let Ok(name) = str::from_utf8(entry.filename()) {
            items.push(Item {
                name: name.to_owned(),
                is_folder: entry.mode().is_tree(),
            });
        }
    }
    Ok(items)
}
