//! Egress: what a server may reach is enforced in the network namespace of its container, without any right on the host.
//!
//! ```text
//! podman run -> crun makes the container, stopped
//!                 -> hook (createRuntime)     its folder: --hooks-dir= of the unit
//!                      open:   nft loads the rules
//!                      allow:  mcpod egress loads the rules, and stays as the resolver of this one instance
//!                 -> pasta connects the namespace with the host's network
//!              -> the server's first instruction
//! ```
//!
//! The rules of an allow-list are closed but for what is listed by address. What is listed by name opens when the server asks for it: the
//! [`resolver`] is the only name server it reaches, asks the host's name servers, admits what they answered for as long as that
//! counts, and then passes it on. A container has no capability with which to change any of it. **Invariant:** what fails closes. A
//! hook that fails keeps the container from starting; a resolver that is gone admits nothing more.
//!
//! Builds have the hook of the open network, in each step that runs something.
//!
//! Podman passes over a hook whose file or program is missing, without a word. So the unit asserts the file, and the program
//! of every hook is a shell that fails where what it is to start is not there.

pub mod message;
pub mod namespace;
mod nflog;
pub mod policy;
pub mod refusals;
pub mod resolver;
pub mod ruleset;
mod upstream;

use std::io::{self, BufRead as _, Read as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::catalog::AllowedHost;
use namespace::Namespace;
use policy::Policy;
use refusals::Refusals;
use resolver::Resolver;

/// What the resolver says when everything is in force.
const READY: &str = "ready\n";

/// The most that is read of a container's state, in bytes.
const STATE_MAX: u64 = 1 << 20;

/// Why a network could not be closed.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The runtime did not say of which container this is the hook.
    #[error("the container's state, as the OCI runtime gives it to a hook, cannot be read")]
    State(#[source] io::Error),
    /// The resolver did not start, or did not get ready; what it said of it stands in the log.
    #[error("the resolver did not get ready")]
    NotReady,
    /// The resolver cannot be started.
    #[error("cannot start the resolver")]
    Start(#[source] io::Error),
    /// The container's network namespace cannot be entered.
    #[error("cannot enter the container's network namespace")]
    Enter(#[source] io::Error),
    /// Nobody can be listened to in there.
    #[error("cannot listen in the container's network namespace")]
    Listen(#[source] io::Error),
    /// There is no nft(8).
    #[error("there is no nft on this host")]
    NoNft,
    /// nft(8) cannot be run.
    #[error("cannot run {}", nft.display())]
    RunNft {
        /// Where it lies.
        nft: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// nft(8), or the kernel, did not take the rules.
    #[error("the rules of the network were not taken: {said}")]
    Rules {
        /// What nft said, on one line.
        said: String,
    },
}

/// What an OCI runtime tells a hook on its standard input (runtime-spec, `runtime.md`, "State"): the part that we need.
#[derive(Debug, Deserialize)]
struct State {
    pid: i32,
}

/// The hook: starts a resolver for the container whose state stands in `input`, and waits until the rules are in force.
pub fn hook(input: impl io::Read, network: &str) -> Result<(), EgressError> {
    let mut state = Vec::new();
    input
        .take(STATE_MAX)
        .read_to_end(&mut state)
        .map_err(EgressError::State)?;
    let State { pid } =
        serde_json::from_slice(&state).map_err(|error| EgressError::State(error.into()))?;
    let program = std::env::current_exe().map_err(EgressError::Start)?;
    let mut resolver = Command::new(program)
        .args(["egress", network, "--container", &pid.to_string()])
        // Neither the connection nor anything of Podman's is held by it.
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(EgressError::Start)?;
    let mut said = String::new();
    if let Some(stdout) = resolver.stdout.take() {
        io::BufReader::new(stdout)
            .take(READY.len() as u64)
            .read_line(&mut said)
            .map_err(EgressError::Start)?;
    }
    if said == READY {
        return Ok(());
    }
    // Of one that goes on without being ready nothing must stay.
    resolver.kill().ok();
    resolver.wait().ok();
    Err(EgressError::NotReady)
}

/// The resolver of a container: closes its network but for these hosts, says so, and answers until the container is gone.
pub fn serve(
    hosts: &[AllowedHost],
    container: i32,
    refusals: Refusals,
    say_ready: impl FnOnce(&str) -> io::Result<()>,
) -> Result<(), EgressError> {
    let no_process = || EgressError::Enter(io::ErrorKind::InvalidInput.into());
    let container = Pid::from_raw(container).ok_or_else(no_process)?;
    let gone = pidfd_open(container, PidfdFlags::empty())
        .map_err(|error| EgressError::Enter(error.into()))?;
    let policy = Policy::new(hosts);
    let namespace = namespace::enter(container, ruleset::allow(&policy))?;
    // From here on everything that comes from the container or from a name server is read without any right.
    namespace::give_up_rights().map_err(EgressError::Enter)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(EgressError::Listen)?;
    let refusals = Arc::new(Mutex::new(refusals));
    let ended: io::Result<()> = runtime.block_on(async {
        let Namespace {
            udp,
            tcp,
            refused,
            gate,
        } = namespace;
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        let udp = tokio::net::UdpSocket::from_std(udp)?;
        let tcp = tokio::net::TcpListener::from_std(tcp)?;
        watch(refused, Arc::clone(&refusals));
        let resolver = Resolver::new(policy, gate, Arc::clone(&refusals), upstream::RESOLV_CONF);
        let resolver = Arc::new(resolver);
        say_ready(READY)?;
        tokio::select! {
            ended = Arc::clone(&resolver).serve_udp(udp) => ended,
            ended = resolver.serve_tcp(tcp) => ended,
            () = end_of(gone) => Ok(()),
        }
    });
    locked(&refusals).forget();
    ended.map_err(EgressError::Listen)
}

/// Tells of refused packets, and keeps what was refused, for as long as this process lives. It waits in a thread of its own.
fn watch(refused: OwnedFd, refusals: Arc<Mutex<Refusals>>) {
    std::thread::spawn(move || {
        loop {
            let destinations = match nflog::read(&refused) {
                Ok(destinations) => destinations,
                Err(error) => return tracing::warn!("cannot see what is refused: {error}"),
            };
            let mut refusals = locked(&refusals);
            for destination in destinations {
                refusals.tell(&destination.to_string(), "it is not open to this server");
            }
            refusals.keep();
        }
    });
}

/// Resolves when a process is gone. It is waited for in a thread of its own.
async fn end_of(process: OwnedFd) {
    let (gone, is_gone) = oneshot::channel();
    std::thread::spawn(move || {
        let mut wait = [PollFd::new(&process, PollFlags::IN)];
        while let Err(Errno::INTR) = poll(&mut wait, None) {}
        gone.send(()).ok();
    });
    is_gone.await.ok();
}

fn locked(refusals: &Mutex<Refusals>) -> MutexGuard<'_, Refusals> {
    // What somebody panicked over is a list of words at worst.
    refusals.lock().unwrap_or_else(PoisonError::into_inner)
}
