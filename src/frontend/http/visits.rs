//! Visits: agents that come again and again with requests, each with its own sessions with servers.
//!
//! In the earlier era a visit begins with `initialize` and is known by its `Mcp-Session-Id`. In the modern era nothing
//! begins: requests belong to one visit if they come from the same [`Caller`] to the same address with the same words
//! about the client, so that a server finds in the second call what it kept in the first.
//!
//! A visit ends when the agent says so, when its process has ended, or when it was idle for so long that it is likely gone.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rmcp::model::ProtocolVersion;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::caller::Caller;
use super::streams::Streams;
use crate::frontend::parking;
use crate::frontend::voice::lock;
use crate::frontend::{Agent, Frontend};
use crate::quadlet::name::ServerName;
use crate::session::{Frame, Id, Unreadable};

/// How many messages may be on their way to the streams.
const UNSORTED: usize = 16;

/// How long a visit must have been unused to be ended for another one, where there are as many as may be.
const SPARE: Duration = Duration::from_mins(1);

/// How long a session must have been unused whose process has ended: a script goes on with its id in another one, as
/// where every request of it is one of `curl`.
const ORPHANED: Duration = Duration::from_mins(5);

/// How many times as long as another a visit may be unused for which something is still kept: tasks, subscriptions,
/// requests.
const KEPT: u32 = 4;

/// One agent.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) agent: Arc<Agent>,
    pub(super) streams: Arc<Streams>,
    /// The version that was settled on at the beginning, if there was one.
    pub(super) version: Option<ProtocolVersion>,
    /// Who began it, once that is known.
    caller: OnceLock<Caller>,
    used: Mutex<Instant>,
    numbered: AtomicU64,
    sorting: AbortHandle,
}

/// All agents.
#[derive(Debug)]
pub(super) struct Visits {
    /// How many there may be.
    max: usize,
    /// How long one may be unused.
    idle: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<String, (Door, Arc<Visit>)>,
    stateless: HashMap<Who, Arc<Visit>>,
    closed: bool,
}

/// Where agents come in: to all servers or to one.
pub(super) type Door = Option<ServerName>;

/// An agent of the modern era.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Who {
    pub(super) door: Door,
    pub(super) caller: Caller,
    /// What it says of itself, as JSON.
    pub(super) info: String,
    /// What it can do, as JSON.
    pub(super) capabilities: String,
}

/// There are as many agents as there may be.
#[derive(Debug)]
pub(super) struct Full;

/// Who is there.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) sessions: usize,
    pub(super) agents: usize,
    pub(super) requests: usize,
    pub(super) streams: usize,
}

