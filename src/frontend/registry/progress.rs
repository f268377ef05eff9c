//! Progress of `registry-add` and `registry-refresh`: what is going on, told to the agent while it waits.

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::orchestrator::add::Step;
use crate::podman::PullEvent;

/// Takes the steps.
#[derive(Debug)]
pub(super) struct Teller(mpsc::UnboundedSender<String>);

/// Tells the agent.
#[derive(Debug)]
pub(super) struct Told(JoinHandle<()>);

/// Starts to tell, if the agent wants to hear it.
pub(super) fn start(context: &RequestContext<RoleServer>) -> (Teller, Told) {
    let (tell, steps) = mpsc::unbounded_channel();
    let token = context.meta.get_progress_token();
    let told = tokio::spawn(speak(context.peer.clone(), token, steps));
    (Teller(tell), Told(told))
}

impl Teller {
    /// Notes a step.
    pub(super) fn tell(&self, step: &Step) {
        if let Some(message) = words(step) {
            self.say(message);
        }
    }

    /// Says what is going on.
    pub(super) fn say(&self, message: String) {
        if self.0.send(message).is_err() {
            tracing::trace!("nobody tells the agent any more");
        }
    }
}

impl Told {
    /// Waits until all is told, so that nothing comes behind the answer. The teller must be gone.
    pub(super) async fn done(self) {
        if let Err(error) = self.0.await {
            tracing::error!(%error, "progress was not told");
        }
    }
}

/// A step in words, if it has any. What a build says is hostile text, and not for a model.
pub(in crate::frontend) fn words(step: &Step) -> Option<String> {
    Some(match step {
        Step::Pulling(image) => format!("pulling {image}"),
        Step::Pull(event) => return pulled(event),
        Step::Pulled => "the image is here".to_owned(),
        Step::Asking(package) => format!("looking for {package}"),
        Step::Building(what) => format!("building an image of {what}"),
        Step::Output(_) => return None,
        Step::Waiting => "waiting for another change of units".to_owned(),
        Step::Unencrypted => {
            "this host has no credential service: Podman keeps secrets unencrypted".to_owned()
        }
        Step::Starting => "writing units".to_owned(),
        Step::Trying => "trying the server".to_owned(),
    })
}

/// A step of the pull, where it says something.
fn pulled(event: &PullEvent) -> Option<String> {
    match event {
        PullEvent::Layer {
            id,
            current: Some(current),
            total: Some(total),
            ..
        } => Some(format!("pulling: {current} of {total} bytes of layer {id}")),
        PullEvent::Layer { .. } => None,
        PullEvent::Message(message) => Some(crate::text::shortened(message, 200)),
    }
}

async fn speak(
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    mut steps: mpsc::UnboundedReceiver<String>,
) {
    let mut count = 0.0;
    while let Some(message) = steps.recv().await {
        let Some(token) = &token else {
            continue;
        };
        count += 1.0;
        let progress = ProgressNotificationParam::new(token.clone(), count).with_message(message);
        if let Err(error) = peer.notify_progress(progress).await {
            tracing::debug!(%error, "the agent does not hear of progress");
        }
    }
}
