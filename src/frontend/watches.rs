//! The resources of a server that a link watches, in whatever way the server's era has for it, and anew in each session.

use std::collections::{BTreeSet, HashMap};

use serde_json::value::RawValue;

use super::link::Shared;
use super::translate::Speech;
use crate::session::splice::quoted;
use crate::session::{Call, CallOptions, Frame, Session};

/// How long a server of the earlier era may take to note a subscription.
const NOTING: std::time::Duration = std::time::Duration::from_secs(30);

/// What a link watches.
#[derive(Debug, Default)]
pub(super) struct Watches {
    /// The server's own addresses.
    wanted: BTreeSet<String>,
    /// The subscriptions of the open session, if its era is the modern one; dropping one ends it.
    open: HashMap<String, Call>,
}

impl Watches {
    /// Notes what the agent's own request to the server subscribes to.
    pub(super) fn note(&mut self, request: &Frame) {
        let Some(own) = address(request) else { return };
        match request.method() {
            "resources/subscribe" => self.wanted.insert(own),
            "resources/unsubscribe" => self.wanted.remove(&own),
            _ => false,
        };
    }

    /// Watches a resource, over a session if one is open.
    pub(super) async fn add(&mut self, own: &str, session: Option<&Session>, shared: &Shared) {
        self.wanted.insert(own.to_owned());
        if let Some(session) = session {
            shared.holds().watch(own);
            self.begin(own, session).await;
        }
    }

    /// Watches a resource no longer.
    pub(super) fn remove(&mut self, own: &str, session: Option<&Session>, shared: &Shared) {
        shared.holds().unwatch(own);
        if !self.wanted.remove(own) || self.open.remove(own).is_some() {
            return;
        }
        if let Some(session) = session {
            tell(session, "resources/unsubscribe", own);
        }
    }

    /// Watches all resources over a session that was opened just now.
    pub(super) async fn resume(&mut self, session: &Session, shared: &Shared) {
        self.open.clear();
        for own in self.wanted.clone() {
            shared.holds().watch(&own);
            self.begin(&own, session).await;
        }
    }

    async fn begin(&mut self, own: &str, session: &Session) {
        if Speech::of_session(session.era()) == Speech::Legacy {
            return tell(session, "resources/subscribe", own);
        }
        let params = format!(
            "{{\"notifications\":{{\"resourceSubscriptions\":[{}]}}}}",
            quoted(own)
        );
        let Ok(params) = RawValue::from_string(params) else {
            return;
        };
        let options = CallOptions::default();
        match session
            .call("subscriptions/listen", Some(&params), options)
            .await
        {
            Ok(call) => {
                self.open.insert(own.to_owned(), call);
            }
            Err(error) => tracing::debug!(%error, "a resource is not watched"),
        }
    }
}

/// The resource that a request is about.
pub(super) fn address(request: &Frame) -> Option<String> {
    let address = request.find(&["uri"]).ok().flatten()?;
    serde_json::from_str(address).ok()
}

/// Tells a server of the earlier era; its answer is not waited for.
fn tell(session: &Session, method: &'static str, own: &str) {
    let Ok(params) = RawValue::from_string(format!("{{\"uri\":{}}}", quoted(own))) else {
        return;
    };
    let session = session.clone();
    tokio::spawn(async move {
        if let Err(error) = session.request(method, Some(&params), NOTING).await {
            tracing::debug!(%error, "{method} fails");
        }
    });
}
