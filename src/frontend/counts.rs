//! Counts: how many tools of each server were called since the frontend was started, and how many of those calls failed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::offer::Origin;
use super::voice::lock;
use crate::quadlet::name::ServerName;
use crate::session::{Frame, Kind};

/// The counters of all servers.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<BTreeMap<ServerName, Arc<Counter>>>);

/// The counter of a server.
#[derive(Debug, Default)]
pub(super) struct Counter {
    calls: AtomicU64,
    errors: AtomicU64,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Calls of tools that were answered, one way or another.
    pub(super) calls: u64,
    /// How many of them failed: at the server, on the way, or as the tool itself says.
    pub(super) errors: u64,
}

impl Counts {
    /// The counter of whoever is behind a link; the registry's counts for nothing.
    pub(super) fn of(&self, origin: &Origin) -> Arc<Counter> {
        match origin {
            Origin::Registry => Arc::default(),
            Origin::Server(name) => Arc::clone(lock(&self.0).entry(name.clone()).or_default()),
        }
    }

    /// What was counted of a server.
    pub(super) fn counted(&self, name: &ServerName) -> Counted {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counter = lock(&self.0).get(name).map(Arc::clone);
        counter.map_or_else(Counted::default, |counter| Counted {
            calls: of(&counter.calls),
            errors: of(&counter.errors),
        })
    }
}

impl Counter {
    /// Counts the answer to a request of this method.
    pub(super) fn answered(&self, method: &str, answer: &Frame) {
        let failed = || {
            let is_error = answer.find(&["isError"]).ok().flatten();
            answer.kind() == Kind::Error || is_error == Some("true")
        };
        if method == "tools/call" {
            self.count(failed());
        }
    }

    /// Counts a request of this method that nobody answers any more.
    pub(super) fn lost(&self, method: &str) {
        if method == "tools/call" {
            self.count(true);
        }
    }

    fn count(&self, failed: bool) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(u64::from(failed), Ordering::Relaxed);
    }
}

impl std::ops::Add for Counted {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            errors: self.errors + other.errors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_tools_are_counted_and_those_that_failed() {
        let counts = Counts::default();
        let name: ServerName = "time".parse().unwrap();
        let counter = counts.of(&Origin::Server(name.clone()));
        let frame = |text: &str| Frame::parse(text.to_owned()).unwrap();
        let good = frame(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#);
        let failed = frame(r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true}}"#);
        let refused = frame(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}"#);
        for answer in [&good, &failed, &refused] {
            counter.answered("tools/call", answer);
            counter.answered("prompts/get", answer);
        }
        counter.lost("tools/call");
        let Counted { calls, errors } = counts.counted(&name);
        assert_eq!((calls, errors), (4, 3));
        counts.of(&Origin::Registry).lost("tools/call");
        let registry = counts.of(&Origin::Registry);
        assert_eq!(registry.calls.load(Ordering::Relaxed), 0);
    }
}
