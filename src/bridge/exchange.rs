//! An exchange: a message is sent, and what comes back is read until it is answered.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use tokio::time::{sleep, timeout};

use super::error::Failure;
use super::events::Parser;
use super::session::{is_stream, messages, resume_after};
use super::web::media_type;
use super::{Bridge, annotations, lock, version_of};
use crate::catalog::HttpProtocol;
use crate::session::metadata::{self, METHOD, NAME, PARAM, SESSION, VERSION};
use crate::session::{Frame, Id, Kind, MESSAGE_MAX};

/// How long a server may take to accept what wants no answer.
const ACCEPTED: Duration = Duration::from_secs(30);

/// How often in a row a stream is asked for again that brings nothing.
const RESUMES: u32 = 5;

/// How long to wait before that, where the server does not say.
const RESUME: Duration = Duration::from_secs(1);

/// The most pages of a list of tools that are read for what they want in headers.
const PAGES: usize = 50;

/// How much is kept of what is no message, in bytes.
const BEGINS: usize = 1024;

/// The code of JSON-RPC for headers that do not say what the message says (2026-07-28).
const HEADER_MISMATCH: i64 = -32020;

/// The messages that an answer brings.
#[derive(Debug)]
pub(super) struct Answers {
    response: Response,
    ready: VecDeque<Frame>,
    /// Nothing where the answer was no stream.
    events: Option<Parser>,
}

impl Answers {
    /// The next message, or nothing at the end.
    pub(super) async fn next(&mut self, bridge: &Bridge) -> Result<Option<Frame>, Failure> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            let Some(parser) = &mut self.events else {
                return Ok(None);
            };
            let chunk = self.response.chunk().await;
            let Some(chunk) = chunk.map_err(|error| bridge.web.lost(&error))? else {
                return Ok(None);
            };
            let events = parser.feed(&chunk).map_err(|_| Failure::TooLarge {
                url: bridge.web.name(),
                limit: MESSAGE_MAX,
            })?;
            for event in events {
                // One without data says where to resume, and nothing else.
                if event.kind == "message" && !event.data.is_empty() {
                    self.ready.extend(messages(event.data));
                }
            }
        }
    }

    /// Where the stream can be resumed, and after what time.
    pub(super) fn resumption(&self) -> (Option<String>, Option<Duration>) {
        match &self.events {
            Some(parser) => (parser.last_id.clone(), parser.retry),
            None => (None, None),
        }
    }
}

impl Bridge {
    /// Reads what came with a status of success.
    pub(super) async fn answers(&self, mut response: Response) -> Result<Answers, Failure> {
        let kind = media_type(&response);
        if kind == "text/event-stream" {
            return Ok(Answers {
                response,
                ready: VecDeque::new(),
                events: Some(Parser::new(MESSAGE_MAX)),
            });
        }
        if kind != "application/json" {
            // Nothing of it is a message: its beginning says what it is.
            let failure = self.web.failure(response).await;
            return Err(match failure {
                Failure::Status { why, .. } => self.web.not_mcp(&kind, &why),
                failure => failure,
            });
        }
        let body = self.web.body(&mut response, MESSAGE_MAX).await?;
        let ready: VecDeque<Frame> = messages(body.clone()).into();
        if ready.is_empty() && !body.trim_ascii().is_empty() {
            let begins = body.get(..BEGINS).unwrap_or(&body);
            return Err(self.web.not_mcp(&kind, &String::from_utf8_lossy(begins)));
        }
        Ok(Answers {
            response,
            ready,
            events: None,
        })
    }

    /// Sends a request and gives the client all that comes back, until it is answered.
    pub(super) async fn ask(self: &std::sync::Arc<Self>, frame: &Frame) -> Result<(), Failure> {
        let begins = frame.method() == "initialize";
        let is_prior =
            self.protocol == HttpProtocol::Sse || (!begins && self.prior.lock().await.is_some());
        if is_prior {
            return self.ask_prior(frame).await;
        }
        let answered = match self.ask_streamable(frame).await {
            // Headers by the arguments of a tool whose definition did not come by yet.
            Err(Failure::Refused { error, .. })
                if frame.method() == "tools/call" && is_mismatch(&error) =>
            {
                self.learn_tools(frame).await?;
                self.ask_streamable(frame).await
            }
            answered => answered,
        };
        match answered {
            // So a server of 2024-11-05 refuses it (2025-11-25, Transports, Backwards Compatibility).
            Err(
                refused @ (Failure::Status {
                    code: 400 | 404 | 405,
                    ..
                }
                | Failure::Refused {
                    code: 404 | 405, ..
                }),
            ) if begins => match self.ask_prior(frame).await {
                Err(failure) => {
                    tracing::debug!("nor is it one of 2024-11-05: {failure}");
                    Err(refused)
                }
                answered => answered,
            },
            answered => answered,
        }
    }

