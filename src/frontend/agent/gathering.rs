//! Answers for which the servers are asked, all that have any.

use std::sync::Arc;

use super::{Agent, identity, say_result};
use crate::frontend::offer::Origin;
use crate::frontend::translate::Speech;
use crate::frontend::{gathered, tasks};
use crate::session::{Frame, Id};

impl Agent {
    /// Answers with the tasks of all servers that the agent has given any to.
    pub(super) fn list_tasks(&self, id: Id, frame: &Frame) {
        let speech = Speech::Legacy;
        let active = self.frontend.servers();
        let origins = self.voice.task_origins().into_iter();
        let links = origins.filter_map(|origin| match &origin {
            Origin::Server(server) if active.contains(&origin) => {
                let link = self.link(origin.clone(), self.client(frame, speech), speech);
                Some((server.clone(), link))
            }
            _ => None,
        });
        let (links, voice) = (links.collect(), Arc::clone(&self.voice));
        tokio::spawn(async move {
            let tasks = tasks::list(links).await;
            say_result(&voice, id, &["{", &tasks, "}"]).await;
        });
    }

    /// Answers with the skills of all servers that declare them.
    pub(super) fn list_skills(&self, id: Id, frame: &Frame, speech: Speech) {
        let offer = self.voice.offer();
        let links = offer.with_skills().iter().map(|origin| {
            let link = self.link(origin.clone(), self.client(frame, speech), speech);
            (origin.clone(), link)
        });
        let (links, voice) = (links.collect(), Arc::clone(&self.voice));
        tokio::spawn(async move {
            let skills = gathered::skills(links, &voice).await;
            let modern = identity::cacheable(speech);
            say_result(&voice, id, &["{", &skills, &modern, "}"]).await;
        });
    }
}
