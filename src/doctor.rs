//! What this host has and lacks for mcpod, what that means, and how it is mended.
//!
//! [`look::Look`] gathers facts and judges nothing. Each noun of this module holds its facts and says what they mean: a function from
//! facts to [`Finding`]s, without I/O. [`mend`] carries out what a finding says, where that needs no root.

pub mod agents;
pub mod catalog;
pub mod finding;
pub mod installation;
pub mod look;
pub mod mend;
pub mod network;
pub mod podman;
pub mod room;
pub mod security;
pub mod servers;
pub mod user;

pub use finding::{Check, Finding, Mend, State};

/// All that was seen of a host.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Whose packages are installed with which command.
    pub distribution: Distribution,
    /// Podman and what it reads.
    pub podman: podman::Podman,
    /// The user, as systemd and the kernel see it.
    pub user: user::User,
    /// What servers with a network need.
    pub network: network::Network,
    /// What keeps secrets, and servers from the host.
    pub security: security::Security,
    /// What may run out.
    pub room: room::Room,
    /// What of mcpod is installed.
    pub installation: installation::Installation,
    /// The active servers; why they cannot be looked at.
    pub servers: Result<Vec<crate::orchestrator::checkup::Checked>, String>,
    /// The catalog.
    pub catalog: Option<catalog::Sources>,
    /// The agents that are installed or connected; nothing where no home is known to look in.
    pub agents: Option<Vec<agents::Agent>>,
}

impl Facts {
    /// What all of it means, in the order in which it is best read.
    pub fn findings(&self) -> Vec<Finding> {
        let Self {
            distribution,
            podman,
            user,
            network,
            security,
            room,
            installation,
            servers,
            catalog,
            agents,
        } = self;
        [
            podman.findings(*distribution),
            user.findings(*distribution),
            network.findings(*distribution),
            security.findings(*distribution),
            room.findings(),
            servers::findings(servers),
            installation.findings(),
            catalog
                .as_ref()
                .map(catalog::Sources::findings)
                .unwrap_or_default(),
            agents.as_deref().map(agents::findings).unwrap_or_default(),
        ]
        .concat()
    }
}

/// A family of distributions, as far as the names of their packages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Debian and what is made of it.
    Debian,
    /// Fedora, RHEL and what is made of them.
    Fedora,
    /// Any other.
    Other,
}

impl Distribution {
    /// Reads os-release(5).
    pub fn of(os_release: &str) -> Self {
        let words: Vec<&str> = os_release
            .lines()
            .filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")))
            .flat_map(|value| value.trim_matches('"').split(' '))
            .collect();
        let is = |names: &[&str]| words.iter().any(|word| names.contains(word));
        if is(&["debian", "ubuntu"]) {
            Self::Debian
        } else if is(&["fedora", "rhel", "centos"]) {
            Self::Fedora
        } else {
            Self::Other
        }
    }

    /// How a package is installed, by its name in Debian and in Fedora.
    pub fn install(self, debian: &str, fedora: &str) -> Mend {
        match self {
            Self::Debian => Mend::root(format!("sudo apt install {debian}")),
            Self::Fedora => Mend::root(format!("sudo dnf install {fedora}")),
            Self::Other => Mend::root(format!(
                "install the package {fedora} of your distribution (Debian calls it {debian})"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_known_by_its_family() {
        for (text, family) in [
            ("ID=debian\n", Distribution::Debian),
            (
                "NAME=x\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
                Distribution::Debian,
            ),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                Distribution::Fedora,
            ),
            ("ID=fedora\n", Distribution::Fedora),
            ("ID=arch\n", Distribution::Other),
            ("", Distribution::Other),
        ] {
            assert_eq!(Distribution::of(text), family, "{text}");
        }
    }
}
