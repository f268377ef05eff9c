//! The user's systemd over D-Bus: units are enabled, started, stopped, listed and watched here, and only here.
//!
//! [`Systemd`] is one connection to the user's bus, made anew when it has ended. It is cheap to clone; all clones share the connection.
//! Nothing is cached: what a call returns is what systemd said at that moment.
//!
//! Two things are easy to get wrong with systemd over D-Bus, and are done once, here:
//! - A job may be finished before the reply of `StartUnit` is read, so the signal that tells its result is subscribed to first
//!   ([`Systemd::start`], [`Systemd::stop`]).
//! - A stream of signals that nobody polls fills up and then stalls every call on the connection. Every stream is therefore drained by
//!   a task of its own, and whoever holds a [`Watch`] or [`Deaths`] may leave it alone for as long as it likes.
//!
//! The names of methods, properties and results are those of org.freedesktop.systemd1(5).

pub mod command;
mod death;
#[cfg(test)]
pub(crate) mod fake;
mod instance;
mod job;
pub mod journal;
mod link;
mod manager;
mod object_path;
mod properties;
mod signals;
mod state;
mod status;
mod watch;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zbus::Connection;

use crate::quadlet::name::{ServerName, UnitName};

pub use death::{Death, Deaths};
pub use instance::Instance;
pub use state::{ActiveState, Exit, JobResult, LoadState, UnitResult};
pub use status::{InvocationId, ServiceStatus, SocketStatus, UnitListing, UnitStatus};
pub use watch::{Event, Watch};

use link::{Link, Links};

/// The user's systemd.
#[derive(Debug, Clone)]
pub struct Systemd {
    links: Arc<Links>,
}

/// Why systemd did not do what we asked.
#[derive(Debug, thiserror::Error)]
pub enum SystemdError {
    /// Nobody answers where the user's bus should be.
    #[error("there is no user bus at {}", path.display())]
    NoBus {
        /// Where the bus was looked for.
        path: PathBuf,
        /// What connecting to it gave.
        #[source]
        source: io::Error,
    },
    /// The bus answered but did not let us in, or is no bus.
    #[error("the user bus at {} did not let us in", path.display())]
    NoEntry {
        /// Where the bus is.
        path: PathBuf,
        /// What went wrong in the greeting.
        #[source]
        source: zbus::Error,
    },
    /// No unit file of that name can be found.
    #[error("systemd has no unit {unit}")]
    NoSuchUnit {
        /// The unit that was asked for.
        unit: UnitName,
    },
    /// A job was done, but not with success.
    #[error("the job for {unit} ended as {result}")]
    JobFailed {
        /// The unit that was to be started or stopped.
        unit: UnitName,
        /// How the job ended.
        result: JobResult,
    },
    /// A job was not done in time; it goes on.
    #[error("the job for {unit} was not done after {waited:?}")]
    TimedOut {
        /// The unit that was to be started or stopped.
        unit: UnitName,
        /// How long was waited.
        waited: Duration,
    },
    /// There is such a unit already.
    #[error("systemd has a unit {unit} already")]
    UnitExists {
        /// The unit that was to be made.
        unit: UnitName,
    },
    /// No pipe can be made or read.
    #[error("cannot read what a command prints")]
    Pipe(#[source] io::Error),
    /// A command that was run for its answer took too long, and is ended.
    #[error("{description}: it was not done after {waited:?}")]
    CommandTimedOut {
        /// What it was to do.
        description: String,
        /// How long was waited.
        waited: Duration,
    },
    /// systemd understood the call and refused it.
    #[error("systemd refused {call}: {message}")]
    Refused {
        /// What was asked, as method and argument.
        call: String,
        /// What systemd said.
        message: String,
    },
    /// The connection ended before the answer came.
    #[error("the connection to systemd ended")]
    Closed,
    /// The bus failed below the level of calls and answers.
    #[error("cannot talk to systemd over D-Bus")]
    Bus(#[source] zbus::Error),
}

impl SystemdError {
    /// Whether the host lacks what it takes: there is no systemd of this user to talk to.
    pub fn is_host(&self) -> bool {
        matches!(self, Self::NoBus { .. } | Self::NoEntry { .. })
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoBus { .. } | Self::NoEntry { .. } => Some(
                "the user's systemd runs while the user is logged in, or always after `loginctl enable-linger`; \
                 su and sudo do not log in: use ssh or `machinectl shell USER@.host`"
                    .to_owned(),
            ),
            Self::JobFailed { unit, .. } | Self::TimedOut { unit, .. } => Some(format!(
                "see `systemctl --user status {unit}` and `journalctl --user -u {unit}`"
            )),
            Self::NoSuchUnit { unit } => Some(format!(
                "see `systemctl --user cat {unit}`; a file that was just written is known after `systemctl --user daemon-reload`"
            )),
            Self::UnitExists { .. }
            | Self::Pipe(_)
            | Self::CommandTimedOut { .. }
            | Self::Refused { .. }
            | Self::Closed
            | Self::Bus(_) => None,
        }
    }
}

/// The version of systemd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// As systemd says it, for example `257.13-1~deb13u1`.
    pub text: String,
    /// The number in front, for example 257; 0 where there is none.
    pub number: u32,
}

