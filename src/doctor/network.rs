//! What servers with a network need on the host.

use std::path::PathBuf;

use super::{Check, Distribution, Finding};

/// The programs, where they are there.
#[derive(Debug, Clone)]
pub struct Network {
    /// pasta(1), which connects containers with the network.
    pub pasta: Option<PathBuf>,
    /// nft(8), which limits the hosts that one reaches.
    pub nft: Option<PathBuf>,
}

impl Network {
    /// What it means.
    pub fn findings(&self, distribution: Distribution) -> Vec<Finding> {
        let pasta = match &self.pasta {
            Some(path) => Finding::ok(Check::Pasta, format!("pasta is {}", path.display())),
            None => Finding::problem(
                Check::Pasta,
                "pasta is missing",
                "servers with a network do not start, and no image can be built",
            )
            .mend(distribution.install("passt", "passt")),
        };
        let nft = match &self.nft {
            Some(path) => Finding::ok(
                Check::Nftables,
                format!("nftables' command is {}", path.display()),
            ),
            None => Finding::warning(
                Check::Nftables,
                "nftables' command nft is missing",
                "a server's network cannot be limited to some hosts",
            )
            .mend(distribution.install("nftables", "nftables")),
        };
        vec![pasta, nft]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let none = Network {
            pasta: None,
            nft: None,
        };
        let [pasta, nft] = &none.findings(Distribution::Fedora)[..] else {
            panic!()
        };
        assert_eq!((pasta.state, nft.state), (State::Problem, State::Warning));
        assert_eq!(pasta.mend.command().unwrap(), "sudo dnf install passt");
        assert_eq!(nft.mend.command().unwrap(), "sudo dnf install nftables");
    }
}
