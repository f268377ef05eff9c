//! What a link watches at a server: resources, in whatever way the server's era has for it and anew in each session, and tasks,
//! which only the modern era has to be asked for and which end with their session.

use std::collections::{BTreeSet, HashMap};

use serde_json::value::RawValue;

use super::link::Shared;
use super::subscriptions::{RESOURCES, TASKS};
use super::translate::Speech;
use crate::session::splice::quoted;
use crate::session::{Call, CallOptions, Frame, Session};

/// How long a server of the earlier era may take to note a subscription.
const NOTING: std::time::Duration = std::time::Duration::from_secs(30);

/// Something to be told of, as the server calls it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Watched {
    /// A resource, by its address.
    Resource(String),
    /// A task, by its id.
    Task(String),
}

impl Watched {
    /// The member of a subscription's filter that asks for it.
    fn filter(&self) -> String {
        let (key, own) = match self {
            Self::Resource(own) => (RESOURCES, own),
            Self::Task(own) => (TASKS, own),
        };
        format!("\"{key}\":[{}]", quoted(own))
    }
}

/// What a link watches.
#[derive(Debug, Default)]
pub(super) struct Watches {
    wanted: BTreeSet<Watched>,
    /// The subscriptions of the open session, if its era is the modern one; dropping one ends it.
    open: HashMap<Watched, Call>,
}

impl Watches {
    /// Notes what the agent's own request to the server subscribes to.
    pub(super) fn note(&mut self, request: &Frame) {
        let Some(own) = address(request) else { return };
        let own = Watched::Resource(own);
        match request.method() {
            "resources/subscribe" => self.wanted.insert(own),
            "resources/unsubscribe" => self.wanted.remove(&own),
            _ => false,
        };
    }

    /// Watches something, over a session if one is open.
    pub(super) async fn add(&mut self, own: &Watched, session: Option<&Session>, shared: &Shared) {
        self.wanted.insert(own.clone());
        if let Some(session) = session {
            self.begin(own, session, shared).await;
        }
    }

    /// Watches something no longer.
    pub(super) fn remove(&mut self, own: &Watched, session: Option<&Session>, shared: &Shared) {
        if let Watched::Resource(own) = own {
            shared.holds().unwatch(own);
        }
        if !self.wanted.remove(own) || self.open.remove(own).is_some() {
            return;
        }
        if let (Some(session), Watched::Resource(own)) = (session, own) {
            tell(session, "resources/unsubscribe", own);
        }
    }

    /// Watches all resources over a session that was opened just now. The tasks of the one before are no more.
    pub(super) async fn resume(&mut self, session: &Session, shared: &Shared) {
        self.open.clear();
        self.wanted
            .retain(|own| matches!(own, Watched::Resource(_)));
        for own in self.wanted.clone() {
            self.begin(&own, session, shared).await;
        }
    }

    async fn begin(&mut self, own: &Watched, session: &Session, shared: &Shared) {
        if let Watched::Resource(own) = own {
            shared.holds().watch(own);
        }
        if Speech::of_session(session.era()) == Speech::Legacy {
            // Of tasks it tells unasked.
            if let Watched::Resource(own) = own {
                tell(session, "resources/subscribe", own);
            }
            return;
        }
        let params = format!("{{\"notifications\":{{{}}}}}", own.filter());
        let Ok(params) = RawValue::from_string(params) else {
            return;
        };
        let options = CallOptions::default();
        match session
            .call("subscriptions/listen", Some(&params), options)
            .await
        {
            Ok(call) => {
                self.open.insert(own.clone(), call);
            }
            Err(error) => tracing::debug!(%error, "{own:?} is not watched"),
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
