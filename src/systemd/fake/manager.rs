//! The manager: what the fake answers as systemd itself.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex};

use zbus::object_server::SignalEmitter;
use zbus::{Connection, DBusError, ObjectPath, OwnedObjectPath, OwnedVariant, Variant};

use super::{Script, path};
use crate::systemd::manager::{Change, ListedUnit, ROOT, UnitProcess};

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
pub(super) struct Manager {
    pub(super) script: Script,
    pub(super) calls: Arc<Mutex<Vec<String>>>,
    pub(super) further: Arc<Mutex<Vec<String>>>,
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
