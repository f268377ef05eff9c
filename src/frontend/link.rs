//! A link: an agent's own way to one server, over a session that is opened when it is first needed.
//!
//! What the agent says to the server goes through one queue, in its order, to the [worker](super::worker); what the
//! server says goes through the [`pump`]. Between them lie the requests that are not answered yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use super::counts::Counter;
use super::holds::{Hold, Holds, Tokens};
use super::offer::{Names, Origin};
use super::translate::Speech;
use super::voice::{INTERNAL, Voice, lock};
use super::worker::Worker;
use super::{Frontend, pump};
use crate::session::{Client, Frame, Id, Relayed};

/// How many messages may wait for a server that is being opened or does not read.
const QUEUE: usize = 1024;

/// Numbers links, and with them their questions.
static LINKS: AtomicU64 = AtomicU64::new(0);

/// Which link, in this process.
pub(super) type LinkId = u64;

/// What is to be said to a server.
#[derive(Debug)]
pub(super) enum Order {
    /// A request of the agent's.
    Request(Frame),
    /// A notification of the agent's, for a session that is open.
    Notification(Frame),
    /// The agent's answer to a question of the server's.
    Answer(crate::session::ServerRequest, Frame),
    /// The server is to tell of changes of the resource at this address, or no longer.
    Watch(String, bool),
    /// The server is to list its tasks.
    Tasks(oneshot::Sender<Vec<String>>),
}

/// The agent's end of a link. The link is closed when this is dropped.
#[derive(Debug)]
pub(super) struct Link {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    closing: watch::Sender<bool>,
    worker: JoinHandle<()>,
}

/// What both directions know.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) id: LinkId,
    pub(super) origin: Origin,
    /// The agent as it declared itself.
    pub(super) client: Client,
    pub(super) speech: Speech,
    /// Whether names and ids are the server's own.
    pub(super) names: Names,
    pub(super) voice: Arc<Voice>,
    pub(super) counter: Arc<Counter>,
    requests: Mutex<HashMap<Id, Request>>,
    holds: Mutex<Holds>,
    used: Mutex<Instant>,
}

/// A request that is not answered yet.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// The id that the agent waits for; none while it was answered that input is needed.
    pub(super) shown: Option<Id>,
    /// The agent's progress token, as JSON, if it wants to hear of progress.
    pub(super) token: Option<Id>,
    /// Whether it asks to be run as a task (2025-11-25), or addresses what keeps the session open.
    pub(super) hold: Option<Hold>,
    /// The session that it was sent in, counted from the link's first, and its call there.
    sent: Option<(u64, Relayed)>,
    /// The request itself, where it may have to be made again.
    pub(super) frame: Option<Frame>,
    /// How often it was answered that input is needed.
    rounds: u8,
    /// What asks the agent for that input; it ends with the request.
    collecting: Option<Collecting>,
}

/// A task that ends when nobody needs it any more.
#[derive(Debug)]
struct Collecting(AbortHandle);

impl Drop for Collecting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A request that was taken out since its session has ended.
#[derive(Debug)]
pub(super) struct Unanswered {
    /// The id that it was made with.
    pub(super) asked: Id,
    /// The id under which the agent waits, if it does.
    pub(super) shown: Option<Id>,
    /// What was asked for.
    pub(super) method: String,
}

impl Request {
    /// The token of its progress on both sides, if the agent wants to hear of it.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        let (_, relayed) = self.sent.as_ref()?;
        Some(Tokens {
            own: relayed.id(),
            shown: self.token.clone()?,
        })
    }
}

impl Link {
    /// Makes a link; nothing is opened yet.
    pub(super) fn new(
        frontend: &Arc<Frontend>,
        origin: Origin,
        client: Client,
        speech: Speech,
        voice: &Arc<Voice>,
        log_level: watch::Receiver<Option<String>>,
    ) -> Self {
        let shared = Arc::new(Shared {
            id: LINKS.fetch_add(1, Ordering::Relaxed),
            counter: frontend.counts.of(&origin),
            origin,
            client,
            speech,
            names: frontend.names(),
            voice: Arc::clone(voice),
            requests: Mutex::default(),
            holds: Mutex::default(),
            used: Mutex::new(Instant::now()),
        });
        let (orders, queue) = mpsc::channel(QUEUE);
        let (closing, closes) = watch::channel(false);
        let worker = Worker::new(
            Arc::clone(frontend),
            Arc::clone(&shared),
            queue,
            orders.downgrade(),
            log_level,
        );
        let worker = tokio::spawn(worker.run(closes));
        Self {
            shared,
            orders,
            closing,
            worker,
        }
    }

