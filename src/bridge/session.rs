//! The session of the earlier era (2025-11-25, Transports, Session Management), and the stream on which the server speaks of its own accord.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::error::Failure;
use super::web::media_type;
use super::{Bridge, lock};
use crate::session::metadata::{LAST_EVENT, SESSION, VERSION};
use crate::session::{Frame, Kind, read_line};

/// How long to wait before a stream that ended is asked for again: at first, and at most.
const RESUME: Duration = Duration::from_secs(1);
const RESUME_MAX: Duration = Duration::from_mins(1);

/// What is held of a session.
#[derive(Debug)]
pub(super) struct Held {
    /// Its id, if the server gave one.
    pub(super) id: Option<HeaderValue>,
    /// The version that was agreed on.
    version: HeaderValue,
    /// What began it, to begin it anew.
    initialize: Frame,
    /// The task that listens to the standing stream.
    pub(super) standing: Option<AbortHandle>,
}

impl Bridge {
    /// The headers of a message within the session; none before there is one.
    pub(super) fn session_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(session) = &*lock(&self.session) {
            headers.insert(VERSION, session.version.clone());
            if let Some(id) = &session.id {
                headers.insert(SESSION, id.clone());
            }
        }
        headers
    }

    /// The session that messages are sent within at the moment.
    pub(super) fn session_id(&self) -> Option<HeaderValue> {
        lock(&self.session).as_ref()?.id.clone()
    }

    /// Notes the session that an answer to `initialize` begins.
    pub(super) fn begin_session(
        &self,
        initialize: &Frame,
        id: Option<HeaderValue>,
        answer: &Frame,
    ) {
        if answer.kind() != Kind::Result {
            return;
        }
        let version = answer
            .find(&["protocolVersion"])
            .ok()
            .flatten()
            .and_then(|version| serde_json::from_str::<String>(version).ok())
            .and_then(|version| HeaderValue::from_str(&version).ok());
        let Some(version) = version else {
            return;
        };
        let mut session = lock(&self.session);
        let standing = session.take().and_then(|before| before.standing);
        *session = Some(Held {
            id,
            version,
            initialize: initialize.clone(),
            standing,
        });
    }

    /// Begins a session anew that the server has forgotten, unless somebody has done so meanwhile.
    pub(super) async fn renew(&self, forgotten: &HeaderValue) -> Result<(), Failure> {
        // One at a time.
        let _turn = self.prior.lock().await;
        let initialize = match &*lock(&self.session) {
            Some(session) if session.id.as_ref() == Some(forgotten) => session.initialize.clone(),
            _ => return Ok(()),
        };
        let failed = |reason: String| Failure::Forgotten {
            url: self.web.name(),
            reason,
        };
        tracing::info!("the server has forgotten the session: it is begun anew");
        let response = self
            .web
            .post(self.web.url(), &initialize, &HeaderMap::new())
            .await?;
        if !response.status().is_success() {
            return Err(failed(self.web.failure(response).await.to_string()));
        }
        let id = response.headers().get(SESSION).cloned();
        let mut answers = self.answers(response).await?;
        let answer = loop {
            match answers.next(self).await? {
                Some(frame) if frame.id() == initialize.id() && frame.kind() == Kind::Result => {
                    break frame;
                }
                Some(_) => {}
                None => return Err(failed("it does not answer initialize".to_owned())),
            }
        };
        self.begin_session(&initialize, id, &answer);
        let initialized = Frame::notification("notifications/initialized", None);
        let response = self
            .web
            .post(self.web.url(), &initialized, &self.session_headers())
            .await?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(failed(self.web.failure(response).await.to_string()))
        }
    }

    /// Begins to listen to what the server says of its own accord.
    pub(super) fn begin_standing(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        let mut session = lock(&self.session);
        let Some(session) = session
            .as_mut()
            .filter(|session| session.standing.is_none())
        else {
            return;
        };
        let bridge = Arc::clone(self);
        session.standing = Some(tasks.spawn(async move { bridge.listen().await }));
    }

    /// Listens as long as the session lasts, or until the server has no such stream.
    async fn listen(&self) {
        let mut last: Option<String> = None;
        let mut wait = RESUME;
        loop {
            let mut headers = self.session_headers();
            resume_after(&mut headers, last.as_deref());
            match self.web.stream(&headers).await {
                Ok(response) if is_stream(&response) => {
                    wait = RESUME;
                    let mut answers = match self.answers(response).await {
                        Ok(answers) => answers,
                        Err(failure) => {
                            tracing::debug!("{failure}");
                            return;
                        }
                    };
                    loop {
                        match answers.next(self).await {
                            Ok(Some(frame)) => {
                                self.pass(frame, None).await;
                            }
                            Ok(None) => break,
                            Err(failure) => {
                                tracing::debug!("{failure}");
                                break;
                            }
                        }
                    }
                    let (id, retry) = answers.resumption();
                    last = id.or(last);
                    wait = retry.unwrap_or(wait);
                }
                Ok(response) if response.status().is_server_error() => {}
                // Most servers have none (405), and then there is nothing to listen to.
                Ok(response) => {
                    tracing::debug!("no standing stream: {}", response.status());
                    return;
                }
                Err(failure) => tracing::debug!("{failure}"),
            }
            sleep(wait).await;
            wait = wait.saturating_mul(2).min(RESUME_MAX);
        }
    }

    /// Ends the session at the server.
    pub(super) async fn part(&self) {
        *self.prior.lock().await = None;
        if self.session_id().is_none() {
            return;
        }
        match self.web.delete(self.session_headers()).await {
            // A server may not let clients end sessions (405), or have ended it itself (404).
            Ok(response) => tracing::debug!("the end of the session: {}", response.status()),
            Err(failure) => tracing::debug!("{failure}"),
        }
    }
}

/// Asks for what came behind an event.
pub(super) fn resume_after(headers: &mut HeaderMap, event: Option<&str>) {
    if let Some(event) = event.and_then(|event| HeaderValue::from_str(event).ok()) {
        headers.insert(HeaderName::from_static(LAST_EVENT), event);
    }
}

/// Whether an answer is a stream of events.
pub(super) fn is_stream(response: &Response) -> bool {
    response.status() == StatusCode::OK && media_type(response) == "text/event-stream"
}

/// The messages of a text that came over HTTP.
pub(super) fn messages(text: Vec<u8>) -> Vec<Frame> {
    let mut frames = Vec::new();
    for message in read_line(text) {
        match message {
            Ok(frame) => frames.push(frame),
            Err(unreadable) => tracing::warn!(
                "the server sent what is no message: {}: {}",
                unreadable.reason,
                unreadable.excerpt
            ),
        }
    }
    frames
}
