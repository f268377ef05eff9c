//! Networks: what closes that of a server is written beside its units, and whether it would is found out before anything is.

use super::{Error, Orchestrator};
use crate::activation::choices::Network;
use crate::activation::plan::Plan;
use crate::egress::policy::Policy;
use crate::egress::{namespace, ruleset};
use crate::podman::Podman;
use crate::podman::command::in_new_network;

/// The OCI runtimes that run hooks before a container starts, and fail with them.
pub const RUNTIMES: [&str; 3] = ["crun", "runc", "youki"];

/// Why a network cannot be closed on a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unenforceable {
    /// nft(8) is missing.
    #[error("there is no nft on this host")]
    NoNft,
    /// It, or the kernel, did not take the rules.
    #[error("nft or the kernel did not take its rules: {said}")]
    Rules {
        /// What nft said, on one line.
        said: String,
    },
    /// Podman runs containers by something of which it is not known whether it keeps to hooks.
    #[error(
        "Podman's OCI runtime here is {runtime}, of which it is not known whether it runs hooks"
    )]
    Runtime {
        /// Its name.
        runtime: String,
    },
}

impl Unenforceable {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoNft => "install nftables (apt install nftables, dnf install nftables)",
            Self::Rules { .. } => {
                "the kernel needs nf_tables with nft_ct, nft_limit, nft_log, nft_reject_inet and nfnetlink_log: load them (sudo modprobe -a NAME...)"
            }
            Self::Runtime { .. } => "put runtime = \"crun\" below [engine] in containers.conf",
        }
    }
}

impl Orchestrator {
    /// Finds out whether the network of a server can be closed here as its rules say.
    pub(super) async fn check_network(&self, podman: &Podman, plan: &Plan) -> Result<(), Error> {
        let network = &plan.network;
        let rules = match network {
            _ if !plan.is_container() => return Ok(()),
            Network::None => return Ok(()),
            Network::Open => ruleset::open(&Policy::new(&[])),
            Network::Allow(hosts) => ruleset::allow(&Policy::new(hosts)),
        };
        self.try_rules(podman, Some(network), &rules).await
    }

    /// Finds out whether the network of a server's build can be closed here, if it is built.
    pub(super) async fn check_build(&self, podman: &Podman, plan: &Plan) -> Result<(), Error> {
        match plan.origin.build() {
            Some(_) => {
                self.try_rules(podman, None, &ruleset::open(&Policy::new(&[])))
                    .await
            }
            None => Ok(()),
        }
    }

    /// Loads rules where they close nothing.
    async fn try_rules(
        &self,
        podman: &Podman,
        network: Option<&Network>,
        rules: &str,
    ) -> Result<(), Error> {
        let unenforceable = |why| Error::Unenforceable {
            network: network.map(ToString::to_string),
            why,
        };
        let runtime = podman.runtime().await?;
        if !RUNTIMES.contains(&runtime.as_str()) {
            return Err(unenforceable(Unenforceable::Runtime { runtime }));
        }
        let Some(nft) = namespace::nft() else {
            return Err(unenforceable(Unenforceable::NoNft));
        };
        let nft = nft.to_string_lossy();
        let line = in_new_network(&[&nft, "-f", "-"]);
        let tried = self.run("Try rules for MCP servers", &line, rules).await?;
        if tried.success {
            return Ok(());
        }
        let said = crate::text::one_line(tried.stderr.trim());
        Err(unenforceable(Unenforceable::Rules { said }))
    }
}
