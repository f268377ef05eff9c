//! The calls of a session that wait for their answers, and how the session stands.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc, oneshot};

use super::error::SessionError;
use super::frame::Frame;
use super::id::Id;

/// The calls that wait, by the number that is their id and their progress token.
#[derive(Debug, Default)]
pub(super) struct Calls {
    state: Mutex<State>,
    /// Notified at the end.
    over: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<u64, Waiting>,
    last: u64,
    /// Why there will be no more answers.
    ended: Option<SessionError>,
    /// The first thing the server printed that was no message.
    garbage: Option<String>,
    /// Whether any message was read.
    heard: bool,
    /// Whether a notification was sent, which a server may wrongly answer.
    notified: bool,
}

/// Where what comes back for a call goes.
#[derive(Debug)]
pub(super) enum Waiting {
    /// To whoever made it.
    Caller {
        answer: oneshot::Sender<Result<Frame, SessionError>>,
        /// Where its progress goes, if that is wanted.
        progress: Option<mpsc::Sender<Frame>>,
    },
    /// To the channel of all that the server says, with the id that it was asked with.
    Relayed(Id),
}

/// Where the progress of a call goes.
#[derive(Debug)]
pub(super) enum Progress {
    Caller(mpsc::Sender<Frame>),
    Relayed(Id),
}

impl Calls {
    /// Takes a number for a call and keeps its place.
    pub(super) fn add(&self, waiting: Waiting) -> Result<u64, SessionError> {
        let mut state = self.lock();
        if let Some(ended) = &state.ended {
            return Err(ended.clone());
        }
        // Numbers begin with 1: some servers take a token of 0 for none.
        state.last += 1;
        let number = state.last;
        state.waiting.insert(number, waiting);
        Ok(number)
    }

    /// Takes a call out, if it still waits.
    pub(super) fn take(&self, number: u64) -> Option<Waiting> {
        self.lock().waiting.remove(&number)
    }

    /// Takes the call that an error without an id must be about: the only one that waits, as long as nothing
    /// else was sent that it could be about.
    pub(super) fn take_only(&self) -> Option<Waiting> {
        let mut state = self.lock();
        if state.notified || state.waiting.len() != 1 {
            return None;
        }
        let number = state.waiting.keys().next().copied()?;
        state.waiting.remove(&number)
    }

    /// Where the progress of a call goes.
    pub(super) fn progress_of(&self, number: u64) -> Option<Progress> {
        match self.lock().waiting.get(&number)? {
            Waiting::Caller { progress, .. } => progress.clone().map(Progress::Caller),
            Waiting::Relayed(asked) => Some(Progress::Relayed(asked.clone())),
        }
    }

    /// Notes that a message was read.
    pub(super) fn hear(&self) {
        self.lock().heard = true;
    }

    /// Notes what the server printed instead of a message.
    pub(super) fn note_garbage(&self, excerpt: &str) {
        self.lock()
            .garbage
            .get_or_insert_with(|| excerpt.to_owned());
    }

    /// Notes that a notification was sent.
    pub(super) fn note_notified(&self) {
        self.lock().notified = true;
    }

    /// What the server printed, if it never said anything else.
    pub(super) fn garbage(&self) -> Option<String> {
        let state = self.lock();
        state.garbage.clone().filter(|_| !state.heard)
    }

    /// Why the session takes no more calls; nothing while it does.
    pub(super) fn ended(&self) -> Option<SessionError> {
        self.lock().ended.clone()
    }

    /// Ends every call, and every one to come. Only the first reason counts.
    pub(super) fn end(&self, why: SessionError) {
        let (waiting, why) = {
            let mut state = self.lock();
            let why = state.ended.get_or_insert(why).clone();
            (std::mem::take(&mut state.waiting), why)
        };
        for (_, waiting) in waiting {
            // Whoever relays calls sees the end of the channel.
            if let Waiting::Caller { answer, .. } = waiting {
                hand(answer, Err(why.clone()));
            }
        }
        self.over.notify_waiters();
    }

    /// Waits until the session has ended, and says why.
    pub(super) async fn over(&self) -> SessionError {
        loop {
            // Made before the state is looked at, so that an end between the two is not missed.
            let over = self.over.notified();
            if let Some(ended) = self.ended() {
                return ended;
            }
            over.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands an answer to its caller; nobody minds if it has just gone.
pub(super) fn hand(
    caller: oneshot::Sender<Result<Frame, SessionError>>,
    answer: Result<Frame, SessionError>,
) {
    if caller.send(answer).is_err() {
        tracing::trace!("the caller is gone");
    }
}
