//! How an instance died.
//!
//! With `CollectMode=inactive-or-failed` systemd unloads an instance the moment it fails, and asking for its result afterwards finds
//! nothing. What is left is what systemd announced while it went: `PropertiesChanged`, which it sends before it unloads a unit, first
//! for what only services have (`Result`, `ExecMainCode`...), then for what every unit has (`ActiveState`, `InvocationID`).
//! So whoever wants to know subscribes before it connects to the socket ([`Systemd::watch_deaths`]) and asks afterwards
//! ([`Deaths::of`]).

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use crate::quadlet::name::{ServerName, UnitName};

use super::instance::Instance;
use super::properties::Properties;
use super::signals::Signals;
use super::state::{ActiveState, Exit, UnitResult};
use super::status::{InvocationId, exit, invocation, result};
use super::watch::Event;
use super::{Systemd, SystemdError};

/// How many deaths of a server's instances are kept for those who ask late.
const KEPT: usize = 32;

/// The end of one run of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Death {
    /// The unit that ran.
    #[serde(serialize_with = "as_text")]
    pub unit: UnitName,
    /// How it ended, in systemd's view: exit codes and signals that are no failure are a success. Of an instance that systemd could
    /// not even load, since its template is missing or wrong, this is [`UnitResult::Resources`], as of the socket it belongs to.
    pub result: UnitResult,
    /// How its main process ended; none where none was started.
    pub exit: Option<Exit>,
    /// The run, by which the journal has its lines.
    pub invocation: Option<InvocationId>,
}

fn as_text<S: serde::Serializer>(unit: &UnitName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(unit.as_str())
}

impl fmt::Display for Death {
    /// Writes for example `mcpod-time@3-1278-1000.service: oom-kill, signal 9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.unit, self.result)?;
        match self.exit {
            Some(exit) => write!(f, ", {exit}"),
            None => Ok(()),
        }
    }
}

/// The deaths of one server's instances since this was made: the last few of them.
#[derive(Debug)]
pub struct Deaths {
    deaths: watch::Receiver<VecDeque<Death>>,
    _signals: Signals,
}

impl Deaths {
    /// How the instance of this unit died; waits so long for the news, since systemd is told of a process's end later than its client.
    pub async fn of(&self, unit: &UnitName, patience: Duration) -> Option<Death> {
        self.find(patience, |death| death.unit == *unit).await
    }

    /// How the last instance died to which the process `pid` had connected. For a process that connects but once, or not knowing to which.
    pub async fn of_client(&self, pid: u32, patience: Duration) -> Option<Death> {
        self.find(patience, |death| {
            Instance::parse(&death.unit).is_some_and(|instance| instance.pid == Some(pid))
        })
        .await
    }

    async fn find(&self, patience: Duration, wanted: impl Fn(&Death) -> bool) -> Option<Death> {
        let mut deaths = self.deaths.clone();
        let found = deaths.wait_for(|deaths| deaths.iter().any(&wanted));
        let deaths = tokio::time::timeout(patience, found).await.ok()?.ok()?;
        deaths.iter().find(|death| wanted(death)).cloned()
    }
}

impl Systemd {
    /// Keeps, from when this returns, how the instances of a server end. Costs two calls on the bus, one of them once a connection.
    pub async fn watch_deaths(&self, server: &ServerName) -> Result<Deaths, SystemdError> {
        let server = server.clone();
        let (sender, deaths) = watch::channel(VecDeque::new());
        let signals = self
            .observe(move |event| {
                let Event::Died(death) = event else { return };
                if Instance::parse(&death.unit).is_some_and(|instance| instance.server == server) {
                    sender.send_modify(|deaths| {
                        deaths.truncate(KEPT - 1);
                        deaths.push_front(death);
                    });
                }
            })
            .await?;
        Ok(Deaths {
            deaths,
            _signals: signals,
        })
    }
}

/// Puts together, from the signals of a unit, that and how it died.
#[derive(Debug, Default)]
pub(super) struct Deathbed {
    units: HashMap<UnitName, Run>,
}

/// What is known of a unit's present run.
#[derive(Debug, Default)]
struct Run {
    /// It was seen running.
    alive: bool,
    result: Option<UnitResult>,
    exit: Option<Exit>,
    /// The end of a run was told.
    told: bool,
    /// Which run's, so that a later signal of the same does not tell it again.
    last: Option<InvocationId>,
}

impl Deathbed {
    /// Takes one `PropertiesChanged`; returns the death, when it completes one.
    pub(super) fn observe(
        &mut self,
        unit: &UnitName,
        interface: &str,
        changed: &Properties,
    ) -> Option<Death> {
        let run = self.units.entry(unit.clone()).or_default();
        match interface {
            "org.freedesktop.systemd1.Service" => {
                run.result = result(changed).or(run.result.take());
                run.exit = exit(changed);
                None
            }
            "org.freedesktop.systemd1.Unit" => {
                let active = ActiveState::from(changed.text("ActiveState")?);
                if !active.is_over() {
                    run.alive = true;
                    return None;
                }
                let invocation = invocation(changed);
                // A unit that waits for its first start is over as well; it died only if it lived, or failed to.
                let failed = run
                    .result
                    .as_ref()
                    .is_some_and(|result| *result != UnitResult::Success);
                let ended = run.alive || run.exit.is_some() || failed;
                if !ended || (invocation.is_some() && invocation == run.last) {
                    return None;
                }
                run.alive = false;
                run.told = true;
                run.last = invocation;
                Some(Death {
                    unit: unit.clone(),
                    result: run.result.clone().unwrap_or(UnitResult::Success),
                    exit: run.exit,
                    invocation,
                })
            }
            _ => None,
        }
    }

    /// Forgets a unit that was unloaded. An instance exists to run, so one that goes without having died could not be started.
    pub(super) fn unload(&mut self, unit: &UnitName) -> Option<Death> {
        let told = self.units.remove(unit).is_some_and(|run| run.told);
        (!told && Instance::parse(unit).is_some()).then(|| Death {
            unit: unit.clone(),
            result: UnitResult::Resources,
            exit: None,
            invocation: None,
        })
    }
}
