//! What both directions of a link know: who the agent is, and which of its requests are not answered yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::LinkId;
use crate::frontend::counts::Counter;
use crate::frontend::holds::{Hold, Holds, Tokens};
use crate::frontend::input;
use crate::frontend::offer::{Names, Origin};
use crate::frontend::pump;
use crate::frontend::translate::{LOG_LEVEL, Speech};
use crate::frontend::voice::{Voice, lock};
use crate::session::{Client, Frame, Id, Relayed};

/// What both directions know.
#[derive(Debug)]
pub(in crate::frontend) struct Shared {
    pub(in crate::frontend) id: LinkId,
    pub(in crate::frontend) origin: Origin,
    /// The agent as it declared itself.
    pub(in crate::frontend) client: Client,
    pub(in crate::frontend) speech: Speech,
    /// Whether names and ids are the server's own.
    pub(in crate::frontend) names: Names,
    pub(in crate::frontend) voice: Arc<Voice>,
    pub(in crate::frontend) counter: Arc<Counter>,
    requests: Mutex<HashMap<Id, Request>>,
    /// The last session whose requests were taken out since it has ended; changes with them.
    over: AtomicU64,
    holds: Mutex<Holds>,
    used: Mutex<Instant>,
}

/// A request that is not answered yet.
#[derive(Debug)]
pub(in crate::frontend) struct Request {
    pub(in crate::frontend) method: String,
    /// The id that the agent waits for; none while it was answered that input is needed.
    pub(in crate::frontend) shown: Option<Id>,
    /// The agent's progress token, as JSON, if it wants to hear of progress.
    pub(in crate::frontend) token: Option<Id>,
    /// Whether the agent wants log messages while it is on its way, which it says in each request of the modern era.
    logs: bool,
    /// Whether it asks to be run as a task (2025-11-25), or addresses what keeps the session open.
    pub(in crate::frontend) hold: Option<Hold>,
    /// The session that it was sent in, counted from the link's first, and its call there.
    pub(super) sent: Option<(u64, Relayed)>,
    /// The request itself, where it may have to be made again.
    pub(in crate::frontend) frame: Option<Frame>,
    /// How often it was answered that input is needed.
    rounds: u8,
    /// What asks the agent for that input; it ends with the request.
    collecting: Option<Collecting>,
}

/// A task that ends when nobody needs it any more.
#[derive(Debug)]
struct Collecting(AbortHandle);

impl Drop for Collecting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A request that was taken out since its session has ended.
#[derive(Debug)]
pub(in crate::frontend) struct Unanswered {
    /// The id that it was made with.
    pub(in crate::frontend) asked: Id,
    /// The id under which the agent waits, if it does.
    pub(in crate::frontend) shown: Option<Id>,
    /// What was asked for.
    pub(in crate::frontend) method: String,
}

impl Request {
    /// The token of its progress on both sides, if the agent wants to hear of it.
    pub(in crate::frontend) fn tokens(&self) -> Option<Tokens> {
        let (_, relayed) = self.sent.as_ref()?;
        Some(Tokens {
            own: relayed.id(),
            shown: self.token.clone()?,
        })
    }
}

impl Shared {
    /// Nothing is asked yet.
    pub(super) fn new(
        id: LinkId,
        origin: Origin,
        client: Client,
        speech: Speech,
        names: Names,
        voice: Arc<Voice>,
        counter: Arc<Counter>,
    ) -> Self {
        Self {
            id,
            origin,
            client,
            speech,
            names,
            voice,
            counter,
            requests: Mutex::default(),
            over: AtomicU64::new(0),
            holds: Mutex::default(),
            used: Mutex::new(Instant::now()),
        }
    }

