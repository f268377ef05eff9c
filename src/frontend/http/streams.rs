//! The streams on which one agent hears what is said to it.
//!
//! Each POST with requests has a stream of its own, which ends with the last answer to them; an agent of the earlier
//! era has one more for all that belongs to no request of its own, the standing one (GET). What was said and not yet
//! heard waits in its stream. For an agent of the earlier era, whose connections may break, what was heard is kept for
//! a while too, and told again from a given event on (2025-11-25, Resumability and Redelivery).
//!
//! Memory is bounded: see [`KEPT`], [`UNHEARD`] and [`IGNORED`].

mod reader;
mod state;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::frontend::translate::SUBSCRIPTION;
use crate::frontend::voice::{Said, lock};
use crate::session::splice::{Existing, Put};
use crate::session::{Frame, Id, Kind};
pub(super) use reader::Reader;
use state::{State, Waiting};
pub(super) use stream::Event;
use stream::Stream;

/// How many bytes of what an agent heard are kept to be told again, and in how many events at most.
const KEPT: usize = 256 * 1024;
const KEPT_EVENTS: usize = 512;

/// What an event takes up beside its text, in bytes: many small ones must not be free.
const OVERHEAD: usize = 256;

/// How many bytes may wait to be heard by one agent. Beyond that its servers wait for those who listen, and what waits
/// for nobody is dropped, the oldest first.
const UNHEARD: usize = 32 * 1024 * 1024;

/// How many bytes may wait on the standing stream while nobody listens to it, as many agents never do. Beyond that
/// notifications are dropped, the oldest first.
const IGNORED: usize = 1024 * 1024;

/// How long servers wait for an agent that does not read from a stream; then the stream is cut.
const STALL: Duration = Duration::from_secs(30);

/// The number of the standing stream.
pub(super) const STANDING: u64 = 0;

/// The streams of one agent.
#[derive(Debug)]
pub(super) struct Streams {
    /// Whether streams outlive their connections: so they do in the earlier era.
    resumable: bool,
    state: Mutex<State>,
    /// Woken when there is room again.
    room: Notify,
    /// Takes the requests whose answers nobody waits for any more.
    gone: mpsc::UnboundedSender<Id>,
}

/// A request that is to be answered on a new stream.
#[derive(Debug)]
pub(super) struct Asked {
    /// The id by which it is known here.
    pub(super) id: Id,
    /// The id that the agent gave to it, if that is another.
    pub(super) own: Option<Id>,
}

/// A request has an id that another one has which is not answered yet.
#[derive(Debug)]
pub(super) struct InUse(pub(super) Id);

impl Streams {
    /// The streams of an agent; requests that nobody waits for any more go to `gone`.
    pub(super) fn new(resumable: bool, gone: mpsc::UnboundedSender<Id>) -> Arc<Self> {
        Arc::new(Self {
            resumable,
            state: Mutex::new(State::new(resumable)),
            room: Notify::new(),
            gone,
        })
    }

    /// Opens a stream on which these requests are answered, and listens to it.
    pub(super) fn open(self: &Arc<Self>, asked: Vec<Asked>) -> Result<Reader, InUse> {
        let mut state = lock(&self.state);
        let used = asked
            .iter()
            .enumerate()
            .find(|(at, one)| {
                state.requests.contains_key(&one.id)
                    || asked.iter().take(*at).any(|other| other.id == one.id)
            })
            .map(|(_, one)| one.id.clone());
        if let Some(id) = used {
            return Err(InUse(id));
        }
        state.last += 1;
        let stream = state.last;
        let unanswered = asked.len();
        for Asked { id, own } in asked {
            state.requests.insert(id, Waiting { stream, own });
        }
        let opened = Stream {
            unanswered,
            ..Stream::default()
        };
        state.streams.insert(stream, opened);
        Ok(self.listen(&mut state, stream, 0))
    }

    /// Listens to a stream from behind an event on; nothing if it is not there any more. Whoever listened before hears
    /// no more.
    pub(super) fn resume(self: &Arc<Self>, stream: u64, after: u64) -> Option<Reader> {
        let mut state = lock(&self.state);
        // Who heard more than was said would hear nothing for long.
        let after = after.min(state.streams.get(&stream)?.last);
        Some(self.listen(&mut state, stream, after))
    }

    /// Listens to what belongs to no request, from what was not heard yet on.
    pub(super) fn stand(self: &Arc<Self>) -> Option<Reader> {
        let mut state = lock(&self.state);
        let standing = state.streams.get(&STANDING)?;
        let heard = standing.events.iter().rev().find(|event| event.heard);
        let after = heard.map_or(0, |event| event.number);
        Some(self.listen(&mut state, STANDING, after))
    }

