//! A call: one request that was sent, and what comes back for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::calls::{Calls, Waiting};
use super::error::SessionError;
use super::frame::Frame;
use super::id::Id;
use super::outbox::Outbox;
use super::splice::{Existing, Put, quoted};

/// How many progress notifications of a call wait for whoever made it; behind them the session waits.
const PROGRESS: usize = 64;

/// How long a call may take, and whether its progress is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// How long to wait for the answer; progress starts the time anew. Without it there is no limit.
    pub timeout: Option<Duration>,
    /// How long to wait in all, progress or not.
    pub limit: Option<Duration>,
    /// Whether progress is asked for. Who asks must read it: a call whose progress nobody reads holds up the
    /// session.
    pub progress: bool,
}

impl CallOptions {
    /// No progress, and at most so long.
    pub fn within(timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..Self::default()
        }
    }
}

/// What comes back for a call.
#[derive(Debug)]
pub enum Step {
    /// A `notifications/progress` of the call, its token being [`Call::id`].
    Progress(Frame),
    /// The answer: a result or an error of the server's. Nothing comes behind it.
    Answer(Frame),
}

/// A request that was sent and not answered yet.
///
/// Dropping it cancels it at the server: `notifications/cancelled` is sent, and a late answer is ignored.
#[derive(Debug)]
pub struct Call {
    number: u64,
    method: String,
    answer: oneshot::Receiver<Result<Frame, SessionError>>,
    progress: Option<mpsc::Receiver<Frame>>,
    /// The answer, while progress from before it is still being handed out.
    held: Option<Result<Frame, SessionError>>,
    started: Instant,
    /// Since when there was no sign of life.
    quiet_since: Instant,
    options: CallOptions,
    calls: Arc<Calls>,
    outbox: Outbox,
    /// Why it will have been cancelled if it is dropped now; nothing if no one needs to be told.
    cancel: Option<String>,
}

impl Call {
    /// Keeps a place for a call that is about to be sent.
    pub(super) fn new(
        method: &str,
        options: CallOptions,
        calls: &Arc<Calls>,
        outbox: &Outbox,
    ) -> Result<Self, SessionError> {
        let (answer_to, answer) = oneshot::channel();
        let (progress_to, progress) = options.progress.then(|| mpsc::channel(PROGRESS)).unzip();
        let waiting = Waiting::Caller {
            answer: answer_to,
            progress: progress_to,
        };
        let mut call = Self::waiting(method, waiting, calls, outbox)?;
        call.answer = answer;
        call.progress = progress;
        call.options = options;
        Ok(call)
    }

    /// Keeps a place for a call that is to be relayed: nothing comes back by it.
    pub(super) fn relayed(
        method: &str,
        asked: Id,
        calls: &Arc<Calls>,
        outbox: &Outbox,
    ) -> Result<Self, SessionError> {
        Self::waiting(method, Waiting::Relayed(asked), calls, outbox)
    }

    /// Keeps a place.
    fn waiting(
        method: &str,
        waiting: Waiting,
        calls: &Arc<Calls>,
        outbox: &Outbox,
    ) -> Result<Self, SessionError> {
        let started = Instant::now();
        Ok(Self {
            number: calls.add(waiting)?,
            method: method.to_owned(),
            answer: oneshot::channel().1,
            progress: None,
            held: None,
            started,
            quiet_since: started,
            options: CallOptions::default(),
            calls: Arc::clone(calls),
            outbox: outbox.clone(),
            cancel: None,
        })
    }

    /// Notes that the request is on its way, so that dropping the call cancels it.
    pub(super) fn sent(&mut self) {
        self.started = Instant::now();
        self.quiet_since = self.started;
        // The specification forbids cancelling this one: whoever gives it up closes the session.
        if self.method != "initialize" {
            self.cancel = Some("the caller went away".to_owned());
        }
    }

    /// The id that the server knows the request by; also its progress token, and the id of the subscription if
    /// the request is one (2026-07-28).
    pub fn id(&self) -> Id {
        self.number.into()
    }

