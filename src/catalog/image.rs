//! References to container images.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The registry that a reference without one means.
const DEFAULT_REGISTRY: &str = "docker.io";

/// The most bytes of an image's name, by the distribution specification.
const NAME_MAX: usize = 255;

/// A fully qualified reference to an image, such as `docker.io/mcp/time:latest` or `ghcr.io/o/r@sha256:…`.
///
/// The forms are those of the OCI distribution specification, section "Pulling manifests". A short name is one of Docker
/// Hub, a path is lower case; both are mended here, as is a digest that is glued on with a colon.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference {
    name: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// Why a text is no reference to an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The registry or the path has characters or a form that it cannot have.
    #[error("{text:?} is no image: its name is not legal")]
    Name {
        /// What was given.
        text: String,
    },
    /// What stands behind the last colon is no tag.
    #[error("{text:?} is no image: its tag is not legal")]
    Tag {
        /// What was given.
        text: String,
    },
    /// What stands behind the `@` is no digest.
    #[error("{text:?} is no image: its digest is not `sha256:` and 64 hexadecimal digits")]
    Digest {
        /// What was given.
        text: String,
    },
}

impl ImageReference {
    /// Registry and path, without tag and digest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tag, if there is one.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest with its algorithm in front, if there is one.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl FromStr for ImageReference {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let (tagged, digest) = match text.split_once('@').or_else(|| glued_digest(text)) {
            Some((tagged, digest)) => (tagged, Some(digest)),
            None => (text, None),
        };
        if !digest.is_none_or(is_digest) {
            return Err(ImageError::Digest {
                text: text.to_owned(),
            });
        }
        let (name, tag) = match tagged.rsplit_once(':') {
            // A colon before a slash belongs to the registry's port.
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (tagged, None),
        };
        if !tag.is_none_or(is_tag) {
            return Err(ImageError::Tag {
                text: text.to_owned(),
            });
        }
        let name = qualified(name).ok_or_else(|| ImageError::Name {
            text: text.to_owned(),
        })?;
        Ok(Self {
            name,
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, tag, digest } = self;
        f.write_str(name)?;
        if let Some(tag) = tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for ImageReference {
    type Error = ImageError;

    fn try_from(text: String) -> Result<Self, ImageError> {
        text.parse()
    }
}

impl From<ImageReference> for String {
    fn from(image: ImageReference) -> Self {
        image.to_string()
    }
}

/// The name and digest of `name:sha256:…`, a mistake that the official registry holds.
fn glued_digest(text: &str) -> Option<(&str, &str)> {
    let at = text.find(":sha256:")?;
    let (name, digest) = text.split_at_checked(at)?;
    Some((name, digest.strip_prefix(':')?))
}

/// A name with its registry in front, its path in lower case.
fn qualified(name: &str) -> Option<String> {
    let (registry, path) = match name.split_once('/') {
        Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (first, path),
        _ => (DEFAULT_REGISTRY, name),
    };
    let path = path.to_ascii_lowercase();
    let path = if registry == DEFAULT_REGISTRY && !path.contains('/') {
        format!("library/{path}")
    } else {
        path
    };
    let legal = is_registry(registry) && path.split('/').all(is_component);
    let name = format!("{registry}/{path}");
    (legal && name.len() <= NAME_MAX).then_some(name)
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    port.parse::<u16>().is_ok()
        && !host.is_empty()
        && !host.starts_with(['-', '.'])
        && host.chars().all(legal)
}

fn is_component(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(word)
        && text.ends_with(word)
        && text
            .chars()
            .all(|c| word(c) || matches!(c, '.' | '_' | '-'))
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128
        && text.starts_with(word)
        && text.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_are_qualified() {
        let digest = format!("sha256:{}", "d9".repeat(32));
        for (text, reference) in [
            ("mcp/time", "docker.io/mcp/time"),
            ("time:1.2", "docker.io/library/time:1.2"),
            ("ghcr.io/SamYuan1990/I:V1", "ghcr.io/samyuan1990/i:V1"),
            ("localhost:5000/a", "localhost:5000/a"),
            (
                &format!("docker.io/mcp/sonarqube:{digest}"),
                &format!("docker.io/mcp/sonarqube@{digest}"),
            ),
            (
                &format!("a/b:t@{digest}"),
                &format!("docker.io/a/b:t@{digest}"),
            ),
        ] {
            assert_eq!(
                text.parse::<ImageReference>().unwrap().to_string(),
                reference
            );
        }
    }

    #[test]
    fn the_parts_can_be_asked_for() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let image: ImageReference = format!("mcp/time:v1@{digest}").parse().unwrap();
        assert_eq!(image.name(), "docker.io/mcp/time");
        assert_eq!(
            (image.tag(), image.digest()),
            (Some("v1"), Some(digest.as_str()))
        );
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            "/",
            "a b",
            "a:",
            "-a/b",
            "a//b",
            "a@sha256:12",
            "x.y:z/a",
            "a:b:c",
            "--privileged",
            "a\nb",
        ] {
            assert!(text.parse::<ImageReference>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_reference_reads_back_as_itself(text in "[a-zA-Z0-9./:@_-]{1,40}") {
            if let Ok(image) = text.parse::<ImageReference>() {
                prop_assert_eq!(image.to_string().parse::<ImageReference>(), Ok(image));
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            prop_assert!(text.parse::<ImageReference>().map_or(true, |image| image.name().contains('/')));
        }
    }
}
