//! A session with an active server, and what systemd knows of the instance behind it: how it died, what it said last.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::status::process_name;
use super::{Active, Error, Orchestrator, STOP};
use crate::activation::choices::Instances;
use crate::host::RuntimeDir;
use crate::quadlet::name::ServerName;
use crate::session::lists::Lists;
use crate::session::{Client, Incoming, Opening, Session, SessionError};
use crate::systemd::{ActiveState, Death, Deaths, Event, Instance, Systemd, journal};

/// How long to wait for systemd to tell how an instance died after its connection ended.
const DEATH_NEWS: Duration = Duration::from_secs(5);

/// How long to wait for systemd to tell which instance came of a connection; and after the end of the connection.
const BIRTH_NEWS: Duration = Duration::from_secs(5);
const BIRTH_NEWS_LATE: Duration = Duration::from_millis(200);
/// How long an instance that is on its way out is waited for, where one is all there may be.
const TURN: Duration = Duration::from_secs(10);

/// How often it is looked for. A unit that was stopped sends a signal, but a client that died sends none.
const TURN_POLL: Duration = Duration::from_millis(20);

/// A session, and a hold on the instance behind it.
#[derive(Debug)]
pub struct Connection {
    /// The session.
    pub session: Session,
    hold: Hold,
}

/// What is known of the instance that was connected to.
#[derive(Debug)]
pub struct Hold {
    name: ServerName,
    /// The instance behind the last connection, once it was seen to come.
    instance: Mutex<Option<Instance>>,
    systemd: Systemd,
    deaths: Deaths,
    runtime: RuntimeDir,
}

/// A session failed; with what is known of how the server ended.
#[derive(Debug)]
pub struct EndError {
    name: ServerName,
    /// What the session saw of it.
    pub cause: SessionError,
    /// The number of sessions that the server may have, if it was refused for being one more.
    full: Option<u32>,
    /// Who has the only session that there may be.
    holder: Option<String>,
    /// What it was added by, where its image was built and is gone.
    rebuild: Option<String>,
    death: Option<Death>,
    last_words: String,
}

impl fmt::Display for EndError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(holder) = &self.holder {
            return write!(
                f,
                "{} keeps data that one session at a time may use, and {holder} has it",
                self.name
            );
        }
        if let Some(sessions) = self.full {
            return write!(
                f,
                "{} has {sessions} sessions, as many as it may have",
                self.name
            );
        }
        write!(f, "{}: {}", self.name, AsChain(&self.cause))?;
        if let Some(death) = &self.death {
            write!(f, " ({}", death.result)?;
            if let Some(exit) = death.exit {
                write!(f, ", {exit}")?;
            }
            f.write_str(")")?;
        }
        if !self.last_words.is_empty() {
            f.write_str("\nits standard error ended with:")?;
            for line in self.last_words.lines() {
                write!(f, "\n  {line}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for EndError {}

impl EndError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        if self.holder.is_some() {
            return Some(
                "end that session, or add the server again with --instances private if it can share its data"
                    .to_owned(),
            );
        }
        if self.full.is_some() {
            return Some(
                "end one of them, or remove it and add it again with more --sessions".to_owned(),
            );
        }
        if let Some(given) = &self.rebuild {
            return Some(format!(
                "its image was built here and is gone; build it anew: mcpod remove {}, then mcpod add {given}",
                self.name
            ));
        }
        if self.last_words.is_empty() {
            self.cause.hint()
        } else {
            None
        }
    }
}

/// An error with its causes, on one line.
struct AsChain<'a>(&'a dyn std::error::Error);

