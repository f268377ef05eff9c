//! A bridge: one connection of a client, which speaks lines, to one server that is spoken to over HTTP.
//!
//! A request of the client is a POST of its own; what the answer brings, one object or a stream of events, goes to the client line by
//! line, each message as the text it came as. Of the modern era (2026-07-28) nothing is kept between requests. Of the earlier one (up
//! to 2025-11-25) there is a session, begun by `initialize` and ended with the connection, and a standing stream for what the server
//! says of its own accord. A server of 2024-11-05 has one stream for all its answers; it is recognised by its refusal of the POST.
//!
//! Whatever goes wrong is the answer to the request that it happened to: what a client hears is JSON-RPC, whether the server
//! sent HTML, a redirect or nothing.

mod error;
mod events;
mod exchange;
mod prior;
mod session;
#[cfg(test)]
mod tests;
mod web;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::catalog::HttpProtocol;
use crate::session::lines::{Line, Lines};
use crate::session::{Frame, Id, Kind, MESSAGE_MAX, metadata, read_line};
pub use error::{BridgeError, Failure};
use prior::Prior;
use session::Held;
pub use web::{Target, Web};

/// How many messages may wait to be written to the client. Beyond that servers wait.
const UNWRITTEN: usize = 64;

/// How many requests may be under way at once.
const REQUESTS_MAX: usize = 1024;

/// How long the end of a session may take to be told to its server.
const PARTING: Duration = Duration::from_secs(2);

/// A code of JSON-RPC: the server could not be asked, or what it answered is none.
const FAILED: i64 = -32603;

/// What all requests of one connection share.
#[derive(Debug)]
struct Bridge {
    web: Web,
    protocol: HttpProtocol,
    /// Lines for the client.
    to_client: mpsc::Sender<String>,
    /// The session of the earlier era.
    session: Mutex<Option<Held>>,
    /// The stream of a server of 2024-11-05.
    prior: tokio::sync::Mutex<Option<Prior>>,
    /// The requests that were not answered yet.
    open: Mutex<HashMap<Id, Open>>,
    /// By tool, the arguments that are also sent as headers: the path to each, and its header's name.
    annotated: Mutex<HashMap<String, Annotated>>,
}

/// Arguments of a tool that are also sent as headers.
type Annotated = Vec<(Vec<String>, String)>;

/// A request that was not answered yet.
#[derive(Debug)]
struct Open {
    task: Option<AbortHandle>,
    /// Whether it is of the modern era, where whoever hangs up cancels.
    modern: bool,
    /// Whether it is never answered while all is well.
    standing: bool,
}

/// Serves one client until it is done or gone, or `stop` resolves.
pub async fn run(
    target: Target,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    stop: impl Future<Output = ()>,
) -> Result<(), BridgeError> {
    let (to_client, lines) = mpsc::channel(UNWRITTEN);
    let mut writer = tokio::spawn(write(output, lines));
    let bridge = Arc::new(Bridge {
        protocol: target.protocol,
        web: Web::new(target)?,
        to_client,
        session: Mutex::default(),
        prior: tokio::sync::Mutex::default(),
        open: Mutex::default(),
        annotated: Mutex::default(),
    });
    let mut tasks = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    let read = async {
        let mut lines = Lines::new(input, MESSAGE_MAX);
        loop {
            while tasks.try_join_next().is_some() {}
            match lines.next().await? {
                Some(Line::Whole(line)) => {
                    for message in read_line(line) {
                        match message {
                            Ok(frame) => bridge.take(frame, &mut tasks).await,
                            Err(unreadable) => tracing::warn!(
                                "the client wrote what is no message: {}",
                                unreadable.reason
                            ),
                        }
                    }
                }
                Some(Line::TooLarge { size, outline }) => {
                    tracing::warn!(size, "the client wrote a message that is too large");
                    if let Some(id) = outline.asks() {
                        let text = format!("the message has {size} bytes, more than {MESSAGE_MAX}");
                        bridge.say(&Frame::error(id, FAILED, &text)).await;
                    }
                }
                None => break,
            }
        }
        // What it asked for before it ended its side it still wants to hear.
        bridge.end_standing();
        while tasks.join_next().await.is_some() {}
        Ok::<(), std::io::Error>(())
    };
    let ended = tokio::select! {
        ended = read => ended,
        _ = &mut writer => Ok(()),
        () = &mut stop => Ok(()),
    };
    bridge.end_all();
    tasks.shutdown().await;
    let parting = tokio::time::timeout(PARTING, bridge.part()).await;
    if parting.is_err() {
        tracing::debug!("the server does not take notice of the session's end");
    }
    drop(bridge);
    // What is still to be written is, unless the client does not read.
    if !writer.is_finished() {
        tokio::time::timeout(PARTING, writer).await.ok();
    }
    ended.map_err(BridgeError::Client)
}

/// Writes lines until there are no more, or nobody reads them.
async fn write(mut output: impl AsyncWrite + Unpin, mut lines: mpsc::Receiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        let written = async {
            output.write_all(line.as_bytes()).await?;
            output.flush().await
        };
        if let Err(error) = written.await {
            tracing::debug!("the client is gone: {error}");
            return;
        }
    }
}

