//! The guard: it stops instances whose client is gone.
//!
//! Whoever closes a session stops its instance over D-Bus. The guard is for clients that cannot: they were killed, or do not know of
//! instances. It does not watch clients. **The connection is the session**: while any process holds the client's end, a child that
//! inherited it included, the instance stays; when nobody does, the kernel marks the server's end as closed both ways, and the
//! instance has nobody left to serve. So it does not matter which process connected, whether its number was given to another since, or
//! that it ran in another pid namespace.
//!
//! Most servers end by themselves when they read the end of their input, so an instance is stopped only when it was seen without
//! client twice in a row. One `mcpod guard` runs for the user while there are instances: each of them wants its unit, which
//! systemd stops when no instance is left.

mod connection;
mod diag;

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::quadlet::error::ValueError;
use crate::quadlet::keys::service::EXEC_START;
use crate::quadlet::name::UnitName;
use crate::quadlet::unit_file::UnitFile;
use crate::systemd::{ActiveState, Instance, Systemd, SystemdError};

use connection::Connection;

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

/// How often the guard looks.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The time between two looks while all instances have their clients.
    pub scan: Duration,
    /// The time a server has to end by itself after its client was found to be gone.
    pub grace: Duration,
}

impl Default for Pace {
    /// An instance is told to stop at most 8 s after its client is gone; with the 2 s that a container has for it, and some for
    /// its removal, nothing is left after 15 s.
    fn default() -> Self {
        Self {
            scan: Duration::from_secs(5),
            grace: Duration::from_secs(3),
        }
    }
}

/// Guards all instances until systemd cannot be reached.
pub async fn run(systemd: &Systemd, pace: Pace) -> Result<Infallible, SystemdError> {
    let mut suspects = Suspects::default();
    let mut sight = Sight::default();
    let mut stops = JoinSet::new();
    loop {
        for unit in suspects.convict(sight.clientless(systemd).await?) {
            tracing::info!("stopping {unit}: its client is gone");
            let systemd = systemd.clone();
            // In a task of its own: one that is slow to stop must not keep the others.
            stops.spawn(async move {
                if let Err(error) = systemd.stop(&unit, STOPPING).await {
                    tracing::warn!("{error}");
                }
            });
        }
        tokio::time::sleep(if suspects.0.is_empty() {
            pace.scan
        } else {
            pace.grace
        })
        .await;
        while stops.try_join_next().is_some() {}
    }
}

/// The unit of the guard for a program that lies elsewhere than where packages install it, by its absolute path.
pub fn guard_unit(program: &str) -> Result<String, ValueError> {
    let mut unit = UnitFile::new();
    let command = [program.to_owned(), "guard".to_owned()];
    unit.push(EXEC_START, &command)?;
    let command = unit.get("Service", "ExecStart").unwrap_or_default();
    Ok(GUARD_UNIT_TEXT.replace(&format!("{PACKAGED_PROGRAM} guard"), command))
}

/// Looks at the instances.
#[derive(Debug, Default)]
struct Sight {
    /// It was told already that some cannot be seen.
    complained: bool,
}

impl Sight {
    /// The instances that run and have no client.
    async fn clientless(&mut self, systemd: &Systemd) -> Result<Vec<UnitName>, SystemdError> {
        let mut clientless = Vec::new();
        for listing in systemd.list(&["mcpod-*@*.service"]).await? {
            let Some(instance) = Instance::parse(&listing.unit) else {
                continue;
            };
            if listing.active.is_over() || listing.active == ActiveState::Deactivating {
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
            if is_clientless(&listing.active, connection) {
                clientless.push(listing.unit);
            }
        }
        Ok(clientless)
    }
}

/// Whether an instance in this state, with this connection, has nobody to serve.
fn is_clientless(active: &ActiveState, connection: Connection) -> bool {
    match connection {
        // Better an instance too many than a session cut off.
        Connection::Open | Connection::Hidden => false,
        Connection::HungUp => true,
        // Before the server runs, systemd alone may hold the connection. Later, one that let go of it can never answer.
        Connection::Absent => *active == ActiveState::Active,
    }
}

/// The instances that had no client when last looked at.
#[derive(Debug, Default)]
struct Suspects(HashSet<UnitName>);

impl Suspects {
    /// Takes the instances without client now; returns those that had none before either.
    fn convict(&mut self, clientless: Vec<UnitName>) -> Vec<UnitName> {
        let before = std::mem::take(&mut self.0);
        self.0.extend(clientless.iter().cloned());
        clientless
            .into_iter()
            .filter(|unit| before.contains(unit))
            .collect()
    }
}

#[cfg(test)]
mod tests;
