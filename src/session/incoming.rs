//! What a server says of its own accord: notifications, and requests to the client.

use serde_json::value::RawValue;

use super::error::{RpcError, SessionError};
use super::frame::Frame;
use super::id::Id;
use super::outbox::Outbox;

/// Something the server says without having been asked.
///
/// They come in the order they were sent. Whatever was sent before the answer to a call is here before the call
/// has its answer.
#[derive(Debug)]
pub enum Incoming {
    /// A notification, but for the progress of calls.
    Notification(Frame),
    /// A request to the client, for a capability that it declared, or with a method unknown here.
    Request(ServerRequest),
    /// A `notifications/progress` of a relayed call, its token being the session's own.
    Progress {
        /// The id of the request that was relayed.
        asked: Id,
        /// The notification.
        frame: Frame,
    },
    /// What ends a relayed call, but for the end of the session, which ends the channel.
    Answer {
        /// The id of the request that was relayed.
        asked: Id,
        /// The server's answer, under the session's own id; or why there is none.
        answer: Result<Frame, SessionError>,
    },
}

/// A request of the server's that waits for an answer.
///
/// One that is dropped without an answer is answered with an error.
#[derive(Debug)]
pub struct ServerRequest {
    frame: Frame,
    /// Empty once it is answered.
    id: Option<Id>,
    outbox: Outbox,
}

impl ServerRequest {
    /// Takes a request; nothing if it has no id.
    pub(super) fn new(frame: Frame, outbox: Outbox) -> Option<Self> {
        let id = frame.id()?.clone();
        Some(Self {
            frame,
            id: Some(id),
            outbox,
        })
    }

    /// The request as it came.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Answers with a result.
    pub async fn answer(self, result: &RawValue) {
        let id = self.frame.id().cloned();
        if let Some(id) = id {
            self.send(Frame::result(&id, result)).await;
        }
    }

    /// Answers with an error.
    pub async fn refuse(self, code: i64, message: &str) {
        let id = self.frame.id().cloned();
        if let Some(id) = id {
            self.send(Frame::error(&id, code, message)).await;
        }
    }

    /// Passes on an answer, result or error, that somebody else gave under an id of theirs.
    pub async fn pass(self, answer: &Frame) {
        let id = self.frame.id().cloned();
        if let Some(id) = id {
            self.send(answer.clone().with_id(&id)).await;
        }
    }

    /// Leaves it unanswered, as is right when the server has cancelled it.
    pub fn forget(mut self) {
        self.id = None;
    }

    /// Sends the answer; a session that has ended needs none.
    async fn send(mut self, answer: Frame) {
        self.id = None;
        if let Err(error) = self.outbox.send(answer.into_string()).await {
            tracing::debug!(%error, "the server's request cannot be answered");
        }
    }
}

impl Drop for ServerRequest {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            refuse(
                &self.outbox,
                &id,
                RpcError::INTERNAL,
                "the request was not answered",
            );
        }
    }
}

/// Answers a request with an error at once.
pub(super) fn refuse(outbox: &Outbox, id: &Id, code: i64, message: &str) {
    if !outbox.send_now(Frame::error(id, code, message).into_string()) {
        tracing::debug!("the server does not read the answers to its requests");
    }
}
