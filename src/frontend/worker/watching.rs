//! What the server is to tell of when it changes, for which a session is opened anew if one ends.

use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{Worker, backoff};
use crate::frontend::peer::Peer;
use crate::frontend::translate::Speech;
use crate::frontend::watches::{self, Watched};
use crate::session::{Frame, Id};

impl Worker {
    /// Has the server tell of something, for which a session is opened if need be, or no longer.
    pub(super) async fn watch(&mut self, own: &Watched, watched: bool) {
        if watched && let Err(reason) = self.peer().await {
            tracing::warn!("{own:?} is not watched yet: {reason}");
            self.lost = true;
        }
        let open = self.open.as_ref();
        let session = open.map(|open| open.peer.session.clone());
        let (session, shared) = (session.as_ref(), &self.shared);
        if watched {
            self.watches.add(own, session, shared).await;
        } else {
            self.watches.remove(own, session, shared);
        }
    }

    /// Answers for a server of the modern era, which has no such request, to an agent of the earlier one that subscribes
    /// to a resource. Says whether it was such a request.
    pub(super) async fn subscribe(&mut self, id: &Id, frame: &Frame, peer: &Peer) -> bool {
        let watched = match frame.method() {
            "resources/subscribe" => true,
            "resources/unsubscribe" => false,
            _ => return false,
        };
        if (self.shared.speech, Speech::of_session(peer.session.era()))
            != (Speech::Legacy, Speech::Modern)
        {
            self.watches.note(frame);
            return false;
        }
        let Some(own) = watches::address(frame) else {
            return false;
        };
        self.watch(&Watched::Resource(own), watched).await;
        if self.shared.take(id).is_some()
            && let Ok(result) = RawValue::from_string("{}".to_owned())
        {
            let voice = &self.shared.voice;
            voice
                .say(Some(id.clone()), Frame::result(id, &result))
                .await;
        }
        true
    }

    /// When a session is to be opened although nobody asks anything: what is watched is to be watched on.
    pub(super) fn reopens(&self) -> Option<Instant> {
        let is_missed = self.lost
            && self.open.is_none()
            && self.watches.outlast_sessions()
            && self.frontend.servers().contains(&self.shared.origin);
        is_missed.then(|| self.failed + backoff(self.failures))
    }

    pub(super) async fn reopen(&mut self) {
        if let Err(reason) = self.peer().await {
            tracing::debug!("what was watched is not watched yet: {reason}");
        }
    }
}
