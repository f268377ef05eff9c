//! One agent: what it says is answered here, or taken to the server it is for, in sessions of the agent's own.

mod gathering;
mod held;
mod introduction;
mod subscribing;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::link::{Link, Order};
use super::offer::{Names, Origin};
use super::route::{INVALID_PARAMS, Lost, NO_RESOURCE, Routed, route};
use super::shown::Shown;
use super::translate::{self, Speech};
use super::voice::{Said, Voice, lock};
use super::{Frontend, identity, pump, registry};
use crate::session::lists::List;
use crate::session::{Client, Frame, Id, Kind, RpcError, Unreadable};

/// How long a list waits for servers of which it is not known what they offer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long closing the sessions may take when the agent goes: a server that does not read, or an agent, would hold it up for longer than
/// there is until everything has to be gone.
const CLOSING: Duration = Duration::from_millis(300);

/// How many lists that were read anew may wait to be shown; behind them the reading waits.
const RELISTS: usize = 4;

/// How severe a log message can be (each version of the specification, Logging).
const LEVELS: [&str; 8] = [
    "debug",
    "info",
    "notice",
    "warning",
    "error",
    "critical",
    "alert",
    "emergency",
];

/// One agent.
#[derive(Debug)]
pub struct Agent {
    frontend: Arc<Frontend>,
    voice: Arc<Voice>,
    shown: Arc<Shown>,
    /// What the agent said of itself at `initialize`.
    declared: Mutex<Client>,
    /// The least severe log message that it wants, as JSON.
    log_level: watch::Sender<Option<String>>,
    links: Mutex<HashMap<Key, Arc<Link>>>,
    following: JoinHandle<()>,
}

/// Agents of the modern era may declare something else in each request: then it is another session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    origin: Origin,
    speech: Speech,
    capabilities: String,
}

impl Agent {
    /// An agent that hears what comes out of the other end of `said`.
    pub fn new(frontend: &Arc<Frontend>, said: mpsc::Sender<Said>) -> Self {
        let (relisted, relists) = mpsc::channel(RELISTS);
        let voice = Arc::new(Voice::new(said, relisted));
        let changed = frontend.changes();
        let shown = Arc::new(Shown::new(frontend, &voice));
        let following = tokio::spawn(Arc::clone(&shown).follow(relists, changed));
        Self {
            frontend: Arc::clone(frontend),
            voice,
            shown,
            declared: Mutex::new(Client::mcpod()),
            log_level: watch::channel(None).0,
            links: Mutex::default(),
            following,
        }
    }

    /// Takes a message of the agent's.
    pub async fn take(&self, frame: Frame) {
        match frame.kind() {
            Kind::Request => self.request(frame).await,
            Kind::Notification => self.notification(&frame),
            Kind::Result | Kind::Error => self.voice.answered(frame),
        }
    }

    /// Takes what the agent sent and cannot be read as a message.
    pub async fn take_unreadable(&self, unreadable: &Unreadable) {
        let reason = format!("the message cannot be read: {}", unreadable.reason);
        if let Some(id) = &unreadable.asks {
            self.voice
                .refuse(id, RpcError::INVALID_REQUEST, &reason)
                .await;
        } else if unreadable.meant_as_message && unreadable.answers.is_none() {
            // JSON-RPC 2.0, section 5: whoever waits for an answer learns of it at least so.
            let frame = Frame::unaddressed_error(RpcError::INVALID_REQUEST, &reason);
            self.voice.say(None, frame).await;
        } else {
            tracing::warn!(excerpt = unreadable.excerpt, "{reason}");
        }
    }

    /// Whether any request of the agent's is on its way to a server.
    pub fn is_busy(&self) -> bool {
        lock(&self.links).values().any(|link| link.is_busy())
    }

    /// Whether anything of the agent's is under way at a server or kept there: requests, subscriptions, tasks.
    pub fn is_held(&self) -> bool {
        lock(&self.links).values().any(|link| link.is_held())
    }

    /// The definition of a tool as the agent is shown it.
    pub(super) fn tool(&self, name: &str) -> Option<String> {
        let offer = self.voice.offer();
        offer.item(List::Tools, name).map(|item| item.json.clone())
    }

