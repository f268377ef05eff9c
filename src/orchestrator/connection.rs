//! A session with an active server, and what systemd knows of the instance behind it: how it died, what it said last.

mod births;
mod end;
mod hold;
mod keys;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::{Active, Error, Orchestrator};
use crate::activation::choices::Instances;
use crate::quadlet::name::ServerName;
use crate::session::lists::{Collected, List, Lists};
use crate::session::{Client, Incoming, Opening, Session, SessionError};
use crate::systemd::Instance;
use births::{Birth, Births};
pub use end::EndError;
pub use hold::Hold;

/// How long to wait for systemd to tell which instance came of a connection; and after the end of the connection.
const BIRTH_NEWS: Duration = Duration::from_secs(5);
const BIRTH_NEWS_LATE: Duration = Duration::from_millis(200);

/// How long a session may take to be closed before its instance is stopped all the same: a server that does not read would hold it up
/// for longer than a frontend has to leave.
const CLOSING: Duration = Duration::from_millis(200);

/// How many sessions with one server are opened at once: one that hangs must not take all the room that there is for others.
const OPENINGS: usize = 4;

/// The way to one server.
#[derive(Debug)]
pub(super) struct Way {
    /// Whoever has this connects.
    births: tokio::sync::Mutex<Births>,
    /// Room for sessions that are being opened.
    openings: Semaphore,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            births: tokio::sync::Mutex::default(),
            openings: Semaphore::new(OPENINGS),
        }
    }
}

/// A session, and a hold on the instance behind it.
#[derive(Debug)]
pub struct Connection {
    /// The session.
    pub session: Session,
    hold: Hold,
}

impl Orchestrator {
    /// Opens a session with an active server for mcpod itself.
    pub async fn connect(&self, active: &Active) -> Result<Connection, Error> {
        self.connect_for(active, Client::mcpod(), None).await
    }

    /// Opens a session with an active server for a client, to whom goes what the server says of its own accord.
    pub async fn connect_for(
        &self,
        active: &Active,
        client: Client,
        incoming: Option<mpsc::Sender<Incoming>>,
    ) -> Result<Connection, Error> {
        // Before the connection, since the instance of a server that exits at once is gone before anybody can ask for it.
        let hold = self.hold(active).await?;
        if active.record.instances == Instances::Single {
            hold.await_turn().await?;
        }
        // Never closed. Waiting for others is no time that the server takes.
        let way = Arc::clone(&hold.way);
        let _turn = way.openings.acquire().await;
        let _room = self.openings.acquire().await;
        let session = match self
            .open_session(active, &hold, &client, incoming.as_ref())
            .await
        {
            Err(Error::Session(error)) if error.lost_mount => {
                tracing::debug!("{error}; once more");
                self.open_session(active, &hold, &client, incoming.as_ref())
                    .await
            }
            opened => opened,
        };
        Ok(Connection {
            session: session?,
            hold,
        })
    }

    /// Opens a session, over the connection that comes into the hold.
    async fn open_session(
        &self,
        active: &Active,
        hold: &Hold,
        client: &Client,
        incoming: Option<&mpsc::Sender<Incoming>>,
    ) -> Result<Session, Error> {
        let remembered = self.eras();
        let era = remembered.recall(active.record.identity());
        let opening = Opening {
            client: client.clone(),
            era: era.clone(),
            timeout: self.settings.sessions.open_timeout,
            incoming: incoming.cloned(),
        };
        let connected = AtomicBool::new(false);
        let connect = || async {
            // A second instance is asked for where the first did not survive the question for its era.
            if connected.swap(true, Ordering::Relaxed)
                && let Err(error) = hold.stop(true).await
            {
                tracing::debug!(
                    "the first instance of {} does not stop: {error}",
                    active.name
                );
            }
            self.connect_seeing(active, hold).await
        };
        match opening.open(connect).await {
            Ok(session) => {
                if era.as_ref() != Some(session.era())
                    && let Err(error) = remembered.keep(active.record.identity(), session.era())
                {
                    tracing::debug!("the era of {} is not remembered: {error}", active.name);
                }
                Ok(session)
            }
            Err(cause) => {
                // It may be what was wrong: the next session asks anew.
                if era.is_some()
                    && let Err(error) = remembered.forget(active.record.identity())
                {
                    tracing::debug!("the era of {} is not forgotten: {error}", active.name);
                }
                let error = hold.explain(active, cause).await;
                hold.stop(true).await?;
                Err(error.into())
            }
        }
    }

    /// Connects, and notes in the hold which instance comes of it.
    ///
    /// Connections to one server are made one after the other, each waiting until its instance is there: so they can be told apart.
    async fn connect_seeing(&self, active: &Active, hold: &Hold) -> io::Result<UnixStream> {
        let mut births = hold.way.births.lock().await;
        let prepared = births.prepare(&self.systemd, &active.name).await;
        prepared.map_err(io::Error::other)?;
        let stream = UnixStream::connect(&active.socket).await?;
        let number = births.await_one(&hold.birth);
        let refused = async {
            // No server speaks first: what can be read is the end.
            if stream.readable().await.is_ok() {
                sleep(BIRTH_NEWS_LATE).await;
            }
        };
        tokio::select! {
            () = births.come(number, &self.systemd, &active.name) => {}
            () = refused => births.leave(number),
            // It may still come, and is then known.
            () = sleep(BIRTH_NEWS) => {}
        }
        drop(births);
        Ok(stream)
    }

