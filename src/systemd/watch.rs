//! Watching: what happens to mcpod's units, whoever caused it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{Receiver, Sender, channel};
use zbus::{Message, OwnedVariant};

use crate::quadlet::name::UnitName;

use super::death::{Death, Deathbed};
use super::job::JobRemoved;
use super::manager::MANAGER;
use super::properties::Properties;
use super::signals::{self, Signals};
use super::state::{ActiveState, JobResult};
use super::{Systemd, SystemdError, object_path};

/// How many events wait for an observer before it is told that it [missed](Event::Missed) some.
const EVENTS: usize = 256;

/// What all our units' names begin with.
const OURS: &str = "mcpod-";

/// Something that happened to mcpod's units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// All unit files were read again: any of them may be new, changed or gone. Comes after every reload, by whoever.
    Reloaded,
    /// A unit was enabled, disabled or masked.
    UnitFilesChanged,
    /// A job for one of our units ended.
    JobRemoved {
        /// The unit.
        unit: UnitName,
        /// How the job ended.
        result: JobResult,
    },
    /// One of our units was loaded. That it was loaded anew by a reload is not told.
    UnitNew(UnitName),
    /// One of our units was unloaded. That it was unloaded by a reload is not told.
    UnitRemoved(UnitName),
    /// One of our sockets does not listen: it was stopped, ended by itself, or is about to listen.
    NotListening(UnitName),
    /// A run of one of our services ended.
    Died(Death),
    /// The observer was too slow and events were lost: look at everything again.
    Missed,
}

/// The events since this was made. It may be left alone for any time, at the price of [`Event::Missed`].
#[derive(Debug)]
pub struct Watch {
    events: Receiver<Event>,
    missed: Arc<AtomicBool>,
    _signals: Signals,
}

impl Watch {
    /// Waits for the next event; none when the connection to the bus has ended. Nothing is lost when this is cancelled.
    pub async fn next(&mut self) -> Option<Event> {
        // Events are lost only while the queue is full, so they are missing behind everything that is in it now.
        if self.events.is_empty() && self.missed.swap(false, Ordering::AcqRel) {
            return Some(Event::Missed);
        }
        self.events.recv().await
    }
}

impl Systemd {
    /// Watches mcpod's units from when this returns.
    pub async fn watch(&self) -> Result<Watch, SystemdError> {
        let (sender, events) = channel(EVENTS);
        let missed = Arc::new(AtomicBool::new(false));
        let lost = Arc::clone(&missed);
        let signals = self
            .observe(move |event| tell(&sender, &lost, event))
            .await?;
        Ok(Watch {
            events,
            missed,
            _signals: signals,
        })
    }

    /// Gives each event to `take`, from when this returns.
    pub(super) async fn observe(
        &self,
        mut take: impl FnMut(Event) + Send + 'static,
    ) -> Result<Signals, SystemdError> {
        let mut observer = Observer::default();
        let link = self.link().await?;
        let signals = Signals::receive(&link.connection, signals::of_all()?, move |message| {
            observer
                .observe(message)
                .into_iter()
                .flatten()
                .for_each(&mut take);
        })
        .await?;
        link.subscribe().await?;
        Ok(signals)
    }
}

/// Puts an event into the queue, or marks that it had no place.
fn tell(queue: &Sender<Event>, missed: &AtomicBool, event: Event) {
    if queue.try_send(event).is_err() {
        missed.store(true, Ordering::Release);
    }
}

/// Makes events of signals.
#[derive(Debug, Default)]
struct Observer {
    /// Between `Reloading(true)` and `Reloading(false)` systemd unloads and loads every unit, which says nothing about them.
    reloading: bool,
    deaths: Deathbed,
}

impl Observer {
    /// What a signal tells: nothing, one event, or two in their order.
    fn observe(&mut self, message: &Message) -> [Option<Event>; 2] {
        let header = message.header();
        let (Some(interface), Some(member)) = (header.interface(), header.member()) else {
            return [None, None];
        };
        match (interface.as_str(), member.as_str()) {
            (MANAGER, "UnitRemoved") if !self.reloading => {
                let Some(unit) = our_unit(message) else {
                    return [None, None];
                };
                let death = self.deaths.unload(&unit).map(Event::Died);
                [death, Some(Event::UnitRemoved(unit))]
            }
            (MANAGER, member) => [self.observe_manager(message, member), None],
            ("org.freedesktop.DBus.Properties", "PropertiesChanged") => {
                [self.observe_unit(message), None]
            }
            _ => [None, None],
        }
    }

    fn observe_manager(&mut self, message: &Message, member: &str) -> Option<Event> {
        let body = message.body();
        match member {
            "Reloading" => {
                self.reloading = body.deserialize().ok()?;
                (!self.reloading).then_some(Event::Reloaded)
            }
            "UnitFilesChanged" => Some(Event::UnitFilesChanged),
            "JobRemoved" => {
                let JobRemoved {
                    job: _,
                    unit,
                    result,
                } = JobRemoved::read(message)?;
                is_ours(&unit).then_some(Event::JobRemoved { unit, result })
            }
            "UnitNew" if !self.reloading => our_unit(message).map(Event::UnitNew),
            _ => None,
        }
    }

    fn observe_unit(&mut self, message: &Message) -> Option<Event> {
        let header = message.header();
        // All units' signals come here, so those of others are told by their path before anything is read.
        let unit = object_path::unit_of(header.path()?).filter(is_ours)?;
        let body = message.body();
        let (interface, changed, _invalidated): (
            String,
            HashMap<String, OwnedVariant>,
            Vec<String>,
        ) = body.deserialize().ok()?;
        let changed = Properties(changed);
        if unit.as_str().ends_with(".socket") {
            let state = changed.text("ActiveState").map(ActiveState::from);
            let is_down = state.is_some_and(|state| state != ActiveState::Active);
            return is_down.then_some(Event::NotListening(unit));
        }
        let death = self.deaths.observe(&unit, &interface, &changed);
        death.map(Event::Died)
    }
}

/// The unit that `UnitNew` and `UnitRemoved` tell of, if it is one of ours.
fn our_unit(message: &Message) -> Option<UnitName> {
    let body = message.body();
    let (unit, _path): (&str, zbus::ObjectPath<'_>) = body.deserialize().ok()?;
    Some(UnitName::from_systemd(unit)).filter(is_ours)
}

fn is_ours(unit: &UnitName) -> bool {
    unit.as_str().starts_with(OURS)
}
