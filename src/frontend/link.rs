//! A link: an agent's own way to one server, over a session that is opened when it is first needed.
//!
//! What the agent says to the server goes through one queue, in its order, to the [worker](super::worker); what the
//! server says goes through the [pump](super::pump). Between them lie the requests that are not answered yet.

mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::Frontend;
use super::gathered::Gathered;
use super::offer::Origin;
use super::translate::Speech;
use super::voice::{INTERNAL, Voice};
use super::watches::Watched;
use super::worker::Worker;
use crate::session::{Client, Frame, Id};
pub(super) use shared::{Request, Shared, Unanswered};

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
    /// The server is to tell of changes of this, or no longer.
    Watch(Watched, bool),
    /// The server is to list all that it has of something.
    Gather(Gathered, oneshot::Sender<Vec<String>>),
}

/// The agent's end of a link. The link is closed when this is dropped.
#[derive(Debug)]
pub(super) struct Link {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    closing: watch::Sender<bool>,
    worker: JoinHandle<()>,
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
        let counter = frontend.counts.of(&origin);
        let shared = Arc::new(Shared::new(
            LINKS.fetch_add(1, Ordering::Relaxed),
            origin,
            client,
            speech,
            frontend.names(),
            Arc::clone(voice),
            counter,
        ));
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

    /// Has the server tell of changes of something, or no longer.
    pub(super) fn watch(&self, own: Watched, watched: bool) {
        if self.orders.try_send(Order::Watch(own, watched)).is_err() {
            tracing::warn!("too many messages wait for a server: a subscription is dropped");
        }
    }

    /// Whether the session is kept for a task of this id.
    pub(super) fn has_task(&self, own: &str) -> bool {
        self.shared.holds().has_task(own)
    }

    /// All that the server has of something, each object as it wrote it; nothing if it does not tell.
    pub(super) async fn gather(&self, what: Gathered) -> Option<Vec<String>> {
        let (waiting, all) = oneshot::channel();
        self.orders.send(Order::Gather(what, waiting)).await.ok()?;
        all.await.ok()
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
