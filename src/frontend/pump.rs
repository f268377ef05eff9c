//! The pump of a link: takes what the server says to the agent, in its order.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::heard::Heard;
use super::holds::Hold;
use super::link::{Order, Request, Shared, Unanswered};
use super::offer::Origin;
use super::peer::Peer;
use super::relist::Relisting;
use super::translate::{self, Speech};
use super::voice::INTERNAL;
use super::{errands, input, question, rewrite, tasks, watches};
use crate::session::{Frame, Id, Incoming, Kind, RpcError, ServerRequest, SessionError};

/// Takes what one session brings.
#[derive(Debug)]
pub(super) struct Pump {
    pub(super) shared: Arc<Shared>,
    pub(super) peer: Arc<Peer>,
    /// Which of the link's sessions it is.
    pub(super) session: u64,
    pub(super) orders: mpsc::WeakSender<Order>,
    pub(super) relist: Relisting,
}

impl Pump {
    /// Runs until the session ends; says whether the server ever answered.
    pub(super) async fn run(self, mut heard: Heard) -> bool {
        let mut answered = false;
        while let Some(incoming) = heard.recv().await {
            match incoming {
                Incoming::Answer { asked, answer } => {
                    answered = true;
                    self.answer(asked, answer).await;
                }
                Incoming::Progress { asked, frame } => self.progress(asked, &frame).await,
                Incoming::Notification(frame) => self.notification(frame).await,
                Incoming::Request(request) => self.request(request).await,
            }
        }
        self.shared.voice.forget_questions(self.shared.id);
        let unanswered = self.shared.take_all_of(self.session);
        if !unanswered.is_empty() {
            let reason = self.peer.explain(self.peer.session.ended().await).await;
            for Unanswered {
                asked,
                shown,
                method,
            } in unanswered
            {
                self.shared.counter.lost(&method);
                let voice = &self.shared.voice;
                if let Some(id) = shown {
                    voice.refuse(&id, INTERNAL, &reason).await;
                } else {
                    let error = Frame::error(&asked, INTERNAL, &reason);
                    voice.parking.keep(&self.shared, &asked, error);
                }
            }
        }
        answered
    }

    /// Takes the answer to a request to the agent.
    async fn answer(&self, asked: Id, answer: Result<Frame, SessionError>) {
        let frame = match answer {
            Ok(frame) => frame,
            Err(error) => Frame::error(&asked, INTERNAL, &self.peer.explain(error).await),
        };
        if input::is_required(&frame)
            && let Some((again, round)) = self.shared.again(&asked)
        {
            return self.ask_for_input(asked, again, round, frame);
        }
        let Some(request) = self.shared.take(&asked) else {
            return;
        };
        self.shared.counter.answered(&request.method, &frame);
        if let Some(hold) = &request.hold {
            self.hold(hold, &request, &frame);
        }
        let frame = if (self.from(), self.shared.speech) == (Speech::Legacy, Speech::Modern) {
            errands::required(frame, &request.method, &self.shared.client)
        } else {
            frame
        };
        let shown = translate::answer(frame, &request.method, self.from(), self.shared.speech)
            .and_then(|frame| rewrite::result(frame, &request.method, &self.shared))
            .and_then(|frame| {
                let hold = request.hold.as_ref();
                tasks::result(frame, &request.method, hold, &self.shared)
            })
            .and_then(|frame| question::required(frame, &request.method, &self.shared));
        let frame = shown.unwrap_or_else(|error| {
            let reason = format!("the server's answer cannot be passed on: {error}");
            Frame::error(&asked, INTERNAL, &reason)
        });
        let voice = &self.shared.voice;
        match request.shown {
            Some(id) => {
                let frame = frame.with_id(&id);
                voice.say(Some(id), frame).await;
            }
            None => voice.parking.keep(&self.shared, &asked, frame),
        }
    }

    /// Asks the agent what the server wants to know, and the server again.
    fn ask_for_input(&self, asked: Id, request: Frame, round: u8, required: Frame) {
        let shared = Arc::clone(&self.shared);
        let orders = self.orders.clone();
        let id = asked.clone();
        let collecting = tokio::spawn(async move {
            let again = if round > input::ROUNDS {
                Err("the server asks for input again and again".to_owned())
            } else {
                input::collect(&shared, &asked, &request, &required).await
            };
            match again {
                Ok(again) => {
                    let sent = match orders.upgrade() {
                        Some(orders) => orders.send(Order::Request(again)).await.is_ok(),
                        None => false,
                    };
                    if !sent {
                        shared.take(&asked);
                    }
                }
                Err(reason) => {
                    // This task ends when the request is dropped, so it is kept until the agent knows.
                    if let Some(request) = shared.take(&asked) {
                        shared.voice.refuse(&asked, INTERNAL, &reason).await;
                        drop(request);
                    }
                }
            }
        });
        self.shared.collecting(&id, collecting.abort_handle());
    }

    /// Takes progress to the agent, if it wants it.
    async fn progress(&self, asked: Id, frame: &Frame) {
        let Some(token) = self.shared.token(&asked) else {
            return;
        };
        match frame.with_progress_token(&token) {
            Ok(frame) => {
                let about = self.shared.shown(&asked);
                self.shared.voice.say(about, frame).await;
            }
            Err(error) => tracing::debug!(%error, "progress that cannot be passed on"),
        }
    }

