//! Introductions: what the agent says of itself, and what is said to it of mcpod or of the server that is shown alone.

use serde_json::value::RawValue;

use super::{Agent, PATIENCE};
use crate::frontend::offer::Origin;
use crate::frontend::translate::{self, Speech};
use crate::frontend::voice::lock;
use crate::frontend::{Shape, identity};
use crate::session::{Client, Frame, Id};

impl Agent {
    pub(super) async fn initialize(&self, id: &Id, frame: &Frame) {
        self.meet(frame);
        let version = identity::version_for(frame);
        let own = self.own_words().await;
        let own = own.and_then(|words| identity::initialized_as(&words, &version));
        let result = own.unwrap_or_else(|| identity::initialized(&version, &self.voice.offer()));
        self.answer(id, &result).await;
    }

    /// Learns who the agent is, from its `initialize`.
    pub(in crate::frontend) fn meet(&self, frame: &Frame) {
        let part = |key| frame.find(&[key]).ok().flatten();
        let raw = |key| RawValue::from_string(part(key)?.to_owned()).ok();
        if let (Some(info), Some(capabilities)) = (raw("clientInfo"), raw("capabilities")) {
            *lock(&self.declared) = Client::new(info, capabilities);
        }
        self.voice.subscriptions.initialized();
    }

    pub(super) async fn discover(&self, id: &Id) {
        let own = self.own_words().await;
        let own = own.and_then(|words| identity::discovered_as(&words));
        let result = own.unwrap_or_else(|| identity::discovered(&self.voice.offer()));
        self.answer(id, &result).await;
    }

    /// What the server said of itself that is shown alone.
    async fn own_words(&self) -> Option<Box<RawValue>> {
        let Shape::Server(name) = self.frontend.shape() else {
            return None;
        };
        let origin = Origin::Server(name.clone());
        self.frontend.settled(PATIENCE).await;
        self.shown.update(std::collections::BTreeSet::new()).await;
        self.frontend.lists_of(&origin)?.server.clone()
    }

    /// The agent as it declared itself, at the beginning or in this request.
    pub(super) fn client(&self, frame: &Frame, speech: Speech) -> Client {
        let declared = lock(&self.declared).clone();
        if speech == Speech::Legacy {
            return declared;
        }
        let part = |key| {
            let part = frame.find(&["_meta", key]).ok().flatten()?;
            RawValue::from_string(part.to_owned()).ok()
        };
        Client::new(
            part(translate::CLIENT).unwrap_or_else(|| declared.info().to_owned()),
            part(translate::CAPABILITIES).unwrap_or_else(|| declared.capabilities().to_owned()),
        )
    }
}
