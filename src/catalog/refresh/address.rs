//! Addresses: where a source is read from.

use std::path::PathBuf;

use super::error::FetchError;
use super::settings::Kind;

/// What an address is.
pub(super) enum Address {
    /// A folder, or a file, of this host.
    Folder(PathBuf),
    /// A repository.
    Git,
    /// Something else that answers HTTP.
    Web,
}

impl Address {
    /// What an address is for a source of that kind: those of the web are repositories where the source is one.
    pub(super) fn of(url: &str, kind: Kind) -> Result<Self, FetchError> {
        let wrong = || FetchError::Address {
            url: url.to_owned(),
        };
        if let Some(rest) = url.strip_prefix("~/") {
            let home = std::env::home_dir().ok_or_else(wrong)?;
            return Ok(Self::Folder(home.join(rest)));
        }
        if url.starts_with('/') {
            return Ok(Self::Folder(PathBuf::from(url)));
        }
        let is_repository = matches!(kind, Kind::Docker | Kind::List);
        match url.split_once("://") {
            Some(("http" | "https" | "git" | "file", _)) if is_repository => Ok(Self::Git),
            Some(("http" | "https", _)) => Ok(Self::Web),
            _ => Err(wrong()),
        }
    }
}
