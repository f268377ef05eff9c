//! The record of an active server: the `[X-Mcpod]` section of its socket unit, which systemd passes over.
//!
//! There is no other: what is active, from which entry, with which inputs and limits, is read from here.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::choices::Instances;
use super::invocation::Bind;
use super::limits::Limits;
use crate::quadlet::error::{ParseError, ValueError};
use crate::quadlet::keys::mcpod as key;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::Assignment;

/// What is recorded of an active server.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The entry's id in the catalog, or the reference it was given by.
    pub id: String,
    /// The reference as the user typed it.
    pub given: String,
    /// Number and kind of the launch option.
    pub launch: String,
    /// The fingerprint of that option as it was then; none in a record that was not written by `add`.
    pub launch_hash: Option<String>,
    /// The image by its name; the address of a remote server.
    pub image: String,
    /// The image's digest, to which it is pinned; empty where there is none.
    pub digest: String,
    /// The network the server sees.
    pub network: String,
    /// The limits of a session.
    pub limits: Limits,
    /// The inputs that the user gave; never a secret.
    pub inputs: Vec<Assignment>,
    /// The variables that the user chose beyond those of the entry.
    pub environment: Vec<Assignment>,
    /// The files and folders of the host that the user chose beyond those of the entry.
    pub mounts: Vec<Bind>,
    /// The names, as the user gave them, of the secrets that the server gets.
    pub secrets: Vec<String>,
    /// How many instances there may be at once.
    pub instances: Instances,
    /// Which command of a package is started, where the user chose it.
    pub entry: Option<String>,
    /// Whether what the package runs when it is installed was allowed to run.
    pub scripts: bool,
    /// Whether a server that listens in its container runs without clients too.
    pub always_on: bool,
    /// What it was before it was upgraded, its image by name and digest: what `rollback` goes back to.
    pub previous: Option<String>,
    /// Which of its tools may be used.
    pub tools: Tools,
    /// The hash of the tool definitions that were accepted last.
    pub tools_hash: Option<String>,
    /// Where its activation stands.
    pub state: State,
    /// When it was added.
    pub added: Timestamp,
}

impl Record {
    /// What it runs, by name and digest; the address alone of what runs elsewhere.
    pub fn pinned(&self) -> String {
        format!("{} {}", self.image, self.digest)
            .trim_end()
            .to_owned()
    }
}

/// Which tools of a server may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tools {
    /// Those whose definitions were accepted, when the server was added or since.
    #[default]
    Accepted,
    /// All that it has, however they change.
    Any,
}

impl Tools {
    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Any => "any",
        }
    }
}

/// Where the activation of a server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is being added, changed or removed, or that was killed.
    Adding,
    /// It was never tried (`--no-probe`).
    Unverified,
    /// It answered when it was added.
    Verified,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adding => "adding",
            Self::Unverified => "unverified",
            Self::Verified => "verified",
        }
    }

    /// Whether its adding came to an end.
    pub fn is_complete(self) -> bool {
        self != Self::Adding
    }
}

impl FromStr for State {
    type Err = RecordError;

    fn from_str(word: &str) -> Result<Self, RecordError> {
        [Self::Adding, Self::Unverified, Self::Verified]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or(RecordError::Unusable { key: "State" })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a socket unit has no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is no unit file.
    #[error("it is no unit file: {0}")]
    NoUnit(ParseError),
    /// It has no `[X-Mcpod]` section: mcpod did not write it.
    #[error("it has no [X-Mcpod] section")]
    NoMark,
    /// A key is missing or has a value that mcpod never writes.
    #[error("{key}= in [X-Mcpod] is missing or was changed")]
    Unusable {
        /// The key.
        key: &'static str,
    },
}

impl Record {
    /// Reads the record from the text of a socket unit.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let unit = UnitFile::parse(text).map_err(RecordError::NoUnit)?;
        let id = unit.record(key::ID).ok_or(RecordError::NoMark)?;
        let required = |key: crate::quadlet::key::Key<str>| {
            unit.record(key)
                .ok_or(RecordError::Unusable { key: key.name() })
        };
        let assignments = |key: crate::quadlet::key::Key<str>| {
            let texts = unit.records(key).into_iter();
            let read = texts.map(|text| {
                let (name, value) = text
                    .split_once('=')
                    .ok_or(RecordError::Unusable { key: key.name() })?;
                Ok(Assignment::new(name, value))
            });
            read.collect::<Result<Vec<_>, _>>()
        };
        // Absent in what was written before there were kinds of them.
        let instances = unit.record(key::INSTANCES);
        Ok(Self {
            id,
            given: required(key::NAME)?,
            launch: required(key::LAUNCH)?,
            launch_hash: unit.record(key::LAUNCH_HASH),
            image: required(key::IMAGE)?,
            digest: required(key::DIGEST)?,
            network: required(key::NETWORK)?,
            limits: required(key::LIMITS)?
                .parse()
                .map_err(|_| RecordError::Unusable { key: "Limits" })?,
            inputs: assignments(key::INPUT)?,
            environment: assignments(key::ENVIRONMENT)?,
            mounts: unit
                .records(key::MOUNT)
                .iter()
                .map(|text| text.parse())
                .collect::<Result<_, _>>()
                .map_err(|_| RecordError::Unusable { key: "Mount" })?,
            secrets: unit.records(key::SECRET),
            instances: instances
                .map_or(Ok(Instances::Private), |word| word.parse())
                .map_err(|_| RecordError::Unusable { key: "Instances" })?,
            entry: unit.record(key::ENTRY),
            scripts: unit.record(key::SCRIPTS).is_some(),
            always_on: unit.record(key::ALWAYS_ON).is_some(),
            previous: unit.record(key::PREVIOUS),
            tools: match unit.record(key::TOOLS).as_deref() {
                None | Some("accepted") => Tools::Accepted,
                Some("any") => Tools::Any,
                Some(_) => return Err(RecordError::Unusable { key: "Tools" }),
            },
            tools_hash: unit.record(key::TOOLS_HASH),
            state: required(key::STATE)?.parse()?,
            added: required(key::ADDED)?
                .parse()
                .map_err(|_| RecordError::Unusable { key: "Added" })?,
        })
    }

