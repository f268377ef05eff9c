//! Births: which instance came of which connection.
//!
//! systemd names an instance after the process that connected, which may have several connections to one server. It takes them in the
//! order in which they were made. So what appears of ours, and was not there before, belongs to our connections in that order; one whose
//! instance is long in coming keeps its place, so that it is not taken for the next one's.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::quadlet::name::{ServerName, UnitName};
use crate::systemd::{Event, Instance, Systemd, SystemdError, Watch};

/// How long a connection keeps its place: longer than systemd takes to read all its units anew, while it takes no connection.
const LATE: Duration = Duration::from_mins(3);

/// Where it is noted which instance a connection led to.
#[derive(Debug, Default)]
pub(super) struct Birth {
    instance: Mutex<Option<Instance>>,
    /// The connection has ended, and no instance came of it.
    in_vain: AtomicBool,
}

impl Birth {
    pub(super) fn instance(&self) -> MutexGuard<'_, Option<Instance>> {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that no instance will come any more, if none has.
    pub(super) fn give_up(&self) {
        if self.instance().is_none() {
            self.in_vain.store(true, Ordering::Relaxed);
        }
    }
}

/// The connections of this process to one server whose instances are still to come.
#[derive(Debug, Default)]
pub(super) struct Births {
    /// Since before the first of them was made.
    watch: Option<Watch>,
    /// Instances that will not come: they were there before, or have come.
    known: HashSet<UnitName>,
    awaited: VecDeque<Awaited>,
    /// How many connections were made so far.
    made: u64,
}

#[derive(Debug)]
struct Awaited {
    number: u64,
    birth: Arc<Birth>,
    until: Instant,
}

impl Births {
    /// Gets ready for a connection: what is there now does not come of it, even if systemd tells of it anew, as it does of all units that
    /// it reads again.
    pub(super) async fn prepare(
        &mut self,
        systemd: &Systemd,
        server: &ServerName,
    ) -> Result<(), SystemdError> {
        let now = Instant::now();
        self.awaited.retain(|awaited| awaited.until > now);
        if self.awaited.is_empty() {
            self.watch = None;
            self.known.clear();
        }
        if self.watch.is_none() {
            self.watch = Some(systemd.watch().await?);
        }
        self.look(systemd, server).await
    }

    /// Keeps a place for a connection that is there now; gives its number.
    pub(super) fn await_one(&mut self, birth: &Arc<Birth>) -> u64 {
        // It may have been another connection's before, of which nothing came.
        self.awaited.retain(|awaited| {
            !(Arc::ptr_eq(&awaited.birth, birth) && birth.in_vain.load(Ordering::Relaxed))
        });
        *birth.instance() = None;
        birth.in_vain.store(false, Ordering::Relaxed);
        self.made += 1;
        self.awaited.push_back(Awaited {
            number: self.made,
            birth: Arc::clone(birth),
            until: Instant::now() + LATE,
        });
        self.made
    }

    /// Waits for the instance of the connection of this number. It keeps its place if this is cancelled.
    pub(super) async fn come(&mut self, number: u64, systemd: &Systemd, server: &ServerName) {
        while self.awaited.iter().any(|awaited| awaited.number == number) {
            let Some(watch) = &mut self.watch else { return };
            let event = watch.next().await;
            self.hear(event, systemd, server).await;
        }
    }

    /// Takes what was told since somebody listened last.
    pub(super) async fn settle(&mut self, systemd: &Systemd, server: &ServerName) {
        while let Some(watch) = &mut self.watch
            && !self.awaited.is_empty()
            && let Some(event) = watch.next().now_or_never()
        {
            self.hear(event, systemd, server).await;
        }
    }

    /// Gives the place of a connection away: no instance comes of it.
    pub(super) fn leave(&mut self, number: u64) {
        self.awaited.retain(|awaited| awaited.number != number);
    }

    /// Whether this process has made no connection but one.
    pub(super) fn is_only(&self) -> bool {
        self.made <= 1
    }

    async fn hear(&mut self, event: Option<Event>, systemd: &Systemd, server: &ServerName) {
        match event {
            Some(Event::UnitNew(unit)) => {
                if let Some(instance) = Instance::parse(&unit)
                    && instance.server == *server
                {
                    self.born(instance);
                }
            }
            Some(Event::Missed) => {
                if let Err(error) = self.look(systemd, server).await {
                    tracing::debug!("the instances of {server} are not known: {error}");
                }
            }
            Some(_) => {}
            // Nothing is told any more.
            None => {
                self.watch = None;
                self.awaited.clear();
            }
        }
    }

    /// Takes the instances that are there, in the order in which they came.
    async fn look(&mut self, systemd: &Systemd, server: &ServerName) -> Result<(), SystemdError> {
        for instance in systemd.instances(server).await? {
            self.born(instance);
        }
        Ok(())
    }

    fn born(&mut self, instance: Instance) {
        let is_new = self.known.insert(instance.unit.clone());
        if !is_new || instance.pid != Some(std::process::id()) {
            return;
        }
        let mut awaited = std::iter::from_fn(|| self.awaited.pop_front());
        let next = awaited.find(|awaited| !awaited.birth.in_vain.load(Ordering::Relaxed));
        if let Some(Awaited { birth, .. }) = next {
            *birth.instance() = Some(instance);
        }
    }
}
