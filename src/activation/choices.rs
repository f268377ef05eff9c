//! What the user chose at `add`, beyond the entry itself.

use std::fmt;
use std::str::FromStr;

use super::limits::{Cpus, Memory};
use crate::quadlet::value::Assignment;

/// The user's choices. Nothing chosen means: as the entry and the settings say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choices {
    /// Which of the entry's launch options, counted from 1; the best that can be run where nothing is chosen.
    pub launch: Option<usize>,
    /// Values of the entry's inputs.
    pub inputs: Vec<Assignment>,
    /// Environment variables beyond those of the entry.
    pub environment: Vec<Assignment>,
    /// The network the server sees.
    pub network: Option<Network>,
    /// Memory of one session.
    pub memory: Option<Memory>,
    /// Processors of one session.
    pub cpus: Option<Cpus>,
    /// Threads and processes of one session.
    pub tasks: Option<u32>,
    /// How many sessions at once.
    pub sessions: Option<u32>,
}

/// The text is no `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not of the form NAME=VALUE")]
pub struct AssignmentError {
    /// What was given.
    pub text: String,
}

/// Reads `NAME=VALUE`: what stands before the first `=` and behind it.
pub fn assignment(text: &str) -> Result<Assignment, AssignmentError> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(Assignment::new(name, value)),
        _ => Err(AssignmentError {
            text: text.to_owned(),
        }),
    }
}

/// The network a server sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// None but its own loopback.
    None,
    /// Whatever the host reaches.
    Open,
}

/// The text names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no network: none or open")]
pub struct NetworkError {
    /// What was given.
    pub text: String,
}

impl Network {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Open => "open",
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        match text {
            "none" => Ok(Self::None),
            "open" => Ok(Self::Open),
            _ => Err(NetworkError {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
