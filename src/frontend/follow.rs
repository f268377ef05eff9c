//! Following what becomes of mcpod's units, whoever changes them: another agent, the command line, a unit dropped into
//! the folder.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Frontend;
use super::peer::told;
use crate::systemd::{Event, Watch};

/// How long to wait for more to happen before it is looked at: adding a server takes several reloads.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// Reads back what is active whenever it may have changed, or `again` says so, until the frontend is gone.
pub(super) async fn follow(frontend: Weak<Frontend>, mut watch: Watch, again: Arc<Notify>) {
    let mut watching = true;
    loop {
        tokio::select! {
            event = watch.next(), if watching => match event {
                Some(event) if concerns(&event) => {}
                Some(_) => continue,
                None => {
                    tracing::warn!("systemd is gone: changes are not seen any more");
                    watching = false;
                }
            },
            () = again.notified() => {}
        }
        sleep(DEBOUNCE).await;
        while let Some(Some(_)) = watch.next().now_or_never() {}
        let Some(frontend) = frontend.upgrade() else {
            return;
        };
        if let Err(error) = frontend.refresh().await {
            tracing::warn!("what is active cannot be read: {}", told(&error));
        }
    }
}

/// Whether another server may be active after this.
fn concerns(event: &Event) -> bool {
    match event {
        Event::Reloaded | Event::UnitFilesChanged | Event::Missed => true,
        Event::JobRemoved { unit, .. } | Event::UnitNew(unit) | Event::UnitRemoved(unit) => {
            unit.as_str().ends_with(".socket")
        }
        Event::Died(_) => false,
    }
}
