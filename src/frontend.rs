//! The frontend: one MCP server through which agents find, add and use all others.
//!
//! ```text
//! agent <-> face <-> Agent -> route -> Link -> worker -> session -> server
//!                      ^                        pump <-'
//!                      `------------ Voice <-----'
//! ```
//!
//! A [`face`](stdio) reads and writes messages; an [`Agent`] answers what the frontend itself can answer (who it is,
//! the lists, from the cache) and takes everything else to its server. Every agent has sessions of its own, so what
//! it declares is passed on as it is and no agent sees what is another's.
//!
//! Messages stay the text they came as. Ids (of requests, tasks and subscriptions), progress tokens, names and addresses are
//! changed where they must be, and what only one era of the protocol knows is added or taken away; no other byte is.

mod agent;
mod asks;
mod counts;
mod errands;
mod follow;
mod gathered;
mod greeting;
mod heard;
mod holds;
pub mod http;
mod identity;
mod input;
mod learned;
mod link;
mod listening;
pub mod naming;
mod offer;
mod parking;
mod peer;
mod pump;
mod question;
mod registry;
mod relist;
mod rewrite;
mod roster;
mod route;
mod shown;
pub mod stdio;
mod subscriptions;
mod tasks;
mod translate;
mod uri;
mod voice;
mod watches;
mod worker;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::orchestrator::trust::Trusted;
use crate::orchestrator::{Active, Error, Orchestrator};
use crate::quadlet::name::ServerName;
use crate::session::lists::Lists;
use crate::session::{Client, Incoming};
pub use agent::Agent;
use counts::Counts;
use offer::{Names, Origin};
use peer::{Peer, told};
use roster::Roster;
pub use voice::Said;
use voice::lock;

/// What agents are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// The registry tools, and all that active servers offer.
    All,
    /// The registry tools alone; they call all others.
    Lazy,
    /// One server alone, under its own names.
    Server(ServerName),
}

/// What all agents of this process share.
#[derive(Debug)]
pub struct Frontend {
    orchestrator: Arc<Orchestrator>,
    shape: Shape,
    /// What the registry offers.
    registry: Mutex<Arc<Lists>>,
    roster: Mutex<Arc<Roster>>,
    /// Servers that were asked what they offer since they are active.
    asked: Mutex<HashMap<ServerName, Asked>>,
    changed: watch::Sender<()>,
    /// Asks for another look at what is active.
    again: Arc<Notify>,
    /// What was called, and how that went.
    counts: Counts,
    /// Where the user is asked for secrets, if this process serves the page.
    asks: OnceLock<Arc<asks::Asks>>,
}

/// How long to wait before a server is asked again that did not say what it offers, at first; then twice as long each
/// time, and so often at most. A call to it that succeeds shows what it offers too.
const RETRY: Duration = Duration::from_secs(30);
const RETRIES: u32 = 5;

/// How often a server is asked again at most that says that what it offers has changed.
const PACE: Duration = Duration::from_mins(1);

/// How long having instances stopped may take at the end; what is not done by then, the guard does.
const LEAVING: Duration = Duration::from_millis(300);

/// A server that was asked what it offers.
#[derive(Debug, Clone, Copy)]
struct Asked {
    since: Instant,
    /// Whether it still is being asked.
    asking: bool,
    /// Whether it will be asked anew.
    again: bool,
}

impl Frontend {
    /// Reads back what is active, and follows from then on what becomes of it.
    pub async fn start(orchestrator: Arc<Orchestrator>, shape: Shape) -> Result<Arc<Self>, Error> {
        // The catalog is opened and described while systemd answers: agents wait for both.
        let catalog = Arc::clone(&orchestrator);
        let describing = spawn_blocking(move || registry_lists(&catalog));
        // Before the first look, so that no change falls between the two.
        let watch = orchestrator.watch().await?;
        let frontend = Arc::new(Self {
            orchestrator,
            shape,
            registry: Mutex::default(),
            roster: Mutex::default(),
            asked: Mutex::default(),
            changed: watch::channel(()).0,
            again: Arc::default(),
            counts: Counts::default(),
            asks: OnceLock::new(),
        });
        frontend.refresh().await?;
        let registry = match describing.await {
            Ok(described) => described?,
            Err(_) => registry_lists(&frontend.orchestrator)?,
        };
        *lock(&frontend.registry) = Arc::new(registry);
        let again = Arc::clone(&frontend.again);
        tokio::spawn(follow::follow(Arc::downgrade(&frontend), watch, again));
        Ok(frontend)
    }