    /// Whether the record in a socket unit says that there is one instance at all.
    ///
    /// For who only passes bytes on: to read the whole record would take more memory than all else that it does.
    pub fn says_single(text: &str) -> bool {
        text.lines().any(|line| {
            line.split_once('=') == Some((key::INSTANCES.name(), Instances::Single.as_str()))
        })
    }

    /// What the server is known by for good: the digest of its image, or the address of one that has none.
    pub fn identity(&self) -> &str {
        if self.digest.is_empty() {
            &self.image
        } else {
            &self.digest
        }
    }

    /// How many sessions there may be at once.
    pub fn most_sessions(&self) -> u32 {
        match self.instances {
            Instances::Private => self.limits.sessions,
            Instances::Single => 1,
        }
    }

    /// Appends the record to a socket unit, which must be complete but for it.
    ///
    /// `others` are the texts of the server's other files: the record ends in a hash over all of them.
    pub fn write(&self, socket: &mut UnitFile, others: &[&str]) -> Result<(), ValueError> {
        let Self {
            id,
            given,
            launch,
            launch_hash,
            image,
            digest,
            network,
            limits,
            inputs,
            environment,
            mounts,
            secrets,
            instances,
            entry,
            scripts,
            always_on,
            previous,
            tools,
            tools_hash,
            state,
            added,
        } = self;
        socket.push(key::ID, id)?;
        socket.push(key::NAME, given)?;
        socket.push(key::LAUNCH, launch)?;
        if let Some(hash) = launch_hash {
            socket.push(key::LAUNCH_HASH, hash)?;
        }
        socket.push(key::IMAGE, image)?;
        socket.push(key::DIGEST, digest)?;
        socket.push(key::NETWORK, network)?;
        socket.push(key::LIMITS, &limits.to_string())?;
        for input in inputs {
            socket.push(key::INPUT, &format!("{}={}", input.name, input.value))?;
        }
        for variable in environment {
            let text = format!("{}={}", variable.name, variable.value);
            socket.push(key::ENVIRONMENT, &text)?;
        }
        for mount in mounts {
            socket.push(key::MOUNT, &mount.to_string())?;
        }
        for secret in secrets {
            socket.push(key::SECRET, secret)?;
        }
        socket.push(key::INSTANCES, instances.as_str())?;
        if let Some(entry) = entry {
            socket.push(key::ENTRY, entry)?;
        }
        if *scripts {
            socket.push(key::SCRIPTS, "allowed")?;
        }
        if *always_on {
            socket.push(key::ALWAYS_ON, "yes")?;
        }
        if let Some(previous) = previous {
            socket.push(key::PREVIOUS, previous)?;
        }
        if *tools != Tools::default() {
            socket.push(key::TOOLS, tools.as_str())?;
        }
        if let Some(hash) = tools_hash {
            socket.push(key::TOOLS_HASH, hash)?;
        }
        socket.push(key::STATE, state.as_str())?;
        socket.push(key::ADDED, &added.to_string())?;
        let content = content(&socket.to_string(), others);
        socket.push(key::CONTENT, &content)
    }
}

/// The text of a socket unit with another record. `others` are the texts of the server's other files.
pub fn with_record(socket: &str, record: &Record, others: &[&str]) -> Result<String, ValueError> {
    let mut unit = UnitFile::parse(socket).unwrap_or_default();
    unit.drop_section(key::ID.section());
    record.write(&mut unit, others)?;
    Ok(unit.to_string())
}

/// The text of a socket unit with another state in its record. Its hash stays: of what is not complete it is not looked at.
pub fn with_state(socket: &str, state: State) -> String {
    let mut text = String::with_capacity(socket.len());
    for line in socket.split_inclusive('\n') {
        // Nothing else begins so: a value never begins a line.
        if line.starts_with("State=") {
            text.push_str("State=");
            text.push_str(state.as_str());
            text.push('\n');
        } else {
            text.push_str(line);
        }
    }
    text
}

/// Whether the files of a server are as mcpod wrote them.
pub fn is_unedited(socket: &str, others: &[&str]) -> bool {
    // The hash is the last line, and covers everything before it.
    let Some((before, line)) = socket.trim_end_matches('\n').rsplit_once('\n') else {
        return false;
    };
    line.strip_prefix("Content=") == Some(&content(&format!("{before}\n"), others))
}

/// The hash over the texts of a server's files, the socket unit's as far as it goes.
fn content(socket: &str, others: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in std::iter::once(&socket).chain(others) {
        // The length in front keeps the border between two files where it is.
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let mut hexadecimal = String::from("sha256:");
    for byte in hash.finalize() {
        // Writing to a String cannot fail.
        write!(hexadecimal, "{byte:02x}").ok();
    }
    hexadecimal
}

#[cfg(test)]
mod tests;