    async fn ask_streamable(&self, frame: &Frame) -> Result<(), Failure> {
        let Some(id) = frame.id() else {
            return Ok(());
        };
        let response = self.post(frame).await?;
        let session = response.headers().get(SESSION).cloned();
        let mut answers = self.answers(response).await?;
        let mut resumes = 0;
        loop {
            let ended = loop {
                match answers.next(self).await {
                    Ok(Some(answer)) => {
                        resumes = 0;
                        if answer.kind() == Kind::Error && answer.id().is_none() {
                            // About what it could not read, which can only be this.
                            return Err(Failure::Refused {
                                url: self.web.name(),
                                code: 200,
                                error: answer.payload().unwrap_or("{}").to_owned(),
                            });
                        }
                        let is_answer = answer.id() == Some(id)
                            && matches!(answer.kind(), Kind::Result | Kind::Error);
                        if is_answer {
                            self.learn(frame, session.clone(), &answer);
                        }
                        self.pass(answer, Some(id)).await;
                        if is_answer {
                            return Ok(());
                        }
                    }
                    Ok(None) => {
                        break Failure::NoAnswer {
                            url: self.web.name(),
                        };
                    }
                    Err(failure @ Failure::TooLarge { .. }) => return Err(failure),
                    Err(failure) => break failure,
                }
            };
            // The earlier era lets a server end a stream and go on with it later.
            let (Some(last), retry) = answers.resumption() else {
                return Err(ended);
            };
            if version_of(frame).is_some() || resumes == RESUMES {
                return Err(ended);
            }
            sleep(retry.unwrap_or(RESUME * 2u32.saturating_pow(resumes))).await;
            resumes += 1;
            let mut headers = self.session_headers();
            resume_after(&mut headers, Some(&last));
            match self.web.stream(&headers).await {
                Ok(response) if is_stream(&response) => {
                    answers = self.answers(response).await?;
                    answers.continue_from(last);
                }
                Ok(response) if response.status().is_server_error() => {}
                Ok(_) => return Err(ended),
                Err(failure) => tracing::debug!("{failure}"),
            }
        }
    }

    /// Sends what wants no answer.
    pub(super) async fn send(&self, frame: &Frame) -> Result<(), Failure> {
        if self.send_prior(frame).await? {
            return Ok(());
        }
        let sent = timeout(ACCEPTED, self.post(frame)).await;
        let late = |_| Failure::Unreachable {
            url: self.web.name(),
            reason: "it takes too long".to_owned(),
        };
        sent.map_err(late)?.map(drop)
    }

    /// Sends a message, in the session if there is one, which is begun anew if the server has forgotten it.
    async fn post(&self, frame: &Frame) -> Result<Response, Failure> {
        let mut again = true;
        loop {
            let headers = self.headers(frame)?;
            let within = headers.get(SESSION).cloned();
            let response = self.web.post(self.web.url(), frame, &headers).await?;
            match (response.status(), within) {
                (status, _) if status.is_success() => return Ok(response),
                (StatusCode::NOT_FOUND, Some(session)) if again => {
                    again = false;
                    self.renew(&session).await?;
                }
                _ => return Err(self.web.failure(response).await),
            }
        }
    }

    /// The headers of a message, by its era.
    fn headers(&self, frame: &Frame) -> Result<HeaderMap, Failure> {
        let Some(version) = version_of(frame) else {
            return Ok(if frame.method() == "initialize" {
                HeaderMap::new()
            } else {
                self.session_headers()
            });
        };
        let mut headers = HeaderMap::new();
        let mut put = |name: &str, value: &str| {
            let bad = || Failure::Header {
                what: name.to_owned(),
            };
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let value = HeaderValue::from_str(value).map_err(|_| bad())?;
            headers.insert(header, value);
            Ok(())
        };
        put(VERSION, &version)?;
        put(METHOD, frame.method())?;
        let name = metadata::named_by(frame.method()).and_then(|key| metadata::text(frame, key));
        if let Some(name) = name {
            put(NAME, &metadata::encoded(&name))?;
            if frame.method() == "tools/call"
                && let Some(annotated) = lock(&self.annotated).get(&name)
            {
                for (path, header) in annotated {
                    if let Some(argument) = metadata::argument(frame, path) {
                        let value = metadata::encoded(argument.as_str());
                        put(&format!("{PARAM}{}", header.to_ascii_lowercase()), &value)?;
                    }
                }
            }
        }
        Ok(headers)
    }

    /// Notes what an answer says that later messages depend on.
    pub(super) fn learn(&self, request: &Frame, session: Option<HeaderValue>, answer: &Frame) {
        match request.method() {
            "initialize" => self.begin_session(request, session, answer),
            "tools/list" if answer.kind() == Kind::Result && version_of(request).is_some() => {
                lock(&self.annotated).extend(annotations(answer));
            }
            _ => {}
        }
    }

    /// Asks for the definitions of all tools, with what the call says of its client.
    async fn learn_tools(&self, call: &Frame) -> Result<(), Failure> {
        let meta = call.find(&["_meta"]).ok().flatten().unwrap_or("{}");
        let mut cursor: Option<String> = None;
        for page in 0..PAGES {
            // Nobody else counts so, and the answer is for nobody else.
            let Some(id) = Id::from_json(&format!("\"mcpod-tools-{page}\"")) else {
                return Ok(());
            };
            let params = match &cursor {
                Some(cursor) => format!("{{\"cursor\":{cursor},\"_meta\":{meta}}}"),
                None => format!("{{\"_meta\":{meta}}}"),
            };
            let request = Frame::request(&id, "tools/list", None).with_payload(&params);
            let response = self.post(&request).await?;
            let mut answers = self.answers(response).await?;
            let answer = loop {
                match answers.next(self).await? {
                    Some(frame) if frame.id() == Some(&id) => break frame,
                    Some(_) => {}
                    None => return Ok(()),
                }
            };
            self.learn(&request, None, &answer);
            cursor = match answer.find(&["nextCursor"]) {
                Ok(Some(cursor)) if cursor != "null" => Some(cursor.to_owned()),
                _ => return Ok(()),
            };
        }
        Ok(())
    }
}

impl Answers {
    /// Goes on where another stream ended.
    fn continue_from(&mut self, last: String) {
        if let Some(parser) = &mut self.events {
            parser.last_id.get_or_insert(last);
        }
    }
}

/// Whether an error is about headers.
fn is_mismatch(error: &str) -> bool {
    let code = crate::session::splice::find(error, &["code"])
        .ok()
        .flatten();
    code.and_then(|code| code.parse().ok()) == Some(HEADER_MISMATCH)
}
