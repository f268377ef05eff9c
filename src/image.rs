//! References: the full name of an image at a registry.
//!
//! Catalogs write images in many ways: short, with upper-case letters, with a digest glued on by a colon. An
//! [`ImageReference`] is what is left after those are put right: registry, path, and exactly one of tag and digest. The
//! grammar is that of the distribution project (`reference` package) and of `docker.io`'s short names; what does not
//! follow it is refused, so that no text from a catalog can be read as an option, a transport or another image.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::quadlet::name::ServerName;

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

/// The digest of a manifest: `sha256:` and 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageDigest(String);

/// The id of an image in Podman's storage, the digest of its configuration: 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageId(ImageDigest);

/// What a server's units name for its image, so that it is that image for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinned {
    /// An image of a registry, which can be fetched again.
    Fetched(ImageReference),
    /// An image that was built on this host, and is nowhere else.
    Built(ImageId),
}

impl Pinned {
    /// The digest, for the record: of the manifest or, of an image that was built, of its configuration.
    pub fn digest(&self) -> Option<&ImageDigest> {
        match self {
            Self::Fetched(reference) => reference.digest(),
            Self::Built(id) => Some(&id.0),
        }
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetched(reference) => reference.fmt(f),
            Self::Built(id) => f.pad(id.as_str()),
        }
    }
}

impl ImageId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        self.0.0.trim_start_matches("sha256:")
    }
}

impl From<ImageDigest> for ImageId {
    fn from(digest: ImageDigest) -> Self {
        Self(digest)
    }
}

impl FromStr for ImageId {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        format!("sha256:{text}").parse().map(Self)
    }
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

impl ImageDigest {
    /// The digest as text, `sha256:` in front.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImageDigest {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let is_lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match text.strip_prefix("sha256:") {
            Some(hex) if hex.len() == 64 && hex.bytes().all(is_lower_hex) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(ReferenceError::Illegal {
                text: text.chars().take(SHOWN_MAX).collect(),
                part: "digest",
            }),
        }
    }
}

