//! Which changes an agent wants to be told of.
//!
//! An agent of the earlier era is told of all lists once it has said `initialize`, and subscribes to resources at their
//! servers; one of 2026-07-28 opens a subscription to any of them, and to tasks, with `subscriptions/listen`, whose
//! notifications bear its id.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::offer::Origin;
use super::translate::SUBSCRIPTION;
use super::voice::lock;
use crate::session::splice::{Existing, Put, quoted};
use crate::session::{Frame, Id};

/// The keys of the resources and of the tasks among what is subscribed to.
pub(super) const RESOURCES: &str = "resourceSubscriptions";
pub(super) const TASKS: &str = "taskIds";

/// How many subscriptions of the earlier era are noted; of any more, the agent is told by the address of the moment.
const NOTED: usize = 4096;

/// The subscriptions of one agent.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    legacy: AtomicBool,
    open: Mutex<Vec<Subscription>>,
    /// What an agent of the earlier era subscribed to, by the address that it used.
    subscribed: Mutex<BTreeMap<String, Subject>>,
}

/// One `subscriptions/listen`.
#[derive(Debug)]
struct Subscription {
    /// The id of the request, which is the id of the subscription.
    id: Id,
    lists: Vec<&'static str>,
    subjects: Subjects,
}

/// A resource or task that is subscribed to. How the agent is shown it may change while it is, as when another server
/// gets the same address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) origin: Origin,
    /// What its server calls it.
    pub(super) own: String,
    /// What the agent called it.
    shown: String,
}

/// What single things a subscription is for.
#[derive(Debug, Clone, Default)]
pub(super) struct Subjects {
    /// By their addresses.
    pub(super) resources: Vec<Subject>,
    /// By their ids.
    pub(super) tasks: Vec<Subject>,
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

