//! What one agent is shown, and that it is told when that changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{mpsc, watch};

use super::offer::{Offer, Origin};
use super::relist::{Announced, Relisted, is_same};
use super::roster::Roster;
use super::voice::{Voice, lock};
use super::{Frontend, Shape};
use crate::orchestrator::trust::Offered;
use crate::session::Frame;
use crate::session::lists::{List, Lists};

/// The offer as this agent has it.
#[derive(Debug)]
pub(super) struct Shown {
    frontend: Arc<Frontend>,
    voice: Arc<Voice>,
    /// What servers offer in the agent's own sessions, with the lists of mcpod's own that they replace.
    own: Mutex<HashMap<Origin, Replaced>>,
}

/// Lists of the agent's own, good for as long as the server is the same; and, once their session is over, for as long as the lists
/// that they replace are.
#[derive(Debug)]
struct Replaced {
    /// What the server's record identifies it by.
    identity: String,
    common: Option<Arc<Lists>>,
    session: Weak<Announced>,
    /// All that the server offers, held back or not.
    all: Arc<Lists>,
    /// The roster by whose time was looked what of it may be used.
    judged: Weak<Roster>,
    /// What of it may be used.
    own: Arc<Lists>,
    held: BTreeSet<String>,
}

impl Replaced {
    /// Looks what may be used, if anything was accepted since, or may have been.
    fn judge(&mut self, origin: &Origin, roster: &Arc<Roster>, frontend: &Frontend) {
        let now = Arc::downgrade(roster);
        if self.judged.ptr_eq(&now) {
            return;
        }
        self.judged = now;
        let trusted = frontend.trusted(origin);
        if trusted.held(&self.all.tools).is_empty() {
            self.own = Arc::clone(&self.all);
            self.held.clear();
        } else {
            let Offered { lists, held } = trusted.offered(Lists::clone(&self.all), &[]);
            self.own = Arc::new(lists);
            self.held = held;
        }
    }

    /// Whether it is what the agent is to be shown.
    fn is_good(&self, origin: &Origin, roster: &Roster, common: Option<&Arc<Lists>>) -> bool {
        let Origin::Server(name) = origin else {
            return false;
        };
        let mut active = roster.active(name).into_iter();
        active.any(|active| active.record.identity() == self.identity)
            && (self.session.strong_count() > 0 || is_same(common, self.common.as_ref()))
    }
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
        announced.extend(self.changes(&offer, &before));
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

    /// The lists that the agent is shown and that differ.
    fn changes(&self, offer: &Offer, before: &Offer) -> Vec<&'static str> {
        if *self.frontend.shape() != Shape::Lazy {
            return offer.changes(before);
        }
        let differs = |list: &List| {
            let shown = |offer: &Offer| -> Vec<(String, String)> {
                let items = offer.items(*list);
                items
                    .filter(|(_, item)| self.frontend.lists(&item.origin))
                    .map(|(name, item)| (name.to_owned(), item.json.clone()))
                    .collect()
            };
            shown(offer) != shown(before)
        };
        [List::Tools, List::Prompts, List::Resources, List::Templates]
            .into_iter()
            .filter(differs)
            .map(List::capability)
            .collect()
    }

    /// Takes the lists of one of the agent's own sessions.
    fn adopt(&self, relisted: Relisted) -> BTreeSet<&'static str> {
        let Relisted {
            origin,
            lists,
            announced,
            session,
        } = relisted;
        let announced = if self.frontend.lists(&origin) {
            announced
        } else {
            BTreeSet::new()
        };
        let roster = self.frontend.present();
        let active = match &origin {
            Origin::Server(name) => roster.active(name),
            Origin::Registry => None,
        };
        if let (Some(all), Some(active)) = (lists, active) {
            let mut replaced = Replaced {
                identity: active.record.identity().to_owned(),
                common: self.frontend.lists_of(&origin),
                session,
                own: Arc::clone(&all),
                all,
                judged: Weak::new(),
                held: BTreeSet::new(),
            };
            replaced.judge(&origin, &roster, &self.frontend);
            lock(&self.own).insert(origin, replaced);
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
        let roster = self.frontend.present();
        let mut own = lock(&self.own);
        let mut sources = self.frontend.sources();
        own.retain(|origin, replaced| {
            let common = sources.iter().find(|(of, _)| of == origin);
            replaced.is_good(origin, &roster, common.map(|(_, lists)| lists))
        });
        for (origin, replaced) in own.iter_mut() {
            replaced.judge(origin, &roster, &self.frontend);
            let lists = Arc::clone(&replaced.own);
            match sources.iter_mut().find(|(of, _)| of == origin) {
                Some((_, common)) => *common = lists,
                // It told the agent what it offers, and nobody else yet.
                None => sources.push((origin.clone(), lists)),
            }
        }
        sources.sort_by(|(one, _), (other, _)| one.cmp(other));
        Offer::of(&sources, self.frontend.names())
    }
}
