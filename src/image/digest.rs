//! Digests: what names one image for ever.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ImageReference, ReferenceError, SHOWN_MAX};

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