    /// Reads back anew what is active, and tells all agents. Servers of which it is not known what they offer are
    /// asked.
    async fn refresh(self: &Arc<Self>) -> Result<(), Error> {
        let only = match &self.shape {
            Shape::Server(name) => Some(name),
            Shape::All | Shape::Lazy => None,
        };
        let roster = Arc::new(Roster::read(&self.orchestrator, only, &self.present()).await?);
        let unknown = {
            let mut asked = lock(&self.asked);
            asked.retain(|name, _| roster.active(name).is_some());
            let unknown = roster.unknown();
            unknown
                .into_iter()
                .filter(|name| {
                    let now = Asked {
                        since: Instant::now(),
                        asking: true,
                        again: false,
                    };
                    let is_new = !asked.contains_key(name);
                    if is_new {
                        asked.insert(name.clone(), now);
                    }
                    is_new
                })
                .collect::<Vec<_>>()
        };
        *lock(&self.roster) = roster;
        self.changed.send_replace(());
        for name in unknown {
            tokio::spawn(ask(Arc::downgrade(self), name));
        }
        Ok(())
    }

    /// Sees to it that the registry says how large the catalog is now, and that agents are told.
    fn describe_catalog(&self) {
        let Ok(lists) = registry_lists(&self.orchestrator) else {
            return;
        };
        let mut registry = lock(&self.registry);
        // Lists that are the same stay the very same.
        if **registry != lists {
            *registry = Arc::new(lists);
            self.changed.send_replace(());
        }
    }

    /// Has a server asked anew what it offers, since it says that this has changed: at once, or as soon as it may be asked again. An
    /// agent's own session may be offered more than others, or what it did may have changed it for that session alone; so mcpod asks
    /// for itself.
    fn ask_anew(self: &Arc<Self>, name: &ServerName) {
        let now = Instant::now();
        let due = {
            let mut asked = lock(&self.asked);
            let known = asked.get(name).copied();
            if known.is_some_and(|asked| asked.again) {
                return;
            }
            let due = known.map_or(now, |asked| now.max(asked.since + PACE));
            let (since, asking) = known.map_or((now, false), |asked| (asked.since, asked.asking));
            let again = Asked {
                since,
                asking,
                again: true,
            };
            asked.insert(name.clone(), again);
            due
        };
        tokio::spawn(relist(Arc::downgrade(self), name.clone(), due));
    }

    /// Waits until no server is being asked what it offers, and for none longer than this since it was asked first; says
    /// whether it had to wait.
    async fn settled(&self, patience: Duration) -> bool {
        let mut changed = self.changes();
        let waited_for = || {
            let asked = lock(&self.asked);
            let asking = asked.values().filter(|asked| asked.asking);
            let until = asking.map(|asked| asked.since + patience).max();
            until.filter(|until| *until > Instant::now())
        };
        if waited_for().is_none() {
            return false;
        }
        while let Some(until) = waited_for() {
            match tokio::time::timeout_at(until, changed.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => break,
                Err(_) => tracing::debug!("the list goes without servers that are still silent"),
            }
        }
        true
    }

    /// Tells whenever what is active was read anew.
    fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// What agents are shown.
    fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether names are the servers' own.
    fn names(&self) -> Names {
        match self.shape {
            Shape::Server(_) => Names::Own,
            Shape::All | Shape::Lazy => Names::Prefixed,
        }
    }

    /// Whether what this one offers stands in the lists.
    fn lists(&self, origin: &Origin) -> bool {
        self.shape != Shape::Lazy || *origin == Origin::Registry
    }

    /// How long a session is kept that nobody uses.
    fn idle(&self) -> Option<Duration> {
        self.orchestrator.settings().sessions.idle
    }

    /// All that is offered.
    fn sources(&self) -> Vec<(Origin, Arc<Lists>)> {
        let own = match self.shape {
            Shape::All | Shape::Lazy => Some((Origin::Registry, Arc::clone(&lock(&self.registry)))),
            Shape::Server(_) => None,
        };
        own.into_iter().chain(self.present().lists()).collect()
    }

