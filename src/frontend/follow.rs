//! Following what becomes of mcpod's units, whoever changes them: another agent, the command line, a unit dropped into
//! the folder.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::Frontend;
use super::peer::told;
use super::worker::due;
use crate::systemd::{Event, Watch};

/// How long to wait for more to happen before it is looked at: adding a server takes several reloads.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// How long to wait before systemd is looked for again when it is gone, or what is active cannot be read: at first, then twice as long each time, and so long
/// at most.
const GONE: Duration = Duration::from_millis(250);
const GONE_MAX: Duration = Duration::from_secs(30);

/// Reads back what is active whenever it may have changed, or `again` says so, until the frontend is gone.
pub(super) async fn follow(frontend: Weak<Frontend>, mut watch: Watch, again: Arc<Notify>) {
    let mut pause = GONE;
    let mut retry = None;
    loop {
        tokio::select! {
            event = watch.next() => match event {
                Some(event) if concerns(&event) => {}
                Some(_) => continue,
                None => match anew(&frontend).await {
                    Some(anew) => watch = anew,
                    None => return,
                },
            },
            () = again.notified() => {}
            () = due(retry) => {}
        }
        sleep(DEBOUNCE).await;
        while let Some(Some(_)) = watch.next().now_or_never() {}
        let Some(frontend) = frontend.upgrade() else {
            return;
        };
        match frontend.refresh().await {
            Ok(()) => (retry, pause) = (None, GONE),
            Err(error) => {
                tracing::warn!("what is active cannot be read: {}", told(&error));
                retry = Some(Instant::now() + pause);
                pause = GONE_MAX.min(pause * 2);
            }
        }
    }
}

/// Watches again when the connection to systemd has ended; nothing if the frontend is gone meanwhile.
async fn anew(frontend: &Weak<Frontend>) -> Option<Watch> {
    tracing::warn!("the connection to systemd ended: changes are not seen until there is another");
    let mut pause = GONE;
    loop {
        sleep(pause).await;
        pause = GONE_MAX.min(pause * 2);
        match frontend.upgrade()?.orchestrator.watch().await {
            Ok(watch) => {
                tracing::info!("there is a connection to systemd again");
                return Some(watch);
            }
            Err(error) => tracing::debug!("systemd is not there yet: {}", told(&error)),
        }
    }
}

/// Whether another server may be active after this.
fn concerns(event: &Event) -> bool {
    match event {
        Event::Reloaded | Event::UnitFilesChanged | Event::NotListening(_) | Event::Missed => true,
        Event::JobRemoved { unit, .. } | Event::UnitNew(unit) | Event::UnitRemoved(unit) => {
            unit.as_str().ends_with(".socket")
        }
        Event::Died(_) => false,
    }
}