    /// Opens a subscription, to those of the resources and tasks that are somebody's.
    pub(super) fn open(
        &self,
        request: &Frame,
        resource: impl Fn(&str) -> Option<(Origin, String)>,
        task: impl Fn(&str) -> Option<(Origin, String)>,
    ) -> Option<Opened> {
        let id = request.id()?.clone();
        let wanted = |key: &str| request.find(&["notifications", key]).ok().flatten();
        let named = |key: &str| -> Vec<String> {
            let named = wanted(key).and_then(|list| serde_json::from_str(list).ok());
            named.unwrap_or_default()
        };
        let subject = |shown: String, found: Option<(Origin, String)>| {
            let (origin, own) = found?;
            Some(Subject { origin, own, shown })
        };
        let lists: Vec<&'static str> = ["tools", "prompts", "resources"]
            .into_iter()
            .filter(|list| wanted(&format!("{list}ListChanged")) == Some("true"))
            .collect();
        let resources = named(RESOURCES).into_iter().filter_map(|shown| {
            let found = resource(&shown);
            subject(shown, found)
        });
        let tasks = named(TASKS).into_iter().filter_map(|shown| {
            let found = task(&shown);
            subject(shown, found)
        });
        let subjects = Subjects {
            resources: resources.collect(),
            tasks: tasks.collect(),
        };
        let mut accepted: Vec<String> = lists
            .iter()
            .map(|list| format!("\"{list}ListChanged\":true"))
            .collect();
        for (key, named) in [(RESOURCES, &subjects.resources), (TASKS, &subjects.tasks)] {
            if !named.is_empty() {
                let named: Vec<String> = named.iter().map(|one| quoted(&one.shown)).collect();
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
        let is_in = |all: &[Subject], one: &Subject| all.iter().any(|other| other.is_same(one));
        ended
            .resources
            .retain(|one| !others().any(|other| is_in(&other.resources, one)));
        ended
            .tasks
            .retain(|one| !others().any(|other| is_in(&other.tasks, one)));
        Some(ended)
    }

    /// Ends all subscriptions; gives their results.
    pub(super) fn end(&self) -> Vec<(Id, Frame)> {
        let ended = std::mem::take(&mut *lock(&self.open));
        let results = ended.into_iter().map(|Subscription { id, .. }| {
            let result =
                format!("{{\"resultType\":\"complete\",\"_meta\":{{\"{SUBSCRIPTION}\":{id}}}}}");
            let frame = Frame::ours_answering(&id, &[&result]);
            (id, frame)
        });
        results.collect()
    }

    /// The notification about a task, by the id that the agent knows, for each subscription to it.
    pub(super) fn of_task(&self, told: &Frame) -> Vec<(Id, Frame)> {
        let Some(task) = text(told, "taskId") else {
            return Vec::new();
        };
        let open = lock(&self.open);
        let wanted = open.iter().filter(|subscription| {
            let mut tasks = subscription.subjects.tasks.iter();
            tasks.any(|subject| subject.shown == task)
        });
        wanted
            .filter_map(|subscription| subscription.tagged(told.clone()))
            .collect()
    }

    /// A server's notification that a resource has changed, for each subscription to it or to what it is a part of, with
    /// the address that was subscribed to.
    pub(super) fn of_resource(&self, origin: &Origin, updated: &Frame) -> Vec<(Id, Frame)> {
        let Some(own) = text(updated, "uri") else {
            return Vec::new();
        };
        lock(&self.open)
            .iter()
            .filter_map(|subscription| {
                let mut wanted = subscription.subjects.resources.iter();
                let shown = wanted.find_map(|subject| subject.shown(origin, &own))?;
                let frame = updated.clone();
                let frame = if shown == own {
                    frame
                } else {
                    let address = Put {
                        key: "uri",
                        value: &quoted(&shown),
                        existing: Existing::Replace,
                    };
                    frame.with(&[], &[address]).ok()?
                };
                subscription.tagged(frame)
            })
            .collect()
    }

    /// Notes what an agent of the earlier era subscribes to, or no longer: its request, and as its server gets it.
    pub(super) fn note(&self, request: &Frame, origin: &Origin, routed: &Frame) {
        let is_wanted = match request.method() {
            "resources/subscribe" => true,
            "resources/unsubscribe" => false,
            _ => return,
        };
        let (Some(shown), Some(own)) = (text(request, "uri"), text(routed, "uri")) else {
            return;
        };
        let mut subscribed = lock(&self.subscribed);
        if !is_wanted {
            subscribed.remove(&shown);
        } else if subscribed.len() < NOTED {
            let origin = origin.clone();
            let subject = Subject {
                origin,
                own,
                shown: shown.clone(),
            };
            subscribed.insert(shown, subject);
        }
    }

    /// Whose resource was subscribed to by an address, and what its server calls it.
    pub(super) fn subscribed(&self, address: &str) -> Option<(Origin, String)> {
        let subscribed = lock(&self.subscribed);
        let subject = subscribed.get(address)?;
        Some((subject.origin.clone(), subject.own.clone()))
    }

    /// The address of a server's resource by which an agent of the earlier era subscribed to it, or to what it is a part of.
    pub(super) fn as_subscribed(&self, origin: &Origin, own: &str) -> Option<String> {
        let subscribed = lock(&self.subscribed);
        subscribed
            .values()
            .find_map(|subject| subject.shown(origin, own))
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

impl Subscription {
    /// The notification with the id of the subscription in it.
    fn tagged(&self, told: Frame) -> Option<(Id, Frame)> {
        let tag = Put {
            key: SUBSCRIPTION,
            value: self.id.as_json(),
            existing: Existing::Replace,
        };
        let frame = told.with(&["_meta"], &[tag]).ok()?;
        Some((self.id.clone(), frame))
    }
}

impl Subject {
    /// Whether two subscribe to the same, whatever they call it.
    fn is_same(&self, other: &Self) -> bool {
        (&self.origin, &self.own) == (&other.origin, &other.own)
    }

    /// What the agent is told for an address of a server's, if it is this resource or a part of it.
    fn shown(&self, origin: &Origin, own: &str) -> Option<String> {
        let is_it = self.origin == *origin && is_part(own, &self.own);
        let rest = own.strip_prefix(&self.own).filter(|_| is_it)?;
        Some(format!("{}{rest}", self.shown))
    }
}

/// A text in the parameters.
fn text(frame: &Frame, key: &str) -> Option<String> {
    let text = frame.find(&[key]).ok().flatten()?;
    serde_json::from_str(text).ok()
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

    fn frame(text: &str) -> Frame {
        Frame::parse(text).unwrap()
    }

    fn origin(name: &str) -> Origin {
        Origin::Server(name.parse().unwrap())
    }

    fn updated(uri: &str) -> Frame {
        frame(&format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":"{uri}"}}}}"#
        ))
    }

    #[test]
    fn a_subscription_outlives_another_server_with_the_same_address() {
        let subscriptions = Subscriptions::default();
        for (id, shown) in [(1, "a:1"), (2, "mcpod+one:a:1")] {
            let listen = frame(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"subscriptions/listen","params":{{"notifications":{{"resourceSubscriptions":["{shown}"]}}}}}}"#
            ));
            let found = |_: &str| Some((origin("one"), "a:1".to_owned()));
            let opened = subscriptions.open(&listen, found, |_| None).unwrap();
            assert!(opened.acknowledged.as_str().contains(shown));
        }
        let told: Vec<String> = subscriptions
            .of_resource(&origin("one"), &updated("a:1/x"))
            .iter()
            .map(|(id, frame)| format!("{id} {}", frame.find(&["uri"]).unwrap().unwrap()))
            .collect();
        assert_eq!(told, ["1 \"a:1/x\"", "2 \"mcpod+one:a:1/x\""]);
        assert!(
            subscriptions
                .of_resource(&origin("two"), &updated("a:1"))
                .is_empty()
        );
        // The other one still wants it, whatever it calls it.
        let ended = subscriptions.cancel(&Id::from(1)).unwrap();
        assert_eq!(ended.resources, []);
        let ended = subscriptions.cancel(&Id::from(2)).unwrap();
        assert_eq!(ended.resources.first().unwrap().own, "a:1");
    }

    #[test]
    fn an_older_agent_is_told_by_the_address_that_it_used() {
        let subscriptions = Subscriptions::default();
        let asking = |method: &str, uri: &str| {
            frame(&format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"resources/{method}","params":{{"uri":"{uri}"}}}}"#
            ))
        };
        let routed = asking("subscribe", "a:1");
        subscriptions.note(&asking("subscribe", "a:1"), &origin("one"), &routed);
        let shown = |own: &str| subscriptions.as_subscribed(&origin("one"), own);
        assert_eq!(shown("a:1/x").as_deref(), Some("a:1/x"));
        assert_eq!(subscriptions.as_subscribed(&origin("two"), "a:1"), None);
        let known = subscriptions.subscribed("a:1");
        assert_eq!(known, Some((origin("one"), "a:1".to_owned())));
        subscriptions.note(&asking("unsubscribe", "a:1"), &origin("one"), &routed);
        assert_eq!(subscriptions.as_subscribed(&origin("one"), "a:1"), None);
    }

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