    fn listen(self: &Arc<Self>, state: &mut State, stream: u64, after: u64) -> Reader {
        state.readers += 1;
        let number = state.readers;
        let wake = Arc::new(Notify::new());
        if let Some(stream) = state.streams.get_mut(&stream) {
            let before = stream.reader.replace((number, Arc::clone(&wake)));
            if let Some((_, before)) = before {
                before.notify_one();
            }
        }
        Reader {
            streams: Arc::clone(self),
            stream,
            number,
            wake,
            after,
        }
    }

    /// Puts what is said into the stream where it belongs; waits while too much is unheard.
    pub(super) async fn say(&self, said: Said) {
        self.make_room().await;
        let Said { about, frame } = said;
        let mut state = lock(&self.state);
        let waiting = about.as_ref().and_then(|id| state.requests.get(id));
        let answers = matches!(frame.kind(), Kind::Result | Kind::Error);
        let (stream, frame) = match waiting {
            Some(waiting) => {
                let shown = match (&waiting.own, answers) {
                    (Some(own), true) => frame.with_id(own),
                    (Some(own), false) => as_subscribed(frame, own),
                    (None, _) => frame,
                };
                (waiting.stream, shown)
            }
            // Nobody waits for it any more.
            None if answers => return,
            None => match state.elsewhere(&frame, self.resumable) {
                Some(stream) => (stream, frame),
                None => {
                    return tracing::debug!(
                        method = crate::text::shortened(frame.method(), 100),
                        "belongs to no request and is not told"
                    );
                }
            },
        };
        if answers && let Some(id) = &about {
            state.requests.remove(id);
        }
        state.say(stream, frame, answers);
        state.trim();
    }

    /// Forgets a request that is not answered any more; its stream ends.
    pub(super) fn give_up(&self, id: &Id) {
        let mut state = lock(&self.state);
        let Some(waiting) = state.requests.remove(id) else {
            return;
        };
        if let Some(stream) = state.streams.get_mut(&waiting.stream) {
            stream.unanswered = stream.unanswered.saturating_sub(1);
            stream.wake();
        }
    }

    /// Ends all streams, once what waits in them is heard; subscriptions end with their result (2026-07-28, Graceful
    /// Closure).
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let requests = std::mem::take(&mut state.requests);
        for waiting in requests.into_values() {
            let subscribes = |stream: &Stream| stream.subscribes;
            if let Some(own) = &waiting.own
                && state.streams.get(&waiting.stream).is_some_and(subscribes)
                && let Ok(frame) = Frame::parse(format!(
                    "{{\"jsonrpc\":\"2.0\",\"id\":{own},\"result\":{{\"resultType\":\"complete\",\"_meta\":{{\"{SUBSCRIPTION}\":{own}}}}}}}"
                ))
            {
                state.say(waiting.stream, frame, true);
            }
        }
        for stream in state.streams.values() {
            stream.wake();
        }
    }

    /// Whether anybody listens.
    pub(super) fn is_heard(&self) -> bool {
        lock(&self.state).is_heard()
    }

    /// For how long nobody has listened.
    pub(super) fn unheard_for(&self) -> Duration {
        let state = lock(&self.state);
        if state.is_heard() {
            return Duration::ZERO;
        }
        state.left.elapsed()
    }

    /// How many streams somebody listens to.
    pub(super) fn listeners(&self) -> usize {
        let state = lock(&self.state);
        let heard = state
            .streams
            .values()
            .filter(|stream| stream.reader.is_some());
        heard.count()
    }

    /// How many requests wait for their answer.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).requests.len()
    }

    async fn make_room(&self) {
        loop {
            let full = {
                let mut state = lock(&self.state);
                state.forget();
                state.drop_unheard() && !state.closed
            };
            if !full {
                return;
            }
            if timeout(STALL, self.room.notified()).await.is_err() {
                tracing::warn!("an agent does not read: a stream is cut");
                lock(&self.state).cut();
            }
        }
    }
}

/// A notification of a subscription as its agent knows it: it bears the id of the request.
fn as_subscribed(frame: Frame, own: &Id) -> Frame {
    if !matches!(frame.find(&["_meta", SUBSCRIPTION]), Ok(Some(_))) {
        return frame;
    }
    let put = Put {
        key: SUBSCRIPTION,
        value: own.as_json(),
        existing: Existing::Replace,
    };
    frame.clone().with(&["_meta"], &[put]).unwrap_or(frame)
}
