//! A systemd for tests: it speaks the same D-Bus, over a socket pair instead of a bus. For the tests of all modules that talk to systemd.

#![expect(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "zbus wants the methods of an interface so"
)]

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use zbus::object_server::SignalEmitter;
use zbus::{
    Connection, DBusError, Guid, ObjectPath, OwnedObjectPath, OwnedVariant, Variant, connection,
};

use super::manager::{Change, ListedUnit, ROOT, UnitProcess};
use super::{Systemd, object_path};
use crate::quadlet::name::UnitName;

/// What the fake does when it is called.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// The units there are.
    pub(crate) units: Vec<&'static str>,
    /// How every job ends; none where no job ever ends.
    pub(crate) job_result: Option<&'static str>,
    /// How many jobs of others end while a job of ours is made.
    pub(crate) other_jobs: u32,
    /// Hangs up instead of answering to `StartUnit`.
    pub(crate) hang_up: bool,
    /// The processes of every unit.
    pub(crate) processes: Vec<u32>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            units: vec!["mcpod-time.socket", "mcpod-time@3-1278-1000.service"],
            job_result: Some("done"),
            other_jobs: 0,
            hang_up: false,
            processes: Vec::new(),
        }
    }
}

/// The fake as a test holds it.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) systemd: Systemd,
    /// The fake's own end, to send signals from.
    server: Connection,
    calls: Arc<Mutex<Vec<String>>>,
    state: Arc<Mutex<&'static str>>,
    further: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub(crate) async fn new(script: Script) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let calls = Arc::default();
        let state = Arc::new(Mutex::new("failed"));
        let unit = || Unit {
            state: Arc::clone(&state),
        };
        let further = Arc::default();
        let manager = Manager {
            script,
            calls: Arc::clone(&calls),
            further: Arc::clone(&further),
        };
        let server = connection::Builder::unix_stream(theirs)
            .server(Guid::generate())
            .p2p()
            .serve_at(ROOT, manager)
            .serve_at(path("mcpod-time@3-1278-1000.service"), unit())
            .serve_at(path("mcpod-time@3-1278-1000.service"), Service)
            .serve_at(path("mcpod-time.socket"), unit())
            .serve_at(path("mcpod-time.socket"), Socket::at("/run/time.sock"))
            .build();
        let client = connection::Builder::unix_stream(ours).p2p().build();
        let (server, client) = futures_util::try_join!(server, client).unwrap();
        Self {
            systemd: Systemd::new(client).await.unwrap(),
            server,
            calls,
            state,
            further,
        }
    }

    /// Lists this unit as well from now on; that it is there is not told.
    pub(crate) fn has(&self, unit: &str) {
        self.further.lock().unwrap().push(unit.to_owned());
    }

    /// Puts all units into a state; none of it is told.
    pub(crate) fn is_now(&self, state: &'static str) {
        *self.state.lock().unwrap() = state;
    }

    /// Listens there for the HTTP face.
    pub(crate) async fn listens(&self, address: &str) {
        let state = Arc::new(Mutex::new("active"));
        let (objects, path) = (self.server.object_server(), path("mcpod.socket"));
        objects.at(&path, Unit { state }).await.unwrap();
        objects.at(&path, Socket::at(address)).await.unwrap();
    }

    /// The calls so far, and forgets them.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Sends `UnitNew` or `UnitRemoved`.
    pub(crate) async fn unit(&self, signal: &str, unit: &str) {
        self.manager_signal(signal, &(unit, path(unit))).await;
    }

    pub(crate) async fn manager_signal<B>(&self, signal: &str, body: &B)
    where
        B: serde::Serialize + zbus::Type,
    {
        let interface = "org.freedesktop.systemd1.Manager";
        self.server
            .emit_signal(None::<&str>, ROOT, interface, signal, body)
            .await
            .unwrap();
    }

    /// Sends `PropertiesChanged` of a unit.
    pub(crate) async fn changed(
        &self,
        unit: &str,
        interface: &str,
        changed: &[(&str, Variant<'_>)],
    ) {
        let changed: HashMap<&str, &Variant<'_>> =
            changed.iter().map(|(name, value)| (*name, value)).collect();
        let body = (
            format!("org.freedesktop.systemd1.{interface}"),
            changed,
            Vec::<String>::new(),
        );
        let properties = "org.freedesktop.DBus.Properties";
        self.server
            .emit_signal(
                None::<&str>,
                path(unit),
                properties,
                "PropertiesChanged",
                &body,
            )
            .await
            .unwrap();
    }

    /// Sends that a unit is in another state.
    pub(crate) async fn becomes(&self, unit: &str, state: &str) {
        let state = [("ActiveState", Variant::from(state))];
        self.changed(unit, "Unit", &state).await;
    }

    /// Sends what systemd sends when an instance's main process ended.
    pub(crate) async fn die(
        &self,
        unit: &str,
        result: &str,
        code: i32,
        status: i32,
        invocation: u8,
    ) {
        let service = [
            ("Result", Variant::from(result)),
            ("ExecMainCode", Variant::from(code)),
            ("ExecMainStatus", Variant::from(status)),
        ];
        self.changed(unit, "Service", &service).await;
        let active = if result == "success" {
            "inactive"
        } else {
            "failed"
        };
        let common = [
            ("ActiveState", Variant::from(active)),
            ("InvocationID", Variant::from(vec![invocation; 16])),
        ];
        self.changed(unit, "Unit", &common).await;
    }

    /// Ends the connection from the fake's side.
    pub(crate) async fn hang_up(self) -> Systemd {
        self.server.close().await.unwrap();
        self.systemd
    }
}

fn path(unit: &str) -> ObjectPath<'static> {
    object_path::of_unit(&UnitName::from_systemd(unit))
}

