//! A file of settings as it is written: every key optional, each value checked as it is read.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::{AgentAdd, Relabel, SettingsError};
use crate::activation::limits::{Cpus, Lifetime, Memory};
use crate::catalog::refresh::SourcesFile;
use crate::frontend::http::{Address, BadAddress};
use crate::image::ImageReference;

/// What one file may hold: every key optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) sessions: SessionsFile,
    pub(super) sandbox: SandboxFile,
    pub(super) build: BuildFile,
    pub(super) policy: PolicyFile,
    pub(super) trust: TrustFile,
    pub(super) login: LoginFile,
    pub(super) sources: SourcesFile,
    pub(super) http: HttpFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpFile {
    pub(super) address: Option<AddressText>,
    pub(super) hosts: Option<Vec<String>>,
    pub(super) idle: Option<Span>,
    pub(super) url: Option<PageUrl>,
}

/// Where the page is found: an address of HTTP without fields, its end made a slash.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PageUrl(pub(super) String);

impl TryFrom<String> for PageUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let rest = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"));
        let is_plain = |c: char| c.is_ascii_graphic() && !"?#\"<>\\".contains(c);
        match rest {
            Some(rest)
                if !rest.starts_with('/') && !rest.is_empty() && rest.chars().all(is_plain) =>
            {
                Ok(Self(format!("{}/", text.trim_end_matches('/'))))
            }
            _ => Err(format!(
                "{text:?} is no address of a page, such as \"https://box.example.com/mcpod/\""
            )),
        }
    }
}

/// An address to listen on, as the command takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct AddressText(pub(super) Address);

impl TryFrom<String> for AddressText {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Self, BadAddress> {
        text.parse().map(Self)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BuildFile {
    pub(super) node: Option<ImageReference>,
    pub(super) python: Option<ImageReference>,
    pub(super) dotnet: Option<ImageReference>,
    pub(super) rust: Option<ImageReference>,
    pub(super) go: Option<ImageReference>,
    pub(super) ca_bundle: Option<AbsolutePath>,
    pub(super) proxy: Option<Proxy>,
    pub(super) memory: Option<Memory>,
    pub(super) tasks: Option<std::num::NonZeroU32>,
}

/// A path that begins at the root.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct AbsolutePath(pub(super) String);

impl TryFrom<String> for AbsolutePath {
    type Error = String;

    fn try_from(path: String) -> Result<Self, String> {
        if path.starts_with('/') && !path.contains(':') {
            return Ok(Self(path));
        }
        Err(format!("{path:?} is no absolute path without a colon"))
    }
}

/// The address of a proxy. It stands in units, which others may read, so it has no password in it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Proxy(pub(super) String);

impl TryFrom<String> for Proxy {
    type Error = String;

    fn try_from(url: String) -> Result<Self, String> {
        let address = ["http://", "https://", "socks5://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme));
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-:[]/".contains(c);
        match address {
            Some(address) if !address.is_empty() && address.chars().all(legal) => Ok(Self(url)),
            _ => Err(format!(
                "{url:?} is no address of a proxy such as \"http://proxy:3128\", without user and password"
            )),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SessionsFile {
    pub(super) open_timeout: Option<Span>,
    pub(super) call_timeout: Option<Span>,
    pub(super) max: Option<std::num::NonZeroU32>,
    pub(super) idle: Option<SpanOrNone>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SandboxFile {
    pub(super) memory: Option<Memory>,
    pub(super) cpus: Option<Cpus>,
    pub(super) tasks: Option<std::num::NonZeroU32>,
    pub(super) lifetime: Option<Lifetime>,
    pub(super) selinux: Option<Relabel>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PolicyFile {
    pub(super) agent_add: Option<AgentAdd>,
    pub(super) allow_host_commands: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TrustFile {
    pub(super) require_signature: Option<Vec<RegistryPrefix>>,
}

/// A registry, or a part of one: `ghcr.io`, `ghcr.io/acme`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct RegistryPrefix(pub(super) String);

impl TryFrom<String> for RegistryPrefix {
    type Error = String;

    fn try_from(prefix: String) -> Result<Self, String> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-:".contains(c);
        let is_part = |part: &str| !part.is_empty() && part.chars().all(legal);
        let registry = prefix.split('/').next().unwrap_or_default();
        // As in references of images, a first part without a dot or a port would not be a host.
        let is_host = registry.contains(['.', ':']) || registry == "localhost";
        if is_host && prefix.split('/').all(is_part) {
            return Ok(Self(prefix));
        }
        Err(format!(
            "{prefix:?} is no registry or part of one such as \"ghcr.io\" or \"docker.io/mcp\""
        ))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LoginFile {
    pub(super) client_metadata_url: Option<DocumentUrl>,
}

/// Where a client's metadata document lies: its https:// address, which names more than a host.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct DocumentUrl(pub(super) String);

impl TryFrom<String> for DocumentUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // It is compared as it is written (draft-ietf-oauth-client-id-metadata-document, section 3).
        let is_document = reqwest::Url::parse(&text).is_ok_and(|url| {
            url.scheme() == "https"
                && url.path() != "/"
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
                && url.as_str() == text
        });
        if is_document {
            return Ok(Self(text));
        }
        Err(format!(
            "{text:?} is no address of a document such as \"https://example.com/mcpod.json\""
        ))
    }
}

/// A length of time as people write it: `90s`, `15min`, `1h 30min`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(pub(super) Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|span| Duration::try_from(span).ok())
            .filter(|span| !span.is_zero())
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no length of time such as \"90s\" or \"15min\""))
    }
}

/// A length of time, or `0` for none.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "toml::Value")]
pub(super) struct SpanOrNone(pub(super) Option<Duration>);

impl TryFrom<toml::Value> for SpanOrNone {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(0) => Ok(Self(None)),
            toml::Value::String(text) if text == "0" => Ok(Self(None)),
            toml::Value::String(text) => Span::try_from(text).map(|span| Self(Some(span.0))),
            other => Err(format!(
                "{other} is no length of time such as \"15min\", nor 0"
            )),
        }
    }
}

/// Reads the text of a file; its path is for the error.
pub(super) fn parse(path: &Path, text: &str) -> Result<File, SettingsError> {
    toml::from_str(text).map_err(|error| SettingsError::Invalid {
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    })
}