    /// The next thing that comes back: progress in its order, then the answer.
    ///
    /// Nothing is lost if the future is dropped before it is done. After the answer, or an error, the call is
    /// over and says [`SessionError::Closed`].
    pub async fn next(&mut self) -> Result<Step, SessionError> {
        loop {
            if let Some(held) = self.held.take() {
                // The reader hands out progress before the answer, so what came before is all here now.
                if let Some(frame) = self
                    .progress
                    .as_mut()
                    .and_then(|progress| progress.try_recv().ok())
                {
                    self.held = Some(held);
                    return Ok(Step::Progress(frame));
                }
                self.cancel = None;
                return held.map(Step::Answer);
            }
            if self.answer.is_terminated() {
                return Err(SessionError::Closed);
            }
            let overdue = until(self.deadline());
            tokio::select! {
                biased;
                Some(frame) = next_of(&mut self.progress) => {
                    self.quiet_since = Instant::now();
                    return Ok(Step::Progress(frame));
                }
                answer = &mut self.answer => {
                    self.held = Some(answer.unwrap_or(Err(SessionError::Closed)));
                }
                () = overdue => return Err(self.give_up()),
            }
        }
    }

    /// The answer, a result or an error of the server's; progress on the way is dropped.
    pub async fn answer(mut self) -> Result<Frame, SessionError> {
        loop {
            if let Step::Answer(frame) = self.next().await? {
                return Ok(frame);
            }
        }
    }

    /// Waits until the time is over.
    pub(super) async fn overdue(&self) {
        until(self.deadline()).await;
    }

    /// When the time is over.
    fn deadline(&self) -> Option<Instant> {
        let quiet = self
            .options
            .timeout
            .and_then(|time| self.quiet_since.checked_add(time));
        let whole = self
            .options
            .limit
            .and_then(|time| self.started.checked_add(time));
        quiet.into_iter().chain(whole).min()
    }

    /// Cancels the call because its time is over.
    pub(super) fn give_up(&mut self) -> SessionError {
        let now = Instant::now();
        let quiet = now.duration_since(self.quiet_since);
        let after = match self.options.timeout {
            Some(timeout) if quiet >= timeout => timeout,
            _ => now.duration_since(self.started),
        };
        if self.cancel.is_some() {
            self.cancel = Some(format!("no answer after {after:.1?}"));
        }
        self.withdraw();
        SessionError::TimedOut {
            method: self.method.clone(),
            after,
            garbage: self.calls.garbage(),
        }
    }

    /// Takes the call back, and tells the server if it has it and has not answered.
    fn withdraw(&mut self) {
        let waited = self.calls.take(self.number).is_some();
        let Some(reason) = self.cancel.take().filter(|_| waited) else {
            return;
        };
        let params = format!(
            "{{\"requestId\":{},\"reason\":{}}}",
            self.number,
            quoted(&reason)
        );
        self.tell(Frame::ours("notifications/cancelled", &params));
    }

    /// Takes the call back with the notification of whoever made the request; the server is told if it has it and
    /// has not answered.
    fn withdraw_by(&mut self, notification: &Frame) {
        let waited = self.calls.take(self.number).is_some();
        if self.cancel.take().is_none() || !waited {
            return;
        }
        let number = self.number.to_string();
        let put = Put {
            key: "requestId",
            value: &number,
            existing: Existing::Replace,
        };
        match notification.clone().with(&[], &[put]) {
            Ok(cancelled) => self.tell(cancelled),
            Err(error) => tracing::debug!(%error, "a cancellation that cannot be passed on"),
        }
    }

    /// Tells the server that the call is cancelled.
    fn tell(&self, cancelled: Frame) {
        self.calls.note_notified();
        if !self.outbox.send_now(cancelled.into_string()) {
            tracing::debug!(
                method = self.method,
                "the server cannot be told of the cancellation"
            );
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// A request that was relayed: what comes back for it is an [`Incoming`](super::Incoming).
///
/// Dropping it before the answer is there cancels it at the server.
#[derive(Debug)]
pub struct Relayed(pub(super) Call);

impl Relayed {
    /// The id, and progress token, that the server knows the request by.
    pub fn id(&self) -> Id {
        self.0.id()
    }

    /// The same as a number: what is sent later has a higher one.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// Cancels it by the `notifications/cancelled` of whoever made the request, all but whose `requestId` is passed
    /// on.
    pub fn cancel(mut self, notification: &Frame) {
        self.0.withdraw_by(notification);
    }
}

/// The time when this has passed from now on.
pub(super) fn after(duration: Duration) -> Instant {
    const YEARS: Duration = Duration::from_hours(30 * 365 * 24);
    let now = Instant::now();
    // What is too long for the clock is longer than anybody waits.
    now.checked_add(duration).unwrap_or_else(|| now + YEARS)
}

/// The next progress, or never where there is none to come.
async fn next_of(progress: &mut Option<mpsc::Receiver<Frame>>) -> Option<Frame> {
    match progress {
        Some(progress) => progress.recv().await,
        None => std::future::pending().await,
    }
}

/// Waits until then, or for ever.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
