//! The last failures of servers' sessions, as far as the journal tells of them.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::status::Status;
use super::{Active, Orchestrator};
use crate::quadlet::name::{ServerName, UnitName};
use crate::systemd::{Instance, journal};

/// How many failures are looked at where the last of each server is wanted.
const FAILURES: u32 = 10_000;

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

impl LastError {
    /// Whether it is of a server that was added then: another may have had its name before.
    fn is_since(&self, added: Timestamp) -> bool {
        self.at.is_none_or(|at| at >= added)
    }
}

impl Orchestrator {
    /// The last failure of a server's sessions, if there was one and this user can read the journal.
    pub(super) async fn last_error(&self, active: &Active) -> Option<LastError> {
        let asked = self.failures(Some(&active.name), 1).await;
        let mut last = asked.into_values();
        last.find(|error| error.is_since(active.record.added))
    }

    /// Tells each server's last failure. Where there were many, those of long ago are passed over.
    pub(super) async fn tell_last_errors<'a>(
        &self,
        servers: impl IntoIterator<Item = &'a mut Status>,
    ) {
        let mut last = self.failures(None, FAILURES).await;
        for Status {
            listed, last_error, ..
        } in servers
        {
            let error = last.remove(&listed.name);
            *last_error = error.filter(|error| error.is_since(listed.added_at));
        }
    }

    /// The last failure of each server that has one among so many of this server, or of all units.
    async fn failures(
        &self,
        server: Option<&ServerName>,
        lines: u32,
    ) -> HashMap<ServerName, LastError> {
        let mut last = HashMap::new();
        if !self.host.journal_readable() {
            return last;
        }
        let Ok(printed) = journal::last_failures(server, lines).output().await else {
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
