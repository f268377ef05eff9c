//! MCP bundles (`.mcpb`): fetched, verified, looked into, unpacked. They are ZIP archives that somebody published.
//!
//! Nothing of one is looked at before its hash is seen to be the one that was expected. Nothing of one is run here.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::activation::bundle::{MANIFEST_MAX, Manifest, ManifestError};
use crate::catalog::Bundle;
use crate::tls;

/// The most bytes of a bundle. Those of the official registry have up to some ten million.
const BUNDLE_MAX: u64 = 256 << 20;

/// The most bytes of all that is in one.
const UNPACKED_MAX: u64 = 1 << 30;

/// The most files in one.
const FILES_MAX: usize = 100_000;

/// How long a bundle may take to come.
const PATIENCE: Duration = Duration::from_mins(10);

/// The most places that an address may lead to in turn: GitHub's releases lead to one.
const REDIRECTS_MAX: usize = 5;

/// Where bundles are kept, and unpacked while an image is built of them.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// The unpacked files of a bundle, removed when this is dropped.
#[derive(Debug)]
pub struct Unpacked(PathBuf);

/// Why a bundle is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is named in a way that cannot be.
    #[error("{text:?} is no {part} of a bundle")]
    Named {
        /// The part: address or SHA-256.
        part: &'static str,
        /// What was given.
        text: String,
    },
    /// It could not be fetched.
    #[error("{url} cannot be fetched")]
    Web {
        /// The bundle.
        url: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// Its server answered with something else.
    #[error("{url} cannot be fetched: its server answers {status}")]
    Status {
        /// The bundle.
        url: String,
        /// The answer.
        status: reqwest::StatusCode,
    },
    /// It is too large.
    #[error(
        "{url} is larger than the {max} bytes that a bundle may have, or holds more than one may"
    )]
    TooLarge {
        /// The bundle.
        url: String,
        /// What it may have.
        max: u64,
    },
    /// It is not what its entry says.
    #[error("{url} is not the bundle that was meant: its SHA-256 is {found}, and not {expected}")]
    Hash {
        /// The bundle.
        url: String,
        /// Its hash.
        found: String,
        /// The hash that was expected.
        expected: String,
    },
    /// It is no archive, or holds something that is not unpacked.
    #[error("{url} is no bundle: {message}")]
    Archive {
        /// The bundle.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// Its manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It cannot be kept.
    #[error("cannot write {}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl BundleError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Named { .. } => Some(
                "a bundle is named mcpb+https://HOST/FILE.mcpb#sha256:HEX; sha256sum prints the hash of a file".to_owned(),
            ),
            Self::Hash { .. } => Some(
                "do not run it: somebody changed the file, or the hash is that of another one".to_owned(),
            ),
            Self::Web { .. } | Self::Status { .. } => Some("check the address and the network".to_owned()),
            Self::TooLarge { .. } | Self::Archive { .. } | Self::Manifest(_) => {
                Some("look for another way to run the server: mcpod search, mcpod show".to_owned())
            }
            Self::Disk { .. } => None,
        }
    }
}

impl Store {
    /// Below `$XDG_CACHE_HOME`.
    pub fn below(cache: &Path) -> Self {
        Self {
            folder: cache.join("mcpod/bundles"),
        }
    }

    /// Where the files of a bundle lie while an image is built of them.
    pub fn unpacked(&self, bundle: &Bundle) -> Result<PathBuf, BundleError> {
        Ok(self.folder.join(hash_of(bundle)?))
    }

    /// The manifest of a bundle that was fetched before; nothing if it is not there, or can no longer be used.
    pub fn known(&self, bundle: &Bundle) -> Option<Manifest> {
        let file = self.file(bundle).ok()?;
        manifest(&file, bundle).ok()
    }

    /// The manifest of a bundle, which is fetched unless it is there.
    pub async fn manifest(&self, bundle: &Bundle) -> Result<Manifest, BundleError> {
        let file = self.file(bundle)?;
        if !file.exists() {
            self.fetch(bundle, &file).await?;
        }
        manifest(&file, bundle)
    }

    /// Unpacks a bundle. Only its files are, with the right to be run where it gives that; no link, nothing beside the folder.
    pub fn unpack(&self, bundle: &Bundle) -> Result<Unpacked, BundleError> {
        let folder = self.unpacked(bundle)?;
        if folder.exists() {
            // What was killed left it.
            fs::remove_dir_all(&folder).map_err(|source| failed(&folder, source))?;
        }
        open_folder(&folder)?;
        let unpacked = Unpacked(folder);
        let mut archive = open(&self.file(bundle)?, bundle)?;
        let mut left = UNPACKED_MAX;
        for number in 0..archive.len() {
            let mut entry = archive
                .by_index(number)
                .map_err(|error| broken(bundle, &error))?;
            let Some(name) = entry.enclosed_name().filter(|_| !entry.is_symlink()) else {
                return Err(BundleError::Archive {
                    url: bundle.url.to_string(),
                    message: format!(
                        "{:?} is a link, or leads out of it",
                        crate::text::one_line(entry.name())
                    ),
                });
            };
            let path = unpacked.0.join(name);
            if entry.is_dir() {
                open_folder(&path)?;
                continue;
            }
            if let Some(above) = path.parent() {
                open_folder(above)?;
            }
            let is_program = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
            let mut file = File::create_new(&path).map_err(|source| failed(&path, source))?;
            allow(&path, if is_program { 0o755 } else { 0o644 })?;
            let copied = io::copy(&mut (&mut entry).take(left + 1), &mut file);
            let copied = copied.map_err(|source| failed(&path, source))?;
            left = left
                .checked_sub(copied)
                .ok_or_else(|| too_large(bundle, UNPACKED_MAX))?;
        }
        Ok(unpacked)
    }

