//! Reading a server's lists anew when it says that they changed, and once where they may depend on the agent.
//!
//! The cached lists were read by mcpod, which declares no capabilities. Some servers offer more to clients that can
//! more, so the lists of an agent's own session are the truth for it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Frontend;
use super::link::Shared;
use super::offer::Origin;
use super::peer::Peer;
use super::voice::Voice;
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
    /// The lists that the server said have changed: `tools`, `prompts`, `resources`.
    pub(super) announced: BTreeSet<&'static str>,
}

/// The task that reads a session's lists; it ends with this.
#[derive(Debug)]
pub(super) struct Relist(Option<JoinHandle<()>>);

/// Takes a server's announcements.
#[derive(Debug)]
pub(super) struct Relisting(mpsc::UnboundedSender<&'static str>);

impl Relist {
    /// Starts to read the lists of a session whenever they change.
    pub(super) fn start(
        frontend: &Arc<Frontend>,
        peer: &Peer,
        shared: &Shared,
    ) -> (Self, Relisting) {
        let (announce, announced) = mpsc::unbounded_channel();
        if shared.is_registry() {
            return (Self(None), Relisting(announce));
        }
        let reader = Reader {
            frontend: Arc::clone(frontend),
            session: peer.session.clone(),
            origin: shared.origin.clone(),
            voice: Arc::clone(&shared.voice),
            announced,
        };
        let agent_can_more = shared.client.capabilities().get() != "{}";
        let task = tokio::spawn(reader.run(agent_can_more));
        (Self(Some(task)), Relisting(announce))
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
        if let Some(list) = list
            && self.0.send(list).is_err()
        {
            tracing::trace!("the session has ended");
        }
    }
}

#[derive(Debug)]
struct Reader {
    frontend: Arc<Frontend>,
    session: Session,
    origin: Origin,
    voice: Arc<Voice>,
    announced: mpsc::UnboundedReceiver<&'static str>,
}

impl Reader {
    async fn run(mut self, at_once: bool) {
        let subscription = subscribe(&self.session).await;
        if at_once {
            self.read(BTreeSet::new()).await;
        }
        while let Some(first) = self.announced.recv().await {
            sleep(DEBOUNCE).await;
            let mut announced = BTreeSet::from([first]);
            while let Ok(next) = self.announced.try_recv() {
                announced.insert(next);
            }
            self.read(announced).await;
            if let Origin::Server(name) = &self.origin {
                self.frontend.ask_anew(name).await;
            }
        }
        drop(subscription);
    }

    async fn read(&self, announced: BTreeSet<&'static str>) {
        match Lists::collect(&self.session, READING).await {
            Ok(lists) => self.voice.relisted(Relisted {
                origin: self.origin.clone(),
                lists: Arc::new(lists),
                announced,
            }),
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
