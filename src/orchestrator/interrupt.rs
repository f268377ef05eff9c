//! Interruption: whatever ends a command before it is done.

use std::pin::Pin;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Error;

/// The signals by which a user ends a command, from when this is made: none is lost between two steps. And whatever
/// else ends it.
pub(super) struct Interrupt<'a, S> {
    signals: Option<(Signal, Signal)>,
    stop: Pin<&'a mut S>,
}

impl<'a, S: Future<Output = ()>> Interrupt<'a, S> {
    pub(super) fn listen(stop: Pin<&'a mut S>) -> Self {
        let interrupt = signal(SignalKind::interrupt());
        let terminate = signal(SignalKind::terminate());
        // Without handlers the signals end the process, and the next `add` or `remove` cleans up.
        let signals = interrupt.ok().zip(terminate.ok());
        Self { signals, stop }
    }

    /// Does some steps, unless they are interrupted.
    pub(super) async fn ends<T>(
        &mut self,
        steps: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Self { signals, stop } = self;
        let signalled = async {
            match signals {
                Some((interrupt, terminate)) => tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = steps => done,
            () = signalled => Err(Error::Interrupted),
            () = stop => Err(Error::Interrupted),
        }
    }
}
