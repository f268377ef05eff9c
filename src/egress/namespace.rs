//! The network namespace of a container: its rules loaded, sockets opened in it, addresses admitted.
//!
//! A thread of its own lives in it (setns(2) moves a thread, not the process), so that all else, the way to the name servers first, stays
//! outside. nft(8) is run there; a container's network namespace belongs to a user namespace that ours made, so that we may change it and the
//! container, which has no capabilities, may not.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use rustix::process::Pid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, LinkNameSpaceType, move_into_link_name_space, set_capabilities,
    set_no_new_privs,
};
use tokio::sync::oneshot;

use super::ruleset::{self, Admission};
use super::{EgressError, nflog};

/// Where the container's resolver is asked: `DNS=` of its unit says so.
pub const RESOLVER: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// The port of name servers.
pub const DNS_PORT: u16 = 53;

/// How many admissions are made at once.
const BATCH: usize = 64;

/// How much is read of what nft has to say, in bytes.
const SAID_MAX: u64 = 4096;

/// Sockets in a container's network namespace, and the way to admit addresses there.
#[derive(Debug)]
pub struct Namespace {
    /// Where the container asks for names over UDP.
    pub udp: UdpSocket,
    /// And over TCP.
    pub tcp: TcpListener,
    /// What tells of refused packets.
    pub refused: OwnedFd,
    /// The way to the thread that lives there.
    pub gate: Gate,
}

/// Opens a container's network for addresses.
#[derive(Debug, Clone)]
pub struct Gate(mpsc::Sender<Request>);

#[derive(Debug)]
struct Request {
    admissions: Vec<Admission>,
    done: oneshot::Sender<bool>,
}

impl Gate {
    /// Opens addresses, all or none; returns whether that was done, when it is.
    pub async fn admit(&self, admissions: Vec<Admission>) -> bool {
        let (done, is_done) = oneshot::channel();
        self.0.send(Request { admissions, done }).is_ok() && is_done.await.unwrap_or(false)
    }
}

/// Enters the network namespace of a process, loads these rules, and only then opens sockets there.
pub fn enter(container: Pid, rules: String) -> Result<Namespace, EgressError> {
    let namespace = File::open(format!("/proc/{container}/ns/net")).map_err(EgressError::Enter)?;
    let nft = nft().ok_or(EgressError::NoNft)?;
    let (sender, opened) = mpsc::channel();
    std::thread::spawn(move || {
        let (gate, requests) = mpsc::channel();
        match open(&namespace, &nft, &rules, gate) {
            Ok(namespace) => {
                if sender.send(Ok(namespace)).is_ok() {
                    admit(&nft, &requests);
                }
            }
            Err(error) => {
                sender.send(Err(error)).ok();
            }
        }
    });
    opened
        .recv()
        .map_err(|_| EgressError::Enter(io::ErrorKind::BrokenPipe.into()))?
}

/// Gives up, for this thread and what it starts, every right that is not needed any more.
pub fn give_up_rights() -> io::Result<()> {
    set_no_new_privs(true)?;
    let none = CapabilitySet::empty();
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )?;
    Ok(())
}

/// What the thread does first.
fn open(
    namespace: &File,
    nft: &Path,
    rules: &str,
    gate: mpsc::Sender<Request>,
) -> Result<Namespace, EgressError> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(|error| EgressError::Enter(error.into()))?;
    run(nft, rules)?;
    let udp = UdpSocket::bind((RESOLVER, DNS_PORT)).map_err(EgressError::Listen)?;
    let tcp = TcpListener::bind((RESOLVER, DNS_PORT)).map_err(EgressError::Listen)?;
    let refused = nflog::listen().map_err(EgressError::Listen)?;
    // Over a namespace that a child of ours owns, its owner has all rights without having any here.
    give_up_rights().map_err(EgressError::Enter)?;
    Ok(Namespace {
        udp,
        tcp,
        refused,
        gate: Gate(gate),
    })
}

/// Admits what is asked for until nobody can ask any more. What came meanwhile is done together.
fn admit(nft: &Path, requests: &mpsc::Receiver<Request>) {
    while let Ok(first) = requests.recv() {
        let mut batch = vec![first];
        batch.extend(requests.try_iter().take(BATCH));
        let script = ruleset::admit(batch.iter().flat_map(|request| &request.admissions));
        let admitted = run(nft, &script);
        if let Err(error) = &admitted {
            tracing::warn!("{error}");
        }
        for request in batch {
            request.done.send(admitted.is_ok()).ok();
        }
    }
}

/// Runs nft(8) with a script. It is one transaction: all of it is done, or nothing.
pub fn run(nft: &Path, script: &str) -> Result<(), EgressError> {
    let failed = |source| EgressError::RunNft {
        nft: nft.to_owned(),
        source,
    };
    let mut child = Command::new(nft)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    // Of a script that it did not read to its end it says why.
    let written = stdin.map_or(Ok(()), |mut stdin| stdin.write_all(script.as_bytes()));
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        (&mut stderr)
            .take(SAID_MAX)
            .read_to_end(&mut said)
            .map_err(failed)?;
        io::copy(&mut stderr, &mut io::sink()).map_err(failed)?;
    }
    if child.wait().map_err(failed)?.success() {
        return written.map_err(failed);
    }
    Err(EgressError::Rules {
        said: crate::text::one_line(&String::from_utf8_lossy(&said)),
    })
}

/// Where nft(8) lies. Users have no `sbin` in their `PATH`.
pub fn nft() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::split_paths(&path);
    let folders = ["/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin"].map(PathBuf::from);
    own.chain(folders)
        .map(|folder| folder.join("nft"))
        .find(|nft| nft.is_absolute() && nft.is_file())
}
