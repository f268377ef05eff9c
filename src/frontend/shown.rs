//! What one agent is shown, and that it is told when that changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, watch};

use super::Frontend;
use super::offer::{Offer, Origin};
use super::relist::Relisted;
use super::voice::{Voice, lock};
use crate::session::Frame;
use crate::session::lists::Lists;

/// The offer as this agent has it.
#[derive(Debug)]
pub(super) struct Shown {
    frontend: Arc<Frontend>,
    voice: Arc<Voice>,
    /// What servers offer in the agent's own sessions, with the lists of mcpod's own that they replace.
    own: Mutex<HashMap<Origin, Replaced>>,
}

/// Lists of the agent's own, good for as long as those that they replace are.
#[derive(Debug)]
struct Replaced {
    common: Arc<Lists>,
    own: Arc<Lists>,
    held: BTreeSet<String>,
}

impl Shown {
    pub(super) fn new(frontend: &Arc<Frontend>, voice: &Arc<Voice>) -> Self {
        let shown = Self {
            frontend: Arc::clone(frontend),
            voice: Arc::clone(voice),
            own: Mutex::default(),
        };
        shown.voice.show(Arc::new(shown.offer()));
        shown
    }

    /// Follows what changes, for as long as the agent is there.
    pub(super) async fn follow(
        self: Arc<Self>,
        mut relisted: mpsc::Receiver<Relisted>,
        mut changed: watch::Receiver<()>,
    ) {
        loop {
            let announced = tokio::select! {
                changed = changed.changed() => match changed {
                    Ok(()) => BTreeSet::new(),
                    Err(_) => return,
                },
                relisted = relisted.recv() => match relisted {
                    Some(relisted) => self.adopt(relisted),
                    None => return,
                },
            };
            self.update(announced).await;
        }
    }

    /// Shows the present offer, and tells of the lists in it that changed or that a server says have.
    pub(super) async fn update(&self, mut announced: BTreeSet<&'static str>) {
        let offer = Arc::new(self.offer());
        let before = self.voice.show(Arc::clone(&offer));
        announced.extend(offer.changes(&before));
        let subscriptions = &self.voice.subscriptions;
        for list in announced {
            let method = format!("notifications/{list}/list_changed");
            if subscriptions.is_legacy() {
                self.voice
                    .say(None, Frame::notification(&method, None))
                    .await;
            }
            for (about, frame) in subscriptions.of_list(list, &method) {
                self.voice.say(Some(about), frame).await;
            }
        }
    }

    /// Takes the lists of one of the agent's own sessions.
    fn adopt(&self, relisted: Relisted) -> BTreeSet<&'static str> {
        let Relisted {
            origin,
            lists,
            held,
            announced,
        } = relisted;
        let common = self.frontend.lists_of(&origin);
        let mut own = lock(&self.own);
        match common {
            Some(common) => {
                let replaced = Replaced {
                    common,
                    own: lists,
                    held,
                };
                own.insert(origin, replaced);
            }
            None => {
                own.remove(&origin);
            }
        }
        announced
    }

    /// Whether a tool of a server, by its own name, is held back.
    pub(super) fn is_held(&self, origin: &Origin, tool: &str) -> bool {
        let own = lock(&self.own);
        let in_own = own
            .get(origin)
            .is_some_and(|replaced| replaced.held.contains(tool));
        in_own || self.frontend.held(origin).contains(tool)
    }

    /// Whether any tool of a server is held back.
    pub(super) fn holds_any(&self, origin: &Origin) -> bool {
        let own = lock(&self.own);
        let in_own = own
            .get(origin)
            .is_some_and(|replaced| !replaced.held.is_empty());
        in_own || !self.frontend.held(origin).is_empty()
    }

    /// What there is to show.
    fn offer(&self) -> Offer {
        let mut own = lock(&self.own);
        let mut sources = self.frontend.sources();
        // What replaced lists that are no more, of a server that was removed or is another image now, goes with them.
        own.retain(|origin, replaced| {
            sources
                .iter()
                .any(|(of, lists)| of == origin && Arc::ptr_eq(lists, &replaced.common))
        });
        for (origin, lists) in &mut sources {
            if let Some(replaced) = own.get(origin) {
                *lists = Arc::clone(&replaced.own);
            }
        }
        Offer::of(&sources, self.frontend.names())
    }
}
