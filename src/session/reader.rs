//! The way into a session: the task that reads messages and takes each to whom it is for.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, OnceLock};

use serde_json::value::RawValue;
use tokio::io::AsyncRead;
use tokio::sync::mpsc;

use super::calls::{self, Calls, Progress, Waiting};
use super::era::Era;
use super::error::{Oversized, RpcError, SessionError};
use super::excerpt::excerpt;
use super::frame::{Frame, Kind};
use super::id::Id;
use super::incoming::{self, Incoming, ServerRequest};
use super::lines::{Line, Lines, MESSAGE_MAX};
use super::outbox::Outbox;
use super::reading::{Unreadable, read_line};
use super::splice;

/// How much of a reason the server gives is shown, in characters.
const REASON: usize = 300;

/// What the reader knows and reaches.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) calls: Arc<Calls>,
    pub(super) outbox: Outbox,
    /// Set as soon as it is known.
    pub(super) era: Arc<OnceLock<Era>>,
    /// The capabilities that the client declared.
    pub(super) declared: HashSet<String>,
    /// Where goes what the server says of its own accord, if anybody wants it.
    pub(super) incoming: Option<mpsc::Sender<Incoming>>,
}

/// The names at the top of a capabilities object.
pub(super) fn names(capabilities: &RawValue) -> HashSet<String> {
    let mut names = HashSet::new();
    let walked = splice::walk_members(capabilities.get(), |member| {
        if member.value != "null" && member.value != "false" {
            names.extend(member.name().map(std::borrow::Cow::into_owned));
        }
    });
    if let Err(error) = walked {
        tracing::debug!(%error, "the capabilities are no object");
    }
    names
}

impl Reader {
    /// Reads until the stream ends, then ends every call.
    pub(super) async fn run(self, stream: impl AsyncRead + Unpin) {
        let mut lines = Lines::new(stream, MESSAGE_MAX);
        let cause = loop {
            match lines.next().await {
                Ok(Some(Line::Whole(line))) => {
                    for message in read_line(line) {
                        match message {
                            Ok(frame) => self.take(frame).await,
                            Err(unreadable) => self.complain(&unreadable).await,
                        }
                    }
                }
                Ok(Some(Line::TooLarge { size, outline })) => {
                    let error = SessionError::TooLarge {
                        what: Oversized::Answer,
                        size,
                        limit: MESSAGE_MAX,
                    };
                    tracing::debug!(size, "the server sent a message that is too large");
                    self.cannot_take(outline.answers(), outline.asks(), error)
                        .await;
                }
                Ok(None) => break None,
                // A server that exits with something unread: the kernel tells that as well, and it is no other end.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break None,
                Err(error) => break Some(Arc::new(error)),
            }
        };
        self.calls.end(SessionError::Ended {
            garbage: self.calls.garbage(),
            cause,
        });
    }

    /// Takes a message to whom it is for.
    async fn take(&self, frame: Frame) {
        self.calls.hear();
        match frame.kind() {
            Kind::Result | Kind::Error => self.take_answer(frame).await,
            Kind::Request => self.take_request(frame).await,
            Kind::Notification if frame.method() == "notifications/progress" => {
                self.take_progress(frame).await;
            }
            Kind::Notification => {
                if frame.method() == "notifications/cancelled"
                    && self.cancelled_by_server(&frame).await
                {
                    return;
                }
                self.hand_out(Incoming::Notification(frame)).await;
            }
        }
    }

    /// Gives an answer to the call it is for. Answers to calls that were cancelled are late, and ignored.
    async fn take_answer(&self, frame: Frame) {
        let waiting = match frame.id() {
            Some(id) => id.number().and_then(|number| self.calls.take(number)),
            None => self.calls.take_only(),
        };
        let Some(waiting) = waiting else {
            tracing::debug!(id = ?frame.id(), "an answer that nobody waits for");
            return;
        };
        self.answer(waiting, Ok(frame)).await;
    }

    /// Ends a call with an answer, or with why there is none.
    async fn answer(&self, waiting: Waiting, answer: Result<Frame, SessionError>) {
        match waiting {
            Waiting::Caller { answer: caller, .. } => calls::hand(caller, answer),
            Waiting::Relayed(asked) => self.hand_out(Incoming::Answer { asked, answer }).await,
        }
    }

