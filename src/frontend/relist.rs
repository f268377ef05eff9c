//! Reading a server's lists anew when it says that they changed, and once where they may depend on the agent.
//!
//! The cached lists were read by mcpod, which declares no capabilities. Some servers offer more to clients that can
//! more, so the lists of an agent's own session are the truth for it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Frontend;
use super::link::Shared;
use super::listening::Listening;
use super::offer::Origin;
use super::peer::Peer;
use super::voice::{Voice, lock};
use crate::orchestrator::error::accept_hint;
use crate::orchestrator::trust::Trusted;
use crate::session::definitions::Change;
use crate::session::lists::{Collected, Lists};
use crate::session::{Era, Session};

/// How long to wait for further changes before the lists are read: servers announce each list by itself.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// How long reading the lists may take.
const READING: Duration = Duration::from_mins(1);

/// What a server offers an agent now.
#[derive(Debug)]
pub(super) struct Relisted {
    pub(super) origin: Origin,
    /// All of it, held back or not; nothing if it does not say.
    pub(super) lists: Option<Arc<Lists>>,
    /// The lists that the server said have changed: `tools`, `prompts`, `resources`.
    pub(super) announced: BTreeSet<&'static str>,
    /// There for as long as the session, which reads its lists again when the common ones change.
    pub(super) session: Weak<Announced>,
}

/// The task that reads a session's lists; it ends with this.
#[derive(Debug)]
pub(super) struct Relist(Option<JoinHandle<()>>);

/// Takes a server's announcements.
#[derive(Debug)]
pub(super) struct Relisting(Arc<Announced>);

/// The lists that a server said have changed, and that were not read since: however often it says so.
#[derive(Debug, Default)]
pub(super) struct Announced {
    lists: Mutex<BTreeSet<&'static str>>,
    /// For a while the server could not say so.
    deaf: AtomicBool,
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
            last: None,
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
    /// What was read last.
    last: Option<Arc<Lists>>,
}

impl Reader {
    async fn run(mut self, at_once: bool) {
        // It ends with the session.
        let _listening = subscribe(&self.session, &self.announced).await;
        let mut others = self.frontend.changes();
        let mut common = self.frontend.lists_of(&self.origin);
        if at_once {
            self.read(BTreeSet::new()).await;
        }
        loop {
            tokio::select! {
                () = self.announced.more.notified() => {}
                changed = others.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let now = self.frontend.lists_of(&self.origin);
                    let is_same = is_same(now.as_ref(), common.as_ref());
                    common = now;
                    // What was never read here is shown as all are shown it.
                    if is_same || self.last.is_none() {
                        continue;
                    }
                }
            }
            sleep(DEBOUNCE).await;
            let announced = std::mem::take(&mut *lock(&self.announced.lists));
            let was_deaf = self.announced.deaf.swap(false, Ordering::Relaxed);
            let (before, is_announced) = (self.last.clone(), !announced.is_empty());
            self.read(announced).await;
            if let Origin::Server(name) = &self.origin
                && (is_announced || (was_deaf && before != self.last))
            {
                self.frontend.ask_anew(name);
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

    async fn read(&mut self, announced: BTreeSet<&'static str>) {
        let before = self.last.clone();
        let before = before.or_else(|| self.frontend.lists_of(&self.origin));
        let Collected { lists, failed } =
            Lists::collect(&self.session, READING, before.as_deref()).await;
        for (list, error) in &failed {
            tracing::debug!(%error, "{} cannot be read anew", list.method());
        }
        let lists = self.session.over().is_none().then(|| Arc::new(lists));
        if let Some(lists) = &lists {
            let trusted = self.frontend.trusted(&self.origin);
            self.note_held(&trusted.held(&lists.tools));
            self.last = Some(Arc::clone(lists));
        }
        // What was announced is told all the same.
        let relisted = Relisted {
            origin: self.origin.clone(),
            lists,
            announced,
            session: Arc::downgrade(&self.announced),
        };
        self.voice.relisted(relisted).await;
    }
}

/// Whether these are the very same lists.
pub(super) fn is_same(one: Option<&Arc<Lists>>, other: Option<&Arc<Lists>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// Asks a server of the modern era to tell of changes; an older one does so unasked.
async fn subscribe(session: &Session, announced: &Arc<Announced>) -> Option<Listening> {
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
    let announced = Arc::downgrade(announced);
    let again = move || {
        if let Some(announced) = announced.upgrade() {
            announced.deaf.store(true, Ordering::Relaxed);
            announced.more.notify_one();
        }
    };
    let listening = Listening::begin(session, &wanted.join(","), again).await;
    listening.ok()
}
