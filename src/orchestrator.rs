//! The only place that runs the whole chain: entry, plan, image, units, systemd, session. A list of steps.

pub mod add;
pub mod binds;
mod build;
mod build_log;
pub mod checkup;
mod command;
pub mod config;
pub mod connection;
pub mod error;
pub mod export;
pub mod http_units;
mod interrupt;
mod kept;
mod last_error;
pub mod lists;
pub mod login;
pub mod logs;
mod network;
pub mod outline;
pub mod own_units;
mod planning;
mod preview;
mod programs;
pub mod reference;
pub mod remove;
pub mod rollback;
pub mod secrets;
mod signature;
pub mod status;
pub mod timer;
mod trial;
pub mod trust;
pub mod upgrade;
mod work;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::activation::record::{Record, RecordError};
use crate::catalog::refresh::{Limits, Refresh};
use crate::catalog::{Catalog, Store};
use crate::host::{Dirs, Environment, Host};
use crate::quadlet::name::ServerName;
use crate::settings::Settings;
use crate::systemd::{ActiveState, Systemd, UnitListing, Watch};
use crate::unit_dir::{Place, UnitDir, UnitPath};
pub use error::{Error, Kind};
pub use network::{RUNTIMES, Unenforceable};

/// How alike a name must be to one that was mistyped (0 to 1, Jaro-Winkler) to be suggested.
const ALIKE: f64 = 0.8;

/// How many sessions are opened at once: a container's start takes a processor for a while, and of a hundred at once each would
/// take longer than it may.
const OPENINGS: usize = 16;

/// How long an instance or a socket may take to stop.
const STOP: Duration = Duration::from_secs(30);

/// Runs the chain for one user on one host.
#[derive(Debug)]
pub struct Orchestrator {
    host: Host,
    dirs: Dirs,
    settings: Settings,
    systemd: Systemd,
    units: UnitDir,
    /// The ways to servers that were connected to.
    ways: Mutex<HashMap<ServerName, Arc<connection::Way>>>,
    /// Room for sessions that are being opened.
    openings: Semaphore,
}

/// An active server: a socket unit with our record is there.
#[derive(Debug, Clone)]
pub struct Active {
    /// Its name.
    pub name: ServerName,
    /// What is recorded of it.
    pub record: Record,
    /// The socket on which it is spoken to.
    pub socket: PathBuf,
}

impl Orchestrator {
    /// Connects to the user's systemd, whose environment says where units and, where ours is bare, all else belongs.
    pub async fn open(host: Host) -> Result<Self, Error> {
        let systemd = Systemd::connect(&host.runtime.bus()).await?;
        let dirs = host.dirs(&Environment::from(systemd.environment().await?))?;
        let settings = Settings::load(&dirs.config)?;
        Ok(Self::with(host, dirs, settings, systemd))
    }

    /// Takes what [`Orchestrator::open`] finds out.
    pub(crate) fn with(host: Host, dirs: Dirs, settings: Settings, systemd: Systemd) -> Self {
        let units = UnitDir::below(&dirs.units);
        Self {
            host,
            dirs,
            settings,
            systemd,
            units,
            ways: Mutex::default(),
            openings: Semaphore::new(OPENINGS),
        }
    }

    /// Whether a server may have but one session at a time, found out without asking anybody.
    ///
    /// Where systemd alone knows the folder of its units the answer is no; whoever connects is then told by the end of the connection.
    pub fn is_single(host: &Host, typed: &str) -> bool {
        let record = || {
            let dirs = host.dirs(&Environment::default()).ok()?;
            let socket = socket_path(&typed.parse().ok()?);
            UnitDir::below(&dirs.units).read(&socket).ok()?
        };
        record().is_some_and(|text| Record::says_single(&text))
    }

    /// The catalog, as the last refresh left it.
    pub fn catalog(&self) -> Result<Catalog, Error> {
        Ok(Store::below(&self.dirs.cache).open()?)
    }

    /// What fetches the catalog's sources, as the settings name them.
    pub fn refresh(&self) -> Refresh {
        Refresh {
            store: Store::below(&self.dirs.cache),
            sources: self.settings.sources.sources(),
            limits: Limits::default(),
        }
    }

    /// The user and the host that it runs for.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where what is to stay belongs: `$XDG_DATA_HOME`.
    pub fn data(&self) -> &Path {
        &self.dirs.data
    }

