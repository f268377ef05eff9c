//! What the user chose at `add`, beyond the entry itself.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::invocation::Bind;
use super::limits::{Cpus, Lifetime, Memory};
use crate::catalog::{self, AllowedHost, HostError, HostPattern};
use crate::egress::policy;
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
    /// Files and folders of the host that it sees at the same place, beyond those of the entry.
    pub mounts: Vec<Bind>,
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
    /// Whether a server that listens in its container runs without clients too.
    pub always_on: bool,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// None but its own loopback.
    None,
    /// Whatever the host reaches, but the host itself and what answers on its own link.
    Open,
    /// These hosts and nothing else; at least one.
    Allow(Vec<AllowedHost>),
}

/// The text names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It begins as none does.
    #[error("{text:?} is no network: none, open or allow:HOST[:PORT],...")]
    Unknown {
        /// What was given.
        text: String,
    },
    /// One of the hosts is none.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl Network {
    /// Whether it reaches nothing that what an entry declares does not.
    pub fn is_within(&self, declared: &catalog::Network) -> bool {
        match (self, declared) {
            (Self::None, _) | (Self::Open, catalog::Network::Open) => true,
            (Self::Open, _)
            | (Self::Allow(_), catalog::Network::None | catalog::Network::Unstated) => false,
            // Addresses may be those that the open network leaves out.
            (Self::Allow(hosts), catalog::Network::Open) => {
                hosts.iter().all(|host| match &host.host {
                    HostPattern::Addresses(_) => false,
                    HostPattern::Name(name) => !policy::is_this_host(name),
                    HostPattern::Any | HostPattern::Below(_) => true,
                })
            }
            (Self::Allow(hosts), catalog::Network::Allow(declared)) => hosts
                .iter()
                .all(|host| declared.iter().any(|declared| declared.covers(host))),
        }
    }
}

impl From<&catalog::Network> for Network {
    /// What an entry gets that declares this.
    fn from(declared: &catalog::Network) -> Self {
        match declared {
            catalog::Network::None | catalog::Network::Unstated => Self::None,
            catalog::Network::Open => Self::Open,
            catalog::Network::Allow(hosts) if hosts.is_empty() => Self::None,
            catalog::Network::Allow(hosts) => Self::Allow(hosts.clone()),
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        match (text, text.strip_prefix("allow:")) {
            ("none", _) => Ok(Self::None),
            ("open", _) => Ok(Self::Open),
            (_, Some(hosts)) => {
                let hosts = hosts.split(',').map(|host| host.trim().parse());
                Ok(Self::Allow(hosts.collect::<Result<_, _>>()?))
            }
            (_, None) => Err(NetworkError::Unknown {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.pad("none"),
            Self::Open => f.pad("open"),
            Self::Allow(hosts) => {
                let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
                write!(f, "allow:{}", hosts.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_read_back() {
        for text in [
            "none",
            "open",
            "allow:*:443",
            "allow:api.example.com:443,*.example.com,10.0.0.0/8,[fd00::1]:53",
        ] {
            assert_eq!(network(text).to_string(), text);
        }
        assert_eq!(network("allow:A.b, c").to_string(), "allow:a.b,c");
        for text in [
            "",
            "None",
            "allow",
            "allow:",
            "allow:a,",
            "allow:a b",
            "deny:a",
            "a",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_an_entry_declares_is_not_widened() {
        let declared = |text: &str| match network(text) {
            Network::None => catalog::Network::None,
            Network::Open => catalog::Network::Open,
            Network::Allow(hosts) => catalog::Network::Allow(hosts),
        };
        for (chosen, wanted, within) in [
            ("none", "none", true),
            ("none", "open", true),
            ("open", "open", true),
            ("open", "allow:*", false),
            ("allow:a.b", "none", false),
            ("allow:a.b", "open", true),
            ("allow:*", "open", true),
            ("allow:10.0.0.1", "open", false),
            ("allow:host.containers.internal:80", "open", false),
            ("allow:a.b:443", "allow:*:443", true),
            ("allow:a.b:443,c.d", "allow:*:443", false),
        ] {
            let is_within = network(chosen).is_within(&declared(wanted));
            assert_eq!(is_within, within, "{chosen} {wanted}");
        }
        assert!(!network("allow:a.b").is_within(&catalog::Network::Unstated));
    }
}
