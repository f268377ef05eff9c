//! A session: a live connection to one MCP server, in either era of the protocol.
//!
//! Messages are kept as the text they came as; only their envelope is read. Calls run side by side, each answer
//! finding its call by the id; progress goes to its call, in order and before the answer; whatever else the server
//! says goes to one channel. A call that is dropped, or takes too long, is cancelled at the server. A message
//! beyond [`MESSAGE_MAX`] or one that cannot be read ends the call that it answers, not the session.
//!
//! ```text
//! Opening -> Session -> Call -> outbox -> socket -> lines -> Frame -> reader -> Call
//!                                                                          `-> Incoming
//! ```
//!
//! Invariant: what passes through is changed only where [`splice`] is told to, and no byte beside it.

pub mod arguments;
mod call;
mod calls;
pub mod definitions;
mod envelope;
mod era;
mod error;
mod excerpt;
mod frame;
mod id;
mod incoming;
pub mod lines;
pub mod lists;
pub mod metadata;
mod opening;
mod outbox;
pub mod outline;
pub mod patience;
pub mod readable;
mod reader;
mod reading;
pub mod remember;
pub mod splice;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

pub use call::{Call, CallOptions, Relayed, Step};
pub use era::{Client, Era, UnknownVersion};
pub use error::{Oversized, RpcError, SessionError};
pub use frame::{Frame, Kind};
pub use id::Id;
pub use incoming::{Incoming, ServerRequest};
pub use lines::MESSAGE_MAX;
pub use opening::Opening;
pub use reading::{Unreadable, read_client_line, read_line};

use splice::{Existing, Put, SpliceError, quoted};
use wire::Wire;

/// A live connection to one server. Clones share it; it is closed when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Session(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    wire: Wire,
    client: Client,
    era: Era,
    /// The version as JSON, for the requests of the modern era.
    version: String,
    server: Box<RawValue>,
}

impl Session {
    /// Takes over a connection whose era is settled.
    fn new(wire: Wire, client: Client, era: Era, server: Box<RawValue>) -> Self {
        let version = quoted(era.version().as_str());
        Self(Arc::new(Opened {
            wire,
            client,
            era,
            version,
            server,
        }))
    }

    /// The era that the server speaks.
    pub fn era(&self) -> &Era {
        &self.0.era
    }

    /// What the server said of itself: its `InitializeResult` or `DiscoverResult`, as it sent it.
    pub fn server(&self) -> &RawValue {
        &self.0.server
    }

    /// Whether the server declared a capability.
    pub fn offers(&self, capability: &str) -> bool {
        let found = splice::find(self.0.server.get(), &["capabilities", capability]);
        found.is_ok_and(|value| value.is_some_and(|value| value != "null"))
    }

    /// Whether the server said that it tells when its tools change.
    pub fn tells_of_tools(&self) -> bool {
        let path = ["capabilities", "tools", "listChanged"];
        splice::find(self.0.server.get(), &path).is_ok_and(|value| value == Some("true"))
    }

    /// Calls a method and waits for its result. An error that the server answers with is an [`RpcError`].
    ///
    /// In the modern era the result can be one that asks for input (`"resultType":"input_required"`, multi
    /// round-trip requests): it is handed back as it is, and whoever can give the input calls again.
    pub async fn request(
        &self,
        method: &str,
        params: Option<&RawValue>,
        timeout: Duration,
    ) -> Result<Box<RawValue>, SessionError> {
        let call = self
            .call(method, params, CallOptions::within(timeout))
            .await?;
        let answer = call.answer().await?;
        if answer.kind() == Kind::Error {
            return Err(SessionError::Rpc(Box::new(RpcError::of(&answer))));
        }
        answer.into_payload().ok_or(SessionError::Closed)
    }

    /// Calls a method; see [`Call`] for what comes back. Waits while too much is waiting to be written.
    pub async fn call(
        &self,
        method: &str,
        params: Option<&RawValue>,
        options: CallOptions,
    ) -> Result<Call, SessionError> {
        let params = params.map(RawValue::get);
        let build = |call: &Call| {
            let made = self.params(call, params, options.progress);
            let params = made.map_err(|error| unsendable(method, &error))?;
            let params = params.as_deref().unwrap_or_default();
            Ok(match params {
                "" => Frame::request(&call.id(), method, None).into_string(),
                params => Frame::ours_asking(&call.id(), method, params).into_string(),
            })
        };
        self.0.wire.call(method, options, build).await
    }

    /// Sends on a request that somebody else made: it gets an id of ours, and a progress token if progress is wanted (else its own is
    /// taken out); the modern era's `_meta` is added where it is missing. All else stays byte for byte. Its progress and its answer come
    /// where all else comes that the server says ([`Opening::incoming`]), in their place.
    pub async fn relay(&self, request: &Frame, progress: bool) -> Result<Relayed, SessionError> {
        let Some(asked) = request.id().cloned() else {
            let error = SpliceError::NotAnObject {
                key: "id".to_owned(),
            };
            return Err(unsendable(request.method(), &error));
        };
        let build = |call: &Call| {
            let made = self.params(call, request.payload(), progress);
            let params = made.map_err(|error| unsendable(request.method(), &error))?;
            Ok(request.readdressed(&call.id(), params.as_deref()))
        };
        self.0.wire.relay(request.method(), asked, build).await
    }

    /// Sends a notification.
    pub async fn notify(
        &self,
        method: &str,
        params: Option<&RawValue>,
    ) -> Result<(), SessionError> {
        self.0
            .wire
            .notify(Frame::notification(method, params))
            .await
    }

    /// Sends on a notification that somebody else made, as it is.
    pub async fn pass(&self, notification: Frame) -> Result<(), SessionError> {
        self.0.wire.notify(notification).await
    }

    /// Waits until the session has ended, and says why.
    pub async fn ended(&self) -> SessionError {
        self.0.wire.over().await
    }

    /// Why the session has ended, if it has.
    pub fn over(&self) -> Option<SessionError> {
        self.0.wire.ended()
    }

    /// Closes the session for all its clones: its calls end, and what is queued is written for at most a second.
    pub async fn close(&self) {
        self.0.wire.close().await;
    }

    /// The parameters of a call with what the session adds: nothing if there are none.
    fn params(
        &self,
        call: &Call,
        params: Option<&str>,
        progress: bool,
    ) -> Result<Option<String>, SpliceError> {
        let token = call.id();
        let token = progress.then(|| Put {
            key: "progressToken",
            value: token.as_json(),
            existing: Existing::Replace,
        });
        let meta = match &self.0.era {
            Era::Modern(_) => self.0.client.meta(&self.0.version).to_vec(),
            Era::Legacy(_) => Vec::new(),
        };
        let puts: Vec<Put<'_>> = token.into_iter().chain(meta).collect();
        let params = params.filter(|params| *params != "null");
        // Positional parameters can bear no `_meta`.
        if params.is_some_and(|params| !params.starts_with('{')) {
            return Ok(params.map(str::to_owned));
        }
        let params = match params {
            Some(params) if !progress => Some(splice::remove(params, &["_meta", "progressToken"])?),
            params => params.map(str::to_owned),
        };
        if puts.is_empty() {
            return Ok(params);
        }
        splice::put(params.as_deref().unwrap_or("{}"), &["_meta"], &puts).map(Some)
    }
}

/// The error for parameters that could not be completed.
fn unsendable(method: &str, error: &SpliceError) -> SessionError {
    SessionError::Unsendable {
        method: excerpt::excerpt(method, 100),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
