//! `mcpod attach`: standard input and output joined to a server's socket, byte for byte.
//!
//! The bytes are moved by one thread a direction: no message is parsed, held or changed. Agents keep one such process for each session, so
//! its memory counts. Not by splice(2), which
//! `std::io::copy` uses between a socket and a pipe: while it waits for the socket it holds the pipe's lock, so that who
//! reads from the pipe does not get what is in it already until the server says something more.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use super::output::Failure;
use crate::host::Host;
use crate::orchestrator::Orchestrator;

/// How long a server may still write after the client closed its input before it is stopped.
///
/// Most servers end by themselves at the end of their input; some never do. A client that pipes one request in and
/// closes needs the time its server takes to start and answer.
const DRAIN: Duration = Duration::from_secs(8);

/// How much is moved at once, in bytes. Larger messages are not slower with it, and each direction has as much in memory.
const CHUNK: usize = 16 << 10;

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

/// Why the connection is over, or half of it.
#[derive(Debug)]
enum End {
    /// The client says nothing more.
    Input,
    /// The server says nothing more.
    Output,
    /// The client does not hear the server.
    Unheard,
}

/// What the threads tell the first one.
#[derive(Debug, Clone)]
struct Teller {
    /// What came first.
    end: Arc<OnceLock<End>>,
    /// Told by a byte, as by the signals' handlers, which can do no more.
    bell: Arc<UnixStream>,
}

impl Teller {
    fn tell(&self, end: End) {
        self.end.set(end).ok();
        (&*self.bell).write_all(&[0]).ok();
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
    let ended_by_server = join(socket).map_err(failed)?;

    asking(async {
        let orchestrator = Orchestrator::open(host).await?;
        let active = orchestrator.find(name)?;
        if ended_by_server {
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

/// Joins standard input and output to the socket until the connection is over; true if the server ended it while the client still listened.
fn join(socket: UnixStream) -> io::Result<bool> {
    let (mut rung, bell) = UnixStream::pair()?;
    for number in [SIGTERM, SIGINT, SIGHUP] {
        pipe::register(number, bell.try_clone()?)?;
    }
    let teller = Teller {
        end: Arc::default(),
        bell: Arc::new(bell),
    };
    copy_input(socket.try_clone()?, teller.clone())?;
    copy_output(socket, teller.clone())?;
    rung.read_exact(&mut [0])?;
    match teller.end.get() {
        Some(End::Output) => Ok(true),
        Some(End::Input) => {
            rung.set_read_timeout(Some(DRAIN))?;
            // However it goes on: the client wants no more.
            rung.read_exact(&mut [0]).ok();
            Ok(false)
        }
        // The client no longer reads, or it was a signal.
        Some(End::Unheard) | None => Ok(false),
    }
}

/// Moves standard input to the server until it ends, and tells the server then.
fn copy_input(mut socket: UnixStream, teller: Teller) -> io::Result<()> {
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    std::thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || {
            // However it ended, there is no more to come.
            copy(&mut stdin, &mut socket).ok();
            // Whoever is gone cannot be told.
            socket.shutdown(Shutdown::Write).ok();
            teller.tell(End::Input);
        })?;
    Ok(())
}

/// Moves what the server says to standard output until it ends.
fn copy_output(mut socket: UnixStream, teller: Teller) -> io::Result<()> {
    let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    std::thread::Builder::new()
        .name("output".to_owned())
        .spawn(move || {
            let copied = copy(&mut socket, &mut stdout);
            teller.tell(copied.map_or(End::Unheard, |()| End::Output));
        })?;
    Ok(())
}

/// Moves bytes, each chunk as soon as it is there, until there are no more.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(length) => to.write_all(chunk.get(..length).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
