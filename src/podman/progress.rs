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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layer(id: &str, status: LayerStatus, bytes: Option<(u64, u64)>) -> PullEvent {
        PullEvent::Layer {
            id: id.to_owned(),
            status,
            current: bytes.map(|(current, _)| current),
            total: bytes.map(|(_, total)| total),
        }
    }

    #[test]
    fn layers_and_bytes_are_added_up() {
        use LayerStatus::{Done, Downloading, Exists, Waiting};

        let mut progress = PullProgress::default();
        assert_eq!(progress.snapshot(), PullSnapshot::default());
        for (event, expected) in [
            (layer("a", Exists, None), (1, 1, 0, 0)),
            (layer("b", Waiting, None), (1, 2, 0, 0)),
            (layer("c", Waiting, None), (1, 3, 0, 0)),
            (layer("b", Downloading, Some((10, 100))), (1, 3, 10, 100)),
            (layer("c", Downloading, Some((5, 50))), (1, 3, 15, 150)),
            (layer("b", Downloading, Some((90, 100))), (1, 3, 95, 150)),
            (PullEvent::Message("x".to_owned()), (1, 3, 95, 150)),
            (layer("c", Done, None), (2, 3, 140, 150)),
            (layer("c", Done, None), (2, 3, 140, 150)),
            (layer("b", Done, None), (3, 3, 150, 150)),
        ] {
            progress.apply(&event);
            let (layers_done, layers_total, bytes_done, bytes_total) = expected;
            let expected = PullSnapshot {
                layers_done,
                layers_total,
                bytes_done,
                bytes_total,
            };
            assert_eq!(progress.snapshot(), expected, "{event:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_shrinks_or_passes_its_total(
            events in prop::collection::vec(
                (0_u8..4, 0_usize..4, any::<Option<u64>>(), any::<Option<u64>>()),
                0..30,
            )
        ) {
            let statuses = [
                LayerStatus::Waiting,
                LayerStatus::Downloading,
                LayerStatus::Exists,
                LayerStatus::Done,
            ];
            let mut progress = PullProgress::default();
            let mut before = progress.snapshot();
            for (id, status, current, total) in events {
                let status = statuses[status];
                progress.apply(&PullEvent::Layer { id: id.to_string(), status, current, total });
                let now = progress.snapshot();
                prop_assert!(now.layers_done >= before.layers_done);
                prop_assert!(now.layers_total >= before.layers_total);
                prop_assert!(now.bytes_done >= before.bytes_done);
                prop_assert!(now.bytes_total >= before.bytes_total);
                prop_assert!(now.layers_done <= now.layers_total);
                prop_assert!(now.bytes_done <= now.bytes_total);
                before = now;
            }
        }
    }
}
