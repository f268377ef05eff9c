//! A systemd for tests: it speaks the same D-Bus, over a socket pair instead of a bus. For the tests of all modules that talk to systemd.

#![expect(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "zbus wants the methods of an interface so"
)]

mod manager;
mod unit;

use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use zbus::{Connection, Guid, ObjectPath, Variant, connection};

use super::manager::ROOT;
use super::{Systemd, object_path};
use crate::quadlet::name::UnitName;
use manager::Manager;
use unit::{Service, Socket, Unit};

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
