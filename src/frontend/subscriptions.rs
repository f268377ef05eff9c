//! Which changes of the lists an agent wants to be told of.
//!
//! An agent of the earlier era is told of all once it has said `initialize`; one of 2026-07-28 opens a subscription
//! with `subscriptions/listen`, whose notifications bear its id.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::translate::SUBSCRIPTION;
use super::voice::lock;
use crate::session::splice::quoted;
use crate::session::{Frame, Id};

/// The subscriptions of one agent.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    legacy: AtomicBool,
    open: Mutex<Vec<Subscription>>,
}

/// One `subscriptions/listen`.
#[derive(Debug)]
struct Subscription {
    /// The id of the request, which is the id of the subscription.
    id: Id,
    lists: Vec<&'static str>,
}

impl Subscriptions {
    /// Notes that the agent has said `initialize`.
    pub(super) fn initialized(&self) {
        self.legacy.store(true, Ordering::Relaxed);
    }

    /// Whether the agent has said `initialize`.
    pub(super) fn is_legacy(&self) -> bool {
        self.legacy.load(Ordering::Relaxed)
    }

    /// Opens a subscription; gives what is to be said first.
    pub(super) fn open(&self, request: &Frame) -> Option<Frame> {
        let id = request.id()?.clone();
        let wants = |list: &&str| {
            let key = format!("{list}ListChanged");
            request
                .find(&["notifications", &key])
                .is_ok_and(|wanted| wanted == Some("true"))
        };
        let lists: Vec<&'static str> = ["tools", "prompts", "resources"]
            .into_iter()
            .filter(wants)
            .collect();
        let accepted: Vec<String> = lists
            .iter()
            .map(|list| format!("\"{list}ListChanged\":true"))
            .collect();
        let accepted = format!("\"notifications\":{{{}}}", accepted.join(","));
        let acknowledged = tagged("notifications/subscriptions/acknowledged", &id, &accepted);
        lock(&self.open).push(Subscription { id, lists });
        acknowledged
    }

    /// Ends a subscription; says whether there was one.
    pub(super) fn cancel(&self, id: &Id) -> bool {
        let mut open = lock(&self.open);
        let before = open.len();
        open.retain(|subscription| subscription.id != *id);
        open.len() < before
    }

    /// The notification that a list has changed, for each subscription to it.
    pub(super) fn of_list(&self, list: &str, method: &str) -> Vec<(Id, Frame)> {
        lock(&self.open)
            .iter()
            .filter(|subscription| subscription.lists.contains(&list))
            .filter_map(|subscription| {
                let frame = tagged(method, &subscription.id, "")?;
                Some((subscription.id.clone(), frame))
            })
            .collect()
    }
}

/// A notification for a subscription.
fn tagged(method: &str, id: &Id, members: &str) -> Option<Frame> {
    let comma = if members.is_empty() { "" } else { "," };
    let text = format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":{},\"params\":{{\"_meta\":{{\"{SUBSCRIPTION}\":{id}}}{comma}{members}}}}}",
        quoted(method)
    );
    Frame::parse(text).ok()
}
