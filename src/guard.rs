//! The guard: it stops instances whose client is gone.
//!
//! Whoever closes a session stops its instance over D-Bus. The guard is for clients that cannot: they were killed, or do not know of
//! instances. It does not watch clients. **The connection is the session**: while any process holds the client's end, a child that
//! inherited it included, the instance stays; when nobody does, the kernel marks the server's end as closed both ways, and the
//! instance has nobody left to serve. So it does not matter which process connected, whether its number was given to another since, or
//! that it ran in another pid namespace.
//!
//! An instance is stopped when it was seen without client some times in a row. What instances leave that could not clean up behind
//! themselves is removed as well (`remains`). One `mcpod guard` runs for the user while there are instances: each of them wants its
//! unit, which systemd stops when no instance is left.

mod connection;
mod diag;
mod relay;
mod remains;

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::host::RuntimeDir;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::service::EXEC_START;
use crate::quadlet::name::UnitName;
use crate::quadlet::unit_file::UnitFile;
use crate::systemd::journal::{self, Journal};
use crate::systemd::{ActiveState, Instance, Systemd, SystemdError};

use connection::Connection;
use relay::Relay;
pub use remains::REMOVE_CONTAINER;
use remains::Remains;

/// The file name of the guard's unit, which every instance wants.
pub const GUARD_UNIT: &str = "mcpod-guard.service";

/// The guard's unit as packages install it.
pub const GUARD_UNIT_TEXT: &str = include_str!("../units/mcpod-guard.service");

/// The file name of the slice that all instances and the guard run in.
pub const SLICE_UNIT: &str = "mcpod.slice";

/// The slice as packages install it.
pub const SLICE_UNIT_TEXT: &str = include_str!("../units/mcpod.slice");

/// Where packages install mcpod, as the shipped unit says.
const PACKAGED_PROGRAM: &str = "/usr/bin/mcpod";

/// How long an instance may take to stop before that is told. Its own `TimeoutStopSec=` is shorter; then systemd kills it.
const STOPPING: Duration = Duration::from_secs(30);

/// How often in a row an instance must be seen hung up before it is stopped: most servers end by themselves at the end of their input.
const LOOKS_HUNG_UP: u32 = 2;

/// How often in a row an instance that runs must be seen without any connection before it is stopped. It takes no part in any session
/// then; once more than for one that is hung up, since a process that has just begun may not have been listed yet.
const LOOKS_ABSENT: u32 = 3;

/// Why the guard cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// systemd cannot be asked.
    #[error(transparent)]
    Systemd(#[from] SystemdError),
    /// There is no way to the journal.
    #[error("cannot make a socket to reach the journal")]
    Journal(#[source] io::Error),
    /// Signals cannot be received.
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
}

/// How often the guard looks.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The time between two looks at what the instances write.
    pub relay: Duration,
    /// The time between two looks while all instances have their clients.
    pub scan: Duration,
    /// The time a server has to end by itself after its client was found to be gone.
    pub grace: Duration,
}

impl Default for Pace {
    /// An instance is told to stop at most 8 s after its client is gone, or 11 s after it let go of the connection itself; with the 2 s
    /// that a container has for it, and some for its removal, nothing is left after 15 s.
    fn default() -> Self {
        Self {
            relay: Duration::from_secs(1),
            scan: Duration::from_secs(5),
            grace: Duration::from_secs(3),
        }
    }
}

/// Guards all instances, passes on what they write and clears up behind them, until it is told to end or systemd cannot be reached.
pub async fn run(systemd: &Systemd, runtime: RuntimeDir, pace: Pace) -> Result<(), GuardError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(GuardError::Signals)?;
    let mut remains = Remains::new(runtime.clone());
    let mut relay = Relay::new(
        runtime,
        Journal::at(journal::SOCKET).map_err(GuardError::Journal)?,
    );
    let mut suspects = Suspects::default();
    let mut sight = Sight::default();
    let mut stops = JoinSet::new();
    loop {
        let with_container = remains.with_container();
        let Seen {
            running,
            clientless,
        } = sight.look(systemd).await?;
        relay.pass(Some(&running));
        remains.remove(with_container, &running, systemd).await?;
        for unit in suspects.convict(clientless) {
            tracing::info!("stopping {unit}: its client is gone");
            let systemd = systemd.clone();
            // In a task of its own: one that is slow to stop must not keep the others.
            stops.spawn(async move {
                if let Err(error) = systemd.stop(&unit, STOPPING).await {
                    tracing::warn!("{error}");
                }
            });
        }
        let pause = if suspects.0.is_empty() {
            pace.scan
        } else {
            pace.grace
        };
        let next = Instant::now() + pause;
        while Instant::now() < next {
            tokio::select! {
                () = tokio::time::sleep_until(next.min(Instant::now() + pace.relay)) => relay.pass(None),
                _ = terminate.recv() => {
                    // The last instance has just ended: what it said last is passed on too.
                    let with_container = remains.with_container();
                    let running = sight.look(systemd).await?.running;
                    relay.pass(Some(&running));
                    return Ok(remains.remove(with_container, &running, systemd).await?);
                }
            }
        }
        while stops.try_join_next().is_some() {}
    }
}

