//! References: the full name of an image at a registry.
//!
//! Catalogs write images in many ways: short, with upper-case letters, with a digest glued on by a colon. An
//! [`ImageReference`] is what is left after those are put right: registry, path, and exactly one of tag and digest. The
//! grammar is that of the distribution project (`reference` package) and of `docker.io`'s short names; what does not
//! follow it is refused, so that no text from a catalog can be read as an option, a transport or another image.

mod digest;
pub mod policy;

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::quadlet::name::ServerName;
pub use digest::{ImageDigest, ImageId, Pinned};

/// The registry of short names. Podman would ask `registries.conf`; catalogs mean Docker Hub.
const DEFAULT_REGISTRY: &str = "docker.io";

/// The tag of a reference that names neither tag nor digest.
const DEFAULT_TAG: &str = "latest";

/// The most characters of registry and path together, as the distribution project has it.
const NAME_MAX: usize = 255;

/// The most characters of a tag, as the distribution project has it.
const TAG_MAX: usize = 128;

/// How many characters of a refused text an error repeats.
const SHOWN_MAX: usize = 80;

/// The full name of an image: `REGISTRY/PATH:TAG` or `REGISTRY/PATH@sha256:HEX`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference {
    registry: String,
    path: String,
    pick: Pick,
}

/// Which image of a repository is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Pick {
    Tag(String),
    Digest(ImageDigest),
}

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing was given.
    #[error("an image reference cannot be empty")]
    Empty,
    /// Registry and path have more than 255 characters.
    #[error("the name of an image has at most {NAME_MAX} characters, this one {length}")]
    TooLong {
        /// How many characters it has.
        length: usize,
    },
    /// A part does not follow the grammar.
    #[error("{text:?} is no image reference: its {part} is not legal")]
    Illegal {
        /// What was given, its first characters.
        text: String,
        /// The part at fault: `registry`, `path`, `tag` or `digest`.
        part: &'static str,
    },
}

impl ImageReference {
    /// One of Docker's official images. Name and tag come from code.
    pub(crate) fn official(name: &'static str, tag: &'static str) -> Self {
        Self {
            registry: DEFAULT_REGISTRY.to_owned(),
            path: format!("library/{name}"),
            pick: Pick::Tag(tag.to_owned()),
        }
    }

    /// The name under which an image that was built here for a server is kept in the storage.
    pub fn built(server: &ServerName) -> Self {
        Self {
            registry: "localhost".to_owned(),
            path: "mcpod".to_owned(),
            // A server's name is a legal tag, but not always a legal path.
            pick: Pick::Tag(server.as_str().to_owned()),
        }
    }

    /// The name under which the image is kept that was built here for a server before its present one.
    pub fn built_before(server: &ServerName) -> Self {
        Self {
            // No server's name has a dot in it.
            pick: Pick::Tag(format!("{server}.previous")),
            ..Self::built(server)
        }
    }

    /// The registry's host, with its port if one was given, in lower case.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Registry and path: the reference without tag and digest, as Podman writes it in `RepoDigests`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.registry, self.path)
    }

    /// The tag, unless the reference is pinned.
    pub fn tag(&self) -> Option<&str> {
        match &self.pick {
            Pick::Tag(tag) => Some(tag),
            Pick::Digest(_) => None,
        }
    }

    /// The digest, if the reference is pinned.
    pub fn digest(&self) -> Option<&ImageDigest> {
        match &self.pick {
            Pick::Tag(_) => None,
            Pick::Digest(digest) => Some(digest),
        }
    }

    /// The same repository's image with this digest. The tag goes: Podman would pass over it.
    #[must_use]
    pub fn pinned(&self, digest: &ImageDigest) -> Self {
        Self {
            registry: self.registry.clone(),
            path: self.path.clone(),
            pick: Pick::Digest(digest.clone()),
        }
    }
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        let illegal = |part| ReferenceError::Illegal {
            text: text.chars().take(SHOWN_MAX).collect(),
            part,
        };

        let (named, digest) = split_digest(text);
        let digest = digest
            .map(|digest| digest.parse().map_err(|_| illegal("digest")))
            .transpose()?;
        let (name, tag) = split_tag(named);
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(illegal("tag"));
        }
        if name.len() > NAME_MAX {
            return Err(ReferenceError::TooLong { length: name.len() });
        }
        // Registries refuse upper case in a path, so a catalog that has it can only mean this.
        let name = name.to_ascii_lowercase();
        let (registry, path) = split_registry(&name);
        if !is_registry(registry) {
            return Err(illegal("registry"));
        }
        if !path.split('/').all(is_path_component) || is_image_id(path) {
            return Err(illegal("path"));
        }
        let path = if registry == DEFAULT_REGISTRY && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        // What was left out is added above, so the limit is asked again of the whole.
        let length = registry.len() + 1 + path.len();
        if length > NAME_MAX {
            return Err(ReferenceError::TooLong { length });
        }
        Ok(Self {
            registry: registry.to_owned(),
            path,
            pick: match (digest, tag) {
                (Some(digest), _) => Pick::Digest(digest),
                (None, tag) => Pick::Tag(tag.unwrap_or(DEFAULT_TAG).to_owned()),
            },
        })
    }
}

/// Takes the digest off, also one that is glued on by `:` in place of `@`.
fn split_digest(text: &str) -> (&str, Option<&str>) {
    if let Some((named, digest)) = text.split_once('@') {
        return (named, Some(digest));
    }
    match text
        .rfind(":sha256:")
        .and_then(|at| text.split_at_checked(at))
    {
        Some((named, digest)) => (named, digest.strip_prefix(':')),
        None => (text, None),
    }
}

/// Takes the tag off: what follows the last colon, unless that colon is a port's.
fn split_tag(named: &str) -> (&str, Option<&str>) {
    match named.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (named, None),
    }
}

/// Splits a name in lower case where Docker and Podman do: the first word is a registry if it looks like a host.
fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some(("index.docker.io", path)) => (DEFAULT_REGISTRY, path),
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        _ => (DEFAULT_REGISTRY, name),
    }
}

/// A host name, an IPv4 address or an IPv6 address in brackets, and a port behind it or none.
fn is_registry(registry: &str) -> bool {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|p| p > 0)
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| is_small(byte) || byte == b'-')
    };
    let is_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    is_host && port.is_none_or(is_port)
}

/// Runs of letters and digits, joined by one dot, one or two underscores, or dashes.
fn is_path_component(component: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| is_small(*byte));
    let bytes = component.as_bytes();
    ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .split(|byte| is_small(*byte))
            .all(|run| matches!(run, b"" | b"." | b"_" | b"__") || run.iter().all(|b| *b == b'-'))
}

/// 64 hexadecimal digits are the id of an image, and Podman would take them for one.
fn is_image_id(path: &str) -> bool {
    path.len() == 64 && path.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= TAG_MAX
        && tag.bytes().next().is_some_and(is_word)
        && tag
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_small(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            registry,
            path,
            pick,
        } = self;
        match pick {
            Pick::Tag(tag) => f.pad(&format!("{registry}/{path}:{tag}")),
            Pick::Digest(digest) => f.pad(&format!("{registry}/{path}@{digest}")),
        }
    }
}

impl TryFrom<String> for ImageReference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<ImageReference> for String {
    fn from(reference: ImageReference) -> Self {
        reference.to_string()
    }
}

#[cfg(test)]
mod tests;
