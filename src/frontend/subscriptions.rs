//! Which changes an agent wants to be told of.
//!
//! An agent of the earlier era is told of all lists once it has said `initialize`, and subscribes to resources at their
//! servers; one of 2026-07-28 opens a subscription to any of them, and to tasks, with `subscriptions/listen`, whose
//! notifications bear its id.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::translate::SUBSCRIPTION;
use super::voice::lock;
use crate::session::splice::{Existing, Put, quoted};
use crate::session::{Frame, Id};

/// The keys of the resources and of the tasks among what is subscribed to.
pub(super) const RESOURCES: &str = "resourceSubscriptions";
pub(super) const TASKS: &str = "taskIds";

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
    /// The addresses of resources and the ids of tasks, as the agent knows them.
    subjects: Subjects,
}

/// What single things a subscription is for.
#[derive(Debug, Clone, Default)]
pub(super) struct Subjects {
    /// The addresses of resources.
    pub(super) resources: Vec<String>,
    /// The ids of tasks.
    pub(super) tasks: Vec<String>,
}

/// A subscription that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    /// What is to be said first.
    pub(super) acknowledged: Frame,
    /// The resources and tasks that are subscribed to.
    pub(super) subjects: Subjects,
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

    /// Opens a subscription, to those of the resources and tasks that `exists` says there are.
    pub(super) fn open(
        &self,
        request: &Frame,
        is_resource: impl Fn(&str) -> bool,
        is_task: impl Fn(&str) -> bool,
    ) -> Option<Opened> {
        let id = request.id()?.clone();
        let wanted = |key: &str| request.find(&["notifications", key]).ok().flatten();
        let named = |key: &str| -> Vec<String> {
            let named = wanted(key).and_then(|list| serde_json::from_str(list).ok());
            named.unwrap_or_default()
        };
        let lists: Vec<&'static str> = ["tools", "prompts", "resources"]
            .into_iter()
            .filter(|list| wanted(&format!("{list}ListChanged")) == Some("true"))
            .collect();
        let mut subjects = Subjects {
            resources: named(RESOURCES),
            tasks: named(TASKS),
        };
        subjects.resources.retain(|address| is_resource(address));
        subjects.tasks.retain(|task| is_task(task));
        let mut accepted: Vec<String> = lists
            .iter()
            .map(|list| format!("\"{list}ListChanged\":true"))
            .collect();
        for (key, named) in [(RESOURCES, &subjects.resources), (TASKS, &subjects.tasks)] {
            if !named.is_empty() {
                let named: Vec<String> = named.iter().map(|one| quoted(one)).collect();
                accepted.push(format!("\"{key}\":[{}]", named.join(",")));
            }
        }
        let accepted = format!("\"notifications\":{{{}}}", accepted.join(","));
        let acknowledged = tagged("notifications/subscriptions/acknowledged", &id, &accepted)?;
        lock(&self.open).push(Subscription {
            id,
            lists,
            subjects: subjects.clone(),
        });
        Some(Opened {
            acknowledged,
            subjects,
        })
    }

    /// Ends a subscription, if there is one of that id; gives the resources and tasks that no other subscribes to.
    pub(super) fn cancel(&self, id: &Id) -> Option<Subjects> {
        let mut open = lock(&self.open);
        let at = open
            .iter()
            .position(|subscription| subscription.id == *id)?;
        let mut ended = open.swap_remove(at).subjects;
        let others = || open.iter().map(|other| &other.subjects);
        ended
            .resources
            .retain(|one| !others().any(|other| other.resources.contains(one)));
        ended
            .tasks
            .retain(|one| !others().any(|other| other.tasks.contains(one)));
        Some(ended)
    }

    /// The notification about a task, for each subscription to it.
    pub(super) fn of_task(&self, told: &Frame) -> Vec<(Id, Frame)> {
        self.about(told, "taskId", |subjects, task| {
            subjects.tasks.iter().any(|own| own == task)
        })
    }

    /// The notification that a resource has changed, for each subscription to it or to what it is a part of.
    pub(super) fn of_resource(&self, updated: &Frame) -> Vec<(Id, Frame)> {
        self.about(updated, "uri", |subjects, address| {
            let mut wanted = subjects.resources.iter();
            wanted.any(|own| is_part(address, own))
        })
    }

    /// A notification for each subscription that is for what stands under a key in it.
    fn about(
        &self,
        told: &Frame,
        key: &str,
        is_for: impl Fn(&Subjects, &str) -> bool,
    ) -> Vec<(Id, Frame)> {
        let subject = told.find(&[key]).ok().flatten();
        let Some(subject) = subject.and_then(|text| serde_json::from_str::<String>(text).ok())
        else {
            return Vec::new();
        };
        lock(&self.open)
            .iter()
            .filter(|subscription| is_for(&subscription.subjects, &subject))
            .filter_map(|subscription| {
                let tag = Put {
                    key: SUBSCRIPTION,
                    value: subscription.id.as_json(),
                    existing: Existing::Replace,
                };
                let frame = told.clone().with(&["_meta"], &[tag]).ok()?;
                Some((subscription.id.clone(), frame))
            })
            .collect()
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

/// Whether an address is another, or of a part of what that is the address of (2025-11-25, Subscriptions: the URI may be
/// that of a sub-resource).
fn is_part(address: &str, whole: &str) -> bool {
    address.strip_prefix(whole).is_some_and(|rest| {
        rest.is_empty() || whole.ends_with('/') || rest.starts_with(['/', '?', '#'])
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_begins_where_a_name_ends() {
        for part in ["file:///a", "file:///a/b", "file:///a?x", "file:///a#x"] {
            assert!(is_part(part, "file:///a"), "{part}");
        }
        assert!(is_part("file:///a/b", "file:///a/"));
        assert!(!is_part("file:///ab", "file:///a"));
        assert!(!is_part("file:///", "file:///a"));
    }
}
