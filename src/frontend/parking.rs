//! Requests of a newer agent that wait at an older server.
//!
//! A server of the earlier era asks its client while it works on a call; an agent of 2026-07-28 takes no requests, but
//! a result that asks for input, and makes its request again with the answers (Multi Round-Trip Requests). So the call
//! stays at the server meanwhile, under a state that the agent gives back. The state is a random handle and says
//! nothing by itself; only the agent that was given it can use it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::link::{LinkId, Order, Shared};
use super::question;
use super::route::INVALID_PARAMS;
use super::voice::{INTERNAL, QUESTIONS, TOO_MANY, lock};
use crate::session::splice::quoted;
use crate::session::{Frame, Id, RpcError, ServerRequest};

/// How long an agent may take to answer; then the call is cancelled.
const PATIENCE: Duration = Duration::from_mins(15);

/// The key of the question in a result; there is one at a time.
const KEY: &str = "question";

/// The requests of one agent that wait for its input.
#[derive(Debug, Default)]
pub(super) struct Parking(Mutex<HashMap<String, Parked>>);

/// A request that waits.
#[derive(Debug)]
struct Parked {
    shared: Arc<Shared>,
    /// The id that it was made with first, by which its server's answer is known.
    asked: Id,
    /// What the server asked; nothing if it has taken that back.
    question: Option<ServerRequest>,
    orders: mpsc::Sender<Order>,
    /// What the server asked since.
    further: Vec<ServerRequest>,
    /// The answer, if the server gave it without waiting any longer.
    answer: Option<Frame>,
    giving_up: Timer,
}

/// What gives up a request whose agent does not come back; it ends with the wait.
#[derive(Debug)]
struct Timer(AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Parking {
    /// Puts a server's question to the agent, as the result of the request that it belongs to.
    pub(super) async fn ask(
        &self,
        shared: &Arc<Shared>,
        asked: Id,
        question: ServerRequest,
        orders: mpsc::Sender<Order>,
    ) {
        let is_it = |parked: &&mut Parked| parked.shared.id == shared.id && parked.asked == asked;
        let too_many = {
            let mut parked = lock(&self.0);
            let of_it = parked.values().filter(|one| one.shared.id == shared.id);
            let open: usize = of_it.map(|one| 1 + one.further.len()).sum();
            match parked.values_mut().find(is_it) {
                _ if open >= QUESTIONS => true,
                Some(parked) => return parked.further.push(question),
                None => false,
            }
        };
        if too_many {
            return question.refuse(RpcError::INTERNAL, TOO_MANY).await;
        }
        let Ok(state) = handle() else {
            let reason = "the client cannot be asked";
            return question.refuse(RpcError::INTERNAL, reason).await;
        };
        let shown_question = match question::asked(question.frame(), shared) {
            Ok(shown) => shown,
            Err(error) => return question.refuse(INVALID_PARAMS, &error.to_string()).await,
        };
        let Some(shown) = shared.park(&asked) else {
            return;
        };
        let params = shown_question
            .payload()
            .map_or(String::new(), |params| format!(",\"params\":{params}"));
        let result = format!(
            "{{\"resultType\":\"input_required\",\"inputRequests\":{{\"{KEY}\":{{\"method\":{}{params}}}}},\"requestState\":\"{state}\"}}",
            quoted(question.frame().method())
        );
        // Whoever waits here must not keep the voice of an agent that is gone.
        let (voice, given_up) = (Arc::downgrade(&shared.voice), state.clone());
        let giving_up = tokio::spawn(async move {
            sleep(PATIENCE).await;
            if let Some(voice) = voice.upgrade() {
                voice.parking.give_up(&given_up);
            }
        });
        let parked = Parked {
            shared: Arc::clone(shared),
            asked: asked.clone(),
            question: Some(question),
            orders,
            further: Vec::new(),
            answer: None,
            giving_up: Timer(giving_up.abort_handle()),
        };
        lock(&self.0).insert(state, parked);
        let voice = &shared.voice;
        if let Ok(result) = RawValue::from_string(result) {
            voice
                .say(Some(shown.clone()), Frame::result(&shown, &result))
                .await;
        }
    }

    /// Takes the agent's request that gives back a state; hands it back if it is none of these.
    pub(super) async fn resume(&self, request: Frame) -> Result<(), Frame> {
        let state = request.find(&["requestState"]).ok().flatten();
        let state = state.and_then(|state| serde_json::from_str::<String>(state).ok());
        let parked = state.and_then(|state| lock(&self.0).remove(&state));
        let (Some(parked), Some(id)) = (parked, request.id().cloned()) else {
            return Err(request);
        };
        let Parked {
            shared,
            asked,
            question,
            orders,
            further,
            answer,
            giving_up,
        } = parked;
        drop(giving_up);
        match answer {
            Some(answer) => {
                let answer = answer.with_id(&id);
                shared.voice.say(Some(id), answer).await;
            }
            None if shared.resume(&asked, &request, id.clone()) => {}
            None => {
                let reason = "the server that was to be answered is gone";
                shared.voice.refuse(&id, INTERNAL, reason).await;
            }
        }
        let given = request.find(&["inputResponses", KEY]).ok().flatten();
        let given = given.and_then(|given| RawValue::from_string(given.to_owned()).ok());
        let own = question
            .as_ref()
            .and_then(|question| question.frame().id().cloned());
        match (question, given, own) {
            (Some(question), Some(given), Some(own)) => {
                let answer = Frame::result(&own, &given);
                if orders.send(Order::Answer(question, answer)).await.is_err() {
                    tracing::debug!("the server that asked is gone");
                }
            }
            (Some(question), ..) => {
                let reason = "the client gave no answer";
                question.refuse(RpcError::INTERNAL, reason).await;
            }
            (None, ..) => {}
        }
        for question in further {
            Box::pin(self.ask(&shared, asked.clone(), question, orders.clone())).await;
        }
        Ok(())
    }

    /// Keeps the answer to a request that waits for the agent.
    pub(super) fn keep(&self, shared: &Shared, asked: &Id, answer: Frame) {
        let mut parked = lock(&self.0);
        let is_it = |parked: &&mut Parked| parked.shared.id == shared.id && parked.asked == *asked;
        if let Some(parked) = parked.values_mut().find(is_it) {
            parked.answer = Some(answer);
        }
    }

    /// Takes back what a server of a link asked with this id, as JSON. The agent, which was told already, comes back all the
    /// same.
    pub(super) fn take_back(&self, link: LinkId, id: &str) {
        let is_it =
            |question: &ServerRequest| question.frame().id().is_some_and(|own| own.as_json() == id);
        let mut all = lock(&self.0);
        for parked in all.values_mut().filter(|one| one.shared.id == link) {
            if let Some(question) = parked.question.take_if(|question| is_it(question)) {
                return question.forget();
            }
            if let Some(at) = parked.further.iter().position(is_it) {
                return parked.further.remove(at).forget();
            }
        }
    }

    /// Forgets all that waits, since the agent goes.
    pub(super) fn clear(&self) {
        let parked = std::mem::take(&mut *lock(&self.0));
        drop(parked);
    }

    /// Cancels a request whose agent does not come back.
    fn give_up(&self, state: &str) {
        let parked = lock(&self.0).remove(state);
        if let Some(parked) = parked {
            drop(parked.shared.take(&parked.asked));
        }
    }
}

/// A text that nobody guesses: 128 bits of getrandom(2), which never gives fewer at once.
pub(super) fn handle() -> Result<String, rustix::io::Errno> {
    let mut bits = [0; 16];
    rustix::rand::getrandom(&mut bits, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bits)))
}
