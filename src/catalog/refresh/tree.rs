//! Files of a repository, whether it is a mirror of ours or a folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::FetchError;
use super::limits::Limits;
use super::mirror;
use crate::catalog::source::Refused;
use crate::catalog::source::docker::Folder;
use crate::catalog::source::list::File;

/// A repository to read from.
pub(super) struct Tree {
    place: Place,
    limits: Limits,
    refused: Vec<Refused>,
}

enum Place {
    Folder(PathBuf),
    Git(Box<gix::Repository>),
}

/// What lies in a folder.
struct Item {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// A link, which may lead anywhere: what it leads to is not of this repository; or no file at all.
    Other,
}

/// A file that is looked for.
enum Found {
    File(Vec<u8>),
    TooLarge(u64),
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
            refused: Vec::new(),
        })
    }

    /// The files that were not read, and why.
    pub(super) fn into_refused(self) -> Vec<Refused> {
        self.refused
    }

    /// The folders of Docker's registry.
    pub(super) fn docker(&mut self) -> Result<Vec<Folder>, FetchError> {
        let mut folders = Vec::new();
        for folder in self.items("servers")? {
            let path = format!("servers/{}", folder.name);
            if folder.kind == Kind::Other {
                self.refuse(&path, "it is a link");
            }
            if folder.kind != Kind::Folder {
                continue;
            }
            let items = self.items(&path)?;
            let mut file = |name: &str| {
                let item = items
                    .iter()
                    .find(|item| item.name.eq_ignore_ascii_case(name));
                item.map_or(Ok(None), |item| self.file(&path, item))
            };
            if let Some(server) = file("server.yaml")? {
                folders.push(Folder {
                    server,
                    tools: file("tools.json")?,
                    readme: file("readme.md")?,
                    name: folder.name,
                });
            }
        }
        Ok(folders)
    }

    /// The pages of a list, those below `docs` if there are any, else those at the top, and its sidecars.
    pub(super) fn list(&mut self) -> Result<(Vec<File>, Vec<File>), FetchError> {
        let mut pages = self.files("docs", "md")?;
        if pages.is_empty() {
            pages = self.files("", "md")?;
        }
        Ok((pages, self.files("data/server-metadata", "json")?))
    }

    /// The files of a folder whose names end so, in order; none where the folder is not there.
    pub(super) fn files(&mut self, folder: &str, extension: &str) -> Result<Vec<File>, FetchError> {
        let mut files = Vec::new();
        let has_extension = |item: &Item| {
            item.name
                .rsplit_once('.')
                .is_some_and(|(_, own)| own.eq_ignore_ascii_case(extension))
        };
        for item in self
            .items(folder)?
            .iter()
            .filter(|item| has_extension(item))
        {
            if item.kind != Kind::Folder
                && let Some(bytes) = self.file(folder, item)?
            {
                let path = joined(folder, &item.name);
                files.push(File { path, bytes });
            }
        }
        Ok(files)
    }

    /// A file of a folder; none where it is refused.
    fn file(&mut self, folder: &str, item: &Item) -> Result<Option<Vec<u8>>, FetchError> {
        let path = joined(folder, &item.name);
        if item.kind != Kind::File {
            self.refuse(&path, "it is no file");
            return Ok(None);
        }
        match self.read(&path)? {
            Found::File(bytes) => Ok(Some(bytes)),
            Found::TooLarge(size) => {
                let most = self.limits.file;
                self.refuse(&path, &format!("it has {size} bytes; {most} are the most"));
                Ok(None)
            }
        }
    }

    fn refuse(&mut self, path: &str, reason: &str) {
        self.refused.push(Refused {
            record: path.into(),
            field: "file".into(),
            reason: reason.into(),
        });
    }

    fn items(&mut self, folder: &str) -> Result<Vec<Item>, FetchError> {
        let found = match &self.place {
            Place::Folder(root) => folder_items(&root.join(folder))?,
            Place::Git(repository) => git_items(repository, folder)?,
        };
        let mut items = Vec::new();
        for (name, kind) in found {
            match String::from_utf8(name) {
                Ok(name) => items.push(Item { name, kind }),
                Err(error) => {
                    let name = String::from_utf8_lossy(error.as_bytes()).into_owned();
                    self.refuse(&joined(folder, &name), "its name is not UTF-8");
                }
            }
        }
        items.sort_by(|a, b| a.name.cmp(&b.name));
        let most = self.limits.files;
        if items.len() > most {
            let count = items.len();
            items.truncate(most);
            self.refuse(
                folder,
                &format!("it has {count} files; only {most} are read"),
            );
        }
        Ok(items)
    }

    fn read(&self, path: &str) -> Result<Found, FetchError> {
        match &self.place {
            Place::Folder(root) => {
                let path = root.join(path);
                let failed = |source| FetchError::file(&path, source);
                let size = fs::symlink_metadata(&path).map_err(failed)?.len();
                if size > self.limits.file {
                    return Ok(Found::TooLarge(size));
                }
                fs::read(&path).map(Found::File).map_err(failed)
            }
            Place::Git(repository) => {
                let failed =
                    |error: Box<dyn std::error::Error + Send + Sync>| FetchError::git(path, error);
                let entry = mirror::tree(repository)?
                    .lookup_entry_by_path(path)
                    .map_err(|error| failed(error.into()))?
                    .ok_or_else(|| failed("it is in a tree, and not there".into()))?;
                let header = entry.id().header().map_err(|error| failed(error.into()))?;
                if header.size() > self.limits.file {
                    return Ok(Found::TooLarge(header.size()));
                }
                let object = entry.object().map_err(|error| failed(error.into()))?;
                Ok(Found::File(object.data.clone()))
            }
        }
    }
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// The names in a folder; none where it is not there.
fn folder_items(path: &Path) -> Result<Vec<(Vec<u8>, Kind)>, FetchError> {
    use std::os::unix::ffi::OsStringExt as _;
    // A link in the place of a folder leads elsewhere.
    if !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(Vec::new());
    }
    let failed = |source| FetchError::file(path, source);
    let mut items = Vec::new();
    for item in fs::read_dir(path).map_err(failed)? {
        let item = item.map_err(failed)?;
        let kind = item.file_type().map_err(failed)?;
        let kind = if kind.is_dir() {
            Kind::Folder
        } else if kind.is_file() {
            Kind::File
        } else {
            Kind::Other
        };
        items.push((item.file_name().into_vec(), kind));
    }
    Ok(items)
}

fn git_items(
    repository: &gix::Repository,
    folder: &str,
) -> Result<Vec<(Vec<u8>, Kind)>, FetchError> {
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
        let mode = entry.mode();
        let kind = if mode.is_tree() {
            Kind::Folder
        } else if mode.is_blob() {
            Kind::File
        } else {
            Kind::Other
        };
        items.push((entry.filename().to_vec(), kind));
    }
    Ok(items)
}
