//! `mcpod attach`: standard input and output joined to a server's socket, byte for byte.
//!
//! The bytes are moved by the kernel where it can (splice(2), which `std::io::copy` uses for pipes), by one thread a
//! direction: no message is parsed, held or changed.

use std::fs::File;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::output::Failure;
use crate::orchestrator::Orchestrator;

/// How long a server may still write after the client closed its input before it is stopped.
///
/// Most servers end by themselves at the end of their input; some never do. A client that pipes one request in and
/// closes needs the time its server takes to start and answer.
const DRAIN: Duration = Duration::from_secs(8);

/// Join standard input and output to a server's socket
#[derive(Debug, clap::Args)]
#[command(after_help = "In an agent's configuration:
  {\"mcpServers\": {\"time\": {\"command\": \"mcpod\", \"args\": [\"attach\", \"time\"]}}}")]
pub(super) struct Arguments {
    /// The server's name
    name: String,
}

/// How the connection ended.
enum End {
    /// The server closed it.
    Server(io::Result<u64>),
    /// We were told to leave.
    Signal,
    /// The client closed its input, and the server did not end by itself.
    Drained,
}
