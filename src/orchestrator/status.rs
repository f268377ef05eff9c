//! `list` and `status`: what is active and how it does, read back from the unit directories, D-Bus and the journal each time.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;

use super::last_error::LastError;
use super::{Active, Error, Orchestrator};
use crate::activation::limits::{CONTROLLERS, Lifetime, Memory};
use crate::activation::record::State as Stage;
use crate::egress::refusals::{self, Refused};
use crate::quadlet::name::{ServerName, UnitName};
use crate::session::definitions::Change;
use crate::systemd::{ActiveState, Instance};

/// Where control groups are (cgroups(7)).
const CGROUPS: &str = "/sys/fs/cgroup";

/// How an active server is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It can be connected to.
    Listening,
    /// It can be connected to, and was never tried.
    Unverified,
    /// It can be connected to, and tools of it are held back until somebody accepts them.
    Held,
    /// Its socket is not listening: somebody stopped it.
    Stopped,
    /// Its socket failed.
    Failed,
    /// It is being added, changed or removed, or that was killed: `add` or `remove` it.
    Adding,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listening => "listening",
            Self::Unverified => "unverified",
            Self::Held => "held",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Adding => "adding",
        }
    }

    fn of(stage: Stage, socket: Option<&ActiveState>, held: bool) -> Self {
        match (stage, socket) {
            (Stage::Adding, _) => Self::Adding,
            (_, Some(ActiveState::Failed)) => Self::Failed,
            (_, Some(ActiveState::Active)) if held => Self::Held,
            (Stage::Verified, Some(ActiveState::Active)) => Self::Listening,
            (Stage::Unverified, Some(ActiveState::Active)) => Self::Unverified,
            (Stage::Verified | Stage::Unverified, _) => Self::Stopped,
        }
    }
}

/// An active server in the list.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: ServerName,
    /// The entry's id in the catalog, or the reference it was added by.
    pub id: String,
    /// Number and kind of the launch option.
    pub launch: String,
    /// The image by its name.
    pub image: String,
    /// The image's digest, to which it is pinned.
    pub digest: String,
    /// The network its instances see: `none`, `open` or `allow:HOST[:PORT],...`.
    pub network: String,
    /// The path of its socket.
    pub socket: String,
    /// How many tools it has, if that is known; those that are held back are not counted.
    pub tools: Option<usize>,
    /// The names of the tools that are held back.
    pub held: Vec<String>,
    /// How it is.
    pub state: State,
    /// How many sessions there are.
    pub sessions: usize,
    /// When it was added.
    pub added_at: Timestamp,
}

/// How an active server does.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// As in the list.
    #[serde(flatten)]
    pub listed: Listed,
    /// Whether its socket listens again after a reboot.
    pub enabled: bool,
    /// What is allowed.
    pub limits: Allowed,
    /// The controllers of control groups that this host does not give to its users: limits on what they count do not hold.
    pub missing_controllers: Vec<&'static str>,
    /// What it was before it was upgraded, by image and digest.
    pub previous: Option<String>,
    /// The tools that are held back, with their definitions as they were accepted and as they are.
    pub held_tools: Vec<Change>,
    /// The last failure of a session that the journal tells of.
    pub last_error: Option<LastError>,
    /// How many connections there were since its socket was started.
    pub accepted: u32,
    /// How many of them were refused for being too many.
    pub refused: u32,
    /// Its sessions.
    pub running: Vec<Running>,
    /// The container that they share, if they do and it runs.
    pub container: Option<Running>,
}

/// What a server is allowed: sessions, and what each of them may use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Allowed {
    /// Sessions at once.
    pub sessions: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// Processors; nothing for as many as there are.
    pub cpus: Option<f64>,
    /// Threads and processes.
    pub tasks: u32,
    /// Seconds that it may last; nothing for as long as its client wants.
    pub lifetime: Option<u32>,
}

