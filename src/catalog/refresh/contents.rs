//! What a source has sent, read from where it lies.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::address::Address;
use super::error::FetchError;
use super::limits::Limits;
use super::settings::{Kind, Source};
use super::state::State;
use super::tree::Tree;
use super::{api, kept, mirror, site};
use crate::catalog::source::list::File as ListFile;
use crate::catalog::source::{Parsed, Refused, docker, list, official, toml};

/// The file that stands for a single one of the web.
const FILE: &str = "catalog.toml";

/// Files that a source is read from, and those that are not read, with the reason.
pub(super) struct Files {
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) refused: Vec<Refused>,
}

/// What tells what is there of a source from what was there before.
pub(super) fn content(
    source: &Source,
    folder: &Path,
    state: &State,
    limits: &Limits,
) -> Result<String, FetchError> {
    let mut contents = Vec::new();
    for (number, url) in (0..).zip(&source.urls) {
        contents.push(match (Address::of(url, source.kind)?, source.kind) {
            (Address::Folder(path), _) => {
                let Files { files, refused } = records(source.kind, &path, limits)?;
                format!("{} {}", hash(&files), refused.len())
            }
            (Address::Git, _) => mirror::tip(&mirror_of(folder, number)).unwrap_or_default(),
            (Address::Web, Kind::Official) => state.api.items.to_string(),
            (Address::Web, Kind::Site) => site::content(folder),
            (Address::Web, _) => {
                let bytes = kept::kept(url, folder).unwrap_or_default();
                hash(&[(FILE.to_owned(), bytes)])
            }
        });
    }
    Ok(contents.join(" "))
}

/// Where the mirror of a source's address lies.
pub(super) fn mirror_of(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number}.git"))
}

/// What is there of a source, read.
pub(super) fn parsed(
    source: &Source,
    folder: &Path,
    state: &State,
    limits: &Limits,
) -> Result<Parsed, FetchError> {
    let mut all = Parsed::default();
    let (mut list_pages, mut sidecars) = (Vec::new(), Vec::new());
    for (number, url) in (0..).zip(&source.urls) {
        let address = Address::of(url, source.kind)?;
        let is_folder = matches!(address, Address::Folder(_));
        let place = match address {
            Address::Folder(path) => path,
            Address::Git => mirror_of(folder, number),
            Address::Web => folder.to_owned(),
        };
        // Nothing was fetched yet. A folder that is not there is an error.
        if !is_folder && !place.exists() {
            continue;
        }
        match source.kind {
            Kind::Docker => {
                let mut tree = Tree::open(&place, limits)?;
                all.append(docker::parse(&source.name, &tree.docker()?));
                all.refused.extend(tree.into_refused());
            }
            Kind::List => {
                let mut tree = Tree::open(&place, limits)?;
                let (mut more_pages, mut more_sidecars) = tree.list()?;
                list_pages.append(&mut more_pages);
                sidecars.append(&mut more_sidecars);
                all.refused.extend(tree.into_refused());
            }
            Kind::Official if is_folder => {
                let Files { files, refused } = records(source.kind, &place, limits)?;
                all.append(pages(&source.name, &files));
                all.refused.extend(refused);
            }
            Kind::Official => {
                let text = api::read_items(&place, &state.api)?;
                all.append(official::parse(&source.name, api::items(&text)));
            }
            Kind::Toml => {
                let Files { files, refused } = if is_folder {
                    records(source.kind, &place, limits)?
                } else {
                    let file = kept::kept(url, &place).map(|bytes| (FILE.to_owned(), bytes));
                    Files {
                        files: file.into_iter().collect(),
                        refused: Vec::new(),
                    }
                };
                for (_, bytes) in files {
                    all.append(toml::parse(&source.name, &String::from_utf8_lossy(&bytes)));
                }
                all.refused.extend(refused);
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

/// The files of a folder that a source of that kind is read from.
pub(super) fn records(kind: Kind, folder: &Path, limits: &Limits) -> Result<Files, FetchError> {
    let named = |files: Vec<ListFile>| {
        files
            .into_iter()
            .map(|file| (file.path, file.bytes))
            .collect()
    };
    if kind == Kind::Toml && folder.is_file() {
        let bytes = std::fs::read(folder).map_err(|source| FetchError::file(folder, source))?;
        return Ok(Files {
            files: vec![(FILE.to_owned(), bytes)],
            refused: Vec::new(),
        });
    }
    let mut tree = Tree::open(folder, limits)?;
    let files = match kind {
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
    };
    Ok(Files {
        files,
        refused: tree.into_refused(),
    })
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

/// What tells some files from others.
pub(super) fn hash(files: &[(String, Vec<u8>)]) -> String {
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