    fn file(&self, bundle: &Bundle) -> Result<PathBuf, BundleError> {
        Ok(self.folder.join(format!("{}.mcpb", hash_of(bundle)?)))
    }

    async fn fetch(&self, bundle: &Bundle, file: &Path) -> Result<(), BundleError> {
        let url = bundle.url.to_string();
        let is_known = url.starts_with("https://") || url.starts_with("http://");
        if !is_known || !url.is_ascii() || url.contains(char::is_whitespace) {
            return Err(BundleError::Named {
                part: "address",
                text: url,
            });
        }
        make_folder(&self.folder)?;
        let web = |source| BundleError::Web {
            url: url.clone(),
            source,
        };
        let client = tls::client()
            .user_agent(concat!("mcpod/", env!("CARGO_PKG_VERSION")))
            .timeout(PATIENCE)
            // It is the hash that says whether it is the right one, wherever it comes from.
            .redirect(reqwest::redirect::Policy::limited(REDIRECTS_MAX))
            .build()
            .map_err(web)?;
        let mut response = client.get(&url).send().await.map_err(web)?;
        if !response.status().is_success() {
            return Err(BundleError::Status {
                url,
                status: response.status(),
            });
        }
        let disk = |source| failed(file, source);
        let mut part = tempfile::NamedTempFile::new_in(&self.folder).map_err(disk)?;
        let (mut hash, mut length) = (Sha256::new(), 0_u64);
        while let Some(chunk) = response.chunk().await.map_err(web)? {
            length += chunk.len() as u64;
            if length > BUNDLE_MAX {
                return Err(too_large(bundle, BUNDLE_MAX));
            }
            hash.update(&chunk);
            part.write_all(&chunk).map_err(disk)?;
        }
        let (found, expected) = (format!("{:x}", hash.finalize()), hash_of(bundle)?);
        if found != expected {
            return Err(BundleError::Hash {
                url,
                found,
                expected,
            });
        }
        part.persist(file)
            .map_err(|error| failed(file, error.error))?;
        Ok(())
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // What stays is in the cache, and goes when the bundle is unpacked again.
        fs::remove_dir_all(&self.0).ok();
    }
}

/// The hash in small letters: it names files.
fn hash_of(bundle: &Bundle) -> Result<String, BundleError> {
    let hash = bundle.sha256.to_ascii_lowercase();
    if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(hash);
    }
    Err(BundleError::Named {
        part: "SHA-256",
        text: hash,
    })
}

fn open(file: &Path, bundle: &Bundle) -> Result<ZipArchive<File>, BundleError> {
    let opened = File::open(file).map_err(|source| failed(file, source))?;
    let archive = ZipArchive::new(opened).map_err(|error| broken(bundle, &error))?;
    if archive.len() > FILES_MAX {
        return Err(too_large(bundle, UNPACKED_MAX));
    }
    Ok(archive)
}

fn manifest(file: &Path, bundle: &Bundle) -> Result<Manifest, BundleError> {
    let mut archive = open(file, bundle)?;
    let entry = archive
        .by_name("manifest.json")
        .map_err(|error| broken(bundle, &error))?;
    let mut bytes = Vec::new();
    let read = entry.take(MANIFEST_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|source| failed(file, source))?;
    if bytes.len() as u64 > MANIFEST_MAX {
        return Err(too_large(bundle, MANIFEST_MAX));
    }
    Ok(Manifest::parse(&bytes)?)
}

fn make_folder(folder: &Path) -> Result<(), BundleError> {
    fs::create_dir_all(folder).map_err(|source| failed(folder, source))
}

/// Makes a folder that others may look into, as those above it that are not there either.
fn open_folder(folder: &Path) -> Result<(), BundleError> {
    let missing = folder.ancestors().take_while(|above| !above.exists());
    let missing: Vec<&Path> = missing.collect();
    make_folder(folder)?;
    missing.into_iter().try_for_each(|made| allow(made, 0o755))
}

/// Sets what may be done with a file or folder of a bundle, whatever this process gives to what it makes: in the image others read it.
fn allow(path: &Path, mode: u32) -> Result<(), BundleError> {
    let mode = fs::Permissions::from_mode(mode);
    fs::set_permissions(path, mode).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> BundleError {
    BundleError::Disk {
        path: path.to_owned(),
        source,
    }
}

fn broken(bundle: &Bundle, error: &ZipError) -> BundleError {
    BundleError::Archive {
        url: bundle.url.to_string(),
        message: error.to_string(),
    }
}

fn too_large(bundle: &Bundle, max: u64) -> BundleError {
    BundleError::TooLarge {
        url: bundle.url.to_string(),
        max,
    }
}

#[cfg(test)]
mod tests;
