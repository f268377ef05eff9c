//! The hold on an instance: which it is that was connected to, how it died, what it said last; and its end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::births::Birth;
use super::{BIRTH_NEWS_LATE, Way, own};
use crate::activation::choices::Instances;
use crate::host::RuntimeDir;
use crate::orchestrator::connection::EndError;
use crate::orchestrator::status::process_name;
use crate::orchestrator::{Active, Error, STOP};
use crate::quadlet::name::ServerName;
use crate::session::SessionError;
use crate::systemd::{ActiveState, Death, Deaths, Instance, Systemd, journal};

/// How long to wait for systemd to tell how an instance died after its connection ended.
const DEATH_NEWS: Duration = Duration::from_secs(5);

/// How long an instance that is on its way out is waited for, where one is all there may be.
const TURN: Duration = Duration::from_secs(10);

/// How often it is looked for. A unit that was stopped sends a signal, but a client that died sends none.
const TURN_POLL: Duration = Duration::from_millis(20);

/// What is known of the instance that was connected to.
#[derive(Debug)]
pub struct Hold {
    pub(super) name: ServerName,
    /// The instance behind the last connection, once it was seen to come.
    pub(super) birth: Arc<Birth>,
    pub(super) way: Arc<Way>,
    pub(super) systemd: Systemd,
    pub(super) deaths: Deaths,
    pub(super) runtime: RuntimeDir,
}

impl Hold {
    /// Puts together what is known of why a session failed.
    pub async fn explain(&self, active: &Active, cause: SessionError) -> Box<EndError> {
        let mut error = Box::new(EndError::new(self.name.clone(), cause));
        let is_only = self.settle().await;
        match &error.cause {
            SessionError::Ended { .. } => {
                self.birth.give_up();
                // Whoever has an instance was let in. How many were refused since the server is there says nothing of this one.
                if self.birth.instance().is_none() {
                    error.full = self.is_full(active).await;
                    error.holder = self.holder(active, error.full).await;
                }
                if error.full.is_none() {
                    let (death, last_words) = self.obituary(is_only).await;
                    error.death = death;
                    error.hear(last_words, active);
                }
            }
            // It lives: what it said so far may say why it does not answer.
            SessionError::TimedOut { .. } => error.last_words = self.last_words(None, is_only),
            _ => {}
        }
        error
    }

    /// The number of sessions that the server may have, if it has them: the connection of one more is closed by systemd at once.
    pub(super) async fn is_full(&self, active: &Active) -> Option<u32> {
        let status = self.systemd.status(&self.name.socket_unit()).await.ok()?;
        let socket = status.socket?;
        let most = active.record.most_sessions();
        (socket.refused > 0 && socket.connections >= most).then_some(most)
    }

    /// Waits, where one instance is all there may be, until one that is on its way out is gone.
    pub(super) async fn await_turn(&self) -> Result<(), Error> {
        let left = async {
            while self.is_leaving().await? {
                sleep(TURN_POLL).await;
            }
            Ok(())
        };
        // Whoever is still there then has the server; the connection will be refused, and say so.
        timeout(TURN, left).await.unwrap_or(Ok(()))
    }

    /// Whether an instance is being stopped, or its client is gone.
    async fn is_leaving(&self) -> Result<bool, Error> {
        for instance in self.systemd.instances(&self.name).await? {
            let status = self.systemd.status(&instance.unit).await?;
            let client_gone = instance
                .pid
                .is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists());
            if status.active == ActiveState::Deactivating
                || (client_gone && !status.active.is_over())
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Who has the session, in words, where that is the only one that there may be.
    pub(super) async fn holder(&self, active: &Active, full: Option<u32>) -> Option<String> {
        if full.is_none() || active.record.instances != Instances::Single {
            return None;
        }
        let instances = self.systemd.instances(&self.name).await.ok()?;
        let ours = Some(std::process::id());
        let other = instances.iter().find(|instance| instance.pid != ours);
        Some(match other.and_then(|instance| instance.pid) {
            Some(pid) => match process_name(pid) {
                Some(name) => format!("process {pid} ({name})"),
                None => format!("process {pid}"),
            },
            None => "a process that is not visible from here".to_owned(),
        })
    }

    /// Hears whether the instance has come meanwhile; if it is not known, says whether any instance of this process must be the one.
    pub(super) async fn settle(&self) -> bool {
        if self.birth.instance().is_some() {
            return false;
        }
        // Whoever connects just now listens as well.
        let Ok(mut births) = timeout(BIRTH_NEWS_LATE, self.way.births.lock()).await else {
            return false;
        };
        births.settle(&self.systemd, &self.name).await;
        births.is_only()
    }

    /// How the instance behind our connection died and what it said last; waits for the news. One that is not known is guessed by the
    /// process if `is_only`: of a process with several connections it might be the instance of another agent.
    async fn obituary(&self, is_only: bool) -> (Option<Death>, String) {
        let instance = self.birth.instance().clone();
        let death = match instance {
            Some(instance) => self.deaths.of(&instance.unit, DEATH_NEWS).await,
            None if is_only => self.deaths.of_client(std::process::id(), DEATH_NEWS).await,
            None => None,
        };
        let words = self.last_words(death.as_ref(), is_only);
        (death, words)
    }

    /// The end of what our instance wrote to its standard error; which is guessed if `is_only`, as above.
    pub(super) fn last_words(&self, death: Option<&Death>, is_only: bool) -> String {
        let dead = death.and_then(|death| Instance::parse(&death.unit));
        let known = dead.or_else(|| self.birth.instance().clone());
        let known = known.or_else(|| is_only.then(|| self.own_log()).flatten());
        known
            .map(|instance| journal::last_words(&self.runtime, &instance))
            .unwrap_or_default()
    }

    /// An instance of this process that has a log.
    pub(super) fn own_log(&self) -> Option<Instance> {
        own(journal::logged(&self.runtime, &self.name)).next()
    }

    /// Stops the instance that was connected to; one that was never seen to come is left to the guard. With `wait`,
    /// returns when it is gone.
    pub async fn stop(&self, wait: bool) -> Result<(), Error> {
        self.settle().await;
        let instance = self.birth.instance().clone();
        let Some(Instance { unit, .. }) = instance else {
            return Ok(());
        };
        if wait {
            self.systemd.stop(&unit, STOP).await?;
        } else {
            self.systemd.begin_stop(&unit).await?;
        }
        Ok(())
    }
}