    /// Finds an active server by what the user typed.
    pub fn find(&self, typed: &str) -> Result<Active, Error> {
        let missing = || -> Error {
            let names = self.names().unwrap_or_default();
            Error::NoSuchServer {
                name: typed.to_owned(),
                near: near(typed, names.iter().map(ServerName::as_str)),
            }
        };
        let name: ServerName = typed.parse().map_err(|_| missing())?;
        self.active(name)?.ok_or_else(missing)
    }

    /// The active server of that name, if its socket unit is there and ours.
    fn active(&self, name: ServerName) -> Result<Option<Active>, Error> {
        let Some(text) = self.units.read(&socket_path(&name))? else {
            return Ok(None);
        };
        match Record::parse(&text) {
            Ok(record) => Ok(Some(Active {
                socket: self.host.runtime.socket_path(&name)?,
                record,
                name,
            })),
            Err(RecordError::NoMark | RecordError::NoUnit(_)) => Ok(None),
            Err(RecordError::Unusable { .. }) => Err(Error::Edited {
                file: self.units.path(&socket_path(&name)).display().to_string(),
                name,
            }),
        }
    }

    /// The active servers that can be connected to, by name.
    pub async fn listening(&self) -> Result<Vec<Active>, Error> {
        let names = self.names()?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let loaded = self.systemd.list(&["mcpod-*.socket"]).await?;
        let mut servers = Vec::new();
        for name in names {
            let unit = name.socket_unit();
            let up =
                |loaded: &UnitListing| loaded.unit == unit && loaded.active == ActiveState::Active;
            match self.active(name) {
                Ok(Some(active)) if active.record.state.is_complete() && loaded.iter().any(up) => {
                    servers.push(active);
                }
                Ok(_) => {}
                // One unreadable record must not hide the others.
                Err(error) => tracing::warn!("{error}"),
            }
        }
        Ok(servers)
    }

    /// Watches what becomes of mcpod's units, whoever changes them, from when this returns.
    pub async fn watch(&self) -> Result<Watch, Error> {
        Ok(self.systemd.watch().await?)
    }

    /// The Quadlet files of a server's volumes.
    fn volume_files(&self, name: &ServerName) -> Result<Vec<UnitPath>, Error> {
        Ok(self
            .units
            .files(Place::Quadlet, |file| name.has_volume_file(file))?)
    }

    /// The files of a server that are there, whichever kind it is of, but for its socket's.
    fn files(&self, name: &ServerName) -> Result<Vec<UnitPath>, Error> {
        let mut files = self.volume_files(name)?;
        for file in instance_files(name)
            .into_iter()
            .chain(build::build_files(name))
        {
            if self.units.read(&file)?.is_some() {
                files.push(file);
            }
        }
        files.sort();
        Ok(files)
    }

    /// The names of all socket units that are named as ours are, sorted.
    fn names(&self) -> Result<Vec<ServerName>, Error> {
        let files = self.units.socket_files()?;
        Ok(files
            .iter()
            .filter_map(|unit| {
                unit.file
                    .strip_prefix("mcpod-")?
                    .strip_suffix(".socket")?
                    .parse()
                    .ok()
            })
            .collect())
    }
}

/// The names most like one that was mistyped, best first.
pub(crate) fn near<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let typed = typed.to_lowercase();
    let mut alike: Vec<(f64, &str)> = names
        .map(|name| (strsim::jaro_winkler(&typed, &name.to_lowercase()), name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    alike
        .into_iter()
        .take(3)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Where the socket unit of a server lies: its record.
fn socket_path(name: &ServerName) -> UnitPath {
    UnitPath::unit(name.socket_unit().as_str())
}

/// Where the files of a server lie as they were before it was upgraded. systemd passes over it.
fn previous_path(name: &ServerName) -> UnitPath {
    UnitPath::unit(format!("mcpod-{name}.previous"))
}

/// Where that lies by which a server's instances run, of every kind of server; last, what keeps them to their network.
fn instance_files(name: &ServerName) -> [UnitPath; 6] {
    [
        UnitPath::quadlet(name.server_file()),
        UnitPath::unit(name.server_drop_in()),
        UnitPath::quadlet(name.container_file()),
        UnitPath::unit(name.instance_file()),
        UnitPath::unit(name.template_drop_in()),
        hook_path(name),
    ]
}

/// Where the hook lies that closes the network of a server's instances.
fn hook_path(name: &ServerName) -> UnitPath {
    UnitPath::quadlet(name.hook_file())
}
