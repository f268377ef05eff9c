//! How far a pull is: its events, added up for a bar or for lines. Rendering is the command line's.

use std::collections::BTreeMap;

use super::pull::{LayerStatus, PullEvent};

/// What is known of the layers of one pull.
#[derive(Debug, Clone, Default)]
pub struct PullProgress {
    layers: BTreeMap<String, Layer>,
}

#[derive(Debug, Clone, Default)]
struct Layer {
    complete: bool,
    current: u64,
    total: Option<u64>,
}

/// How far a pull is, at one moment. Numbers never shrink from one moment to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PullSnapshot {
    /// Layers that are here.
    pub layers_done: usize,
    /// Layers that were announced so far: Podman announces a layer when it turns to it, the configuration last.
    pub layers_total: usize,
    /// Bytes that are here, of the layers whose bytes are told.
    pub bytes_done: u64,
    /// Bytes of those layers in all; 0 where no layer took longer than the second that Podman waits before it tells.
    pub bytes_total: u64,
}

impl PullProgress {
    /// Takes a step into account. Steps out of order do no harm: what is complete stays so.
    pub fn apply(&mut self, event: &PullEvent) {
        let PullEvent::Layer {
            id,
            status,
            current,
            total,
        } = event
        else {
            return;
        };
        let layer = self.layers.entry(id.clone()).or_default();
        layer.total = layer.total.max(*total);
        layer.current = layer.current.max(current.unwrap_or_default());
        layer.complete |= matches!(status, LayerStatus::Exists | LayerStatus::Done);
    }

    /// How far it is now.
    pub fn snapshot(&self) -> PullSnapshot {
        let mut snapshot = PullSnapshot::default();
        for layer in self.layers.values() {
            let Layer {
                complete,
                current,
                total,
            } = layer;
            snapshot.layers_total += 1;
            snapshot.layers_done += usize::from(*complete);
            if let Some(total) = *total {
                let here = if *complete {
                    total
                } else {
                    (*current).min(total)
                };
                snapshot.bytes_done = snapshot.bytes_done.saturating_add(here);
                snapshot.bytes_total = snapshot.bytes_total.saturating_add(total);
            }
        }
        snapshot
    }
}