#[derive(Debug, DBusError)]
#[zbus(prefix = "org.freedesktop.systemd1")]
enum Refusal {
    #[zbus(error)]
    Bus(zbus::Error),
    NoSuchUnit(String),
    UnitExists(String),
    UnitMasked(String),
}

#[derive(Debug)]
struct Manager {
    script: Script,
    calls: Arc<Mutex<Vec<String>>>,
    further: Arc<Mutex<Vec<String>>>,
}

impl Manager {
    fn called(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }

    fn find(&self, unit: &str) -> Result<(), Refusal> {
        if self.script.units.contains(&unit) {
            return Ok(());
        }
        if unit.contains("masked") {
            return Err(Refusal::UnitMasked(format!("Unit {unit} is masked.")));
        }
        Err(Refusal::NoSuchUnit(format!("Unit {unit} not found.")))
    }

    /// Makes a job, and lets it end before the call that made it is answered.
    async fn job(
        &self,
        unit: &str,
        emitter: &SignalEmitter<'_>,
    ) -> Result<OwnedObjectPath, Refusal> {
        self.find(unit)?;
        Ok(self.ends(unit, emitter).await?)
    }

    async fn ends(&self, unit: &str, emitter: &SignalEmitter<'_>) -> zbus::Result<OwnedObjectPath> {
        for other in 0..self.script.other_jobs {
            let job = ObjectPath::from_string_unchecked(format!("{ROOT}/job/{}", 1000 + other));
            Self::job_removed(emitter, 1000 + other, job.into(), "other.service", "failed").await?;
        }
        let job: OwnedObjectPath =
            ObjectPath::from_static_str_unchecked("/org/freedesktop/systemd1/job/7").into();
        if let Some(result) = self.script.job_result {
            Self::job_removed(emitter, 7, job.clone(), unit, result).await?;
        }
        Ok(job)
    }
}

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    fn subscribe(&self) {
        self.called("Subscribe".to_owned());
    }

    fn reload(&self) {
        self.called("Reload".to_owned());
    }

    async fn start_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> Result<OwnedObjectPath, Refusal> {
        self.called(format!("StartUnit {name} {mode}"));
        if self.script.hang_up {
            connection.clone().close().await?;
        }
        self.job(name, &emitter).await
    }

    async fn stop_unit(
        &self,
        name: &str,
        mode: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<OwnedObjectPath, Refusal> {
        self.called(format!("StopUnit {name} {mode}"));
        self.job(name, &emitter).await
    }

    /// What runs in it prints where its output goes.
    async fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: Vec<(String, OwnedVariant)>,
        others: Vec<(String, Vec<(String, OwnedVariant)>)>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<OwnedObjectPath, Refusal> {
        self.called(format!(
            "StartTransientUnit {name} {mode} {properties:?} {others:?}"
        ));
        if self.find(name).is_ok() {
            return Err(Refusal::UnitExists(format!("Unit {name} exists.")));
        }
        for (property, value) in properties {
            if let Variant::Fd(descriptor) = &*value {
                let descriptor = descriptor.as_fd().try_clone_to_owned().unwrap();
                writeln!(File::from(descriptor), "to {property}").unwrap();
            }
        }
        Ok(self.ends(name, &emitter).await?)
    }

    fn get_unit_processes(&self, name: &str) -> Result<Vec<UnitProcess>, Refusal> {
        self.find(name)?;
        let process = |&pid| ("/mcpod.slice".to_owned(), pid, "server".to_owned());
        Ok(self.script.processes.iter().map(process).collect())
    }

    fn reset_failed_unit(&self, name: &str) -> Result<(), Refusal> {
        self.called(format!("ResetFailedUnit {name}"));
        self.find(name)
    }

    fn enable_unit_files(
        &self,
        files: Vec<String>,
        runtime: bool,
        force: bool,
    ) -> Result<(bool, Vec<Change>), Refusal> {
        self.called(format!("EnableUnitFiles {files:?} {runtime} {force}"));
        files.iter().try_for_each(|file| self.find(file))?;
        Ok((true, Vec::new()))
    }

    fn disable_unit_files(
        &self,
        files: Vec<String>,
        runtime: bool,
    ) -> Result<Vec<Change>, Refusal> {
        self.called(format!("DisableUnitFiles {files:?} {runtime}"));
        files.iter().try_for_each(|file| self.find(file))?;
        Ok(Vec::new())
    }

    fn list_units_by_patterns(
        &self,
        states: Vec<String>,
        patterns: Vec<String>,
    ) -> Vec<ListedUnit> {
        self.called(format!("ListUnitsByPatterns {states:?} {patterns:?}"));
        let listed = |name: &str| {
            let none = ObjectPath::from_static_str_unchecked("/");
            (
                name.to_owned(),
                "MCP server time".to_owned(),
                "loaded".to_owned(),
                "active".to_owned(),
                "running".to_owned(),
                String::new(),
                path(name).into(),
                0,
                String::new(),
                none.into(),
            )
        };
        let further = self.further.lock().unwrap();
        let units = self.script.units.iter().rev().map(|name| listed(name));
        units
            .chain(further.iter().map(|name| listed(name)))
            .collect()
    }

    #[zbus(property)]
    fn environment(&self) -> Vec<String> {
        vec![
            "HOME=/home/u".to_owned(),
            "XDG_CONFIG_HOME=/home/u/c=d".to_owned(),
            "no assignment".to_owned(),
        ]
    }

    #[zbus(property)]
    fn version(&self) -> &'static str {
        "257.13-1~deb13u1"
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        job: OwnedObjectPath,
        unit: &str,
        result: &str,
    ) -> zbus::Result<()>;
}