    /// The active servers, with what is recorded of them.
    fn actives(&self) -> Vec<Active> {
        self.present().actives().cloned().collect()
    }

    /// What one of them offers.
    fn lists_of(&self, origin: &Origin) -> Option<Arc<Lists>> {
        let mut sources = self.sources().into_iter();
        sources.find(|(of, _)| of == origin).map(|(_, lists)| lists)
    }

    /// The names of the tools of a server that are held back.
    fn held(&self, origin: &Origin) -> Arc<BTreeSet<String>> {
        match origin {
            Origin::Server(name) => self.present().held(name),
            Origin::Registry => Arc::default(),
        }
    }

    /// Which tools of a server may be used; all of one that is not active any more, since none of them can be.
    fn trusted(&self, origin: &Origin) -> Trusted {
        let active = match origin {
            Origin::Server(name) => self.present().active(name).cloned(),
            Origin::Registry => None,
        };
        active.map_or(Trusted::All, |active| self.orchestrator.trusted(&active))
    }

    /// The active servers.
    fn servers(&self) -> Vec<Origin> {
        let roster = self.present();
        roster.names().cloned().map(Origin::Server).collect()
    }

    fn present(&self) -> Arc<Roster> {
        Arc::clone(&lock(&self.roster))
    }

    /// Opens a session for an agent, or says why there is none, for the model to read.
    async fn open(
        self: &Arc<Self>,
        origin: &Origin,
        client: Client,
        incoming: mpsc::Sender<Incoming>,
    ) -> Result<Peer, String> {
        let Origin::Server(name) = origin else {
            let opened = registry::open(self, client, incoming).await;
            return match opened {
                Ok(session) => Ok(Peer::registry(session)),
                Err(error) => Err(error.to_string()),
            };
        };
        let active = self.present().active(name).cloned();
        let active = active.ok_or_else(|| format!("{name} is not active any more"))?;
        let connected = self
            .orchestrator
            .connect_for(&active, client, Some(incoming))
            .await;
        match connected {
            Ok(connection) => Ok(Peer::server(connection, active)),
            Err(error) => Err(told(&error)),
        }
    }

    /// Has the instances stopped that are still there because they were being opened for nobody any more, or their sessions could not
    /// be closed in time.
    async fn leave(&self) {
        match tokio::time::timeout(LEAVING, self.orchestrator.stop_all_own()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!("some instances are left to the guard: {}", told(&error));
            }
            Err(_) => tracing::debug!("some instances are left to the guard"),
        }
    }
}

/// What the registry offers: its tools say how large the catalog is.
fn registry_lists(orchestrator: &Orchestrator) -> Result<Lists, Error> {
    let sources = orchestrator.settings().sources.sources();
    Ok(registry::lists(orchestrator.catalog()?.size(), &sources))
}

/// Asks a server what it offers, and keeps that in the cache; again after a while if it does not say.
async fn ask(frontend: Weak<Frontend>, name: ServerName) {
    for attempt in 0..=RETRIES {
        let Some(frontend) = frontend.upgrade() else {
            return;
        };
        if frontend.present().active(&name).is_none() {
            return;
        }
        let asked = frontend.orchestrator.lists(name.as_str()).await;
        if let Some(asked) = lock(&frontend.asked).get_mut(&name) {
            asked.asking = false;
        }
        frontend.again.notify_one();
        match asked {
            Ok(_) => return,
            Err(error) => {
                tracing::warn!("it is not known what {name} offers: {}", told(&error));
            }
        }
        drop(frontend);
        tokio::time::sleep(RETRY.saturating_mul(2_u32.saturating_pow(attempt))).await;
    }
}

/// Asks a server then what it offers now. What it says has changed from then on, it is asked for once more.
async fn relist(frontend: Weak<Frontend>, name: ServerName, due: Instant) {
    tokio::time::sleep_until(due).await;
    let Some(frontend) = frontend.upgrade() else {
        return;
    };
    match lock(&frontend.asked).get_mut(&name) {
        Some(asked) => {
            asked.since = Instant::now();
            asked.again = false;
        }
        // It is not active any more.
        None => return,
    }
    if let Err(error) = frontend.orchestrator.relist(&name).await {
        tracing::debug!("what {name} offers is not known anew: {}", told(&error));
    }
}

#[cfg(test)]
mod tests;
