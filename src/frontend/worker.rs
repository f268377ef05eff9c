//! The worker of a link: opens the session, sends what the agent says, closes the session when nobody uses it.

mod watching;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::Frontend;
use super::errands;
use super::gathered::{self, Gathered};
use super::heard::Heard;
use super::link::{Order, Shared};
use super::peer::Peer;
use super::pump::Pump;
use super::registry;
use super::relist::Relist;
use super::route::INVALID_PARAMS;
use super::tasks;
use super::translate::{self, Speech};
use super::voice::INTERNAL;
use super::watches::Watches;
use crate::session::{Frame, SessionError};

/// How much a server may say before the agent has heard it, in messages.
const UNHEARD: usize = 64;

/// How long to wait before a server that failed is opened again: nothing after the first failure, then this, and
/// twice as long after each further one, up to the longest.
const BACKOFF: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Runs one link.
#[derive(Debug)]
pub(super) struct Worker {
    frontend: Arc<Frontend>,
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Order>,
    /// For what the agent answers; the worker ends when the agent's own end is gone.
    orders: mpsc::WeakSender<Order>,
    log_level: watch::Receiver<Option<String>>,
    /// The level that the open session was told, as JSON, where the agent says it in its requests.
    told_level: Option<String>,
    watches: Watches,
    open: Option<Open>,
    opened: u64,
    /// The last session ended by itself while resources were watched in it, and there is none since.
    lost: bool,
    failures: u32,
    failed: Instant,
}

/// A session that is open.
#[derive(Debug)]
struct Open {
    peer: Arc<Peer>,
    pump: JoinHandle<bool>,
    _relist: Relist,
}

impl Worker {
    pub(super) fn new(
        frontend: Arc<Frontend>,
        shared: Arc<Shared>,
        queue: mpsc::Receiver<Order>,
        orders: mpsc::WeakSender<Order>,
        log_level: watch::Receiver<Option<String>>,
    ) -> Self {
        Self {
            frontend,
            shared,
            queue,
            orders,
            log_level,
            told_level: None,
            watches: Watches::default(),
            open: None,
            opened: 0,
            lost: false,
            failures: 0,
            failed: Instant::now(),
        }
    }

    /// Does what is ordered until the agent is gone or `closing` says so.
    pub(super) async fn run(mut self, mut closing: watch::Receiver<bool>) {
        loop {
            let reopens = self.reopens();
            let step = async {
                tokio::select! {
                    order = self.queue.recv() => match order {
                        Some(order) => self.carry_out(order).await,
                        None => return false,
                    },
                    () = idle(&self.shared, self.open.is_some(), self.frontend.idle()) => self.close().await,
                    () = over(self.open.as_ref()) => self.close().await,
                    () = due(reopens) => self.reopen().await,
                }
                true
            };
            let goes_on = tokio::select! {
                goes_on = step => goes_on,
                // Whoever is gone closes as well.
                _ = closing.wait_for(|closing| *closing) => false,
            };
            if !goes_on {
                break;
            }
        }
        self.close().await;
    }

    async fn carry_out(&mut self, order: Order) {
        match order {
            Order::Request(frame) => self.request(frame).await,
            Order::Notification(frame) => {
                if let Some(open) = &self.open
                    && let Err(error) = open.peer.session.pass(frame).await
                {
                    tracing::debug!(%error, "a notification does not reach its server");
                }
            }
            Order::Answer(request, answer) => {
                let answer = tasks::answered(answer, &self.shared);
                let checked = self.shared.is_registry().then(|| registry::check(&answer));
                match checked {
                    Some(Err(reason)) => request.refuse(INVALID_PARAMS, &reason).await,
                    _ => request.pass(&answer).await,
                }
            }
            Order::Watch(own, watched) => self.watch(&own, watched).await,
            // Without its session a server has no tasks: it is not started for that.
            Order::Gather(Gathered::Tasks, waiting) if self.open.is_none() => {
                drop(waiting.send(Vec::new()));
            }
            Order::Gather(what, waiting) => {
                if let Ok(peer) = self.peer().await {
                    tokio::spawn(gathered::ask(peer.session.clone(), what, waiting));
                }
            }
        }
    }

    /// Sends a request, opening a session if need be. One that ended while nobody used it is opened again.
    async fn request(&mut self, frame: Frame) {
        let Some(id) = frame.id().cloned() else {
            return;
        };
        for last_attempt in [false, true] {
            let Some(progress) = self.shared.waits(&id) else {
                return;
            };
            let opened = self.peer().await;
            // The server may have taken long to start, and the agent have cancelled meanwhile.
            if self.shared.waits(&id).is_none() {
                return;
            }
            let failed = match opened {
                Err(reason) => reason,
                Ok(peer) if self.subscribe(&id, &frame, &peer).await => return,
                Ok(peer) if self.is_over(&frame, &peer) => {
                    if self.shared.take(&id).is_some() {
                        let reason = match errands::made(&frame) {
                            Some(_) => "the server requires a visit that the user declined",
                            None => "nothing waits under this request state any more",
                        };
                        let voice = &self.shared.voice;
                        voice.refuse(&id, INVALID_PARAMS, reason).await;
                    }
                    return;
                }
                Ok(peer) => match self.relay(&peer, &frame, progress).await {
                    Ok(()) => return,
                    Err(SessionError::Ended { .. } | SessionError::Closed) if !last_attempt => {
                        self.close().await;
                        continue;
                    }
                    Err(error) => peer.explain(error).await,
                },
            };
            if self.shared.take(&id).is_some() {
                self.shared.voice.refuse(&id, INTERNAL, &failed).await;
            }
            return;
        }
    }

