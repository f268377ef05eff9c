//! Servers that are asked what they offer: when they become active, and when they say that this has changed.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::Frontend;
use super::peer::told;
use super::voice::lock;
use crate::quadlet::name::ServerName;

/// How long to wait before a server is asked again that did not say what it offers, at first; then twice as long each
/// time, and so often at most. A call to it that succeeds shows what it offers too.
pub(super) const RETRY: Duration = Duration::from_secs(30);
const RETRIES: u32 = 5;

/// How often a server is asked again at most that says that what it offers has changed.
pub(super) const PACE: Duration = Duration::from_mins(1);

/// A server that was asked what it offers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) since: Instant,
    /// Whether it still is being asked.
    pub(super) asking: bool,
    /// Whether it will be asked anew.
    pub(super) again: bool,
}

impl Frontend {
    /// Has a server asked anew what it offers, since it says that this has changed: at once, or as soon as it may be asked again. An
    /// agent's own session may be offered more than others, or what it did may have changed it for that session alone; so mcpod asks
    /// for itself.
    pub(super) fn ask_anew(self: &Arc<Self>, name: &ServerName) {
        let now = Instant::now();
        let due = {
            let mut asked = lock(&self.asked);
            let known = asked.get(name).copied();
            if known.is_some_and(|asked| asked.again) {
                return;
            }
            let due = known.map_or(now, |asked| now.max(asked.since + PACE));
            let (since, asking) = known.map_or((now, false), |asked| (asked.since, asked.asking));
            let again = Asked {
                since,
                asking,
                again: true,
            };
            asked.insert(name.clone(), again);
            due
        };
        tokio::spawn(relist(Arc::downgrade(self), name.clone(), due));
    }

    /// Waits until no server is being asked what it offers, and for none longer than this since it was asked first; says
    /// whether it had to wait.
    pub(super) async fn settled(&self, patience: Duration) -> bool {
        let mut changed = self.changes();
        let waited_for = || {
            let asked = lock(&self.asked);
            let asking = asked.values().filter(|asked| asked.asking);
            let until = asking.map(|asked| asked.since + patience).max();
            until.filter(|until| *until > Instant::now())
        };
        if waited_for().is_none() {
            return false;
        }
        while let Some(until) = waited_for() {
            match tokio::time::timeout_at(until, changed.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => break,
                Err(_) => tracing::debug!("the list goes without servers that are still silent"),
            }
        }
        true
    }
}

/// Asks a server what it offers, and keeps that in the cache; again after a while if it does not say.
pub(super) async fn ask(frontend: Weak<Frontend>, name: ServerName) {
    for attempt in 0..=RETRIES {
        let Some(frontend) = frontend.upgrade() else {
            return;
        };
        if frontend.present().active(&name).is_none() {
            return;
        }
        let asked = frontend.orchestrator.lists(name.as_str()).await;
        if let Some(asked) = lock(&frontend.asked).get_mut(&name) {
            asked.asking = false;
        }
        frontend.again.notify_one();
        match asked {
            Ok(_) => return,
            Err(error) => {
                tracing::warn!("it is not known what {name} offers: {}", told(&error));
            }
        }
        drop(frontend);
        tokio::time::sleep(RETRY.saturating_mul(2_u32.saturating_pow(attempt))).await;
    }
}

/// Asks a server then what it offers now. What it says has changed from then on, it is asked for once more.
async fn relist(frontend: Weak<Frontend>, name: ServerName, due: Instant) {
    tokio::time::sleep_until(due).await;
    let Some(frontend) = frontend.upgrade() else {
        return;
    };
    match lock(&frontend.asked).get_mut(&name) {
        Some(asked) => {
            asked.since = Instant::now();
            asked.again = false;
        }
        // It is not active any more.
        None => return,
    }
    if let Err(error) = frontend.orchestrator.relist(&name).await {
        tracing::debug!("what {name} offers is not known anew: {}", told(&error));
    }
}
