//! Reading a server's lists anew when it says that they changed, and once where they may depend on the agent.
//!
//! The cached lists were read by mcpod, which declares no capabilities. Some servers offer more to clients that can
//! more, so the lists of an agent's own session are the truth for it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Frontend;
use super::link::Shared;
use super::offer::Origin;
use super::peer::Peer;
use super::voice::{Voice, lock};
use crate::orchestrator::error::accept_hint;
use crate::orchestrator::trust::{Offered, Trusted};
use crate::session::definitions::Change;
use crate::session::lists::Lists;
use crate::session::{CallOptions, Era, Session};

/// How long to wait for further changes before the lists are read: servers announce each list by itself.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// How long reading the lists may take.
const READING: Duration = Duration::from_mins(1);

/// What a server offers an agent now.
#[derive(Debug)]
pub(super) struct Relisted {
    pub(super) origin: Origin,
    pub(super) lists: Arc<Lists>,
    /// The names of its tools that are held back.
    pub(super) held: BTreeSet<String>,
    /// The lists that the server said have changed: `tools`, `prompts`, `resources`.
    pub(super) announced: BTreeSet<&'static str>,
}

/// The task that reads a session's lists; it ends with this.
#[derive(Debug)]
pub(super) struct Relist(Option<JoinHandle<()>>);

/// Takes a server's announcements.
#[derive(Debug)]
pub(super) struct Relisting(Arc<Announced>);

/// The lists that a server said have changed, and that were not read since: however often it says so.
#[derive(Debug, Default)]
struct Announced {
    lists: Mutex<BTreeSet<&'static str>>,
    more: Notify,
}

impl Relist {
    /// Starts to read the lists of a session whenever they change.
    pub(super) fn start(
        frontend: &Arc<Frontend>,
        peer: &Peer,
        shared: &Shared,
    ) -> (Self, Relisting) {
        let announced = Arc::<Announced>::default();
        if shared.is_registry() {
            return (Self(None), Relisting(announced));
        }
        let reader = Reader {
            frontend: Arc::clone(frontend),
            session: peer.session.clone(),
            origin: shared.origin.clone(),
            voice: Arc::clone(&shared.voice),
            announced: Arc::clone(&announced),
        };
        let agent_can_more = shared.client.capabilities().get() != "{}";
        // What was accepted is looked after in every session: a server may change without saying so.
        let is_looked_after = matches!(frontend.trusted(&shared.origin), Trusted::Only(_));
        let task = tokio::spawn(reader.run(agent_can_more || is_looked_after));
        (Self(Some(task)), Relisting(announced))
    }
}

impl Drop for Relist {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Relisting {
    /// Takes a `notifications/LIST/list_changed`.
    pub(super) fn changed(&self, method: &str) {
        let list = ["tools", "prompts", "resources"]
            .into_iter()
            .find(|list| method.split('/').nth(1) == Some(list));
        if let Some(list) = list {
            lock(&self.0.lists).insert(list);
            self.0.more.notify_one();
        }
    }
}

#[derive(Debug)]
struct Reader {
    frontend: Arc<Frontend>,
    session: Session,
    origin: Origin,
    voice: Arc<Voice>,
    announced: Arc<Announced>,
}

impl Reader {
    async fn run(self, at_once: bool) {
        let subscription = subscribe(&self.session).await;
        if at_once {
            self.read(BTreeSet::new()).await;
        }
        // It ends with the session.
        let _subscription = subscription;
        loop {
            self.announced.more.notified().await;
            sleep(DEBOUNCE).await;
            let announced = std::mem::take(&mut *lock(&self.announced.lists));
            if announced.is_empty() {
                continue;
            }
            self.read(announced).await;
            if let Origin::Server(name) = &self.origin {
                self.frontend.ask_anew(name).await;
            }
        }
    }

    /// Tells of what is held back: in the log, and to whoever looks at the server.
    fn note_held(&self, held: &[Change]) {
        if let Origin::Server(name) = &self.origin
            && !held.is_empty()
        {
            let names: Vec<String> = held.iter().map(Change::line).collect();
            tracing::warn!(
                "{name} shows tools that were not accepted, which are held back ({}): {}",
                names.join("; "),
                accept_hint(name)
            );
            self.frontend.orchestrator.note_held(name, held);
            // It is held back for all agents.
            self.frontend.again.notify_one();
        }
    }

    async fn read(&self, announced: BTreeSet<&'static str>) {
        match Lists::collect(&self.session, READING).await {
            Ok(lists) => {
                let trusted = self.frontend.trusted(&self.origin);
                self.note_held(&trusted.held(&lists.tools));
                let Offered { lists, held } = trusted.offered(lists, &[]);
                let relisted = Relisted {
                    origin: self.origin.clone(),
                    lists: Arc::new(lists),
                    held,
                    announced,
                };
                self.voice.relisted(relisted).await;
            }
            Err(error) => tracing::debug!(%error, "a server's lists cannot be read anew"),
        }
    }
}

/// Asks a server of the modern era to tell of changes; an older one does so unasked.
async fn subscribe(session: &Session) -> Option<crate::session::Call> {
    if !matches!(session.era(), Era::Modern(_)) {
        return None;
    }
    let wanted: Vec<String> = ["tools", "prompts", "resources"]
        .iter()
        .filter(|list| session.offers(list))
        .map(|list| format!("\"{list}ListChanged\":true"))
        .collect();
    if wanted.is_empty() {
        return None;
    }
    let params = format!("{{\"notifications\":{{{}}}}}", wanted.join(","));
    let params = RawValue::from_string(params).ok()?;
    session
        .call(
            "subscriptions/listen",
            Some(&params),
            CallOptions::default(),
        )
        .await
        .ok()
}
