//! What a session is kept open for although nobody asks anything: resources that are watched, and tasks that run.
//!
//! A task is kept for until the server says that it is over, its time to live has passed, or the session ends. While it
//! runs, its progress still bears the token of the request that began it (2025-11-25, Tasks).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::session::Id;

/// What a request, once it succeeded, changes about how long the session is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hold {
    /// The result may be a task.
    Task,
    /// The result tells of the task of this id.
    Tells(String),
    /// It is kept for this resource.
    Watch(String),
    /// It is no longer kept for this resource.
    Unwatch(String),
}

/// What one session is kept for.
#[derive(Debug, Default)]
pub(super) struct Holds {
    /// The server's addresses.
    resources: HashSet<String>,
    /// By the ids that the server gave to them.
    tasks: HashMap<String, Task>,
}

/// A task that was begun.
#[derive(Debug)]
struct Task {
    /// When the server forgets it; never if it does not say.
    until: Option<Instant>,
    progress: Option<Tokens>,
}

/// The token of a request's progress.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    /// As the server knows it.
    pub(super) own: Id,
    /// As the agent knows it.
    pub(super) shown: Id,
}

impl Holds {
    /// Keeps the session for a resource.
    pub(super) fn watch(&mut self, own: &str) {
        self.resources.insert(own.to_owned());
    }

    /// Keeps the session for a resource no longer.
    pub(super) fn unwatch(&mut self, own: &str) {
        self.resources.remove(own);
    }

    /// Whether the session is kept for a resource.
    pub(super) fn watches(&self, own: &str) -> bool {
        self.resources.contains(own)
    }

    /// Whether the session is kept for any resource.
    pub(super) fn watches_any(&self) -> bool {
        !self.resources.is_empty()
    }

    /// Keeps the session for a task.
    pub(super) fn begin(
        &mut self,
        task: &str,
        time_to_live: Option<Duration>,
        progress: Option<Tokens>,
    ) {
        let now = Instant::now();
        self.tasks.retain(|_, task| !task.is_past(now));
        let until = time_to_live.and_then(|time| now.checked_add(time));
        self.tasks.insert(task.to_owned(), Task { until, progress });
    }

    /// Keeps the session for a task no longer.
    pub(super) fn end(&mut self, task: &str) {
        self.tasks.remove(task);
    }

    /// Whether the session is kept for a task.
    pub(super) fn has_task(&self, task: &str) -> bool {
        self.tasks.contains_key(task)
    }

    /// The agent's token for the progress of a task.
    pub(super) fn token(&self, own: &Id) -> Option<Id> {
        let mut tokens = self
            .tasks
            .values()
            .filter_map(|task| task.progress.as_ref());
        let tokens = tokens.find(|tokens| tokens.own == *own)?;
        Some(tokens.shown.clone())
    }

    /// Whether there is anything to keep the session for.
    pub(super) fn is_held(&self) -> bool {
        let now = Instant::now();
        !self.resources.is_empty() || self.tasks.values().any(|task| !task.is_past(now))
    }
}

impl Task {
    fn is_past(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_is_kept_for_what_is_watched_and_runs() {
        let mut holds = Holds::default();
        assert!(!holds.is_held());
        holds.watch("a");
        assert!(holds.is_held());
        holds.unwatch("a");
        assert!(!holds.is_held());
        let tokens = Tokens {
            own: Id::from(4),
            shown: Id::from(9),
        };
        holds.begin("t", None, Some(tokens));
        assert_eq!(holds.token(&Id::from(4)), Some(Id::from(9)));
        assert_eq!(holds.token(&Id::from(9)), None);
        holds.end("t");
        assert!(!holds.is_held() && holds.token(&Id::from(4)).is_none());
        holds.begin("t", Some(Duration::from_secs(1)), None);
        assert!(holds.is_held());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!holds.is_held());
        holds.begin("u", None, None);
        assert_eq!(holds.tasks.len(), 1);
    }
}