/// In words.
impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sessions,
            memory,
            cpus,
            tasks,
            lifetime,
        } = self;
        let memory = memory
            .to_string()
            .parse::<Memory>()
            .map_or_else(|_| memory.to_string(), |memory| memory.to_string());
        write!(f, "memory {memory}, tasks {tasks}, sessions {sessions}")?;
        if let Some(cpus) = cpus {
            write!(f, ", cpus {cpus}")?;
        }
        if let Some(seconds) = lifetime {
            let span = jiff::SignedDuration::from_secs(i64::from(*seconds));
            write!(f, ", lifetime {span:#}")?;
        }
        Ok(())
    }
}

/// A unit of an active server that runs: a session, or the container that all of them share.
#[derive(Debug, Clone, Serialize)]
pub struct Running {
    /// The unit.
    pub unit: String,
    /// What systemd says of it: `running`, `start-pre`, ...
    pub state: String,
    /// The process that connected, if it is visible from here.
    pub client: Option<u32>,
    /// The name of that process.
    pub client_name: Option<String>,
    /// Bytes of memory in use, where the host counts them.
    pub memory: Option<u64>,
    /// Seconds of processor time used.
    pub cpu: Option<f64>,
    /// Threads and processes, where the host counts them.
    pub tasks: Option<u64>,
    /// How often systemd restarted it by itself.
    pub restarts: u32,
    /// Since when it runs.
    pub since: Option<Timestamp>,
    /// What it wanted to reach and may not.
    pub refused: Refused,
}

impl Orchestrator {
    /// All active servers, by name; those whose record is unusable are warned about.
    pub async fn list(&self) -> Result<Vec<Listed>, Error> {
        let servers = self.readable()?;
        if servers.is_empty() {
            return Ok(Vec::new());
        }
        let loaded = self
            .systemd
            .list(&["mcpod-*.socket", "mcpod-*@*.service"])
            .await?;
        let mut sessions: HashMap<ServerName, usize> = HashMap::new();
        for unit in &loaded {
            if let Some(instance) = Instance::parse(&unit.unit)
                && !unit.active.is_over()
            {
                *sessions.entry(instance.server).or_default() += 1;
            }
        }
        let listed = servers.iter().map(|active| {
            let unit = active.name.socket_unit();
            let socket = loaded.iter().find(|listing| listing.unit == unit);
            let socket = socket.map(|socket| &socket.active);
            let sessions = sessions.get(&active.name).copied().unwrap_or_default();
            self.listed(active, socket, sessions)
        });
        Ok(listed.collect())
    }

    /// All active servers whose record can be read, by name.
    fn readable(&self) -> Result<Vec<Active>, Error> {
        let mut servers = Vec::new();
        for name in self.names()? {
            match self.active(name) {
                Ok(active) => servers.extend(active),
                // One unreadable record must not hide the others.
                Err(error) => tracing::warn!("{error}"),
            }
        }
        Ok(servers)
    }

    /// One active server, as the list has it.
    pub async fn listed_one(&self, active: &Active) -> Result<Listed, Error> {
        let socket = self.systemd.status(&active.name.socket_unit()).await?;
        let sessions = self.systemd.instances(&active.name).await?.len();
        Ok(self.listed(active, Some(&socket.active), sessions))
    }

    /// How one active server does.
    pub async fn status(&self, typed: &str) -> Result<Status, Error> {
        let active = self.find(typed)?;
        let missing = self.missing_controllers().await?;
        Ok(Status {
            last_error: self.last_error(&active).await,
            ..self.status_of(&active, missing).await?
        })
    }

    /// How all active servers do, by name, but for their last errors; of one that cannot be looked at, why.
    pub async fn statuses(&self) -> Result<Vec<Result<Status, Error>>, Error> {
        let servers = self.readable()?;
        let missing = match &*servers {
            [] => Vec::new(),
            _ => self.missing_controllers().await?,
        };
        let mut statuses = Vec::new();
        for active in &servers {
            statuses.push(self.status_of(active, missing.clone()).await);
        }
        Ok(statuses)
    }

    /// The same, with their last errors.
    pub async fn statuses_with_errors(&self) -> Result<Vec<Result<Status, Error>>, Error> {
        let mut statuses = self.statuses().await?;
        if !statuses.is_empty() {
            self.tell_last_errors(statuses.iter_mut().flatten()).await;
        }
        Ok(statuses)
    }

