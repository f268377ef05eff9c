//! The state of units: one in depth ([`Systemd::status`]), many at a glance ([`Systemd::list`]).

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use zbus::OwnedVariant;

use crate::quadlet::name::UnitName;

use super::manager::{DESTINATION, ListedUnit};
use super::properties::Properties;
use super::state::{ActiveState, Exit, LoadState, UnitResult};
use super::{Systemd, SystemdError, object_path, refusal_of};

/// One run of a unit: systemd gives each start a number of its own, which also stands in every line that the unit logs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InvocationId([u8; 16]);

impl InvocationId {
    /// Reads the 16 bytes of the property; none before the first start, when there are fewer, or all are 0.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 16] = bytes.try_into().ok()?;
        (bytes != [0; 16]).then_some(Self(bytes))
    }
}

impl fmt::Display for InvocationId {
    /// Writes 32 hex digits, as `journalctl _SYSTEMD_INVOCATION_ID=` takes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvocationId({self})")
    }
}

impl Serialize for InvocationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A unit at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitListing {
    /// The unit.
    pub unit: UnitName,
    /// Its `Description=`.
    pub description: String,
    /// Whether its file could be read.
    pub load: LoadState,
    /// Whether it runs.
    pub active: ActiveState,
    /// The same in the words of its kind, for example `listening` or `exited`.
    pub sub: String,
    /// The kind of job that waits or runs for it, for example `start`.
    pub job: Option<String>,
}

impl From<ListedUnit> for UnitListing {
    fn from(listed: ListedUnit) -> Self {
        let (unit, description, load, active, sub, _follows, _path, job, job_type, _job_path) =
            listed;
        Self {
            unit: UnitName::from_systemd(unit),
            description,
            load: load.as_str().into(),
            active: active.as_str().into(),
            sub,
            job: (job != 0).then_some(job_type),
        }
    }
}

/// A unit in depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitStatus {
    /// The unit.
    pub unit: UnitName,
    /// Whether its file could be read.
    pub load: LoadState,
    /// Whether it runs.
    pub active: ActiveState,
    /// The same in the words of its kind, for example `listening` or `exited`.
    pub sub: String,
    /// Whether it is enabled, in systemd's words: `enabled`, `disabled`, `static`, `generated`...; empty where there is no file.
    pub file_state: String,
    /// Whether the file changed on disk since systemd read it.
    pub need_daemon_reload: bool,
    /// Its present or last run.
    pub invocation: Option<InvocationId>,
    /// Since when it is in this state.
    pub since: Option<SystemTime>,
    /// What only services have.
    pub service: Option<ServiceStatus>,
    /// What only sockets have.
    pub socket: Option<SocketStatus>,
}

/// What a service has besides the state of every unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStatus {
    /// How its last run ended.
    pub result: UnitResult,
    /// How the main process of its last run ended; none while it lives or before it was started.
    pub exit: Option<Exit>,
    /// Its main process.
    pub main_pid: Option<u32>,
    /// When the main process was started.
    pub started: Option<SystemTime>,
    /// How often systemd restarted it by itself.
    pub restarts: u32,
    /// The memory in use, in bytes; none where nothing runs or the memory controller is not delegated to the user.
    pub memory: Option<u64>,
    /// The most memory that was in use, in bytes.
    pub memory_peak: Option<u64>,
    /// The limit on memory, in bytes; none where there is no limit.
    pub memory_max: Option<u64>,
    /// The processor time used.
    pub cpu: Option<Duration>,
    /// The processes and threads that live.
    pub tasks: Option<u64>,
    /// The limit on processes and threads; none where there is no limit.
    pub tasks_max: Option<u64>,
}

/// What a socket has besides the state of every unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketStatus {
    /// Where it listens for connections, in systemd's words.
    pub listens: Vec<String>,
    /// Why it stopped listening.
    pub result: UnitResult,
    /// The connections open now.
    pub connections: u32,
    /// The connections taken since it was loaded.
    pub accepted: u32,
    /// The connections refused since it was loaded, because there were too many.
    pub refused: u32,
}

