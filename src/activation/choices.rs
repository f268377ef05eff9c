//! What the user chose at `add`, beyond the entry itself.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::limits::{Cpus, Lifetime, Memory};
use crate::quadlet::value::Assignment;
use crate::secret::Secret;

/// The user's choices. Nothing chosen means: as the entry and the settings say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choices {
    /// Which of the entry's launch options, counted from 1; the best that can be run where nothing is chosen.
    pub launch: Option<usize>,
    /// Values of the entry's inputs.
    pub inputs: Vec<Assignment>,
    /// Environment variables beyond those of the entry.
    pub environment: Vec<Assignment>,
    /// Secrets by the name of the input or, where no input has it, of the variable that takes them; without a value, the one that
    /// is stored.
    pub secrets: BTreeMap<String, Option<Secret>>,
    /// Whether sessions may share what the server keeps.
    pub instances: Option<Instances>,
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
    /// How long one session may last.
    pub lifetime: Option<Lifetime>,
    /// Which command of a package is started.
    pub entry: Option<String>,
    /// Whether what a package runs when it is installed may run.
    pub scripts: bool,
    /// Whether it may have what is kept under its name for another entry: secrets and volumes.
    pub reuse: bool,
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

/// How many instances of a server there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instances {
    /// One for each session.
    Private,
    /// One at all: what it keeps on disk would not survive a second one.
    Single,
}

/// The text says nothing of instances.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} says nothing of instances: private or single")]
pub struct InstancesError {
    /// What was given.
    pub text: String,
}

impl Instances {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Single => "single",
        }
    }
}

impl FromStr for Instances {
    type Err = InstancesError;

    fn from_str(text: &str) -> Result<Self, InstancesError> {
        [Self::Private, Self::Single]
            .into_iter()
            .find(|instances| instances.as_str() == text)
            .ok_or_else(|| InstancesError {
                text: text.to_owned(),
            })
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
