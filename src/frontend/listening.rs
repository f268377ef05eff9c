//! Listening: a `subscriptions/listen` at a server of the modern era, begun again when the server ends it.
//!
//! A server may end a subscription at any time (2026-07-28, Subscriptions), with an answer or a cancellation. Whoever wants to be told
//! wants that for as long as the session lives.

use std::time::Duration;

use serde_json::value::RawValue;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::session::{Call, CallOptions, Kind, Session, SessionError};

/// How long to wait before a subscription that the server ended is begun again: at first, and twice as long each time, up to the longest;
/// one that lasted that long begins anew with the first.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A subscription; dropping it ends it at the server as well.
#[derive(Debug)]
pub(super) struct Listening(JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Listening {
    /// Begins to listen to what the members of this filter ask for. `again` is called whenever it was begun again: what happened since it
    /// ended was not told.
    pub(super) async fn begin(
        session: &Session,
        filter: &str,
        again: impl Fn() + Send + 'static,
    ) -> Result<Self, SessionError> {
        let params = RawValue::from_string(format!("{{\"notifications\":{{{filter}}}}}"));
        let params = params.map_err(|error| SessionError::Unsendable {
            method: METHOD.to_owned(),
            reason: error.to_string(),
        })?;
        let call = listen(session, &params).await?;
        let session = session.clone();
        Ok(Self(tokio::spawn(async move {
            keep(&session, &params, call, again).await;
        })))
    }
}

const METHOD: &str = "subscriptions/listen";

async fn listen(session: &Session, params: &RawValue) -> Result<Call, SessionError> {
    let options = CallOptions::default();
    session.call(METHOD, Some(params), options).await
}

/// Begins again whenever the server has ended it, until the session ends or the server refuses.
async fn keep(session: &Session, params: &RawValue, mut call: Call, again: impl Fn()) {
    let mut pause = PAUSE;
    loop {
        let begun = Instant::now();
        match call.answer().await {
            Ok(answer) if answer.kind() == Kind::Error => {
                return tracing::debug!("a server does not tell of changes");
            }
            Ok(_) | Err(SessionError::Cancelled { .. }) => {}
            Err(_) => return,
        }
        if begun.elapsed() >= PAUSE_MAX {
            pause = PAUSE;
        }
        tokio::select! {
            () = sleep(pause) => {}
            _ = session.ended() => return,
        }
        pause = PAUSE_MAX.min(pause * 2);
        call = match listen(session, params).await {
            Ok(call) => call,
            Err(error) => return tracing::debug!(%error, "a server is not listened to any more"),
        };
        again();
    }
}