impl fmt::Display for AsChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
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
        let remembered = self.eras();
        let era = remembered.recall(&active.record.digest);
        let opening = Opening {
            client,
            era: era.clone(),
            timeout: self.settings.sessions.open_timeout,
            incoming,
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
            self.connect_seeing(active, &hold).await
        };
        match opening.open(connect).await {
            Ok(session) => {
                if era.as_ref() != Some(session.era())
                    && let Err(error) = remembered.keep(&active.record.digest, session.era())
                {
                    tracing::debug!("the era of {} is not remembered: {error}", active.name);
                }
                Ok(Connection { session, hold })
            }
            Err(cause) => {
                // It may be what was wrong: the next session asks anew.
                if era.is_some()
                    && let Err(error) = remembered.forget(&active.record.digest)
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
    /// An instance is named after the process that connected, which may have several. So connections to one server are
    /// made one after the other, each waiting until its instance is there.
    async fn connect_seeing(&self, active: &Active, hold: &Hold) -> io::Result<UnixStream> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(active.name.clone()).or_default())
        };
        let _turn = turn.lock().await;
        let mut watch = self.systemd.watch().await.map_err(io::Error::other)?;
        let stream = UnixStream::connect(&active.socket).await?;
        let born = async {
            while let Some(event) = watch.next().await {
                if let Event::UnitNew(unit) = event
                    && let Some(instance) = Instance::parse(&unit)
                    && instance.server == active.name
                    && instance.pid == Some(std::process::id())
                {
                    return Some(instance);
                }
            }
            None
        };
        let refused = async {
            // No server speaks first: what can be read is the end.
            if stream.readable().await.is_ok() {
                sleep(BIRTH_NEWS_LATE).await;
            }
        };
        let instance = tokio::select! {
            instance = born => instance,
            () = refused => None,
            () = sleep(BIRTH_NEWS) => None,
        };
        *hold.lock() = instance;
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
            instance: Mutex::default(),
            name: active.name.clone(),
            runtime: self.host.runtime.clone(),
            systemd: self.systemd.clone(),
        })
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
        let full = hold.is_full(active).await;
        let last_words = if full.is_none() {
            hold.last_words(None)
        } else {
            String::new()
        };
        Error::from(Box::new(EndError {
            name: active.name.clone(),
            cause: SessionError::Ended {
                garbage: None,
                cause: None,
            },
            holder: hold.holder(active, full).await,
            full,
            rebuild: None,
            death: None,
            last_words,
        }))
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
        for instance in own(instances) {
            self.systemd.begin_stop(&instance.unit).await?;
        }
        Ok(())
    }

    /// Opens a session, asks for all that the server offers, keeps that in the cache, and ends the session.
    pub(super) async fn try_once(&self, active: &Active) -> Result<Lists, Error> {
        let connection = self.connect(active).await?;
        let collected =
            Lists::collect(&connection.session, self.settings.sessions.call_timeout).await;
        let collected = match collected {
            Ok(lists) => Ok(lists),
            Err(cause) => Err(connection.explain(active, cause).await),
        };
        connection.close(true).await?;
        let lists = collected?;
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
        self.session.close().await;
        self.hold.stop(wait).await
    }
}

impl Hold {
    /// Puts together what is known of why a session failed.
    pub async fn explain(&self, active: &Active, cause: SessionError) -> Box<EndError> {
        let mut error = Box::new(EndError {
            name: self.name.clone(),
            cause,
            full: None,
            holder: None,
            rebuild: None,
            death: None,
            last_words: String::new(),
        });
        match &error.cause {
            SessionError::Ended { .. } => {
                error.full = self.is_full(active).await;
                error.holder = self.holder(active, error.full).await;
                if error.full.is_none() {
                    (error.death, error.last_words) = self.obituary().await;
                    // Podman's words, as it starts a container.
                    let gone = error.last_words.contains("image not known");
                    error.rebuild = gone.then(|| active.record.given.clone());
                }
            }
            // It lives: what it said so far may say why it does not answer.
            SessionError::TimedOut { .. } => error.last_words = self.last_words(None),
            _ => {}
        }
        error
    }

    /// The number of sessions that the server may have, if it has them: the connection of one more is closed by systemd at once.
    async fn is_full(&self, active: &Active) -> Option<u32> {
        let status = self.systemd.status(&self.name.socket_unit()).await.ok()?;
        let socket = status.socket?;
        let most = active.record.most_sessions();
        (socket.refused > 0 && socket.connections >= most).then_some(most)
    }

    /// Waits, where one instance is all there may be, until one that is on its way out is gone.
    async fn await_turn(&self) -> Result<(), Error> {
        let left = async {
            while self.is_leaving().await? {
                sleep(TURN_POLL).await;
            }
            Ok(())
        };
        // Whoever is still there then has the server; the connection will be refused, and say so.
        tokio::time::timeout(TURN, left).await.unwrap_or(Ok(()))
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
    async fn holder(&self, active: &Active, full: Option<u32>) -> Option<String> {
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

    /// How the instance behind our connection died and what it said last; waits for the news.
    async fn obituary(&self) -> (Option<Death>, String) {
        let instance = self.lock().clone();
        let death = match instance {
            Some(instance) => self.deaths.of(&instance.unit, DEATH_NEWS).await,
            None => self.deaths.of_client(std::process::id(), DEATH_NEWS).await,
        };
        let words = self.last_words(death.as_ref());
        (death, words)
    }

    /// The end of what our instance wrote to its standard error.
    fn last_words(&self, death: Option<&Death>) -> String {
        let dead = death.and_then(|death| Instance::parse(&death.unit));
        let dead = dead.or_else(|| self.lock().clone());
        let ours = || own(journal::logged(&self.runtime, &self.name)).next();
        dead.or_else(ours)
            .map(|instance| journal::last_words(&self.runtime, &instance))
            .unwrap_or_default()
    }

    /// Stops the instance that was connected to; one that was never seen to come is left to the guard. With `wait`,
    /// returns when it is gone.
    pub async fn stop(&self, wait: bool) -> Result<(), Error> {
        let instance = self.lock().clone();
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

    fn lock(&self) -> MutexGuard<'_, Option<Instance>> {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The instances to which this process connected.
fn own(instances: Vec<Instance>) -> impl Iterator<Item = Instance> {
    let pid = std::process::id();
    instances
        .into_iter()
        .filter(move |instance| instance.pid == Some(pid))
}
