//! Readers: who listens to a stream hears what is said on it, from some event on.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Event, STANDING, Streams};
use crate::frontend::voice::lock;
use crate::session::Id;

/// Listens to a stream.
#[derive(Debug)]
pub(in crate::frontend::http) struct Reader {
    pub(super) streams: Arc<Streams>,
    pub(in crate::frontend::http) stream: u64,
    pub(super) number: u64,
    pub(super) wake: Arc<Notify>,
    pub(super) after: u64,
}

impl Reader {
    /// The next event; nothing once the stream has ended, or somebody else listens to it. What came before was heard
    /// then: whoever still had to write it would not ask for more.
    pub(in crate::frontend::http) async fn next(&mut self) -> Option<Event> {
        loop {
            {
                let mut state = lock(&self.streams.state);
                let closed = state.closed;
                let stream = state.streams.get_mut(&self.stream)?;
                if stream.reader.as_ref().map(|(number, _)| *number) != Some(self.number) {
                    return None;
                }
                stream.hear(self.after);
                // Nobody can ask for it again.
                while !self.streams.resumable && stream.heard.events > 0 {
                    stream.drop_first();
                }
                let event = stream.behind(self.after);
                let is_over = closed || (self.stream != STANDING && stream.unanswered == 0);
                state.forget();
                self.streams.room.notify_one();
                if let Some(event) = &event {
                    self.after = event.number;
                }
                if event.is_some() || is_over {
                    return event;
                }
            }
            self.wake.notified().await;
        }
    }

    /// The number of the event that came last.
    pub(in crate::frontend::http) fn came_to(&self) -> u64 {
        self.after
    }

    /// Ends with this, whose answer goes where no break can be mended: it is not kept.
    pub(in crate::frontend::http) fn finish(self) {
        let mut state = lock(&self.streams.state);
        state.streams.remove(&self.stream);
        self.streams.room.notify_one();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = lock(&self.streams.state);
        state.left = Instant::now();
        let Some(stream) = state.streams.get_mut(&self.stream) else {
            return;
        };
        if stream.reader.as_ref().map(|(number, _)| *number) != Some(self.number)
            && self.streams.resumable
        {
            return;
        }
        stream.reader = None;
        state.trim();
        if !self.streams.resumable {
            // In the modern era a stream is its connection: whoever hangs up takes back what was asked.
            state.streams.remove(&self.stream);
            let waited: Vec<Id> = state
                .requests
                .iter()
                .filter(|(_, waiting)| waiting.stream == self.stream)
                .map(|(id, _)| id.clone())
                .collect();
            for id in waited {
                state.requests.remove(&id);
                if self.streams.gone.send(id).is_err() {
                    tracing::trace!("the agent is gone");
                }
            }
        }
        self.streams.room.notify_one();
    }
}
