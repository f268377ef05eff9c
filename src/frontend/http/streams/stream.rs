//! One stream: what is said on it, heard or not.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::Notify;

use super::OVERHEAD;
use crate::session::{Frame, Kind, RpcError};

/// What is said on one stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// What was heard comes before what was not.
    pub(super) events: VecDeque<Event>,
    /// What those take up that are kept although they were heard, and those that were not heard yet: counted as they
    /// come and go, since there can be many.
    pub(super) heard: Size,
    pub(super) unheard: Size,
    /// The number of its last event.
    pub(super) last: u64,
    /// How many requests are still to be answered on it.
    pub(super) unanswered: usize,
    pub(super) reader: Option<(u64, Arc<Notify>)>,
    /// Whether it bears a subscription, of which the first message tells.
    pub(super) subscribes: bool,
}

/// How much some events take up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// Something that is said on a stream.
#[derive(Debug, Clone)]
pub(in crate::frontend::http) struct Event {
    /// Its number in the stream, from 1.
    pub(in crate::frontend::http) number: u64,
    /// What is said: a message.
    pub(in crate::frontend::http) text: Bytes,
    /// The code of the error, if it is one that answers.
    pub(in crate::frontend::http) error: Option<i64>,
    /// Whether it is an answer after which the stream ends.
    pub(in crate::frontend::http) is_last: bool,
    pub(super) heard: bool,
    /// Its number among all that was said to the agent.
    pub(super) order: u64,
    /// Whether it is a request, whose answer a server waits for.
    pub(super) asks: bool,
}

impl Stream {
    /// Says something, as the so-manieth of all that is said to the agent.
    pub(super) fn say(&mut self, frame: Frame, answers: bool, order: u64) {
        let error = (frame.kind() == Kind::Error).then(|| RpcError::of(&frame).code);
        if answers {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        self.subscribes |= frame.method() == "notifications/subscriptions/acknowledged";
        self.last += 1;
        let asks = frame.kind() == Kind::Request;
        let event = Event {
            number: self.last,
            text: frame.into_string().into(),
            error,
            is_last: answers && self.unanswered == 0,
            heard: false,
            order,
            asks,
        };
        self.unheard.add(&event);
        self.events.push_back(event);
        self.wake();
    }

    /// The first event behind another.
    pub(super) fn behind(&self, number: u64) -> Option<Event> {
        let at = self.events.partition_point(|event| event.number <= number);
        self.events.get(at).cloned()
    }

    /// Notes that everything up to an event was heard.
    pub(super) fn hear(&mut self, until: u64) {
        let unheard = self.events.iter_mut().skip(self.heard.events);
        for event in unheard.take_while(|event| event.number <= until) {
            event.heard = true;
            self.unheard.take(event);
            self.heard.add(event);
        }
    }

    /// The event that was said first of those that were not heard.
    pub(super) fn first_unheard(&self) -> Option<&Event> {
        self.events.get(self.heard.events)
    }

    /// Drops the oldest notification that was not heard, but for the newest event; says whether there was one.
    pub(super) fn drop_notification(&mut self) -> bool {
        let before_last = self.events.len().saturating_sub(1);
        let found = (self.heard.events..before_last)
            .find(|at| self.events.get(*at).is_some_and(|event| !event.asks));
        let Some(event) = found.and_then(|at| self.events.remove(at)) else {
            return false;
        };
        self.unheard.take(&event);
        true
    }

    pub(super) fn drop_first(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        let size = if event.heard {
            &mut self.heard
        } else {
            &mut self.unheard
        };
        size.take(&event);
        Some(event)
    }

    pub(super) fn wake(&self) {
        if let Some((_, wake)) = &self.reader {
            wake.notify_one();
        }
    }
}

impl Size {
    pub(super) fn add(&mut self, event: &Event) {
        self.events += 1;
        self.bytes += event.cost();
    }

    pub(super) fn take(&mut self, event: &Event) {
        self.events -= 1;
        self.bytes -= event.cost();
    }
}

impl Event {
    /// What it takes up, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.text.len() + OVERHEAD
    }
}