    async fn status_of(
        &self,
        active: &Active,
        missing_controllers: Vec<&'static str>,
    ) -> Result<Status, Error> {
        let socket = self.systemd.status(&active.name.socket_unit()).await?;
        let mut running = Vec::new();
        for instance in self.systemd.instances(&active.name).await? {
            if let Some(session) = self.running(&instance.unit, instance.pid).await? {
                running.push(session);
            }
        }
        let container = self.running(&active.name.server_unit(), None).await?;
        let counts = socket.socket.as_ref();
        let limits = &active.record.limits;
        Ok(Status {
            listed: self.listed(active, Some(&socket.active), running.len()),
            enabled: socket.file_state == "enabled",
            limits: Allowed {
                sessions: active.record.most_sessions(),
                memory: limits.memory.bytes(),
                cpus: limits.cpus.map(|cpus| f64::from(cpus.percent()) / 100.0),
                tasks: limits.tasks,
                lifetime: limits.lifetime.map(Lifetime::seconds),
            },
            missing_controllers,
            previous: active.record.previous.clone(),
            held_tools: self.held(active),
            last_error: None,
            accepted: counts.map_or(0, |socket| socket.accepted),
            refused: counts.map_or(0, |socket| socket.refused),
            running,
            container,
        })
    }

    /// The controllers of control groups, among those that limits need, that the user's systemd has not got.
    pub async fn missing_controllers(&self) -> Result<Vec<&'static str>, Error> {
        let group = self.systemd.control_group().await?;
        let file = Path::new(CGROUPS)
            .join(group.trim_start_matches('/'))
            .join("cgroup.controllers");
        // Where it cannot be read, as in a container with a hierarchy of its own, nothing is known to be missing.
        let Ok(controllers) = std::fs::read_to_string(file) else {
            return Ok(Vec::new());
        };
        let there: Vec<&str> = controllers.split_whitespace().collect();
        let missing = CONTROLLERS.into_iter();
        Ok(missing.filter(|name| !there.contains(name)).collect())
    }

    fn listed(&self, active: &Active, socket: Option<&ActiveState>, sessions: usize) -> Listed {
        let record = &active.record;
        let offered = self.offered(active);
        let held: Vec<String> = offered
            .iter()
            .flat_map(|offered| offered.held.iter().cloned())
            .collect();
        Listed {
            name: active.name.clone(),
            id: record.id.clone(),
            launch: record.launch.clone(),
            image: record.image.clone(),
            digest: record.digest.clone(),
            network: record.network.clone(),
            socket: active.socket.display().to_string(),
            tools: offered.map(|offered| offered.lists.tools.len()),
            state: State::of(record.state, socket, !held.is_empty()),
            held,
            sessions,
            added_at: record.added,
        }
    }

    /// What is known of a unit that runs, for the client of that process; nothing if it does not run.
    async fn running(
        &self,
        unit: &UnitName,
        client: Option<u32>,
    ) -> Result<Option<Running>, Error> {
        let status = self.systemd.status(unit).await?;
        if status.active.is_over() {
            return Ok(None);
        }
        let service = status.service.as_ref();
        Ok(Some(Running {
            unit: unit.to_string(),
            state: status.sub,
            client,
            client_name: client.and_then(process_name),
            memory: service.and_then(|service| service.memory),
            cpu: service
                .and_then(|service| service.cpu)
                .map(|cpu| cpu.as_secs_f64()),
            tasks: service.and_then(|service| service.tasks),
            restarts: service.map_or(0, |service| service.restarts),
            since: status.since.and_then(timestamp),
            refused: refusals::of(&self.host.runtime, unit),
        }))
    }
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

/// The name of a process (proc(5), `comm`), made fit to be shown.
pub(super) fn process_name(pid: u32) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(crate::text::one_line(&name))
}

/// What is to be done about controllers that are missing.
pub fn controllers_hint(missing: &[&str]) -> String {
    format!(
        "this host does not give its users the control groups' {}: those limits do not hold; as root: mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' >/etc/systemd/system/user@.service.d/delegate.conf && systemctl daemon-reload, then log in anew",
        missing.join(", ")
    )
}
