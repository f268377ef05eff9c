//! Why there was no refresh, and why a source could not be fetched.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::catalog::{IndexError, StoreError};

/// Why there was no refresh at all.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// No source has that name.
    #[error("there is no source {name:?}")]
    NoSuchSource {
        /// The name.
        name: String,
        /// Those that there are.
        names: Vec<String>,
    },
    /// A source is turned off.
    #[error("the source {name} is turned off")]
    Disabled {
        /// The source.
        name: String,
    },
    /// Our own files.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The catalog.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index in use.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl RefreshError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchSource { names, .. } => Some(format!("there are {}", names.join(", "))),
            Self::Disabled { name } => Some(format!(
                "set enabled = true in [sources.{name}] of config.toml"
            )),
            Self::Fetch(_) | Self::Store(_) | Self::Index(_) => None,
        }
    }
}

/// Why a source could not be fetched. What it sent before stays in use.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is of no kind that this source can have.
    #[error("{url:?} is neither an address nor a folder that this source could be read from")]
    Address {
        /// What was given.
        url: String,
    },
    /// The repository cannot be fetched or read.
    #[error("the repository {url} cannot be read")]
    Git {
        /// Its address.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer came, or it broke off.
    #[error("{url} does not answer")]
    Web {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The answer is an error.
    #[error("{url} answers {status}{}", asks(*retry_after))]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// How long it asks to be left alone (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// The answer leads to another host.
    #[error("{url} sends its readers to {target}, which is another host")]
    Elsewhere {
        /// What was asked for.
        url: String,
        /// Where it leads.
        target: String,
    },
    /// The site wants to see a browser.
    #[error("{url} answers with a challenge for browsers")]
    Challenge {
        /// What was asked for.
        url: String,
    },
    /// The answer is not what it should be.
    #[error("{url}: {reason}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is more than there can be.
    #[error("{url} sends more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// It takes longer than it may.
    #[error("{url} takes longer than {limit:?}")]
    TooSlow {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// A file or folder of a mirror or of our own.
    #[error("cannot read or write {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl FetchError {
    pub(super) fn file(path: &std::path::Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn git(
        url: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Git {
            url: url.to_owned(),
            source: source.into(),
        }
    }

    /// An answer that says that nothing changed, though nothing was there to compare.
    pub(super) fn unasked(url: &str) -> Self {
        Self::Answer {
            url: url.to_owned(),
            reason: "it says unchanged, though nothing was there to compare".to_owned(),
        }
    }

    /// How long the source asks to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Everything in a line, with the causes.
    pub(super) fn in_a_line(&self) -> String {
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let text = error.to_string();
            // Some errors repeat their cause.
            if !line.contains(&text) {
                line = format!("{line}: {text}");
            }
            cause = error.source();
        }
        crate::text::one_line(&line)
    }
}

/// What an answer asks for, in words.
fn asks(retry_after: Option<Duration>) -> String {
    let seconds = retry_after
        .map(|wait| wait.as_secs())
        .filter(|seconds| *seconds > 0);
    seconds.map_or_else(String::new, |seconds| {
        format!(" and asks to be left alone for {seconds} s")
    })
}
