//! The state of an agent's streams, and what is given up where there is too much.

use std::collections::{BTreeMap, HashMap};

use tokio::time::Instant;

use super::stream::Stream;
use super::{IGNORED, KEPT, KEPT_EVENTS, STANDING, UNHEARD};
use crate::session::{Frame, Id, Kind};

/// What there is for an agent to hear, and what it waits for.
#[derive(Debug)]
pub(super) struct State {
    pub(super) streams: BTreeMap<u64, Stream>,
    pub(super) requests: HashMap<Id, Waiting>,
    pub(super) last: u64,
    /// How many events there were, on all streams.
    pub(super) said: u64,
    pub(super) readers: u64,
    /// When somebody stopped to listen last.
    pub(super) left: Instant,
    pub(super) closed: bool,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) stream: u64,
    /// The id that the agent gave to it, where it is known by another here.
    pub(super) own: Option<Id>,
}

impl State {
    /// No streams; the standing one, if there is to be one.
    pub(super) fn new(has_standing: bool) -> Self {
        let standing = has_standing.then(|| (STANDING, Stream::default()));
        Self {
            streams: standing.into_iter().collect(),
            requests: HashMap::new(),
            last: 0,
            said: 0,
            readers: 0,
            left: Instant::now(),
            closed: false,
        }
    }

    pub(super) fn is_heard(&self) -> bool {
        self.streams.values().any(|stream| stream.reader.is_some())
    }

    /// Says something on a stream, if it is there.
    pub(super) fn say(&mut self, stream: u64, frame: Frame, answers: bool) {
        self.said += 1;
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.say(frame, answers, self.said);
        }
    }

    /// The stream for what belongs to no request that is known. A question finds somebody who listens, if anybody does.
    pub(super) fn elsewhere(&self, frame: &Frame, resumable: bool) -> Option<u64> {
        let standing = self.streams.get(&STANDING).filter(|_| resumable)?;
        if frame.kind() == Kind::Request && standing.reader.is_none() {
            let mut streams = self.streams.iter();
            let listened = streams.find(|(_, one)| one.reader.is_some() && one.unanswered > 0);
            return Some(listened.map_or(STANDING, |(number, _)| *number));
        }
        Some(STANDING)
    }

    /// Forgets what was heard, beyond what is kept, and the streams that are over.
    pub(super) fn forget(&mut self) {
        let sizes = self.streams.values().map(|stream| stream.heard);
        let (mut events, mut bytes) = sizes.fold((0, 0), |(events, bytes), size| {
            (events + size.events, bytes + size.bytes)
        });
        while events > KEPT_EVENTS || bytes > KEPT {
            let oldest = self
                .streams
                .values_mut()
                .filter(|stream| stream.heard.events > 0)
                .min_by_key(|stream| stream.events.front().map(|event| event.order));
            let Some(event) = oldest.and_then(Stream::drop_first) else {
                break;
            };
            events -= 1;
            bytes -= event.cost();
        }
        self.streams.retain(|number, stream| {
            *number == STANDING
                || stream.unanswered > 0
                || stream.reader.is_some()
                || !stream.events.is_empty()
        });
    }

    /// Drops what waits for nobody where too much waits; says whether too much is left.
    pub(super) fn drop_unheard(&mut self) -> bool {
        loop {
            let sizes = self.streams.values().map(|stream| stream.unheard.bytes);
            let unheard: usize = sizes.sum();
            if unheard <= UNHEARD {
                return false;
            }
            let deserted = self
                .streams
                .values_mut()
                .filter(|stream| stream.reader.is_none() && stream.unheard.events > 0)
                .min_by_key(|stream| stream.first_unheard().map(|event| event.order));
            let Some(deserted) = deserted else {
                return true;
            };
            deserted.drop_first();
            tracing::warn!("an agent is gone from a stream: its oldest message is dropped");
        }
    }

    /// Drops what nobody hears who never listens: see [`IGNORED`]. Questions stay, since servers wait for their answers.
    pub(super) fn trim(&mut self) {
        let standing = self.streams.get_mut(&STANDING);
        let Some(standing) = standing.filter(|stream| stream.reader.is_none()) else {
            return;
        };
        while standing.unheard.bytes > IGNORED && standing.drop_notification() {
            tracing::debug!("a notification waits for nobody and is dropped");
        }
    }

    /// Sends away whoever listens to the fullest stream and does not read.
    pub(super) fn cut(&mut self) {
        let listened = self.streams.values_mut();
        let fullest = listened
            .filter(|stream| stream.reader.is_some())
            .max_by_key(|stream| stream.unheard.bytes);
        if let Some(stream) = fullest
            && let Some((_, wake)) = stream.reader.take()
        {
            wake.notify_one();
        }
    }
}
