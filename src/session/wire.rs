//! One connection to a server, before and after it is known which era it speaks: calls go out, answers find them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::call::{Call, CallOptions, Relayed};
use super::calls::Calls;
use super::era::{Client, Era};
use super::error::SessionError;
use super::frame::Frame;
use super::id::Id;
use super::incoming::Incoming;
use super::outbox::Outbox;
use super::patience::Awake;
use super::reader::{self, Reader};

/// A connection, and the two tasks that read and write it. They end with it.
#[derive(Debug)]
pub(super) struct Wire {
    calls: Arc<Calls>,
    outbox: Outbox,
    era: Arc<OnceLock<Era>>,
    tasks: Mutex<Option<Tasks>>,
}

/// What runs for a connection.
#[derive(Debug)]
struct Tasks {
    reader: JoinHandle<()>,
    writer: JoinHandle<()>,
    /// Gives the writer a time limit when it is dropped.
    closing: oneshot::Sender<()>,
}

impl Wire {
    /// Starts to read and write a stream, on the runtime it is called in.
    pub(super) fn start<S>(
        stream: S,
        client: &Client,
        incoming: Option<mpsc::Sender<Incoming>>,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (read, write) = tokio::io::split(Awake::new(stream));
        let calls = Arc::new(Calls::default());
        let era = Arc::new(OnceLock::new());
        let (outbox, mail) = Outbox::new();
        let reader = Reader {
            calls: Arc::clone(&calls),
            outbox: outbox.clone(),
            era: Arc::clone(&era),
            declared: reader::names(client.capabilities()),
            incoming,
        };
        let (closing, closes) = oneshot::channel();
        let tasks = Tasks {
            reader: tokio::spawn(reader.run(read)),
            writer: tokio::spawn(mail.deliver(write, closes)),
            closing,
        };
        Self {
            calls,
            outbox,
            era,
            tasks: Mutex::new(Some(tasks)),
        }
    }

    /// Settles the era; the first word counts.
    pub(super) fn settle(&self, era: &Era) {
        self.era.get_or_init(|| era.clone());
    }

    /// Sends the request that `build` makes for the call's number.
    pub(super) async fn call(
        &self,
        method: &str,
        options: CallOptions,
        build: impl FnOnce(&Call) -> Result<String, SessionError>,
    ) -> Result<Call, SessionError> {
        let call = Call::new(method, options, &self.calls, &self.outbox)?;
        self.send(call, build).await
    }

    /// Sends the request that `build` makes for the call's number; what comes back goes, with the id it was asked
    /// with, to the channel of all that the server says.
    pub(super) async fn relay(
        &self,
        method: &str,
        asked: Id,
        build: impl FnOnce(&Call) -> Result<String, SessionError>,
    ) -> Result<Relayed, SessionError> {
        let call = Call::relayed(method, asked, &self.calls, &self.outbox)?;
        self.send(call, build).await.map(Relayed)
    }

    /// Sends the request of a call whose place is kept.
    async fn send(
        &self,
        mut call: Call,
        build: impl FnOnce(&Call) -> Result<String, SessionError>,
    ) -> Result<Call, SessionError> {
        let text = build(&call)?;
        tokio::select! {
            biased;
            sent = self.outbox.send(text) => sent.map_err(|error| self.why(error))?,
            () = call.overdue() => return Err(call.give_up()),
        }
        // It may have ended while there was no room. What is queued after that reaches nobody.
        if let Some(ended) = self.calls.ended() {
            return Err(ended);
        }
        call.sent();
        Ok(call)
    }

    /// Sends a notification.
    pub(super) async fn notify(&self, notification: Frame) -> Result<(), SessionError> {
        if let Some(ended) = self.calls.ended() {
            return Err(ended);
        }
        self.calls.note_notified();
        let sent = self.outbox.send(notification.into_string()).await;
        sent.map_err(|error| self.why(error))
    }

    /// Waits until the connection is over, and says why.
    pub(super) async fn over(&self) -> SessionError {
        self.calls.over().await
    }

    /// Why the connection is over, if it is.
    pub(super) fn ended(&self) -> Option<SessionError> {
        self.calls.ended()
    }

    /// Ends every call, writes what is queued for at most a second, and lets the stream go.
    pub(super) async fn close(&self) {
        if let Some(tasks) = self.shut() {
            let Tasks {
                reader,
                writer,
                closing,
            } = tasks;
            drop(closing);
            for task in [reader, writer] {
                // A reader that was stopped is an error of the join, and what is wanted.
                if let Err(error) = task.await
                    && error.is_panic()
                {
                    tracing::error!(%error, "a task of a session failed");
                }
            }
        }
    }

    /// Ends every call, stops reading, and has the writer stop behind what is queued.
    fn shut(&self) -> Option<Tasks> {
        let tasks = self
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        tasks.reader.abort();
        self.outbox.end();
        self.calls.end(SessionError::Closed);
        Some(tasks)
    }

    /// The error of a message that could not be queued: how the session ended, if it did.
    fn why(&self, error: SessionError) -> SessionError {
        match error {
            SessionError::Closed => self.calls.ended().unwrap_or(error),
            error => error,
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        drop(self.shut());
    }
}