    /// Gives progress to the call whose token it bears. A task's goes on after its call was answered (2025-11-25,
    /// Tasks), and is handed out like any notification.
    async fn take_progress(&self, frame: Frame) {
        let token = frame.find(&["progressToken"]).ok().flatten();
        let number = token.and_then(Id::from_json).and_then(|id| id.number());
        match number.and_then(|number| self.calls.progress_of(number)) {
            None => self.hand_out(Incoming::Notification(frame)).await,
            Some(Progress::Relayed(asked)) => {
                self.hand_out(Incoming::Progress { asked, frame }).await;
            }
            Some(Progress::Caller(progress)) => {
                if progress.send(frame).await.is_err() {
                    tracing::trace!("the caller is gone");
                }
            }
        }
    }

    /// Answers what the session answers itself, and hands out the rest.
    async fn take_request(&self, frame: Frame) {
        if matches!(self.era.get(), Some(Era::Modern(_))) {
            // 2026-07-28, transports: servers send no requests, and clients write no responses.
            tracing::debug!(
                method = excerpt(frame.method(), REASON),
                "a server of the modern era sent a request"
            );
            return;
        }
        let Some(request) = ServerRequest::new(frame, self.outbox.clone()) else {
            return;
        };
        let method = request.frame().method();
        let capability = match method {
            "ping" => {
                if let Some(id) = request.frame().id() {
                    let pong = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}");
                    if !self.outbox.send_now(pong) {
                        tracing::debug!("the server does not read the answers to its pings");
                    }
                }
                request.forget();
                return;
            }
            "roots/list" => Some("roots"),
            "sampling/createMessage" => Some("sampling"),
            "elicitation/create" => Some("elicitation"),
            _ => None,
        };
        let offered = capability.is_none_or(|name| self.declared.contains(name));
        if offered && self.incoming.is_some() {
            self.hand_out(Incoming::Request(request)).await;
            return;
        }
        if let Some(id) = request.frame().id() {
            incoming::refuse(
                &self.outbox,
                id,
                RpcError::METHOD_NOT_FOUND,
                "method not found",
            );
        }
        request.forget();
    }

    /// Ends the call that the server cancelled, if there is one: so a subscription ends (2026-07-28).
    async fn cancelled_by_server(&self, frame: &Frame) -> bool {
        if !matches!(self.era.get(), Some(Era::Modern(_))) {
            return false;
        }
        let text = |key| frame.find(&[key]).ok().flatten();
        let number = text("requestId")
            .and_then(Id::from_json)
            .and_then(|id| id.number());
        let Some(waiting) = number.and_then(|number| self.calls.take(number)) else {
            return false;
        };
        let reason = text("reason").and_then(|reason| serde_json::from_str::<String>(reason).ok());
        let reason = reason.map(|reason| excerpt(&reason, REASON));
        self.answer(waiting, Err(SessionError::Cancelled { reason }))
            .await;
        true
    }

    /// Hands out what the server says of its own accord; nobody needs to listen.
    async fn hand_out(&self, said: Incoming) {
        if let Some(incoming) = &self.incoming
            && incoming.send(said).await.is_err()
        {
            tracing::trace!("nobody listens to the server");
        }
    }

    /// Deals with a line that is no message.
    async fn complain(&self, unreadable: &Unreadable) {
        let Unreadable {
            meant_as_message,
            answers,
            asks,
            reason,
            excerpt,
        } = unreadable;
        if *meant_as_message {
            tracing::debug!(
                reason,
                excerpt,
                "the server sent a message that cannot be read"
            );
        } else {
            tracing::debug!(excerpt, "the server printed something that is no message");
        }
        self.calls.note_garbage(excerpt);
        let error = SessionError::Protocol {
            reason: format!("its answer cannot be read: {reason}"),
        };
        self.cannot_take(answers.as_ref(), asks.as_ref(), error)
            .await;
    }

    /// Ends the call that a message answered which cannot be taken, or refuses the request that it was.
    async fn cannot_take(&self, answers: Option<&Id>, asks: Option<&Id>, error: SessionError) {
        let legacy = !matches!(self.era.get(), Some(Era::Modern(_)));
        if let Some(id) = asks.filter(|_| legacy) {
            incoming::refuse(
                &self.outbox,
                id,
                RpcError::INVALID_REQUEST,
                "the request cannot be read",
            );
        }
        let number = answers.and_then(Id::number);
        if let Some(waiting) = number.and_then(|number| self.calls.take(number)) {
            self.answer(waiting, Err(error)).await;
        }
    }
}

impl Drop for Reader {
    /// No call is left waiting for a reader that was stopped.
    fn drop(&mut self) {
        self.calls.end(SessionError::Closed);
    }
}
