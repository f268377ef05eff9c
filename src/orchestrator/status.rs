//! `list` and `status`: what is active and how it does, read back from the unit directories and D-Bus each time.

use std::collections::HashMap;
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;

use super::{Active, Error, Orchestrator};
use crate::activation::record::State as Stage;
use crate::quadlet::name::ServerName;
use crate::systemd::{ActiveState, Instance, Systemd};

/// How an active server is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It can be connected to.
    Listening,
    /// It can be connected to, and was never tried.
    Unverified,
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
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Adding => "adding",
        }
    }

    pub(super) fn of(stage: Stage, socket: Option<&ActiveState>) -> Self {
        match (stage, socket) {
            (Stage::Adding, _) => Self::Adding,
            (_, Some(ActiveState::Failed)) => Self::Failed,
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
    /// The path of its socket.
    pub socket: String,
    /// How many tools it has, if that is known.
    pub tools: Option<usize>,
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
    /// The network its instances see.
    pub network: String,
    /// The limits of a session.
    pub limits: String,
    /// How many connections there were since its socket was started.
    pub accepted: u32,
    /// How many of them were refused for being too many.
    pub refused: u32,
    /// Its sessions.
    pub running: Vec<Running>,
}

/// A session of an active server.
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
    /// Since when it runs.
    pub since: Option<Timestamp>,
}

impl Orchestrator {
    /// All active servers, by name; those whose record is unusable are warned about.
    pub async fn list(&self) -> Result<Vec<Listed>, Error> {
        let names = self.names()?;
        if names.is_empty() {
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
        let mut servers = Vec::new();
        for name in names {
            match self.active(name.clone()) {
                Ok(Some(active)) => {
                    let unit = name.socket_unit();
                    let socket = loaded.iter().find(|listing| listing.unit == unit);
                    let socket = socket.map(|socket| &socket.active);
                    let sessions = sessions.get(&name).copied().unwrap_or_default();
                    servers.push(self.listed(&active, socket, sessions));
                }
                Ok(None) => {}
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
        let socket = self.systemd.status(&active.name.socket_unit()).await?;
        let mut running = Vec::new();
        for instance in self.systemd.instances(&active.name).await? {
            if let Some(session) = running_session(&self.systemd, &instance).await? {
                running.push(session);
            }
        }
        let counts = socket.socket.as_ref();
        Ok(Status {
            listed: self.listed(&active, Some(&socket.active), running.len()),
            enabled: socket.file_state == "enabled",
            network: active.record.network.clone(),
            limits: active.record.limits.to_string(),
            accepted: counts.map_or(0, |socket| socket.accepted),
            refused: counts.map_or(0, |socket| socket.refused),
            running,
        })
    }

    fn listed(&self, active: &Active, socket: Option<&ActiveState>, sessions: usize) -> Listed {
        let record = &active.record;
        Listed {
            name: active.name.clone(),
            id: record.id.clone(),
            launch: record.launch.clone(),
            image: record.image.clone(),
            digest: record.digest.clone(),
            socket: active.socket.display().to_string(),
            tools: self.known_lists(active).map(|lists| lists.tools.len()),
            state: State::of(record.state, socket),
            sessions,
            added_at: record.added,
        }
    }
}

/// What is known of a session; nothing if it ended while it was looked at.
async fn running_session(systemd: &Systemd, instance: &Instance) -> Result<Option<Running>, Error> {
    let status = systemd.status(&instance.unit).await?;
    if status.active.is_over() {
        return Ok(None);
    }
    let service = status.service.as_ref();
    Ok(Some(Running {
        unit: instance.unit.to_string(),
        state: status.sub,
        client: instance.pid,
        client_name: instance.pid.and_then(process_name),
        memory: service.and_then(|service| service.memory),
        cpu: service
            .and_then(|service| service.cpu)
            .map(|cpu| cpu.as_secs_f64()),
        tasks: service.and_then(|service| service.tasks),
        since: status.since.and_then(timestamp),
    }))
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

/// The name of a process (proc(5), `comm`), made fit to be shown.
pub(super) fn process_name(pid: u32) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(crate::text::one_line(&name))
}