    /// Closes the agent's sessions, and has their instances stopped; what takes longer goes on when this returns.
    pub async fn close(&self) {
        self.following.abort();
        self.voice.parking.clear();
        self.voice.clear();
        let links = std::mem::take(&mut *lock(&self.links));
        let closing = links
            .into_values()
            .filter_map(|link| Arc::try_unwrap(link).ok())
            .map(Link::close);
        let closing = futures_util::future::join_all(closing);
        if tokio::time::timeout(CLOSING, closing).await.is_err() {
            tracing::debug!("some sessions are still being closed");
        }
    }

    async fn request(&self, frame: Frame) {
        let Some(id) = frame.id().cloned() else {
            return;
        };
        let speech = match Speech::of(&frame) {
            Ok(speech) => speech,
            Err(unspoken) => {
                let error = format!(
                    "{{\"code\":{},\"message\":\"unsupported protocol version\",\"data\":{}}}",
                    RpcError::UNSUPPORTED_VERSION,
                    unspoken.data()
                );
                let text = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{error}}}");
                if let Ok(frame) = Frame::parse(text) {
                    self.voice.say(Some(id), frame).await;
                }
                return;
            }
        };
        if speech == Speech::Modern && !translate::bears_capabilities(&frame) {
            let reason = "_meta lacks the client's capabilities";
            return self.voice.refuse(&id, INVALID_PARAMS, reason).await;
        }
        match (frame.method(), speech) {
            // 2026-07-28 took them away.
            (
                "initialize"
                | "ping"
                | "logging/setLevel"
                | "resources/subscribe"
                | "resources/unsubscribe"
                | "tasks/list"
                | "tasks/result",
                Speech::Modern,
            ) => {
                let code = RpcError::METHOD_NOT_FOUND;
                self.voice.refuse(&id, code, "method not found").await;
            }
            ("initialize", _) => self.initialize(&id, &frame).await,
            ("server/discover", _) => self.discover(&id).await,
            ("ping", _) => self.answer(&id, "{}").await,
            ("logging/setLevel", Speech::Legacy) => self.set_log_level(&id, &frame).await,
            ("subscriptions/listen", Speech::Modern) => {
                self.subscribe(id, &frame, speech).await;
            }
            ("tools/list", _) => self.list(&id, &frame, List::Tools, speech),
            ("prompts/list", _) => self.list(&id, &frame, List::Prompts, speech),
            ("resources/list", _) => self.list(&id, &frame, List::Resources, speech),
            ("resources/templates/list", _) => self.list(&id, &frame, List::Templates, speech),
            ("tasks/list", _) if self.frontend.names() == Names::Prefixed => {
                self.list_tasks(id, &frame);
            }
            ("skills/list", _)
                if self.frontend.names() == Names::Prefixed
                    && !self.voice.offer().with_skills().is_empty() =>
            {
                self.list_skills(id, &frame, speech);
            }
            _ => self.pass(&id, frame, speech).await,
        }
    }

    /// Whose resource an address is, and what its server calls it.
    fn resource(&self, address: &str) -> Option<(Origin, String)> {
        let servers = self.frontend.servers();
        match (self.frontend.names(), servers.as_slice()) {
            (Names::Own, [origin]) => Some((origin.clone(), address.to_owned())),
            _ => self.voice.resource(address),
        }
    }

    /// Takes a request to the server it is for.
    async fn pass(&self, id: &Id, frame: Frame, speech: Speech) {
        let frame = match self.voice.parking.resume(frame).await {
            Ok(()) => return,
            Err(other) => other,
        };
        let client = self.client(&frame, speech);
        let find = || {
            let servers = self.frontend.servers();
            route(&frame, self.frontend.names(), &servers, &self.voice)
        };
        let mut found = find();
        if found.is_err() {
            // What was added a moment ago may not have been shown yet.
            self.shown.update(std::collections::BTreeSet::new()).await;
            found = find();
        }
        let leads_here = |routed: &Routed| routed.origin == Origin::Registry;
        if found.as_ref().map_or(true, leads_here)
            && let Some(error) = self.held_by_name(&frame)
        {
            return self.refuse_held(id, &error).await;
        }
        match found {
            Ok(Routed {
                origin,
                frame: routed,
            }) => {
                self.voice.subscriptions.note(&frame, &origin, &routed);
                let frame = routed;
                if let Some(error) = self.held(&origin, &frame) {
                    return self.refuse_held(id, &error).await;
                }
                if origin == Origin::Registry
                    && let Err(reason) = registry::check(&frame)
                {
                    return self.voice.refuse(id, INVALID_PARAMS, &reason).await;
                }
                let task = pump::task(&frame);
                let link = task.and_then(|task| self.link_of_task(&origin, &task));
                let link = link.unwrap_or_else(|| self.link(origin, client, speech));
                link.request(frame).await;
            }
            Err(Lost { code, reason }) => {
                let code = match speech {
                    Speech::Modern if code == NO_RESOURCE => INVALID_PARAMS,
                    _ => code,
                };
                self.voice.refuse(id, code, &reason).await;
            }
        }
    }

    fn notification(&self, frame: &Frame) {
        match frame.method() {
            // Each session has its own.
            "notifications/initialized" => {}
            "notifications/cancelled" => self.cancel(frame),
            "notifications/progress" => {
                let Some((orders, frame)) = self.voice.progress(frame) else {
                    return tracing::debug!("progress of the agent's that nobody asked for");
                };
                if orders.try_send(Order::Notification(frame)).is_err() {
                    tracing::debug!("progress of the agent's does not reach its server");
                }
            }
            // Roots, and what is not known yet, concerns whoever is there.
            _ => {
                for link in lock(&self.links).values() {
                    link.notify(frame.clone());
                }
            }
        }
    }

    fn cancel(&self, frame: &Frame) {
        let id = frame.find(&["requestId"]).ok().flatten();
        let Some(id) = id.and_then(Id::from_json) else {
            return;
        };
        let known = self.unsubscribe(&id)
            || lock(&self.links)
                .values()
                .any(|link| link.cancel(&id, frame));
        if !known {
            tracing::debug!("a cancellation of what is over or never was");
        }
    }

    async fn set_log_level(&self, id: &Id, frame: &Frame) {
        let level = frame.find(&["level"]).ok().flatten();
        let level = level.and_then(|level| serde_json::from_str::<String>(level).ok());
        if let Some(level) = level.filter(|level| LEVELS.contains(&level.as_str())) {
            let level = crate::session::splice::quoted(&level);
            self.log_level.send_replace(Some(level));
            self.answer(id, "{}").await;
        } else {
            let reason = format!("the level must be one of {}", LEVELS.join(", "));
            self.voice.refuse(id, INVALID_PARAMS, &reason).await;
        }
    }

    /// Answers with a list, which waits a while for servers that are being asked what they offer.
    fn list(&self, id: &Id, frame: &Frame, list: List, speech: Speech) {
        let cursor = frame.find(&["cursor"]).ok().flatten();
        let cursor: Option<String> = cursor.and_then(|text| serde_json::from_str(text).ok());
        let (id, voice) = (id.clone(), Arc::clone(&self.voice));
        let (frontend, shown) = (Arc::clone(&self.frontend), Arc::clone(&self.shown));
        tokio::spawn(async move {
            if frontend.settled(PATIENCE).await {
                shown.update(std::collections::BTreeSet::new()).await;
            }
            let page = voice
                .offer()
                .page(list, cursor.as_deref(), |origin| frontend.lists(origin));
            let Ok(page) = page else {
                let reason = "the cursor leads nowhere";
                return voice.refuse(&id, INVALID_PARAMS, reason).await;
            };
            let modern = identity::cacheable(speech);
            say_result(&voice, id, &["{", &page, &modern, "}"]).await;
        });
    }

    /// The agent's way to a server, made if there is none yet.
    fn link(&self, origin: Origin, client: Client, speech: Speech) -> Arc<Link> {
        let key = Key {
            origin: origin.clone(),
            speech,
            capabilities: client.capabilities().get().to_owned(),
        };
        let mut links = lock(&self.links);
        let link = links.entry(key).or_insert_with(|| {
            let level = self.log_level.subscribe();
            Arc::new(Link::new(
                &self.frontend,
                origin,
                client,
                speech,
                &self.voice,
                level,
            ))
        });
        Arc::clone(link)
    }

    async fn answer(&self, id: &Id, result: &str) {
        say_result(&self.voice, id.clone(), &[result]).await;
    }
}

/// Answers with a result that was written here, in parts.
async fn say_result(voice: &Voice, id: Id, result: &[&str]) {
    let frame = Frame::ours_answering(&id, result);
    voice.say(Some(id), frame).await;
}