impl Visit {
    fn new(frontend: &Arc<Frontend>, version: Option<ProtocolVersion>) -> Arc<Self> {
        let (said, mut heard) = mpsc::channel(UNSORTED);
        let (gone, mut deserted) = mpsc::unbounded_channel();
        let agent = Arc::new(Agent::new(frontend, said));
        let streams = Streams::new(version.is_some(), gone);
        let (to, on) = (Arc::clone(&agent), Arc::clone(&streams));
        let sorting = tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(said) = heard.recv() => on.say(said).await,
                    Some(id) = deserted.recv() => to.take(cancellation(&id)).await,
                    else => return,
                }
            }
        });
        Arc::new(Self {
            agent,
            streams,
            version,
            caller: OnceLock::new(),
            used: Mutex::new(Instant::now()),
            numbered: AtomicU64::new(0),
            sorting: sorting.abort_handle(),
        })
    }

    /// An id that no other request of this agent has.
    pub(super) fn number(&self) -> Id {
        self.numbered.fetch_add(1, Ordering::Relaxed).into()
    }

    /// Takes a message to the agent.
    pub(super) async fn take(&self, message: Result<Frame, Unreadable>) {
        let frame = match message {
            Ok(frame) => frame,
            Err(unreadable) => return self.agent.take_unreadable(&unreadable).await,
        };
        let cancelled = (frame.method() == "notifications/cancelled")
            .then(|| frame.find(&["requestId"]).ok().flatten())
            .flatten()
            .and_then(Id::from_json);
        self.agent.take(frame).await;
        // What is cancelled is not answered, so its stream has nothing more to tell.
        if let Some(id) = cancelled {
            self.streams.give_up(&id);
        }
    }

    /// Notes who began it.
    pub(super) fn is_of(&self, caller: Caller) {
        if self.caller.set(caller).is_err() {
            tracing::trace!("it is known already who began this visit");
        }
    }

    fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }

    /// For how long it neither asked nor listened.
    fn unused(&self) -> Duration {
        lock(&self.used).elapsed().min(self.streams.unheard_for())
    }

    /// Whether nobody would miss it: nobody listens, and nothing is under way or kept for it.
    fn is_deserted(&self) -> bool {
        !self.streams.is_heard() && !self.agent.is_held()
    }

    /// Whether nobody can come back to it, or as good as nobody: the process that began it is among those that are gone.
    fn is_orphaned(&self, gone: &HashSet<Caller>) -> bool {
        if !self
            .caller
            .get()
            .is_some_and(|caller| gone.contains(caller))
        {
            return false;
        }
        match self.version {
            // Only that process would be taken for it.
            None => !self.streams.is_heard(),
            Some(_) => self.unused() >= ORPHANED && self.is_deserted(),
        }
    }

    /// Closes its sessions with servers, and ends its streams: all of it, even if whoever waits for that goes away.
    pub(super) async fn close(self: &Arc<Self>) {
        let visit = Arc::clone(self);
        let closing = tokio::spawn(async move {
            visit.agent.close().await;
            visit.streams.close();
            visit.sorting.abort();
        });
        if let Err(error) = closing.await {
            tracing::error!(%error, "a visit was not closed");
        }
    }
}

impl Visits {
    pub(super) fn new(max: usize, idle: Duration) -> Self {
        Self {
            max,
            idle,
            state: Mutex::default(),
        }
    }

    /// Begins a session; gives its id.
    pub(super) fn begin(
        &self,
        door: &Door,
        frontend: &Arc<Frontend>,
        version: ProtocolVersion,
    ) -> Result<(String, Arc<Visit>), Full> {
        let id = parking::handle().map_err(|_| Full)?;
        self.let_go();
        let mut state = lock(&self.state);
        self.make_room(&mut state)?;
        let visit = Visit::new(frontend, Some(version));
        let session = (door.clone(), Arc::clone(&visit));
        state.sessions.insert(id.clone(), session);
        Ok((id, visit))
    }

    /// The session of that id, if it came in by this door.
    pub(super) fn session(&self, id: &str, door: &Door) -> Option<Arc<Visit>> {
        let state = lock(&self.state);
        let (_, visit) = state.sessions.get(id).filter(|(of, _)| of == door)?;
        visit.touch();
        Some(Arc::clone(visit))
    }

    /// Takes a session out, to be closed.
    pub(super) fn end(&self, id: &str, door: &Door) -> Option<Arc<Visit>> {
        let mut state = lock(&self.state);
        state.sessions.get(id).filter(|(of, _)| of == door)?;
        state.sessions.remove(id).map(|(_, visit)| visit)
    }

    /// The visit of an agent without a session.
    pub(super) fn of(&self, who: Who, frontend: &Arc<Frontend>) -> Result<Arc<Visit>, Full> {
        let known = |state: &State| {
            let visit = state.stateless.get(&who)?;
            visit.touch();
            Some(Arc::clone(visit))
        };
        let found = known(&lock(&self.state));
        if let Some(visit) = found {
            return Ok(visit);
        }
        self.let_go();
        let mut state = lock(&self.state);
        if let Some(visit) = known(&state) {
            return Ok(visit);
        }
        self.make_room(&mut state)?;
        let visit = Visit::new(frontend, None);
        visit.is_of(who.caller.clone());
        state.stateless.insert(who, Arc::clone(&visit));
        Ok(visit)
    }

