//! `mcpod egress`: the hook that an OCI runtime runs before a server starts, and the resolver that it leaves there.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::output::Failure;
use crate::activation::choices::Network;
use crate::egress;
use crate::egress::refusals::Refusals;
use crate::host::Host;
use crate::quadlet::name::UnitName;
use crate::systemd::journal;

/// Where systemd's service of a container says which it is: Quadlet sets it.
const UNIT: &str = "PODMAN_SYSTEMD_UNIT";

/// Close the network of a container but for some hosts
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The network, a list of hosts
    network: Network,
    /// Be the resolver of the container of this process; else the hook, which reads on standard input which it is
    #[arg(long, value_name = "PID")]
    container: Option<i32>,
}

pub(super) fn run(arguments: &Arguments, host: &Host) -> Result<ExitCode, Failure> {
    let Arguments { network, container } = arguments;
    let Network::Allow(hosts) = network else {
        return Err(Failure::usage(format!("{network} is no list of hosts")));
    };
    let done = match container {
        None => egress::hook(io::stdin().lock(), &network.to_string()),
        Some(container) => {
            let unit = std::env::var(UNIT).ok().map(UnitName::from_systemd);
            let refusals = Refusals::of(&host.runtime, unit.as_ref(), journal::SOCKET);
            egress::serve(hosts, *container, refusals, say)
        }
    };
    done.map_err(anyhow::Error::new)?;
    Ok(ExitCode::SUCCESS)
}

/// Says one word to the hook, and nothing after it: nobody reads on.
fn say(word: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(word.as_bytes())?;
    stdout.flush()
}
