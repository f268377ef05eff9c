//! What a source has sent, read from where it lies.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::address::Address;
use super::error::FetchError;
use super::limits::Limits;
use super::settings::{Kind, Source};
use super::tree::Tree;
use super::{api, site};
use crate::catalog::source::list::File as ListFile;
use crate::catalog::source::{Parsed, Refused, docker, list, official, toml};

/// What is there of a source, read.
pub(super) fn parsed(
    source: &Source,
    folder: &Path,
    limits: &Limits,
) -> Result<Parsed, FetchError> {
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
        // Nothing was fetched yet. A folder that is not there is an error.
        if !is_folder && !place.exists() {
            continue;
        }
        match source.kind {
            Kind::Docker => all.append(docker::parse(
                &source.name,
                &Tree::open(&place, limits)?.docker()?,
            )),
            Kind::List => {
                let (mut more_pages, mut more_sidecars) = Tree::open(&place, limits)?.list()?;
                list_pages.append(&mut more_pages);
                sidecars.append(&mut more_sidecars);
            }
            Kind::Official if is_folder => {
                all.append(pages(&source.name, &records(source.kind, &place, limits)?));
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
                let files = if is_folder || place.exists() {
                    records(source.kind, &place, limits)?
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

/// The files of a folder that a source of that kind is read from.
pub(super) fn records(
    kind: Kind,
    folder: &Path,
    limits: &Limits,
) -> Result<Vec<(String, Vec<u8>)>, FetchError> {
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
    let tree = Tree::open(folder, limits)?;
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