impl fmt::Display for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for ImageDigest {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<ImageDigest> for String {
    fn from(digest: ImageDigest) -> Self {
        digest.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "b2d1235a14ac3e0e1bc2ae71f4b3a7b2eb47ee8a36dcd5f3eb0f1a8e4d2c9b10";

    fn full(text: &str) -> String {
        text.parse::<ImageReference>().unwrap().to_string()
    }

    #[test]
    fn short_names_are_docker_hubs() {
        assert_eq!(full("time"), "docker.io/library/time:latest");
        assert_eq!(full("mcp/time"), "docker.io/mcp/time:latest");
        assert_eq!(full("docker.io/node:22"), "docker.io/library/node:22");
        assert_eq!(
            full("index.docker.io/mcp/time"),
            "docker.io/mcp/time:latest"
        );
        assert_eq!(full("ghcr.io/a/b/c:V1.0_x"), "ghcr.io/a/b/c:V1.0_x");
        assert_eq!(full("localhost/built"), "localhost/built:latest");
        assert_eq!(
            full("127.0.0.1:5000/mcp/time"),
            "127.0.0.1:5000/mcp/time:latest"
        );
        assert_eq!(full("[::1]:5000/x:1"), "[::1]:5000/x:1");
        assert_eq!(full("[fe80::1]/x"), "[fe80::1]/x:latest");
    }

    #[test]
    fn what_catalogs_get_wrong_is_put_right() {
        assert_eq!(full("ghcr.io/SamYuan1990/x:V2"), "ghcr.io/samyuan1990/x:V2");
        assert_eq!(full("SignOz/x"), "docker.io/signoz/x:latest");
        let pinned = format!("docker.io/mcp/sonarqube@sha256:{HEX}");
        assert_eq!(
            full(&format!("docker.io/mcp/sonarqube:sha256:{HEX}")),
            pinned
        );
        assert_eq!(full(&format!("mcp/sonarqube:1.0@sha256:{HEX}")), pinned);
        assert_eq!(full(&format!("mcp/sonarqube:1.0:sha256:{HEX}")), pinned);
    }

    #[test]
    fn a_reference_is_pinned_by_its_digest() {
        let reference: ImageReference = "mcp/time:1".parse().unwrap();
        assert_eq!(reference.tag(), Some("1"));
        assert_eq!(reference.digest(), None);
        assert_eq!(reference.registry(), "docker.io");
        assert_eq!(reference.repository(), "docker.io/mcp/time");

        let digest: ImageDigest = format!("sha256:{HEX}").parse().unwrap();
        let pinned = reference.pinned(&digest);
        assert_eq!(
            pinned.to_string(),
            format!("docker.io/mcp/time@sha256:{HEX}")
        );
        assert_eq!(pinned.tag(), None);
        assert_eq!(pinned.digest(), Some(&digest));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        let id = HEX;
        let long_tag = format!("x:{}", "t".repeat(129));
        let upper = format!("x@sha256:{}", HEX.to_uppercase());
        let sha512 = format!("x@sha512:{HEX}{HEX}");
        for bad in [
            "",
            "-x",
            "--privileged",
            "x:-tag",
            "x:",
            "x@",
            "x@sha256:abc",
            &upper,
            &sha512,
            "x:sha256:abc",
            " x",
            "x ",
            "x y",
            "x\ny",
            "x\0",
            "x\u{202e}y",
            "ä",
            "a//b",
            "/a",
            "a/",
            "a/../b",
            "a/./b",
            "a.-b/c",
            "a___b",
            "a..b",
            "a/-b",
            "a/b_",
            "host.:5000/a",
            ".example.com/a",
            "example..com/a",
            "-example.com/a",
            "example.com:0/a",
            "example.com:65536/a",
            "example.com:+1/a",
            "example.com:/a",
            "[::g]/a",
            "[::1/a",
            "dir:/etc/passwd",
            "docker://mcp/time",
            "docker-archive:/tmp/x.tar",
            "x%i",
            "x$HOME",
            "x\"y",
            "x\\y",
            "x?y=z",
            "x#y",
            id,
            &long_tag,
        ] {
            assert!(bad.parse::<ImageReference>().is_err(), "{bad:?}");
        }
        let long = "a/".repeat(200) + "a";
        assert_eq!(
            long.parse::<ImageReference>(),
            Err(ReferenceError::TooLong { length: 401 })
        );
        // 250 characters as given, 260 with the registry.
        let long = "a".repeat(124) + "/" + &"b".repeat(125);
        assert_eq!(
            long.parse::<ImageReference>(),
            Err(ReferenceError::TooLong { length: 260 })
        );
    }

    #[test]
    fn an_error_names_the_part_and_keeps_the_text_short_and_visible() {
        let message = |text: &str| text.parse::<ImageReference>().unwrap_err().to_string();
        assert_eq!(
            message("a\u{1b}[2J\u{202e}"),
            r#""a\u{1b}[2J\u{202e}" is no image reference: its path is not legal"#
        );
        assert!(message("x:-").contains("its tag"));
        assert!(message("x@y").contains("its digest"));
        assert!(message("a.b:x/y").contains("its registry"));
        assert!(message(&("x:".to_owned() + &" ".repeat(100_000))).len() < 200);
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_plain_and_reads_the_same_again(text in "\\PC{0,80}|[a-zA-Z0-9._:/@\\[\\]-]{0,80}") {
            if let Ok(reference) = text.parse::<ImageReference>() {
                let full = reference.to_string();
                prop_assert!(full.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/@-[]".contains(&byte)));
                prop_assert!(!full.starts_with('-'));
                prop_assert!(!full.contains(".."));
                prop_assert_eq!(full.parse::<ImageReference>(), Ok(reference));
            }
        }
    }
}