    /// Takes a notification to the agent. That lists changed is told once they are read anew.
    async fn notification(&self, frame: Frame) {
        match frame.method() {
            "notifications/tools/list_changed"
            | "notifications/prompts/list_changed"
            | "notifications/resources/list_changed" => {
                return self.relist.changed(frame.method());
            }
            "notifications/subscriptions/acknowledged" => return,
            // What it does not cancel of its own, it must not cancel of others: the agent knows questions by number alone.
            "notifications/cancelled" => {
                self.shared.voice.take_back(self.shared.id, &frame).await;
                return;
            }
            "notifications/progress" => return self.task_progress(&frame).await,
            // A server of the earlier era does not know which request wants them.
            "notifications/message"
                if (self.from(), self.shared.speech) == (Speech::Legacy, Speech::Modern) =>
            {
                if let Some(about) = self.shared.logged() {
                    self.shared.voice.say(Some(about), frame).await;
                }
                return;
            }
            "notifications/resources/updated" if self.shared.speech == Speech::Modern => {
                let voice = &self.shared.voice;
                for (about, frame) in voice.subscriptions.of_resource(&self.shared.origin, &frame) {
                    voice.say(Some(about), frame).await;
                }
                return;
            }
            method if method.starts_with("notifications/tasks") => {
                if let Some(task) = tasks::told(&frame).filter(|task| task.is_over) {
                    self.shared.holds().end(&task.id);
                }
            }
            _ => {}
        }
        let shown = translate::notification(frame, self.from(), self.shared.speech)
            .and_then(|frame| rewrite::notification(frame, &self.shared))
            .and_then(|frame| tasks::said(frame, &self.shared))
            .and_then(|frame| question::required(frame, "", &self.shared));
        let voice = &self.shared.voice;
        match shown {
            Ok(frame) => {
                let is_told =
                    self.shared.speech == Speech::Modern && frame.method() == "notifications/tasks";
                let wanted = is_told.then(|| voice.subscriptions.of_task(&frame));
                match wanted.filter(|wanted| !wanted.is_empty()) {
                    Some(wanted) => {
                        for (about, frame) in wanted {
                            voice.say(Some(about), frame).await;
                        }
                    }
                    None => voice.say(self.shared.only(), frame).await,
                }
            }
            Err(error) => tracing::debug!(%error, "a notification that cannot be passed on"),
        }
    }

    /// Puts a question of the server's to the agent.
    async fn request(&self, request: ServerRequest) {
        let shared = &self.shared;
        let Some(orders) = self.orders.upgrade() else {
            return;
        };
        let about = shared.only();
        if shared.speech == Speech::Legacy {
            return shared.voice.ask(about, shared, request, orders).await;
        }
        if let Some(asked) = shared.questioned(self.session) {
            let parking = &shared.voice.parking;
            return parking.ask(shared, asked, request, orders).await;
        }
        let reason = "the client takes no requests but about its own";
        request.refuse(RpcError::INVALID_REQUEST, reason).await;
    }

    /// Notes what the answer to a request changes about how long the session is kept.
    fn hold(&self, hold: &Hold, request: &Request, answer: &Frame) {
        let mut holds = self.shared.holds();
        let succeeded = answer.kind() == Kind::Result;
        match hold {
            Hold::Watch(own) if succeeded => holds.watch(own),
            Hold::Unwatch(own) if succeeded => holds.unwatch(own),
            Hold::Task if succeeded => {
                if let Some(task) = tasks::told(answer) {
                    self.shared.voice.learn_tasks(&self.shared.origin);
                    if !task.is_over {
                        holds.begin(&task.id, task.time_to_live, request.tokens());
                    }
                }
            }
            Hold::Tells(task) => {
                // The result of a task is given when it is over, and is an error if that is how it ended.
                let is_over = request.method == "tasks/result"
                    || tasks::told(answer).is_some_and(|told| told.is_over);
                if is_over {
                    holds.end(task);
                }
            }
            Hold::Watch(_) | Hold::Unwatch(_) | Hold::Task => {}
        }
    }

    /// Takes the progress of a task to the agent. Of what is over or was never asked for, it cannot know.
    async fn task_progress(&self, frame: &Frame) {
        let token = frame.find(&["progressToken"]).ok().flatten();
        let token = token.and_then(Id::from_json);
        let token = token.and_then(|own| self.shared.holds().token(&own));
        match token.map(|token| frame.with_progress_token(&token)) {
            Some(Ok(frame)) => self.shared.voice.say(None, frame).await,
            Some(Err(error)) => tracing::debug!(%error, "progress that cannot be passed on"),
            None => tracing::debug!("progress of nothing that is known"),
        }
    }

    /// The era that the server speaks.
    fn from(&self) -> Speech {
        Speech::of_session(self.peer.session.era())
    }
}

/// What a request, if it succeeds, changes about how long the session is kept.
pub(super) fn hold(request: &Frame) -> Option<Hold> {
    let address = || watches::address(request).unwrap_or_default();
    match request.method() {
        "resources/subscribe" => Some(Hold::Watch(address())),
        "resources/unsubscribe" => Some(Hold::Unwatch(address())),
        "tools/call" => {
            let asks = |path: &[&str]| request.find(path).is_ok_and(|found| found.is_some());
            let extension = [
                "_meta",
                translate::CAPABILITIES,
                "extensions",
                "io.modelcontextprotocol/tasks",
            ];
            (asks(&["task"]) || asks(&extension)).then_some(Hold::Task)
        }
        _ => task(request).map(Hold::Tells),
    }
}

/// The task that a request is about, by its server's own id.
pub(super) fn task(request: &Frame) -> Option<String> {
    let is_about_one = request.method().starts_with("tasks/");
    let task = is_about_one.then(|| request.find(&["taskId"]).ok().flatten())??;
    serde_json::from_str(task).ok()
}

impl Shared {
    /// Whether it is mcpod's own tools that are linked to.
    pub(super) fn is_registry(&self) -> bool {
        self.origin == Origin::Registry
    }
}
