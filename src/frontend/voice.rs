//! The voice that an agent hears: everything that is said to it, by whichever server, and the questions among it that
//! it has yet to answer.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::link::{LinkId, Order};
use super::offer::{Offer, Origin};
use super::parking::Parking;
use super::relist::Relisted;
use super::subscriptions::Subscriptions;
use crate::session::splice::{Existing, Put};
use crate::session::{Frame, Id, RpcError, ServerRequest};

/// Something that is said to an agent.
#[derive(Debug)]
pub struct Said {
    /// The agent's request that it belongs to, if that is known: over HTTP it goes where that is answered.
    pub about: Option<Id>,
    /// What is said.
    pub frame: Frame,
}

/// Speaks to one agent.
#[derive(Debug)]
pub(super) struct Voice {
    said: mpsc::Sender<Said>,
    questions: Mutex<Questions>,
    /// What the agent is shown.
    offer: Mutex<Arc<Offer>>,
    /// The servers whose tasks the agent knows, by the tasks' ids as JSON.
    tasks: Mutex<HashMap<String, Origin>>,
    /// What waits for the agent's input.
    pub(super) parking: Parking,
    /// What the agent wants to be told of.
    pub(super) subscriptions: Subscriptions,
    /// Takes what servers offer anew.
    relisted: mpsc::UnboundedSender<Relisted>,
}

/// The questions that the agent has not answered.
#[derive(Debug, Default)]
struct Questions {
    last: u64,
    open: HashMap<u64, Question>,
}

/// Who waits for the answer to a question.
#[derive(Debug)]
enum Question {
    /// A server that asked by itself.
    Server {
        link: LinkId,
        request: ServerRequest,
        orders: mpsc::Sender<Order>,
    },
    /// Somebody here.
    Caller(oneshot::Sender<Frame>),
}

impl Voice {
    /// Makes a voice, whose words come out at the other end of `said`.
    pub(super) fn new(said: mpsc::Sender<Said>, relisted: mpsc::UnboundedSender<Relisted>) -> Self {
        Self {
            said,
            questions: Mutex::default(),
            offer: Mutex::default(),
            tasks: Mutex::default(),
            parking: Parking::default(),
            subscriptions: Subscriptions::default(),
            relisted,
        }
    }

    /// Says something; waits while the agent does not listen. An agent that is gone hears nothing.
    pub(super) async fn say(&self, about: Option<Id>, frame: Frame) {
        if self.said.send(Said { about, frame }).await.is_err() {
            tracing::trace!("the agent is gone");
        }
    }

    /// Answers a request of the agent's with an error.
    pub(super) async fn refuse(&self, asked: &Id, code: i64, message: &str) {
        self.say(Some(asked.clone()), Frame::error(asked, code, message))
            .await;
    }

    /// Puts a server's question to the agent.
    pub(super) async fn ask(
        &self,
        about: Option<Id>,
        link: LinkId,
        request: ServerRequest,
        orders: mpsc::Sender<Order>,
    ) {
        let frame = request.frame().clone();
        let number = self.note(Question::Server {
            link,
            request,
            orders,
        });
        self.say(about, frame.with_id(&number.into())).await;
    }

    /// Puts a question of our own to the agent and waits for its answer; nothing if the agent goes.
    pub(super) async fn question(
        &self,
        about: Option<Id>,
        make: impl FnOnce(&Id) -> Frame,
    ) -> Option<Frame> {
        let (caller, answer) = oneshot::channel();
        let number = self.note(Question::Caller(caller));
        self.say(about, make(&number.into())).await;
        answer.await.ok()
    }

    /// Takes the agent's answer to whoever asked.
    pub(super) fn answered(&self, answer: Frame) {
        let number = answer.id().and_then(|id| id.as_json().parse::<u64>().ok());
        let question = number.and_then(|number| self.questions().open.remove(&number));
        match question {
            Some(Question::Server {
                request, orders, ..
            }) => {
                if let Err(error) = orders.try_send(Order::Answer(request, answer)) {
                    tracing::warn!(%error, "the agent's answer does not reach its server");
                }
            }
            Some(Question::Caller(caller)) => {
                if caller.send(answer).is_err() {
                    tracing::trace!("nobody waits for the answer any more");
                }
            }
            None => tracing::debug!("an answer to no question"),
        }
    }

    /// Takes a server's question back: `cancelled` is its `notifications/cancelled`.
    pub(super) async fn take_back(&self, link: LinkId, cancelled: &Frame) {
        let Ok(Some(asked)) = cancelled.find(&["requestId"]) else {
            return;
        };
        let found = {
            let mut questions = self.questions();
            let number = questions.open.iter().find_map(|(number, question)| {
                let Question::Server {
                    link: of, request, ..
                } = question
                else {
                    return None;
                };
                let is_it =
                    *of == link && request.frame().id().is_some_and(|id| id.as_json() == asked);
                is_it.then_some(*number)
            });
            number.and_then(|number| Some((number, questions.open.remove(&number)?)))
        };
        let Some((number, Question::Server { request, .. })) = found else {
            return;
        };
        request.forget();
        let number = number.to_string();
        let put = Put {
            key: "requestId",
            value: &number,
            existing: Existing::Replace,
        };
        if let Ok(cancelled) = cancelled.with(&[], &[put]) {
            self.say(None, cancelled).await;
        }
    }

    /// Forgets the questions of a session that has ended.
    pub(super) fn forget_questions(&self, link: LinkId) {
        self.questions().open.retain(
            |_, question| !matches!(question, Question::Server { link: of, .. } if *of == link),
        );
    }

    /// The session, if there is one, whose question bears this progress token: the agent tells it how far it is.
    pub(super) fn asked_with_token(&self, token: &str) -> Option<mpsc::Sender<Order>> {
        self.questions().open.values().find_map(|question| {
            let Question::Server {
                request, orders, ..
            } = question
            else {
                return None;
            };
            let own = request.frame().find(&["_meta", "progressToken"]).ok()??;
            (own == token).then(|| orders.clone())
        })
    }

    /// What the agent is shown.
    pub(super) fn offer(&self) -> Arc<Offer> {
        Arc::clone(&lock(&self.offer))
    }

    /// Shows the agent something else from now on; gives what it was shown before.
    pub(super) fn show(&self, offer: Arc<Offer>) -> Arc<Offer> {
        std::mem::replace(&mut lock(&self.offer), offer)
    }

    /// Notes whose task it is that the agent was told of.
    pub(super) fn learn_task(&self, task: &str, origin: &Origin) {
        lock(&self.tasks).insert(task.to_owned(), origin.clone());
    }

    /// Whose task it is.
    pub(super) fn task(&self, task: &str) -> Option<Origin> {
        lock(&self.tasks).get(task).cloned()
    }

    /// The servers whose tasks the agent knows.
    pub(super) fn task_origins(&self) -> BTreeSet<Origin> {
        lock(&self.tasks).values().cloned().collect()
    }

    /// Tells that a server's lists were read anew.
    pub(super) fn relisted(&self, relisted: Relisted) {
        if self.relisted.send(relisted).is_err() {
            tracing::trace!("the agent is gone");
        }
    }

    fn note(&self, question: Question) -> u64 {
        let mut questions = self.questions();
        questions.last += 1;
        let number = questions.last;
        questions.open.insert(number, question);
        number
    }

    fn questions(&self) -> MutexGuard<'_, Questions> {
        lock(&self.questions)
    }
}

/// The error for what went wrong here.
pub(super) const INTERNAL: i64 = RpcError::INTERNAL;

/// Nothing that holds one of these locks can panic half way through a change.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