    /// Keeps a place for a request; not if one of that id is on its way.
    pub(super) fn begin(&self, id: &Id, frame: &Frame) -> bool {
        self.touch();
        let mut requests = lock(&self.requests);
        if requests.contains_key(id) {
            return false;
        }
        requests.insert(
            id.clone(),
            Request {
                method: frame.method().to_owned(),
                shown: Some(id.clone()),
                token: token(frame),
                logs: self.speech == Speech::Modern && logs(frame),
                hold: pump::hold(frame),
                sent: None,
                frame: None,
                rounds: 0,
                collecting: None,
            },
        );
        true
    }

    /// Whether a request still waits, and whether it wants progress.
    pub(in crate::frontend) fn waits(&self, id: &Id) -> Option<bool> {
        Some(lock(&self.requests).get(id)?.token.is_some())
    }

    /// Notes that a request was sent in a session; one that was cancelled meanwhile is cancelled there. Says whether it is
    /// still to be answered: a session that has ended meanwhile has taken out all that was noted before.
    pub(in crate::frontend) fn sent(
        &self,
        id: &Id,
        session: u64,
        relayed: Relayed,
        frame: Option<Frame>,
    ) -> bool {
        let mut requests = lock(&self.requests);
        if self.over.load(Ordering::Relaxed) >= session {
            return false;
        }
        if let Some(request) = requests.get_mut(id) {
            request.sent = Some((session, relayed));
            request.frame = frame;
        }
        true
    }

    /// Takes a request out, since it is answered now.
    pub(in crate::frontend) fn take(&self, id: &Id) -> Option<Request> {
        self.touch();
        lock(&self.requests).remove(id)
    }

    /// The request that was answered that input is needed, and how often it was; nothing if it cannot be made again.
    /// Until then it is no server's.
    pub(in crate::frontend) fn again(&self, asked: &Id) -> Option<(Frame, u8)> {
        let mut requests = lock(&self.requests);
        let request = requests.get_mut(asked)?;
        let frame = request.frame.clone()?;
        request.sent = None;
        request.rounds = request.rounds.saturating_add(1);
        Some((frame, request.rounds))
    }

    /// Notes what asks the agent for the input that a request needs; it ends at once if nobody waits for that any more.
    pub(in crate::frontend) fn collecting(&self, asked: &Id, task: AbortHandle) {
        let collecting = Collecting(task);
        if let Some(request) = lock(&self.requests).get_mut(asked) {
            request.collecting = Some(collecting);
        }
    }

    /// Takes out the request whose answer the agent waits for under this id.
    pub(super) fn take_shown(&self, id: &Id) -> Option<Request> {
        let mut requests = lock(&self.requests);
        let (asked, _) = requests
            .iter()
            .find(|(_, request)| request.shown.as_ref() == Some(id))?;
        let asked = asked.clone();
        requests.remove(&asked)
    }

    /// Notes that the agent is answered that input is needed; gives the id under which it waits.
    pub(in crate::frontend) fn park(&self, asked: &Id) -> Option<Id> {
        let mut requests = lock(&self.requests);
        let request = requests.get_mut(asked)?;
        request.token = None;
        request.shown.take()
    }

    /// Notes that the agent made its request again, and waits under another id; says whether the server still works
    /// on it.
    pub(in crate::frontend) fn resume(&self, asked: &Id, again: &Frame, id: Id) -> bool {
        self.touch();
        let mut requests = lock(&self.requests);
        let Some(request) = requests.get_mut(asked) else {
            return false;
        };
        request.token = token(again);
        request.shown = Some(id);
        true
    }

    /// The request that a server's question is about, as far as that can be told: a server that has several asks while
    /// it works on one that the agent waits for, most likely on the last that it was given.
    ///
    /// Some requests cannot be answered with a question: no server's is about those.
    pub(in crate::frontend) fn questioned(&self, session: u64) -> Option<Id> {
        let requests = lock(&self.requests);
        let sent = requests.iter().filter_map(|(id, request)| {
            if !input::may_be_asked_in(&request.method) {
                return None;
            }
            let (in_it, relayed) = request.sent.as_ref()?;
            let likely = (request.shown.is_some(), relayed.number());
            (*in_it == session).then_some((likely, id))
        });
        let (_, asked) = sent.max_by_key(|(likely, _)| *likely)?;
        Some(asked.clone())
    }

