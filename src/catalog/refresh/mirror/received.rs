//! Counts what comes in. gix keeps an object in memory until it has come to its end, and one may have none: the bytes of packs
//! are to be weighed as they come, not when they lie on the disk.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gix::progress::{Id, MessageLevel, Step, StepShared, Unit};
use gix::{Count, NestedProgress, Progress};

use super::guard::Stop;

/// What gix calls the reading of a pack.
const READ_PACK: Id = *b"BWRB";

/// What gix tells its progress to.
pub(super) struct Received {
    stop: Arc<Stop>,
    id: Id,
    count: StepShared,
}

impl Received {
    pub(super) fn new(stop: &Arc<Stop>) -> Self {
        Self::of(stop, gix::progress::UNKNOWN)
    }

    fn of(stop: &Arc<Stop>, id: Id) -> Self {
        Self {
            stop: Arc::clone(stop),
            id,
            count: StepShared::default(),
        }
    }

    fn weigh(&self) {
        if self.id == READ_PACK {
            let bytes = self.count.load(Ordering::Relaxed);
            self.stop.weigh(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }
}

impl Count for Received {
    fn set(&self, step: Step) {
        self.count.store(step, Ordering::Relaxed);
        self.weigh();
    }

    fn step(&self) -> Step {
        self.count.load(Ordering::Relaxed)
    }

    fn inc_by(&self, step: Step) {
        self.count.fetch_add(step, Ordering::Relaxed);
        self.weigh();
    }

    fn counter(&self) -> StepShared {
        Arc::clone(&self.count)
    }
}

impl Progress for Received {
    fn init(&mut self, _max: Option<Step>, _unit: Option<Unit>) {}

    fn set_name(&mut self, _name: String) {}

    fn name(&self) -> Option<String> {
        None
    }

    fn id(&self) -> Id {
        self.id
    }

    fn message(&self, _level: MessageLevel, _message: String) {}
}

impl NestedProgress for Received {
    type SubProgress = Self;

    fn add_child(&mut self, _name: impl Into<String>) -> Self {
        Self::new(&self.stop)
    }

    fn add_child_with_id(&mut self, _name: impl Into<String>, id: Id) -> Self {
        Self::of(&self.stop, id)
    }
}