impl Systemd {
    /// Connects to the user's bus, a socket that lies in the runtime directory as `bus`.
    pub async fn connect(bus: &Path) -> Result<Self, SystemdError> {
        let links = Arc::new(Links::to(bus).await?);
        Ok(Self { links })
    }

    /// Takes a connection that is up; whoever is `org.freedesktop.systemd1` there is the systemd meant. It is not made
    /// anew.
    pub async fn new(connection: Connection) -> Result<Self, SystemdError> {
        let links = Arc::new(Links::of(connection).await?);
        Ok(Self { links })
    }

    /// The connection that is used now.
    async fn link(&self) -> Result<Arc<Link>, SystemdError> {
        self.links.present().await
    }

    /// The control group of all that this systemd runs, from the root of the hierarchy on.
    pub async fn control_group(&self) -> Result<String, SystemdError> {
        let group = self.link().await?.manager.control_group().await;
        group.map_err(refusal("Get ControlGroup"))
    }

    /// The environment that systemd gives to the user's units and generators, Quadlet among them.
    pub async fn environment(&self) -> Result<BTreeMap<String, String>, SystemdError> {
        let lines = self
            .link()
            .await?
            .manager
            .environment()
            .await
            .map_err(refusal("Get Environment"))?;
        Ok(lines
            .iter()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    /// The version of the user's systemd.
    pub async fn version(&self) -> Result<Version, SystemdError> {
        let text = self
            .link()
            .await?
            .manager
            .version()
            .await
            .map_err(refusal("Get Version"))?;
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        Ok(Version {
            number: digits.parse().unwrap_or(0),
            text,
        })
    }

    /// Reads all unit files again, Quadlet's included; returns when that is done.
    pub async fn reload(&self) -> Result<(), SystemdError> {
        self.link()
            .await?
            .manager
            .reload()
            .await
            .map_err(refusal("Reload"))
    }

    /// Makes units start with the session, as their `[Install]` sections say. Takes effect at the next [`Systemd::reload`].
    pub async fn enable(&self, units: &[&UnitName]) -> Result<(), SystemdError> {
        for unit in units {
            self.link()
                .await?
                .manager
                .enable_unit_files(&[unit.as_str()], false, false)
                .await
                .map_err(refusal_of("EnableUnitFiles", unit))?;
        }
        Ok(())
    }

    /// Undoes [`Systemd::enable`]. A unit without a file has nothing to disable, which is no error.
    pub async fn disable(&self, units: &[&UnitName]) -> Result<(), SystemdError> {
        for unit in units {
            let disabled = self
                .link()
                .await?
                .manager
                .disable_unit_files(&[unit.as_str()], false)
                .await
                .map_err(refusal_of("DisableUnitFiles", unit));
            match disabled {
                Ok(_) | Err(SystemdError::NoSuchUnit { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Forgets that a unit failed, so that its start limit begins anew. A unit that is not loaded has nothing to forget.
    pub async fn reset_failed(&self, unit: &UnitName) -> Result<(), SystemdError> {
        let reset = self
            .link()
            .await?
            .manager
            .reset_failed_unit(unit.as_str())
            .await;
        match reset.map_err(refusal_of("ResetFailedUnit", unit)) {
            Ok(()) | Err(SystemdError::NoSuchUnit { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The loaded units whose names match one of the patterns (glob(7)), sorted by name.
    pub async fn list(&self, patterns: &[&str]) -> Result<Vec<UnitListing>, SystemdError> {
        let units = self
            .link()
            .await?
            .manager
            .list_units_by_patterns(&[], patterns)
            .await
            .map_err(refusal("ListUnitsByPatterns"))?;
        let mut units: Vec<UnitListing> = units.into_iter().map(UnitListing::from).collect();
        units.sort_by(|a, b| a.unit.cmp(&b.unit));
        Ok(units)
    }

    /// The loaded instances of one server, by connection number.
    pub async fn instances(&self, server: &ServerName) -> Result<Vec<Instance>, SystemdError> {
        let units = self.list(&[&server.instance_pattern()]).await?;
        let mut instances: Vec<Instance> = units
            .iter()
            .filter_map(|listing| Instance::parse(&listing.unit))
            .collect();
        instances.sort_by_key(|instance| instance.number);
        Ok(instances)
    }
}

/// Turns what zbus says of a failed call into what it means.
fn refusal(call: &'static str) -> impl FnOnce(zbus::Error) -> SystemdError {
    move |error| match said(&error) {
        Some((_, message)) => SystemdError::Refused {
            call: call.to_owned(),
            message,
        },
        None => broken(error),
    }
}

/// As [`refusal`], for a call about one unit.
fn refusal_of(call: &'static str, unit: &UnitName) -> impl FnOnce(zbus::Error) -> SystemdError {
    move |error| match said(&error) {
        // A unit that is not loaded or has no file, and a file that is not there: the same to a caller.
        Some((name, _))
            if name == "org.freedesktop.systemd1.NoSuchUnit"
                || name == "org.freedesktop.systemd1.NoSuchUnitFile"
                || name == "org.freedesktop.DBus.Error.FileNotFound" =>
        {
            SystemdError::NoSuchUnit { unit: unit.clone() }
        }
        Some((name, _)) if name == "org.freedesktop.systemd1.UnitExists" => {
            SystemdError::UnitExists { unit: unit.clone() }
        }
        Some((_, message)) => SystemdError::Refused {
            call: format!("{call} {unit}"),
            message,
        },
        None => broken(error),
    }
}

/// The name and the text of an error that the other side sent.
fn said(error: &zbus::Error) -> Option<(String, String)> {
    use zbus::DBusError as _;
    match error {
        zbus::Error::MethodError(name, message, _) => Some((
            name.to_string(),
            message.clone().unwrap_or_else(|| name.to_string()),
        )),
        zbus::Error::FDO(error) => Some((
            error.name().to_string(),
            error.description().unwrap_or_default().to_owned(),
        )),
        _ => None,
    }
}

/// An error that systemd did not send.
fn broken(error: zbus::Error) -> SystemdError {
    match error {
        zbus::Error::InputOutput(cause)
            if matches!(
                cause.kind(),
                io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::UnexpectedEof
            ) =>
        {
            SystemdError::Closed
        }
        error => SystemdError::Bus(error),
    }
}

#[cfg(test)]
mod tests;