    /// Sends a request on its way; it is answered whatever happens, unless it is cancelled.
    pub(super) async fn request(&self, frame: Frame) {
        let Some(id) = frame.id().cloned() else {
            return;
        };
        if !self.shared.begin(&id, &frame) {
            let voice = &self.shared.voice;
            return voice
                .refuse(
                    &id,
                    crate::session::RpcError::INVALID_REQUEST,
                    "this id is in use",
                )
                .await;
        }
        if self.orders.try_send(Order::Request(frame)).is_err() && self.shared.take(&id).is_some() {
            let reason = "too many messages wait for this server";
            self.shared.voice.refuse(&id, INTERNAL, reason).await;
        }
    }

    /// Sends a notification on its way, if a session is open.
    pub(super) fn notify(&self, frame: Frame) {
        if self.orders.try_send(Order::Notification(frame)).is_err() {
            tracing::warn!("too many messages wait for a server: a notification is dropped");
        }
    }

    /// Has the server tell of changes of the resource at its address, or no longer.
    pub(super) fn watch(&self, own: String, watched: bool) {
        if self.orders.try_send(Order::Watch(own, watched)).is_err() {
            tracing::warn!("too many messages wait for a server: a subscription is dropped");
        }
    }

    /// The server's tasks, each as it wrote it; nothing if it does not tell.
    pub(super) async fn tasks(&self) -> Option<Vec<String>> {
        let (waiting, tasks) = oneshot::channel();
        self.orders.send(Order::Tasks(waiting)).await.ok()?;
        tasks.await.ok()
    }

    /// Cancels a request by the agent's notification; says whether it was one of this link's.
    pub(super) fn cancel(&self, id: &Id, notification: &Frame) -> bool {
        match self.shared.take_shown(id) {
            Some(request) => {
                if let Some((_, relayed)) = request.sent {
                    relayed.cancel(notification);
                }
                true
            }
            None => false,
        }
    }

    /// Whether any request is not answered yet.
    pub(super) fn is_busy(&self) -> bool {
        self.shared.is_busy()
    }

    /// Whether the session must stay although nobody asks anything.
    pub(super) fn is_held(&self) -> bool {
        self.shared.is_held()
    }

    /// Closes the session, and waits until that is done.
    pub(super) async fn close(self) {
        let Self {
            shared: _,
            orders,
            closing,
            worker,
        } = self;
        drop(orders);
        closing.send_replace(true);
        if let Err(error) = worker.await {
            tracing::error!(%error, "a link's worker failed");
        }
    }
}

impl Shared {
    /// Keeps a place for a request; not if one of that id is on its way.
    fn begin(&self, id: &Id, frame: &Frame) -> bool {
        self.touch();
        let mut requests = lock(&self.requests);
        if requests.contains_key(id) {
            return false;
        }
        requests.insert(
            id.clone(),
            Request {
                method: frame.method().to_owned(),
                shown: Some(id.clone()),
                token: token(frame),
                hold: pump::hold(frame),
                sent: None,
                frame: None,
                rounds: 0,
                collecting: None,
            },
        );
        true
    }

    /// Whether a request still waits, and whether it wants progress.
    pub(super) fn waits(&self, id: &Id) -> Option<bool> {
        Some(lock(&self.requests).get(id)?.token.is_some())
    }

    /// Notes that a request was sent in a session; one that was cancelled meanwhile is cancelled there.
    pub(super) fn sent(&self, id: &Id, session: u64, relayed: Relayed, frame: Option<Frame>) {
        if let Some(request) = lock(&self.requests).get_mut(id) {
            request.sent = Some((session, relayed));
            request.frame = frame;
        }
    }

    /// Takes a request out, since it is answered now.
    pub(super) fn take(&self, id: &Id) -> Option<Request> {
        self.touch();
        lock(&self.requests).remove(id)
    }

    /// The request that was answered that input is needed, and how often it was; nothing if it cannot be made again.
    /// Until then it is no server's.
    pub(super) fn again(&self, asked: &Id) -> Option<(Frame, u8)> {
        let mut requests = lock(&self.requests);
        let request = requests.get_mut(asked)?;
        let frame = request.frame.clone()?;
        request.sent = None;
        request.rounds = request.rounds.saturating_add(1);
        Some((frame, request.rounds))
    }

