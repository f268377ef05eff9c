//! A peer: an open session of an agent's, and what stands behind it.

use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::orchestrator::Active;
use crate::orchestrator::connection::Connection;
use crate::session::{CallOptions, Era, Session, SessionError};

/// How long a server may take to note how much it should log.
const LOG_LEVEL: std::time::Duration = std::time::Duration::from_secs(30);

/// An open session.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) session: Session,
    /// The server's instance; nothing for the registry, which lives in this process.
    instance: Option<(Connection, Active)>,
}

impl Peer {
    /// A server behind its socket.
    pub(super) fn server(connection: Connection, active: Active) -> Self {
        Self {
            session: connection.session.clone(),
            instance: Some((connection, active)),
        }
    }

    /// The registry.
    pub(super) fn registry(session: Session) -> Self {
        Self {
            session,
            instance: None,
        }
    }

    /// Says why something failed, for the model to read: what, why, and the end of the server's standard error.
    pub(super) async fn explain(&self, cause: SessionError) -> String {
        match &self.instance {
            Some((connection, active)) => {
                let error = connection.explain(active, cause).await;
                with_hint(error.to_string(), error.hint())
            }
            None => with_hint(cause.to_string(), cause.hint()),
        }
    }

    /// Closes the session and has its instance stopped, which is not waited for.
    pub(super) async fn close(&self) {
        match &self.instance {
            Some((connection, active)) => {
                if let Err(error) = connection.close(false).await {
                    tracing::warn!("an instance of {} is not stopped: {error}", active.name);
                }
            }
            None => self.session.close().await,
        }
    }

    /// Tells an older server how much to log, before whatever is said to it next; its answer is not waited for.
    pub(super) async fn tell_log_level(&self, level: &str) {
        let params = RawValue::from_string(format!("{{\"level\":{level}}}"));
        let (true, Ok(params)) = (self.session.offers("logging"), params) else {
            return;
        };
        let options = CallOptions::within(LOG_LEVEL);
        let told = self
            .session
            .call("logging/setLevel", Some(&params), options);
        match told.await {
            Ok(call) => {
                tokio::spawn(async move {
                    if let Err(error) = call.answer().await {
                        tracing::debug!(%error, "a server does not change what it logs");
                    }
                });
            }
            Err(error) => tracing::debug!(%error, "a server is not told what to log"),
        }
    }

    /// Tells an older server how much to log, before whatever is said to it next, and whenever the agent wants it otherwise.
    pub(super) async fn set_log_level(&self, mut level: watch::Receiver<Option<String>>) {
        if matches!(self.session.era(), Era::Modern(_)) || !self.session.offers("logging") {
            return;
        }
        let wanted = level.borrow_and_update().clone();
        if let Some(wanted) = wanted {
            self.tell_log_level(&wanted).await;
        }
        let session = self.session.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    changed = level.changed() => if changed.is_err() { return },
                    _ = session.ended() => return,
                }
                let wanted = level.borrow_and_update().clone();
                if let Some(wanted) = wanted
                    && let Ok(params) = RawValue::from_string(format!("{{\"level\":{wanted}}}"))
                    && let Err(error) = session
                        .request("logging/setLevel", Some(&params), LOG_LEVEL)
                        .await
                {
                    tracing::debug!(%error, "a server does not change what it logs");
                }
            }
        });
    }
}

/// An error with what can be done about it.
pub(super) fn with_hint(message: String, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{message}\nhint: {hint}"),
        None => message,
    }
}

/// What to do about an error of the chain, for the model to read.
pub(super) fn told(error: &crate::orchestrator::Error) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    with_hint(crate::text::for_terminal(&message), error.hint())
}