impl Bridge {
    /// Takes a message of the client on its way. What is no request is sent before anything behind it.
    async fn take(self: &Arc<Self>, frame: Frame, tasks: &mut JoinSet<()>) {
        match frame.kind() {
            Kind::Request => self.begin(frame, tasks).await,
            Kind::Notification if frame.method() == "notifications/cancelled" => {
                self.cancel(&frame).await;
            }
            Kind::Notification | Kind::Result | Kind::Error => {
                self.tell(&frame).await;
                if frame.method() == "notifications/initialized" {
                    self.begin_standing(tasks);
                }
            }
        }
    }

    /// Begins a request.
    async fn begin(self: &Arc<Self>, frame: Frame, tasks: &mut JoinSet<()>) {
        let Some(id) = frame.id().cloned() else {
            return;
        };
        if lock(&self.open).len() >= REQUESTS_MAX {
            let text = format!("{REQUESTS_MAX} requests are under way already");
            self.say(&Frame::error(&id, FAILED, &text)).await;
            return;
        }
        let open = Open {
            task: None,
            modern: version_of(&frame).is_some(),
            standing: frame.method() == "subscriptions/listen",
        };
        lock(&self.open).insert(id.clone(), open);
        let bridge = Arc::clone(self);
        let of_task = id.clone();
        let task = tasks.spawn(async move {
            if let Err(failure) = bridge.ask(&frame).await {
                bridge.fail(&of_task, &failure).await;
            }
        });
        // It may be over already.
        if let Some(open) = lock(&self.open).get_mut(&id) {
            open.task = Some(task);
        }
    }

    /// Ends a request that the client does not want answered any more.
    async fn cancel(&self, notification: &Frame) {
        let id = notification.find(&["requestId"]).ok().flatten();
        let open = id
            .and_then(Id::from_json)
            .and_then(|id| lock(&self.open).remove(&id));
        if !open.as_ref().is_some_and(|open| open.modern) {
            self.tell(notification).await;
        }
        if let Some(task) = open.and_then(|open| open.task) {
            task.abort();
        }
    }

    /// Sends what wants no answer. That it does not arrive is logged: there is nobody to tell.
    async fn tell(&self, frame: &Frame) {
        if let Err(failure) = self.send(frame).await {
            let what = match frame.method() {
                "" => "an answer",
                method => method,
            };
            tracing::warn!("{what} did not arrive: {failure}");
        }
    }

    /// Gives the client a message of the server's; whether the answer to `awaited` is what it was.
    async fn pass(&self, frame: Frame, awaited: Option<&Id>) -> bool {
        let is_answer = matches!(frame.kind(), Kind::Result | Kind::Error);
        if is_answer {
            let Some(id) = frame.id().cloned() else {
                return false;
            };
            // One that was cancelled, or answered before, is not heard again.
            if lock(&self.open).remove(&id).is_none() {
                tracing::debug!("an answer to {id}, which nobody waits for");
                return false;
            }
            self.say(&frame).await;
            return awaited == Some(&id);
        }
        self.say(&frame).await;
        false
    }

    /// Answers a request that failed.
    async fn fail(&self, id: &Id, failure: &Failure) {
        if lock(&self.open).remove(id).is_some() {
            tracing::warn!("{failure}");
            let answer = match failure {
                // The server's own words, for this request.
                Failure::Refused { error, .. } => Frame::error(id, FAILED, "").with_payload(error),
                failure => Frame::error(id, FAILED, &failure.in_a_line()),
            };
            self.say(&answer).await;
        }
    }

    async fn say(&self, frame: &Frame) {
        // Where nobody reads any more, the writer has ended, and all ends.
        self.to_client.send(frame.as_str().to_owned()).await.ok();
    }

    /// Ends what would never end.
    fn end_standing(&self) {
        for open in lock(&self.open).values_mut() {
            if open.standing
                && let Some(task) = open.task.take()
            {
                task.abort();
            }
        }
        if let Some(standing) = lock(&self.session)
            .as_mut()
            .and_then(|session| session.standing.take())
        {
            standing.abort();
        }
    }

    fn end_all(&self) {
        for (_, open) in lock(&self.open).drain() {
            if let Some(task) = open.task {
                task.abort();
            }
        }
    }
}

/// The version that a request of the modern era bears.
fn version_of(frame: &Frame) -> Option<String> {
    let version = frame
        .find(&["_meta", "io.modelcontextprotocol/protocolVersion"])
        .ok()??;
    serde_json::from_str(version).ok()
}

/// A lock whose holder never panics while it has it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The arguments of each tool in a list of tools that are also sent as headers.
fn annotations(list: &Frame) -> HashMap<String, Annotated> {
    let mut found = HashMap::new();
    if let Ok(Some(tools)) = list.find(&["tools"]) {
        let walked = crate::session::splice::walk_elements(tools, |tool| {
            let name = crate::session::splice::find(tool, &["name"]).ok().flatten();
            if let Some(name) = name.and_then(|name| serde_json::from_str(name).ok()) {
                found.insert(name, metadata::annotated(tool));
            }
        });
        if let Err(error) = walked {
            tracing::debug!(%error, "the list of tools is none");
        }
    }
    found
}
