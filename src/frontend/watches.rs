//! What a link watches at a server: resources, in whatever way the server's era has for it and anew in each session, and tasks,
//! which only the modern era has to be asked for and which end with their session.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::value::RawValue;

use super::holds::Holds;
use super::link::Shared;
use super::listening::Listening;
use super::subscriptions::{RESOURCES, TASKS};
use super::translate::Speech;
use crate::session::splice::quoted;
use crate::session::{Frame, Session, SessionError};

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
    open: HashMap<Watched, Listening>,
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
    pub(super) async fn add(
        &mut self,
        own: &Watched,
        session: Option<&Session>,
        shared: &Arc<Shared>,
    ) {
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
            // Its answer is not waited for.
            tokio::spawn(tell(session, "resources/unsubscribe", own));
        }
    }

    /// Forgets what the session that ends was not kept for: its server refused to tell of it.
    pub(super) fn end(&mut self, holds: &Holds) {
        self.wanted.retain(|own| match own {
            Watched::Resource(own) => holds.watches(own),
            Watched::Task(_) => true,
        });
    }

    /// Whether any resource is to be watched in whichever session there is.
    pub(super) fn outlast_sessions(&self) -> bool {
        let mut wanted = self.wanted.iter();
        wanted.any(|own| matches!(own, Watched::Resource(_)))
    }

    /// Watches all resources over a session that was opened just now. The tasks of the one before are no more.
    pub(super) async fn resume(&mut self, session: &Session, shared: &Arc<Shared>) {
        self.open.clear();
        self.wanted
            .retain(|own| matches!(own, Watched::Resource(_)));
        for own in self.wanted.clone() {
            self.begin(&own, session, shared).await;
        }
    }

    async fn begin(&mut self, own: &Watched, session: &Session, shared: &Arc<Shared>) {
        if let Watched::Resource(own) = own {
            shared.holds().watch(own);
        }
        if Speech::of_session(session.era()) == Speech::Legacy {
            // Of tasks it tells unasked.
            if let Watched::Resource(own) = own {
                let (own, shared) = (own.clone(), Arc::clone(shared));
                let told = tell(session, "resources/subscribe", &own);
                tokio::spawn(async move {
                    // Of what it refuses it does not tell, so there is nothing to keep the session for.
                    if let Err(SessionError::Rpc(_)) = told.await {
                        shared.holds().unwatch(&own);
                    }
                });
            }
            return;
        }
        match Listening::begin(session, &own.filter(), || {}).await {
            Ok(listening) => {
                self.open.insert(own.clone(), listening);
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

/// Tells a server of the earlier era.
fn tell(
    session: &Session,
    method: &'static str,
    own: &str,
) -> impl Future<Output = Result<(), SessionError>> + use<> {
    let params = RawValue::from_string(format!("{{\"uri\":{}}}", quoted(own))).ok();
    let session = session.clone();
    async move {
        let told = session.request(method, params.as_deref(), NOTING).await;
        let told = told.inspect_err(|error| tracing::debug!(%error, "{method} fails"));
        told.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_refused_is_not_asked_for_again() {
        let mut watches = Watches::default();
        let mut holds = Holds::default();
        for own in ["a:1", "a:2"] {
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{{"uri":"{own}"}}}}"#
            );
            watches.note(&Frame::parse(text).unwrap());
        }
        holds.watch("a:2");
        watches.end(&holds);
        let wanted: Vec<Watched> = watches.wanted.into_iter().collect();
        assert_eq!(wanted, [Watched::Resource("a:2".to_owned())]);
    }
}
