//! What is run on this host: an image, or something that an image is built from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text::Line;
use super::tool_container::ToolContainer;
use crate::image::ImageReference;

/// What a local server consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Artifact {
    /// A container image.
    Image(ImageReference),
    /// A package of a language's registry.
    Package(Package),
    /// A repository with a Dockerfile.
    Git(Git),
    /// An MCP bundle (`.mcpb`) to download.
    Bundle(Bundle),
    /// Tools of which each call runs a container: there is no server to start.
    Tools(Vec<ToolContainer>),
    /// A program of this host, by its name or its absolute path. No catalog names one: only a user does.
    Command(String),
}

/// A package, written `npm:NAME[@VERSION]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Package {
    /// Where it is published.
    pub registry: Registry,
    /// Its name there, such as `@scope/name`.
    pub name: String,
    /// The exact version; the newest at activation, if there is none.
    pub version: Option<String>,
}

/// A registry of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registry {
    /// Node's.
    Npm,
    /// Python's.
    Pypi,
    /// .NET's.
    Nuget,
    /// Rust's.
    Cargo,
}

/// A git repository that an image is built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Git {
    /// Its address.
    pub url: Line,
    /// The commit, tag or branch; the default branch, if there is none.
    pub reference: Option<Line>,
    /// The folder that is the build's context; the top, if there is none.
    pub folder: Option<Line>,
    /// The Dockerfile's path below that folder; `Dockerfile`, if there is none.
    pub dockerfile: Option<Line>,
}

/// An MCP bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Its address.
    pub url: Line,
    /// The SHA-256 of the file, in hexadecimal digits.
    pub sha256: Line,
}

/// Why a text names no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// No known registry stands in front of the first colon.
    #[error("{text:?} is no package: it begins with none of npm:, pypi:, nuget:, cargo:")]
    Registry {
        /// What was given.
        text: String,
    },
    /// The name has characters that no package of that registry can have.
    #[error("{text:?} is no package: its name is not legal")]
    Name {
        /// What was given.
        text: String,
    },
    /// The version has characters that no version can have.
    #[error("{text:?} is no package: its version is not legal")]
    Version {
        /// What was given.
        text: String,
    },
}

impl Artifact {
    /// The word for its kind: `image`, the package's registry, `git`, `mcpb`, `tools` or `command`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Image(_) => "image",
            Self::Package(package) => package.registry.as_str(),
            Self::Git(_) => "git",
            Self::Bundle(_) => "mcpb",
            Self::Tools(_) => "tools",
            Self::Command(_) => "command",
        }
    }
}

impl Registry {
    /// Its word, as it stands in front of a package.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "pypi",
            Self::Nuget => "nuget",
            Self::Cargo => "cargo",
        }
    }

    /// Whether a package there can have this name.
    fn allows(self, name: &str) -> bool {
        let scoped = name.strip_prefix('@').and_then(|rest| rest.split_once('/'));
        match (self, scoped) {
            (Self::Npm, Some((scope, name))) => is_word(scope) && is_word(name),
            _ => is_word(name),
        }
    }
}

impl FromStr for Package {
    type Err = PackageError;

    fn from_str(text: &str) -> Result<Self, PackageError> {
        let (registry, rest) = match text.split_once(':') {
            Some(("npm", rest)) => (Registry::Npm, rest),
            Some(("pypi", rest)) => (Registry::Pypi, rest),
            Some(("nuget", rest)) => (Registry::Nuget, rest),
            Some(("cargo", rest)) => (Registry::Cargo, rest),
            _ => {
                return Err(PackageError::Registry {
                    text: text.to_owned(),
                });
            }
        };
        // The `@` of a scope stands in front of everything else.
        let (name, version) = match rest.rsplit_once('@') {
            Some((name, version)) if !name.is_empty() => (name, Some(version)),
            _ => (rest, None),
        };
        if !registry.allows(name) {
            return Err(PackageError::Name {
                text: text.to_owned(),
            });
        }
        if !version.is_none_or(is_version) {
            return Err(PackageError::Version {
                text: text.to_owned(),
            });
        }
        Ok(Self {
            registry,
            name: name.to_owned(),
            version: version.map(str::to_owned),
        })
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.registry.as_str(), self.name)?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

/// Letters, digits, `.`, `_`, `-` and `~`, a letter or digit first: what names of all four registries are made of.
fn is_word(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '~');
    text.len() <= 214
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(legal)
}

/// What semantic versions and those of PEP 440 are made of.
fn is_version(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '!');
    text.len() <= 255
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packages_are_read_and_printed() {
        for (text, name, version) in [
            ("npm:@playwright/mcp", "@playwright/mcp", None),
            ("npm:@a/b@1.2.3-beta.6", "@a/b", Some("1.2.3-beta.6")),
            (
                "pypi:mcp-server-time@2025.4.24",
                "mcp-server-time",
                Some("2025.4.24"),
            ),
            ("nuget:A.B", "A.B", None),
            ("cargo:x_y", "x_y", None),
        ] {
            let package: Package = text.parse().unwrap();
            assert_eq!(
                (package.name.as_str(), package.version.as_deref()),
                (name, version)
            );
            assert_eq!(package.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_package_is_refused() {
        for text in [
            "time",
            "gem:x",
            "npm:",
            "npm:@a",
            "npm:@a/b/c",
            "pypi:@a/b",
            "pypi:-r",
            "npm:a@",
            "npm:a@--x",
            "npm:a b",
        ] {
            assert!(text.parse::<Package>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_package_reads_back_as_itself(text in "(npm|pypi):[@a-z0-9./-]{1,20}") {
            if let Ok(package) = text.parse::<Package>() {
                prop_assert_eq!(package.to_string(), text);
            }
        }
    }
}
