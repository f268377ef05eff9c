//! `mcpod attach`: standard input and output joined to a server's socket, byte for byte.
//!
//! No message is parsed, held or changed. Agents keep one such process for each session, so its memory counts.

mod join;

use std::io;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use self::join::{EndedBy, join};
use super::output::Failure;
use crate::host::Host;
use crate::orchestrator::Orchestrator;

/// Join standard input and output to a server's socket
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod attach time

In an agent's configuration:
  {\"mcpServers\": {\"time\": {\"command\": \"mcpod\", \"args\": [\"attach\", \"time\"]}}}")]
pub(super) struct Arguments {
    /// The server's name
    name: String,
}

impl Arguments {
    /// To attach to the server of this name.
    pub(super) fn of(name: String) -> Self {
        Self { name }
    }
}

pub(super) fn run(arguments: &Arguments, host: Host) -> Result<ExitCode, Failure> {
    let name = &arguments.name;
    if Orchestrator::is_single(&host, name) {
        asking(async {
            let orchestrator = Orchestrator::open(host.clone()).await?;
            let active = orchestrator.find(name)?;
            Ok(orchestrator.await_turn(&active).await?)
        })?;
    }
    let Some(socket) = connect(&host, name) else {
        return asking(async { Err(why_not(name, host).await) });
    };
    let ended_by = join(socket).map_err(failed)?;

    asking(async {
        let orchestrator = Orchestrator::open(host).await?;
        let active = orchestrator.find(name)?;
        if ended_by == EndedBy::Server {
            return Err(orchestrator.died(&active).await.into());
        }
        orchestrator.stop_own(&active).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Asks others about the server. The runtime for it is not kept: between start and end it would take memory for nothing.
fn asking<T>(question: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    super::log::start();
    super::in_runtime(question)
}

/// Connects to the socket without asking anybody whether the server is active: it is if its socket is there.
fn connect(host: &Host, name: &str) -> Option<UnixStream> {
    let path = host.runtime.socket_path(&name.parse().ok()?).ok()?;
    UnixStream::connect(path).ok()
}

/// Finds out why a server cannot be connected to.
async fn why_not(name: &str, host: Host) -> Failure {
    let orchestrator = match Orchestrator::open(host).await {
        Ok(orchestrator) => orchestrator,
        Err(error) => return error.into(),
    };
    match orchestrator.find(name) {
        Ok(active) => orchestrator.not_listening(&active).into(),
        Err(error) => error.into(),
    }
}

fn failed(error: io::Error) -> Failure {
    anyhow::Error::new(error)
        .context("the connection failed")
        .into()
}