    /// Notes what asks the agent for the input that a request needs; it ends at once if nobody waits for that any more.
    pub(super) fn collecting(&self, asked: &Id, task: AbortHandle) {
        let collecting = Collecting(task);
        if let Some(request) = lock(&self.requests).get_mut(asked) {
            request.collecting = Some(collecting);
        }
    }

    /// Takes out the request whose answer the agent waits for under this id.
    fn take_shown(&self, id: &Id) -> Option<Request> {
        let mut requests = lock(&self.requests);
        let (asked, _) = requests
            .iter()
            .find(|(_, request)| request.shown.as_ref() == Some(id))?;
        let asked = asked.clone();
        requests.remove(&asked)
    }

    /// Notes that the agent is answered that input is needed; gives the id under which it waits.
    pub(super) fn park(&self, asked: &Id) -> Option<Id> {
        let mut requests = lock(&self.requests);
        let request = requests.get_mut(asked)?;
        request.token = None;
        request.shown.take()
    }

    /// Notes that the agent made its request again, and waits under another id; says whether the server still works
    /// on it.
    pub(super) fn resume(&self, asked: &Id, again: &Frame, id: Id) -> bool {
        self.touch();
        let mut requests = lock(&self.requests);
        let Some(request) = requests.get_mut(asked) else {
            return false;
        };
        request.token = token(again);
        request.shown = Some(id);
        true
    }

    /// The request that a server's question is about, as far as that can be told: a server that has several asks while
    /// it works on one that the agent waits for, most likely on the last that it was given.
    pub(super) fn questioned(&self, session: u64) -> Option<Id> {
        let requests = lock(&self.requests);
        let sent = requests.iter().filter_map(|(id, request)| {
            let (in_it, relayed) = request.sent.as_ref()?;
            let likely = (request.shown.is_some(), relayed.number());
            (*in_it == session).then_some((likely, id))
        });
        let (_, asked) = sent.max_by_key(|(likely, _)| *likely)?;
        Some(asked.clone())
    }

    /// The progress token that the agent gave to a request.
    pub(super) fn token(&self, id: &Id) -> Option<Id> {
        self.touch();
        lock(&self.requests).get(id)?.token.clone()
    }

    /// The id under which the agent waits for a request.
    pub(super) fn shown(&self, asked: &Id) -> Option<Id> {
        lock(&self.requests).get(asked)?.shown.clone()
    }

    /// The one request that is on its way, if it is the only one: what the server says is about that.
    pub(super) fn only(&self) -> Option<Id> {
        let requests = lock(&self.requests);
        let mut all = requests.values();
        let only = all.next().filter(|_| requests.len() == 1)?;
        only.shown.clone()
    }

    /// Takes out all requests that were sent in a session.
    pub(super) fn take_all_of(&self, session: u64) -> Vec<Unanswered> {
        let mut requests = lock(&self.requests);
        let of_it = |request: &Request| {
            request
                .sent
                .as_ref()
                .is_some_and(|(in_it, _)| *in_it == session)
        };
        let ids: Vec<Id> = requests
            .iter()
            .filter(|(_, request)| of_it(request))
            .map(|(id, _)| id.clone())
            .collect();
        ids.into_iter()
            .filter_map(|asked| {
                let Request { shown, method, .. } = requests.remove(&asked)?;
                Some(Unanswered {
                    asked,
                    shown,
                    method,
                })
            })
            .collect()
    }

    /// What the session is kept for.
    pub(super) fn holds(&self) -> MutexGuard<'_, Holds> {
        lock(&self.holds)
    }

    /// Forgets what the session was kept for: it has ended.
    pub(super) fn release_all(&self) {
        *self.holds() = Holds::default();
    }

    /// Whether any request is not answered yet.
    fn is_busy(&self) -> bool {
        !lock(&self.requests).is_empty()
    }

    /// Whether the session must stay although nobody asks anything.
    pub(super) fn is_held(&self) -> bool {
        self.is_busy() || self.holds().is_held()
    }

    /// When the link was last used.
    pub(super) fn used(&self) -> Instant {
        *lock(&self.used)
    }

    fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }
}

/// The progress token in a request.
fn token(request: &Frame) -> Option<Id> {
    let token = request.find(&["_meta", "progressToken"]).ok().flatten();
    token.and_then(Id::from_json)
}
