//! What servers with a network need on the host.

use std::path::PathBuf;

use super::{Check, Distribution, Finding, Mend};
use crate::orchestrator::RUNTIMES;

/// The programs, where they are there.
#[derive(Debug, Clone)]
pub struct Network {
    /// pasta(1), which connects containers with the network.
    pub pasta: Option<PathBuf>,
    /// nft(8), which limits the hosts that one reaches.
    pub nft: Option<PathBuf>,
    /// Podman's OCI runtime, which has it do so before the server starts; nothing where Podman does not say.
    pub runtime: Option<String>,
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
                "servers with a network cannot be added and do not start, and no image can be built",
            )
            .mend(distribution.install("nftables", "nftables")),
        };
        let runtime = self.runtime.as_deref().map(|runtime| {
            let what = format!("Podman's OCI runtime is {runtime}");
            if RUNTIMES.contains(&runtime) {
                return Finding::ok(Check::OciRuntime, what);
            }
            Finding::problem(
                Check::OciRuntime,
                format!("{what}, of which it is not known whether it runs hooks"),
                "what limits the network of servers and of builds may not be in force",
            )
            .mend(Mend::hand(
                "put runtime = \"crun\" below [engine] in ~/.config/containers/containers.conf",
            ))
        });
        [pasta, nft].into_iter().chain(runtime).collect()
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
            runtime: None,
        };
        let [pasta, nft] = &none.findings(Distribution::Fedora)[..] else {
            panic!()
        };
        assert_eq!((pasta.state, nft.state), (State::Problem, State::Warning));
        assert_eq!(pasta.mend.command().unwrap(), "sudo dnf install passt");
        assert_eq!(nft.mend.command().unwrap(), "sudo dnf install nftables");
    }

    #[test]
    fn a_runtime_that_may_pass_over_hooks_is_a_problem() {
        for (runtime, state) in [("crun", State::Ok), ("runsc", State::Problem)] {
            let network = Network {
                pasta: None,
                nft: None,
                runtime: Some(runtime.to_owned()),
            };
            let findings = network.findings(Distribution::Debian);
            let found = findings.last().unwrap();
            assert_eq!((found.check, found.state), (Check::OciRuntime, state));
        }
    }
}