impl Systemd {
    /// The state of one unit. A unit that is not loaded is loaded for it; one without a file is [`LoadState::NotFound`].
    pub async fn status(&self, unit: &UnitName) -> Result<UnitStatus, SystemdError> {
        let (common, own) = match kind(unit) {
            Some(kind) => {
                let own = self.properties(unit, kind);
                let (common, own) = futures_util::try_join!(self.properties(unit, "Unit"), own)?;
                (common, Some(own))
            }
            None => (self.properties(unit, "Unit").await?, None),
        };
        let service = own.as_ref().filter(|_| kind(unit) == Some("Service"));
        let socket = own.as_ref().filter(|_| kind(unit) == Some("Socket"));
        Ok(UnitStatus {
            unit: unit.clone(),
            load: common.text("LoadState").unwrap_or_default().into(),
            active: common.text("ActiveState").unwrap_or_default().into(),
            sub: common.text("SubState").unwrap_or_default().to_owned(),
            file_state: common.text("UnitFileState").unwrap_or_default().to_owned(),
            need_daemon_reload: common.flag("NeedDaemonReload").unwrap_or_default(),
            invocation: invocation(&common),
            since: common.time("StateChangeTimestamp"),
            service: service.map(ServiceStatus::from),
            socket: socket.map(SocketStatus::from),
        })
    }

    /// The processes of a unit, in all its control groups. Some may be gone by the time this returns.
    pub async fn processes(&self, unit: &UnitName) -> Result<Vec<u32>, SystemdError> {
        let processes = self
            .link()
            .await?
            .manager
            .get_unit_processes(unit.as_str())
            .await;
        let processes = processes.map_err(refusal_of("GetUnitProcesses", unit))?;
        Ok(processes
            .into_iter()
            .map(|(_group, pid, _command)| pid)
            .collect())
    }

    /// All properties of a unit that one interface has.
    async fn properties(
        &self,
        unit: &UnitName,
        interface: &str,
    ) -> Result<Properties, SystemdError> {
        let reply = self
            .link()
            .await?
            .connection
            .call_method(
                Some(DESTINATION),
                object_path::of_unit(unit),
                Some("org.freedesktop.DBus.Properties"),
                "GetAll",
                &format!("org.freedesktop.systemd1.{interface}"),
            )
            .await
            .map_err(refusal_of("GetAll", unit))?;
        let properties: HashMap<String, OwnedVariant> =
            reply.body().deserialize().map_err(SystemdError::Bus)?;
        Ok(Properties(properties))
    }
}

/// The interface that units of this kind have besides `Unit`, where we read it.
fn kind(unit: &UnitName) -> Option<&'static str> {
    let (_, suffix) = unit.as_str().rsplit_once('.')?;
    match suffix {
        "service" => Some("Service"),
        "socket" => Some("Socket"),
        _ => None,
    }
}

/// The run that the properties of a unit tell of.
pub(super) fn invocation(properties: &Properties) -> Option<InvocationId> {
    InvocationId::from_bytes(&properties.bytes("InvocationID")?)
}

/// How the properties of a service say that its main process ended.
pub(super) fn exit(properties: &Properties) -> Option<Exit> {
    let code = properties.i32("ExecMainCode")?;
    Exit::from_waitid(code, properties.i32("ExecMainStatus")?)
}

/// How the properties of a service or a socket say that it ended.
pub(super) fn result(properties: &Properties) -> Option<UnitResult> {
    properties.text("Result").map(UnitResult::from)
}

impl From<&Properties> for ServiceStatus {
    fn from(own: &Properties) -> Self {
        Self {
            result: result(own).unwrap_or(UnitResult::Success),
            exit: exit(own),
            main_pid: own.u32("MainPID").filter(|&pid| pid != 0),
            started: own.time("ExecMainStartTimestamp"),
            restarts: own.u32("NRestarts").unwrap_or(0),
            memory: own.amount("MemoryCurrent"),
            memory_peak: own.amount("MemoryPeak"),
            memory_max: own.amount("MemoryMax"),
            cpu: own.amount("CPUUsageNSec").map(Duration::from_nanos),
            tasks: own.amount("TasksCurrent"),
            tasks_max: own.amount("TasksMax"),
        }
    }
}

impl From<&Properties> for SocketStatus {
    fn from(own: &Properties) -> Self {
        let listens = own.pairs("Listen").unwrap_or_default().into_iter();
        let streams = listens.filter(|(kind, _)| kind == "Stream");
        Self {
            listens: streams.map(|(_, address)| address).collect(),
            result: result(own).unwrap_or(UnitResult::Success),
            connections: own.u32("NConnections").unwrap_or(0),
            accepted: own.u32("NAccepted").unwrap_or(0),
            refused: own.u32("NRefused").unwrap_or(0),
        }
    }
}