    /// Waits, where one session is all that a server may have, until one that is on its way out is gone.
    pub async fn await_turn(&self, active: &Active) -> Result<(), Error> {
        if active.record.instances == Instances::Single {
            self.hold(active).await?.await_turn().await?;
        }
        Ok(())
    }

    /// Watches, from before a connection is made, what becomes of the instances of a server.
    pub async fn hold(&self, active: &Active) -> Result<Hold, Error> {
        Ok(Hold {
            deaths: self.systemd.watch_deaths(&active.name).await?,
            birth: Arc::<Birth>::default(),
            way: self.way(&active.name),
            name: active.name.clone(),
            runtime: self.host.runtime.clone(),
            systemd: self.systemd.clone(),
        })
    }

    /// The way to a server.
    fn way(&self, name: &ServerName) -> Arc<Way> {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(ways.entry(name.clone()).or_default())
    }

    /// Says why nobody listens on the socket of an active server.
    pub fn not_listening(&self, active: &Active) -> Error {
        Error::NotListening {
            name: active.name.clone(),
        }
    }

    /// Says how the instance ended that this process was connected to, as far as that can be told without having watched it.
    pub async fn died(&self, active: &Active) -> Error {
        let hold = match self.hold(active).await {
            Ok(hold) => hold,
            Err(error) => return error,
        };
        let cause = SessionError::Ended {
            garbage: None,
            cause: None,
        };
        let mut error = Box::new(EndError::new(active.name.clone(), cause));
        // It was let in if it has a log; how many were refused since the server is there says nothing of this one.
        if hold.own_log().is_none() {
            error.full = hold.is_full(active).await;
            error.holder = hold.holder(active, error.full).await;
        }
        if error.full.is_none() {
            error.hear(hold.last_words(None, true), active);
        }
        error.into()
    }

    /// Stops the instances that this process is connected to; systemd does it, and is not waited for.
    pub async fn stop_own(&self, active: &Active) -> Result<(), Error> {
        for instance in own(self.systemd.instances(&active.name).await?) {
            self.systemd.begin_stop(&instance.unit).await?;
        }
        Ok(())
    }

    /// Stops the instances of all servers that this process is connected to; systemd does it, and is not waited for.
    pub async fn stop_all_own(&self) -> Result<(), Error> {
        let loaded = self.systemd.list(&["mcpod-*@*.service"]).await?;
        let instances = loaded
            .iter()
            .filter(|unit| !unit.active.is_over())
            .filter_map(|unit| Instance::parse(&unit.unit))
            .collect();
        let own: Vec<Instance> = own(instances).collect();
        let stopping = own
            .iter()
            .map(|instance| self.systemd.begin_stop(&instance.unit));
        // One that cannot be stopped is no reason to leave the others.
        let stopped = futures_util::future::join_all(stopping).await;
        Ok(stopped.into_iter().collect::<Result<(), _>>()?)
    }

    /// Opens a session, asks for all that the server offers, keeps that in the cache, and ends the session.
    pub(super) async fn try_once(&self, active: &Active) -> Result<Lists, Error> {
        let connection = self.connect(active).await?;
        let (session, time) = (&connection.session, self.settings.sessions.call_timeout);
        let known = self.known_lists(active);
        let Collected { lists, failed } = Lists::collect(session, time, known.as_ref()).await;
        // It can do without another list, but not without its tools.
        let mut fatal = failed.into_iter().filter(|(list, cause)| {
            *list == List::Tools || matches!(cause, SessionError::Ended { .. })
        });
        let failed = match fatal.next() {
            Some((_, cause)) => Some(connection.explain(active, cause).await),
            None => None,
        };
        connection.close(true).await?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        self.keep_lists(active, &lists);
        Ok(lists)
    }
}

impl Connection {
    /// Puts together what is known of why a call failed.
    pub async fn explain(&self, active: &Active, cause: SessionError) -> Box<EndError> {
        self.hold.explain(active, cause).await
    }

    /// Ends the session and its instance. With `wait`, returns when that is gone.
    pub async fn close(&self, wait: bool) -> Result<(), Error> {
        if let Some(SessionError::Ended { .. }) = self.session.over() {
            self.hold.settle().await;
            self.hold.birth.give_up();
        }
        // What is queued is still written when this is not waited for any longer.
        if timeout(CLOSING, self.session.close()).await.is_err() {
            tracing::debug!("a server does not read while its session is closed");
        }
        self.hold.stop(wait).await
    }
}

/// The instances to which this process connected.
pub(super) fn own(instances: Vec<Instance>) -> impl Iterator<Item = Instance> {
    let pid = std::process::id();
    instances
        .into_iter()
        .filter(move |instance| instance.pid == Some(pid))
}