    /// Whether a request gives the answers to questions that nobody asked, or asks no longer: a server of the earlier
    /// era knows nothing of them, and would do once more what it was asked first. After the visits that such a server
    /// required it has done nothing yet.
    fn is_over(&self, frame: &Frame, peer: &Peer) -> bool {
        let bears = |key| frame.find(&[key]).is_ok_and(|found| found.is_some());
        (self.shared.speech, Speech::of_session(peer.session.era()))
            == (Speech::Modern, Speech::Legacy)
            && (bears("requestState") || bears("inputResponses"))
            && errands::made(frame) != Some(true)
    }

    /// Tells a server of the earlier era how much to log, where an agent of the modern one says so in its request.
    async fn set_log_level(&mut self, peer: &Peer, asked: &Frame) {
        let level = asked.find(&["_meta", translate::LOG_LEVEL]).ok().flatten();
        let Some(level) = level.filter(|level| self.told_level.as_deref() != Some(level)) else {
            return;
        };
        peer.tell_log_level(level).await;
        self.told_level = Some(level.to_owned());
    }

    async fn relay(
        &mut self,
        peer: &Peer,
        asked: &Frame,
        progress: bool,
    ) -> Result<(), SessionError> {
        let to = Speech::of_session(peer.session.era());
        if (self.shared.speech, to) == (Speech::Modern, Speech::Legacy) {
            self.set_log_level(peer, asked).await;
        }
        let level = self.log_level.borrow().clone();
        let frame = translate::request(asked.clone(), self.shared.speech, to, level.as_deref());
        let frame = frame.map_err(|error| SessionError::Unsendable {
            method: crate::text::shortened(asked.method(), 100),
            reason: error.to_string(),
        })?;
        let relayed = peer.session.relay(&frame, progress).await?;
        // Only a server of the modern era can answer with questions, after which it is asked again.
        let again = (self.shared.speech, to) == (Speech::Legacy, Speech::Modern);
        if let Some(id) = asked.id()
            && !self
                .shared
                .sent(id, self.opened, relayed, again.then_some(frame))
            && self.shared.take(id).is_some()
        {
            // The server may have done what it was asked, so it is not asked again.
            let reason = peer.explain(peer.session.ended().await).await;
            self.shared.voice.refuse(id, INTERNAL, &reason).await;
        }
        Ok(())
    }

    /// The server over an open session, or why there is none.
    async fn peer(&mut self) -> Result<Arc<Peer>, String> {
        if let Some(open) = &self.open
            && !open.pump.is_finished()
            && open.peer.session.over().is_none()
        {
            return Ok(Arc::clone(&open.peer));
        }
        self.close().await;
        sleep_until(self.failed + backoff(self.failures)).await;
        let (incoming, heard) = mpsc::channel(UNHEARD);
        let shared = &self.shared;
        let opening = self
            .frontend
            .open(&shared.origin, shared.client.clone(), incoming);
        let (opened, heard) = Heard::during(heard, Box::pin(opening)).await;
        let peer = match opened {
            Ok(peer) => Arc::new(peer),
            Err(reason) => {
                self.fail();
                return Err(reason);
            }
        };
        self.opened += 1;
        self.told_level = None;
        let (relist, relisting) = Relist::start(&self.frontend, &peer, shared);
        let pump = Pump {
            shared: Arc::clone(shared),
            peer: Arc::clone(&peer),
            session: self.opened,
            orders: self.orders.clone(),
            relist: relisting,
        };
        self.lost = false;
        peer.set_log_level(self.log_level.clone()).await;
        self.watches.resume(&peer.session, &self.shared).await;
        self.open = Some(Open {
            peer: Arc::clone(&peer),
            pump: tokio::spawn(pump.run(heard)),
            _relist: relist,
        });
        Ok(peer)
    }

    /// Closes the session, if one is open, and counts it if it failed.
    async fn close(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        let ended_by_itself = matches!(open.peer.session.over(), Some(SessionError::Ended { .. }));
        self.lost = ended_by_itself && self.shared.holds().watches_any();
        open.peer.close().await;
        match open.pump.await {
            Ok(true) => self.failures = 0,
            Ok(false) if ended_by_itself => self.fail(),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "a link's pump failed"),
        }
        self.watches.end(&self.shared.holds());
        self.shared.release_all();
    }

    fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.failed = Instant::now();
    }
}

/// How long to wait since the last of so many failures, one after the other.
fn backoff(failures: u32) -> Duration {
    match failures.checked_sub(2) {
        Some(more) => BACKOFF
            .saturating_mul(2_u32.saturating_pow(more))
            .min(BACKOFF_MAX),
        None => Duration::ZERO,
    }
}

/// Waits until the session has ended by itself.
async fn over(open: Option<&Open>) {
    match open {
        Some(open) => drop(open.peer.session.ended().await),
        None => std::future::pending().await,
    }
}

/// Waits until then, if ever.
pub(super) async fn due(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Waits until nobody has used the session for so long.
async fn idle(shared: &Shared, is_open: bool, limit: Option<Duration>) {
    let Some(limit) = limit.filter(|_| is_open) else {
        return std::future::pending().await;
    };
    loop {
        let over = shared.used() + limit;
        let now = Instant::now();
        if shared.is_held() {
            sleep(limit).await;
        } else if over <= now {
            return;
        } else {
            sleep_until(over).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_fails_again_and_again_is_given_longer_each_time() {
        let pauses =
            [0, 1, 2, 3, 4, 7, 8, 9, u32::MAX].map(|failures| backoff(failures).as_millis());
        assert_eq!(
            pauses,
            [0, 0, 500, 1000, 2000, 16_000, 30_000, 30_000, 30_000]
        );
    }
}
