//! The way out of a session: one queue of messages, and the task that writes them.
//!
//! What a call sends waits for room, so a server that reads slowly slows its callers down instead of filling the
//! memory. What must not wait, a cancellation behind its call or an answer of our own to a ping, takes its place
//! in the same queue at once: the order on the wire is the order in which things were said.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::error::{Oversized, SessionError};
use super::lines::MESSAGE_MAX;

/// How many bytes of calls may wait to be written: two of the largest messages.
const ROOM: u32 = 2 * 16 * 1024 * 1024;

/// How many messages may wait that did not wait for room; a server that makes us answer without reading the
/// answers gets no more of them.
const URGENT: usize = 1024;

/// How long a closed session may take to write what is queued, so that a cancellation still reaches a server
/// that reads, and one that does not cannot hold the connection open.
const DRAIN: Duration = Duration::from_secs(1);

/// The sending end of the queue.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    queue: mpsc::UnboundedSender<Outgoing>,
    room: Arc<Semaphore>,
    urgent: Arc<Semaphore>,
}

/// What is queued.
#[derive(Debug)]
enum Outgoing {
    /// A message, with the room it takes.
    Message(String, OwnedSemaphorePermit),
    /// Nothing more will be sent.
    End,
}

/// The receiving end of the queue.
#[derive(Debug)]
pub(super) struct Mail(mpsc::UnboundedReceiver<Outgoing>);

impl Outbox {
    /// Makes a queue.
    pub(super) fn new() -> (Self, Mail) {
        let (queue, mail) = mpsc::unbounded_channel();
        let outbox = Self {
            queue,
            room: Arc::new(Semaphore::new(ROOM as usize)),
            urgent: Arc::new(Semaphore::new(URGENT)),
        };
        (outbox, Mail(mail))
    }

    /// Queues a message as soon as there is room for it.
    ///
    /// If the future is dropped before it is done, the message is not sent.
    pub(super) async fn send(&self, text: String) -> Result<(), SessionError> {
        if text.len() > MESSAGE_MAX {
            return Err(SessionError::TooLarge {
                what: Oversized::Request,
                size: text.len(),
                limit: MESSAGE_MAX,
            });
        }
        let bytes = u32::try_from(text.len()).unwrap_or(ROOM);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await;
        let room = room.map_err(|_| SessionError::Closed)?;
        self.queue
            .send(Outgoing::Message(text, room))
            .map_err(|_| SessionError::Closed)
    }

    /// Queues a message at once; says whether it could, which it cannot behind [`URGENT`] others.
    pub(super) fn send_now(&self, text: String) -> bool {
        let Ok(room) = Arc::clone(&self.urgent).try_acquire_owned() else {
            return false;
        };
        self.queue.send(Outgoing::Message(text, room)).is_ok()
    }

    /// Lets the session end behind what is queued; what is queued after this is not sent.
    pub(super) fn end(&self) {
        if self.queue.send(Outgoing::End).is_err() {
            tracing::trace!("the session has ended before");
        }
    }
}

impl Mail {
    /// Writes messages until the end is queued or the stream breaks; then says the end to the other side.
    ///
    /// When `closing` resolves, the rest has [`DRAIN`] left. That writing failed is for the reader to tell, which
    /// sees how the connection ended.
    pub(super) async fn deliver(
        mut self,
        mut stream: impl AsyncWrite + Unpin,
        closing: oneshot::Receiver<()>,
    ) {
        let mut writing = pin!(self.write_all(&mut stream));
        let written = tokio::select! {
            biased;
            written = &mut writing => written,
            _ = closing => timeout(DRAIN, writing)
                .await
                .unwrap_or_else(|late| Err(late.into())),
        };
        if let Err(error) = written {
            tracing::debug!(%error, "the server takes no more messages");
        }
    }

    /// Writes messages until the end is queued.
    async fn write_all(&mut self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        while let Some(Outgoing::Message(mut text, _room)) = self.0.recv().await {
            text.push('\n');
            stream.write_all(text.as_bytes()).await?;
        }
        stream.shutdown().await
    }
}
