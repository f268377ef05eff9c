//! The last failures of servers' sessions, as far as the journal tells of them.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Orchestrator;
use crate::quadlet::name::{ServerName, UnitName};
use crate::systemd::{Instance, journal};

/// How many failures are looked at where the last of each server is wanted: journald finds them by their unit, and there are as many
/// units as there were sessions.
pub(super) const FAILURES: u32 = 10_000;

/// How a session failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastError {
    /// The unit.
    pub unit: String,
    /// How it ended, in systemd's word: `exit-code`, `oom-kill`, `timeout`, ...
    pub result: String,
    /// When.
    pub at: Option<Timestamp>,
    /// What it wrote last to its standard error, as long as that is kept.
    pub last_words: String,
}

impl Orchestrator {
    /// The last failure of each server's sessions that the journal tells of, if this user can read it.
    pub(super) async fn failures(
        &self,
        pattern: &str,
        lines: u32,
    ) -> HashMap<ServerName, LastError> {
        let mut last = HashMap::new();
        if !self.host.journal_readable() {
            return last;
        }
        let Ok(printed) = journal::last_failures(pattern, lines).output().await else {
            return last;
        };
        for line in printed.stdout.split(|byte| *byte == b'\n') {
            let Ok(failure) = serde_json::from_slice::<journal::Failure>(line) else {
                continue;
            };
            let unit = UnitName::from_systemd(crate::text::one_line(&failure.unit));
            let Some(instance) = Instance::parse(&unit) else {
                continue;
            };
            let at = failure.time.parse().ok();
            last.entry(instance.server.clone())
                .or_insert_with(|| LastError {
                    last_words: journal::last_words(&self.host.runtime, &instance),
                    unit: unit.to_string(),
                    result: crate::text::one_line(&failure.result),
                    at: at.and_then(|at| Timestamp::from_microsecond(at).ok()),
                });
        }
        last
    }
}