#[derive(Debug)]
struct Unit {
    state: Arc<Mutex<&'static str>>,
}

#[zbus::interface(name = "org.freedesktop.systemd1.Unit")]
impl Unit {
    #[zbus(property)]
    fn load_state(&self) -> &'static str {
        "loaded"
    }
    #[zbus(property)]
    fn active_state(&self) -> &'static str {
        *self.state.lock().unwrap()
    }
    #[zbus(property)]
    fn sub_state(&self) -> &'static str {
        "failed"
    }
    #[zbus(property)]
    fn need_daemon_reload(&self) -> bool {
        true
    }
    #[zbus(property)]
    fn state_change_timestamp(&self) -> u64 {
        1_000_000
    }
    #[zbus(property, name = "InvocationID")]
    fn invocation_id(&self) -> Vec<u8> {
        (0..16).collect()
    }
}

#[derive(Debug)]
struct Service;

#[zbus::interface(name = "org.freedesktop.systemd1.Service")]
impl Service {
    #[zbus(property)]
    fn result(&self) -> &'static str {
        "oom-kill"
    }
    #[zbus(property)]
    fn exec_main_code(&self) -> i32 {
        2
    }
    #[zbus(property)]
    fn exec_main_status(&self) -> i32 {
        9
    }
    #[zbus(property, name = "MainPID")]
    fn main_pid(&self) -> u32 {
        4321
    }
    #[zbus(property)]
    fn memory_current(&self) -> u64 {
        u64::MAX
    }
    #[zbus(property)]
    fn memory_max(&self) -> u64 {
        512 << 20
    }
    #[zbus(property, name = "CPUUsageNSec")]
    fn cpu_usage(&self) -> u64 {
        1_500_000_000
    }
    #[zbus(property)]
    fn tasks_current(&self) -> u64 {
        3
    }
    #[zbus(property)]
    fn tasks_max(&self) -> u64 {
        u64::MAX
    }
}

#[derive(Debug)]
struct Socket {
    listen: Vec<(&'static str, String)>,
}

impl Socket {
    fn at(address: &str) -> Self {
        let other = ("FIFO", "/run/fifo".to_owned());
        Self {
            listen: vec![other, ("Stream", address.to_owned())],
        }
    }
}

#[zbus::interface(name = "org.freedesktop.systemd1.Socket")]
impl Socket {
    #[zbus(property)]
    fn listen(&self) -> Vec<(&'static str, String)> {
        self.listen.clone()
    }
    #[zbus(property, name = "NConnections")]
    fn connections(&self) -> u32 {
        2
    }
    #[zbus(property, name = "NAccepted")]
    fn accepted(&self) -> u32 {
        40
    }
    #[zbus(property, name = "NRefused")]
    fn refused(&self) -> u32 {
        1
    }
}
