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
}

impl Stream {
    pub(super) fn say(&mut self, frame: Frame, answers: bool) {
        let error = (frame.kind() == Kind::Error).then(|| RpcError::of(&frame).code);
        if answers {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        self.subscribes |= frame.method() == "notifications/subscriptions/acknowledged";
        self.last += 1;
        let event = Event {
            number: self.last,
            text: frame.into_string().into(),
            error,
            is_last: answers && self.unanswered == 0,
            heard: false,
        };
        self.unheard.add(&event);
        self.events.push_back(event);
        self.wake();
    }

    /// The first event behind another, which is heard now.
    pub(super) fn hear(&mut self, after: u64) -> Option<Event> {
        let at = self.events.partition_point(|event| event.number <= after);
        let event = self.events.get_mut(at)?;
        if !event.heard {
            event.heard = true;
            self.unheard.take(event);
            self.heard.add(event);
        }
        Some(event.clone())
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
