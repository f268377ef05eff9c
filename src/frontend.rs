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
mod asked;
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
use std::sync::{Arc, Mutex, OnceLock};
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
use asked::{Asked, ask};
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

/// How long having instances stopped may take at the end; what is not done by then, the guard does.
const LEAVING: Duration = Duration::from_millis(300);

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

#[cfg(test)]
mod tests;
