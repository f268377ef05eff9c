//! The voice that an agent hears: everything that is said to it, by whichever server, and the questions among it that
//! it has yet to answer.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::learned::Learned;
use super::link::{LinkId, Order, Shared};
use super::offer::{Offer, Origin};
use super::parking::Parking;
use super::question;
use super::relist::Relisted;
use super::route::INVALID_PARAMS;
use super::subscriptions::Subscriptions;
use super::uri;
use crate::session::splice::{Existing, Put};
use crate::session::{Frame, Id, RpcError, ServerRequest};

/// How many questions of a server may wait for the agent's answers.
pub(super) const QUESTIONS: usize = 32;

/// What a server is told that asks more.
pub(super) const TOO_MANY: &str = "too many questions wait for the client's answers";

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
    /// The servers that the agent has given tasks to.
    tasks: Mutex<BTreeSet<Origin>>,
    /// Whose resources the agent was told of in results.
    learned: Mutex<Learned>,
    /// What waits for the agent's input.
    pub(super) parking: Parking,
    /// What the agent wants to be told of.
    pub(super) subscriptions: Subscriptions,
    /// Takes what servers offer anew.
    relisted: mpsc::Sender<Relisted>,
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
    pub(super) fn new(said: mpsc::Sender<Said>, relisted: mpsc::Sender<Relisted>) -> Self {
        Self {
            said,
            questions: Mutex::default(),
            offer: Mutex::default(),
            tasks: Mutex::default(),
            learned: Mutex::default(),
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
        shared: &Shared,
        request: ServerRequest,
        orders: mpsc::Sender<Order>,
    ) {
        let link = shared.id;
        let is_its = |question: &&Question| matches!(question, Question::Server { link: of, .. } if *of == link);
        let open = self.questions().open.values().filter(is_its).count();
        if open >= QUESTIONS {
            return request.refuse(INTERNAL, TOO_MANY).await;
        }
        let frame = match question::asked(request.frame(), shared) {
            Ok(frame) => frame,
            Err(error) => return request.refuse(INVALID_PARAMS, &error.to_string()).await,
        };
        let id = Id::from(self.note(Question::Server {
            link,
            request,
            orders,
        }));
        let mut shown = frame.with_id(&id);
        // Two servers may use the same token.
        if token_of(&shown).is_some()
            && let Ok(with_token) = shown.with_progress_token(&id)
        {
            shown = with_token;
        }
        self.say(about, shown).await;
    }

    /// Puts a question of our own to the agent and waits for its answer; nothing if the agent goes. If it is not waited
    /// for any longer, the question is taken back.
    pub(super) async fn question(
        &self,
        about: Option<Id>,
        make: impl FnOnce(&Id) -> Frame,
    ) -> Option<Frame> {
        let (caller, answer) = oneshot::channel();
        let number = self.note(Question::Caller(caller));
        let _asking = Asking {
            voice: self,
            number,
            about: about.clone(),
        };
        self.say(about, make(&number.into())).await;
        answer.await.ok()
    }

    /// Forgets all questions, since the agent goes.
    pub(super) fn clear(&self) {
        let open = std::mem::take(&mut self.questions().open);
        drop(open);
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
        self.parking.take_back(link, asked);
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
        if let Ok(cancelled) = cancelled.clone().with(&[], &[put]) {
            self.say(None, cancelled).await;
        }
    }

    /// Forgets the questions of a session that has ended.
    pub(super) fn forget_questions(&self, link: LinkId) {
        self.questions().open.retain(
            |_, question| !matches!(question, Question::Server { link: of, .. } if *of == link),
        );
    }

    /// The session whose question the agent tells the progress of, if there is one, and the progress as it knows it.
    pub(super) fn progress(&self, frame: &Frame) -> Option<(mpsc::Sender<Order>, Frame)> {
        let token = frame.find(&["progressToken"]).ok()??;
        let number: u64 = token.parse().ok()?;
        let questions = self.questions();
        let Question::Server {
            request, orders, ..
        } = questions.open.get(&number)?
        else {
            return None;
        };
        let own = token_of(request.frame())?;
        Some((orders.clone(), frame.with_progress_token(&own).ok()?))
    }

    /// What the agent is shown.
    pub(super) fn offer(&self) -> Arc<Offer> {
        Arc::clone(&lock(&self.offer))
    }

    /// Shows the agent something else from now on; gives what it was shown before.
    pub(super) fn show(&self, offer: Arc<Offer>) -> Arc<Offer> {
        std::mem::replace(&mut lock(&self.offer), offer)
    }

    /// Whose resource an address is, and what its server calls it: by the lists, or by what the agent was told.
    pub(super) fn resource(&self, address: &str) -> Option<(Origin, String)> {
        let offer = self.offer();
        let learned = || {
            let learned = lock(&self.learned);
            Some((learned.owner(address)?.clone(), address.to_owned()))
        };
        let known = offer.resource(address).or_else(learned);
        known.or_else(|| offer.only_resource(address))
    }

    /// What the agent is told for an address of a server, so that it leads back there.
    pub(super) fn address(&self, origin: &Origin, own: &str) -> String {
        let Origin::Server(server) = origin else {
            return own.to_owned();
        };
        let offer = self.offer();
        let leads_there = !offer.is_joined(origin, own)
            && match offer.resource(own) {
                Some((owner, _)) => owner == *origin,
                None => lock(&self.learned).learn(own, origin),
            };
        // The hosts of MCP Apps compare these.
        if leads_there || own.starts_with("ui://") {
            own.to_owned()
        } else {
            uri::join(server, own)
        }
    }

    /// Notes that the agent has given a task to a server.
    pub(super) fn learn_tasks(&self, origin: &Origin) {
        lock(&self.tasks).insert(origin.clone());
    }

    /// The servers that the agent has given tasks to.
    pub(super) fn task_origins(&self) -> BTreeSet<Origin> {
        lock(&self.tasks).clone()
    }

    /// Tells that a server's lists were read anew.
    pub(super) async fn relisted(&self, relisted: Relisted) {
        if self.relisted.send(relisted).await.is_err() {
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

/// A question of our own that waits for its answer.
struct Asking<'a> {
    voice: &'a Voice,
    number: u64,
    about: Option<Id>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if self.voice.questions().open.remove(&self.number).is_none() {
            return;
        }
        let params = format!("{{\"requestId\":{}}}", self.number);
        let params = serde_json::value::RawValue::from_string(params).ok();
        let said = Said {
            about: self.about.take(),
            frame: Frame::notification("notifications/cancelled", params.as_deref()),
        };
        // Nothing depends on it: an answer to what is not asked any more is passed over.
        if self.voice.said.try_send(said).is_err() {
            tracing::trace!("the agent is not told that a question is taken back");
        }
    }
}

/// The token in a request of a server's that wants to hear of progress.
fn token_of(request: &Frame) -> Option<Id> {
    Id::from_json(request.find(&["_meta", "progressToken"]).ok()??)
}

/// The error for what went wrong here.
pub(super) const INTERNAL: i64 = RpcError::INTERNAL;

/// Nothing that holds one of these locks can panic half way through a change.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