    /// Whether the agent wants a log message now; the id under which it waits for the request that said so last.
    ///
    /// 2026-07-28, Logging: without a level in the request there must be none for it.
    pub(in crate::frontend) fn logged(&self) -> Option<Id> {
        let requests = lock(&self.requests);
        let wanting = requests.values().filter(|request| request.logs);
        let last = wanting.max_by_key(|request| {
            let number = request.sent.as_ref().map(|(_, relayed)| relayed.number());
            (request.shown.is_some(), number)
        });
        last?.shown.clone()
    }

    /// The progress token that the agent gave to a request.
    pub(in crate::frontend) fn token(&self, id: &Id) -> Option<Id> {
        self.touch();
        lock(&self.requests).get(id)?.token.clone()
    }

    /// The id under which the agent waits for a request.
    pub(in crate::frontend) fn shown(&self, asked: &Id) -> Option<Id> {
        lock(&self.requests).get(asked)?.shown.clone()
    }

    /// The one request that is on its way, if it is the only one: what the server says is about that.
    pub(in crate::frontend) fn only(&self) -> Option<Id> {
        let requests = lock(&self.requests);
        let mut all = requests.values();
        let only = all.next().filter(|_| requests.len() == 1)?;
        only.shown.clone()
    }

    /// Takes out all requests that were sent in a session.
    pub(in crate::frontend) fn take_all_of(&self, session: u64) -> Vec<Unanswered> {
        let mut requests = lock(&self.requests);
        self.over.store(session, Ordering::Relaxed);
        let of_it = |request: &Request| {
            request
                .sent
                .as_ref()
                .is_some_and(|(in_it, _)| *in_it == session)
        };
        let ids: Vec<Id> = requests
            .iter()
            .filter(|(_, request)| of_it(request))
            .map(|(id, _)| id.clone())
            .collect();
        ids.into_iter()
            .filter_map(|asked| {
                let Request { shown, method, .. } = requests.remove(&asked)?;
                Some(Unanswered {
                    asked,
                    shown,
                    method,
                })
            })
            .collect()
    }

    /// What the session is kept for.
    pub(in crate::frontend) fn holds(&self) -> MutexGuard<'_, Holds> {
        lock(&self.holds)
    }

    /// Forgets what the session was kept for: it has ended.
    pub(in crate::frontend) fn release_all(&self) {
        *self.holds() = Holds::default();
    }

    /// Whether any request is not answered yet.
    pub(super) fn is_busy(&self) -> bool {
        !lock(&self.requests).is_empty()
    }

    /// Whether the session must stay although nobody asks anything.
    pub(in crate::frontend) fn is_held(&self) -> bool {
        self.is_busy() || self.holds().is_held()
    }

    /// When the link was last used.
    pub(in crate::frontend) fn used(&self) -> Instant {
        *lock(&self.used)
    }

    fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }
}

/// The progress token in a request.
fn token(request: &Frame) -> Option<Id> {
    let token = request.find(&["_meta", "progressToken"]).ok().flatten();
    token.and_then(Id::from_json)
}

/// Whether a request says how much the agent wants to be logged.
fn logs(request: &Frame) -> bool {
    let level = request.find(&["_meta", LOG_LEVEL]).ok().flatten();
    level.is_some_and(|level| level != "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_whether_it_wants_logs() {
        let asking = |meta: &str| {
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"_meta":{{{meta}}}}}}}"#
            );
            logs(&Frame::parse(text).unwrap())
        };
        assert!(asking(&format!("\"{LOG_LEVEL}\":\"info\"")));
        assert!(!asking(&format!("\"{LOG_LEVEL}\":null")));
        assert!(!asking(""));
    }
}