/// Whether any instance has a container, whether or not it is over.
pub fn are_there_containers(runtime: &RuntimeDir) -> bool {
    !Remains::new(runtime.clone()).with_container().is_empty()
}

/// Clears up behind instances that are over, once: a guard that was killed could not, and the last one of them needs no other.
pub async fn clear_up(systemd: &Systemd, runtime: RuntimeDir) -> Result<(), GuardError> {
    let mut remains = Remains::new(runtime);
    let with_container = remains.with_container();
    let running = Sight::default().look(systemd).await?.running;
    Ok(remains.remove(with_container, &running, systemd).await?)
}

/// The unit of the guard for a program that lies elsewhere than where packages install it, by its absolute path.
pub fn guard_unit(program: &str) -> Result<String, ValueError> {
    let command = command_line(&[program, "guard"])?;
    // `ExecStart=` and `ExecStopPost=` both name it.
    Ok(GUARD_UNIT_TEXT.replace(&format!("{PACKAGED_PROGRAM} guard"), &command))
}

/// A command as it stands behind `ExecStart=`.
pub fn command_line(words: &[&str]) -> Result<String, ValueError> {
    let mut unit = UnitFile::new();
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    unit.push(EXEC_START, &words)?;
    Ok(unit
        .get("Service", "ExecStart")
        .unwrap_or_default()
        .to_owned())
}

/// Looks at the instances.
#[derive(Debug, Default)]
struct Sight {
    /// It was told already that some cannot be seen.
    complained: bool,
}

/// What was seen of the instances.
#[derive(Debug, Default)]
struct Seen {
    /// Those that run, or are about to.
    running: HashSet<UnitName>,
    /// Those of them that have no client, each with how often in a row that must be seen.
    clientless: Vec<(UnitName, u32)>,
}

impl Sight {
    /// Looks at all instances.
    async fn look(&mut self, systemd: &Systemd) -> Result<Seen, SystemdError> {
        let mut seen = Seen::default();
        for listing in systemd.list(&["mcpod-*@*.service"]).await? {
            let Some(instance) = Instance::parse(&listing.unit) else {
                continue;
            };
            if listing.active.is_over() {
                continue;
            }
            seen.running.insert(listing.unit.clone());
            if listing.active == ActiveState::Deactivating {
                continue;
            }
            let processes = match systemd.processes(&listing.unit).await {
                Ok(processes) => processes,
                // It ended meanwhile.
                Err(SystemdError::NoSuchUnit { .. }) => continue,
                Err(error) => return Err(error),
            };
            let connection = connection::find(&instance.server, &processes);
            tracing::debug!("{}: {}, {connection:?}", listing.unit, listing.active);
            if connection == Connection::Hidden && !self.complained {
                self.complained = true;
                tracing::warn!(
                    "cannot look at the connection of {}: something forbids pidfd_getfd(2) here, such as a system call filter \
                     around this whole system; instances whose client is gone may stay",
                    listing.unit
                );
            }
            if let Some(looks) = looks(&listing.active, connection, processes.is_empty()) {
                seen.clientless.push((listing.unit, looks));
            }
        }
        Ok(seen)
    }
}

/// How often in a row an instance must be seen in this state, with this connection and with processes or without to be stopped; none
/// where it is to stay.
fn looks(active: &ActiveState, connection: Connection, is_empty: bool) -> Option<u32> {
    match connection {
        // Better an instance too many than a session cut off.
        Connection::Open | Connection::Hidden => None,
        Connection::HungUp => Some(LOOKS_HUNG_UP),
        // Before the server runs, systemd alone may hold the connection, while a command of the unit runs. Without any, conmon was killed
        // in the moment of its start: systemd goes on waiting for the process that the file of its number names, up to TimeoutStartSec=.
        Connection::Absent => (*active == ActiveState::Active || is_empty).then_some(LOOKS_ABSENT),
    }
}

/// The instances that had no client when last looked at, and for how many looks now.
#[derive(Debug, Default)]
struct Suspects(HashMap<UnitName, u32>);

impl Suspects {
    /// Takes the instances without client now, each with how often that must be seen; returns those for which that is reached.
    fn convict(&mut self, clientless: Vec<(UnitName, u32)>) -> Vec<UnitName> {
        let before = std::mem::take(&mut self.0);
        let mut convicted = Vec::new();
        for (unit, needed) in clientless {
            let seen = before.get(&unit).map_or(1, |seen| seen.saturating_add(1));
            self.0.insert(unit.clone(), seen);
            if seen >= needed {
                convicted.push(unit);
            }
        }
        convicted
    }
}

#[cfg(test)]
mod tests;