    /// Who is there.
    pub(super) fn present(&self) -> Present {
        let state = lock(&self.state);
        let (requests, streams) = state.all().fold((0, 0), |(requests, streams), visit| {
            (
                requests + visit.streams.waiting(),
                streams + visit.streams.listeners(),
            )
        });
        Present {
            sessions: state.sessions.len(),
            agents: state.stateless.len(),
            requests,
            streams,
        }
    }

    /// Ends the visits of those who are likely gone.
    pub(super) async fn sweep(&self) {
        let ended = self.ended();
        let gone = lock(&self.state).take(|visit| {
            let unused = visit.unused();
            let is_gone = unused >= self.idle.saturating_mul(KEPT) && !visit.streams.is_heard();
            is_gone || (unused >= self.idle && visit.is_deserted()) || visit.is_orphaned(&ended)
        });
        tracing::trace!("{} agents are gone", gone.len());
        close_all(&gone).await;
    }

    /// Ends the visits of processes that have ended, of which a server may have no room for one more. A new visitor does
    /// not wait for it: the next one finds the room.
    fn let_go(&self) {
        let ended = self.ended();
        if ended.is_empty() {
            return;
        }
        let orphaned = lock(&self.state).take(|visit| visit.is_orphaned(&ended));
        tracing::trace!("{} agents have ended", orphaned.len());
        tokio::spawn(async move { close_all(&orphaned).await });
    }

    /// The callers that have ended. They are looked for without the lock: that takes a while where there are many.
    fn ended(&self) -> HashSet<Caller> {
        let mut callers: HashSet<Caller> = {
            let state = lock(&self.state);
            let visits = state.all();
            visits
                .filter_map(|visit| visit.caller.get().cloned())
                .collect()
        };
        callers.retain(Caller::is_gone);
        callers
    }

    /// Ends all visits, and lets nobody in any more.
    pub(super) async fn close(&self) {
        let all = {
            let mut state = lock(&self.state);
            state.closed = true;
            state.take(|_| true)
        };
        close_all(&all).await;
    }

    /// Sees to it that one more may come.
    fn make_room(&self, state: &mut State) -> Result<(), Full> {
        if state.closed {
            return Err(Full);
        }
        if state.sessions.len() + state.stateless.len() < self.max {
            return Ok(());
        }
        let spare = state
            .all()
            .filter(|visit| visit.unused() >= SPARE && visit.is_deserted())
            .max_by_key(|visit| visit.unused());
        let spare = spare.map(Arc::clone).ok_or(Full)?;
        for visit in state.take(|visit| std::ptr::eq(visit, &raw const *spare)) {
            tokio::spawn(async move { visit.close().await });
        }
        Ok(())
    }
}

impl State {
    fn all(&self) -> impl Iterator<Item = &Arc<Visit>> {
        let sessions = self.sessions.values().map(|(_, visit)| visit);
        sessions.chain(self.stateless.values())
    }

    /// Takes visits out.
    fn take(&mut self, which: impl Fn(&Visit) -> bool) -> Vec<Arc<Visit>> {
        let sessions = self.sessions.extract_if(|_, (_, visit)| which(visit));
        let mut taken: Vec<_> = sessions.map(|(_, (_, visit))| visit).collect();
        let stateless = self.stateless.extract_if(|_, visit| which(visit));
        taken.extend(stateless.map(|(_, visit)| visit));
        taken
    }
}

async fn close_all(visits: &[Arc<Visit>]) {
    futures_util::future::join_all(visits.iter().map(Visit::close)).await;
}

/// What tells an agent's servers that nobody waits for an answer any more.
fn cancellation(id: &Id) -> Frame {
    let params = format!("{{\"requestId\":{id},\"reason\":\"the client hung up\"}}");
    let params = serde_json::value::RawValue::from_string(params).ok();
    Frame::notification("notifications/cancelled", params.as_deref())
}
