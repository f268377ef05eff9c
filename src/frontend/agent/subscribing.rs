//! Subscriptions of the modern era: what an agent wants to be told of is watched at the servers that it belongs to.

use std::sync::Arc;

use super::Agent;
use crate::frontend::link::Link;
use crate::frontend::offer::{Names, Origin};
use crate::frontend::route::INVALID_PARAMS;
use crate::frontend::subscriptions::Subjects;
use crate::frontend::tasks;
use crate::frontend::translate::Speech;
use crate::frontend::voice::lock;
use crate::frontend::watches::Watched;
use crate::session::{Frame, Id};

impl Agent {
    /// Opens a subscription of the modern era, and has the resources and tasks in it watched by their servers.
    pub(super) async fn subscribe(&self, id: Id, frame: &Frame, speech: Speech) {
        let subscriptions = &self.voice.subscriptions;
        let opened = subscriptions.open(
            frame,
            |address| self.resource(address),
            |task| self.task(task),
        );
        let Some(opened) = opened else {
            let reason = "the subscription cannot be read";
            return self.voice.refuse(&id, INVALID_PARAMS, reason).await;
        };
        self.voice.say(Some(id), opened.acknowledged).await;
        for (origin, own) in watched(opened.subjects) {
            let client = self.client(frame, speech);
            let link = match &own {
                Watched::Task(task) => self.link_of_task(&origin, task),
                Watched::Resource(_) => None,
            };
            let link = link.unwrap_or_else(|| self.link(origin, client, speech));
            link.watch(own, true);
        }
    }

    /// Ends a subscription; says whether there was one.
    pub(super) fn unsubscribe(&self, id: &Id) -> bool {
        let Some(ended) = self.voice.subscriptions.cancel(id) else {
            return false;
        };
        for (origin, own) in watched(ended) {
            let links = lock(&self.links);
            for (_, link) in links.iter().filter(|(key, _)| key.origin == origin) {
                link.watch(own.clone(), false);
            }
        }
        true
    }

    /// Ends all subscriptions, each with its result, since the conversation is over (2026-07-28, Subscriptions).
    pub async fn end_subscriptions(&self) {
        for (about, ended) in self.voice.subscriptions.end() {
            self.voice.say(Some(about), ended).await;
        }
    }

    /// Whose task an id is, and what its server calls it.
    fn task(&self, id: &str) -> Option<(Origin, String)> {
        let servers = self.frontend.servers();
        if let (Names::Own, [origin]) = (self.frontend.names(), servers.as_slice()) {
            return Some((origin.clone(), id.to_owned()));
        }
        let (origin, own) = tasks::split(id)?;
        servers.contains(&origin).then(|| (origin, own.to_owned()))
    }

    /// The agent's way to the session that has a task: what the agent declared when it began it may differ from what it
    /// declares now.
    pub(super) fn link_of_task(&self, origin: &Origin, own: &str) -> Option<Arc<Link>> {
        let links = lock(&self.links);
        let mut its = links.iter().filter(|(key, _)| key.origin == *origin);
        its.find(|(_, link)| link.has_task(own))
            .map(|(_, link)| Arc::clone(link))
    }
}

/// What is subscribed to, as its servers call it.
fn watched(subjects: Subjects) -> impl Iterator<Item = (Origin, Watched)> {
    let Subjects { resources, tasks } = subjects;
    let resources = resources.into_iter();
    let resources = resources.map(|one| (one.origin, Watched::Resource(one.own)));
    let tasks = tasks.into_iter();
    resources.chain(tasks.map(|one| (one.origin, Watched::Task(one.own))))
}
