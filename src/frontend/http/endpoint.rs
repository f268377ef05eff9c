//! The endpoint: what a POST, GET or DELETE to `/mcp` or `/mcp/NAME` means, in either era.

mod answers;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;

use super::caller::Connection;
use super::headers::{self, LAST_EVENT, Mismatch, SESSION, VERSION};
use super::sse::{self, Events};
use super::streams::{Asked, STANDING};
use super::visits::{Door, Visit, Who};
use super::{Face, body};
use crate::frontend::route::INVALID_PARAMS;
use crate::frontend::translate::{CAPABILITIES, CLIENT, Speech, Unspoken};
use crate::frontend::{Frontend, identity};
use crate::session::{Era, Frame, Kind, MESSAGE_MAX, RpcError, Unreadable, read_client_line};

pub(super) use answers::refused;
use answers::{accepted, error, full, mismatched, not_read, talkative, unread, unspoken};

/// Up to how many bytes a body that is no message is looked at closely.
const SMALL: usize = 64 * 1024;

/// How many requests of one agent may wait for their answers.
const REQUESTS: usize = 256;

/// JSON-RPC: what came is no JSON.
const PARSE_ERROR: i64 = -32700;

/// What is said of a version that is not known, or of another era than the session.
const UNSPOKEN: &str = "unsupported protocol version";

/// How much a client may say of itself in one part, in bytes: it is kept for as long as the client is there.
const INTRODUCTION: usize = 64 * 1024;

/// From this version on clients know events without data.
const PRIMED_SINCE: &str = "2025-11-25";

/// A request that is answered here, since no agent can be asked.
type Refused = Response;

/// Where a request came in, and from whom.
#[derive(Debug)]
struct Entry<'a> {
    face: &'a Face,
    frontend: Arc<Frontend>,
    door: Door,
    headers: HeaderMap,
}

/// Answers a request to an endpoint.
pub(super) async fn answer(
    face: &Face,
    door: Option<&str>,
    connection: &Arc<Connection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some((door, frontend)) = face.frontend(door).await else {
        let reason = "no such active server";
        return error(
            StatusCode::NOT_FOUND,
            None,
            RpcError::INVALID_REQUEST,
            reason,
        );
    };
    let entry = Entry {
        face,
        frontend,
        door,
        headers: parts.headers,
    };
    let answered = match parts.method {
        Method::POST => entry.post(connection, body).await,
        Method::GET => entry.get(),
        Method::DELETE => entry.delete().await,
        _ => {
            let mut refused = Response::new(Body::empty());
            *refused.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            let allowed = HeaderValue::from_static("GET, POST, DELETE");
            refused.headers_mut().insert(ALLOW, allowed);
            return refused;
        }
    };
    answered.unwrap_or_else(|refused| refused)
}

impl Entry<'_> {
    /// Messages of the agent's.
    async fn post(&self, connection: &Arc<Connection>, body: Body) -> Result<Response, Refused> {
        let is_json = self.headers.get(CONTENT_TYPE).is_some_and(|kind| {
            let kind = kind.to_str().unwrap_or_default();
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/json")
        });
        if !is_json {
            let reason = "the body must be application/json";
            return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
        }
        let accepts = |media| headers::accepts(&self.headers, media);
        if !accepts("application/json") || !accepts("text/event-stream") {
            let reason = "the client must accept application/json and text/event-stream";
            return Err(refused(StatusCode::NOT_ACCEPTABLE, reason));
        }
        let body = body::read(body, MESSAGE_MAX, self.face.limits.body).await;
        let body = body.map_err(unread)?;
        // Only errors tell the difference: what is large is not read once more for it.
        let is_no_json =
            body.len() <= SMALL && serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_err();
        let mut messages: Vec<_> = read_client_line(body).collect();
        if messages.is_empty() {
            let reason = "there is no message";
            return Err(error(StatusCode::BAD_REQUEST, None, PARSE_ERROR, reason));
        }
        let version = headers::only(&self.headers, VERSION);
        let version = version.map_err(|mismatch| mismatched(None, &mismatch))?;
        if let [message] = messages.as_mut_slice() {
            let frame = match message {
                Ok(frame) => frame,
                Err(unreadable) => return Err(not_read(unreadable, is_no_json)),
            };
            let speech = Speech::of(frame);
            let era = version.map(str::parse::<Era>);
            let is_modern = !matches!(speech, Ok(Speech::Legacy))
                || matches!(era, Some(Ok(Era::Modern(_))))
                || (matches!(era, Some(Err(_))) && frame.method() != "initialize");
            if is_modern {
                let frame = frame.clone();
                return self.modern(connection, frame, version, speech).await;
            }
            if frame.kind() == Kind::Request && frame.method() == "initialize" {
                return self.initialize(connection, frame.clone()).await;
            }
        }
        self.legacy(messages).await
    }

    /// A message of the modern era: it stands for itself.
    async fn modern(
        &self,
        connection: &Connection,
        frame: Frame,
        version: Option<&str>,
        speech: Result<Speech, Unspoken>,
    ) -> Result<Response, Refused> {
        match frame.kind() {
            Kind::Request => {}
            Kind::Notification => {
                if version.is_some_and(|version| version.parse::<Era>().is_err()) {
                    return Err(refused(StatusCode::BAD_REQUEST, UNSPOKEN));
                }
                // None that a client sends is known in this era: whoever hangs up cancels.
                return Ok(accepted());
            }
            Kind::Result | Kind::Error => {
                let reason = "the client must not answer in this version of the protocol";
                return Err(refused(StatusCode::BAD_REQUEST, reason));
            }
        }
        let Some(own) = frame.id().cloned() else {
            return Err(refused(StatusCode::BAD_REQUEST, "the request has no id"));
        };
        let mismatch = |mismatch: &Mismatch| mismatched(Some(&own), mismatch);
        let Some(version) = version else {
            let missing = Mismatch("MCP-Protocol-Version is missing".to_owned());
            return Err(mismatch(&missing));
        };
        let part = |key| frame.find(&["_meta", key]).ok().flatten();
        let said = part(crate::frontend::translate::VERSION);
        let said = said.map(|said| serde_json::from_str::<String>(said).unwrap_or_default());
        if said.as_deref().is_some_and(|said| said != version) {
            let other = "MCP-Protocol-Version is not the version of the body".to_owned();
            return Err(mismatch(&Mismatch(other)));
        }
        if !matches!(version.parse(), Ok(Era::Modern(_))) {
            return Err(unspoken(&own, &Unspoken(version.to_owned())));
        }
        if let Err(version) = speech {
            return Err(unspoken(&own, &version));
        }
        let is_object = |key| part(key).is_some_and(|value| value.starts_with('{'));
        if said.is_none() || !is_object(CAPABILITIES) {
            let reason = "_meta lacks the version of the protocol or the client's capabilities";
            let code = INVALID_PARAMS;
            return Err(error(StatusCode::BAD_REQUEST, Some(&own), code, reason));
        }
        let (info, capabilities) = (part(CLIENT), part(CAPABILITIES));
        if is_long(info) || is_long(capabilities) {
            return Err(talkative(&own));
        }
        headers::check(&self.headers, &frame).map_err(|error| mismatch(&error))?;
        let who = Who {
            door: self.door.clone(),
            caller: connection.caller().await,
            info: info.unwrap_or_default().to_owned(),
            capabilities: capabilities.unwrap_or_default().to_owned(),
        };
        let visit = self.face.visits.of(who, &self.frontend).map_err(full)?;
        let name = frame.find(&["name"]).ok().flatten();
        let name = name.and_then(|name| serde_json::from_str::<String>(name).ok());
        if let Some(tool) = name.and_then(|name| visit.agent.tool(&name)) {
            let checked = headers::check_arguments(&self.headers, &frame, &tool);
            checked.map_err(|error| mismatch(&error))?;
        }
        // Requests that come by different connections may have the same id.
        let id = visit.number();
        let frame = frame.with_id(&id);
        let own = Some(own);
        self.ask(
            &visit,
            vec![Ok(frame)],
            vec![Asked { id, own }],
            Events::Plain,
        )
        .await
    }

    /// The beginning of a session.
    async fn initialize(
        &self,
        connection: &Arc<Connection>,
        frame: Frame,
    ) -> Result<Response, Refused> {
        let Some(id) = frame.id().cloned() else {
            return Err(refused(StatusCode::BAD_REQUEST, "the request has no id"));
        };
        let part = |key| frame.find(&[key]).ok().flatten();
        if is_long(part("clientInfo")) || is_long(part("capabilities")) {
            return Err(talkative(&id));
        }
        let version = identity::version_for(&frame);
        let began = self.face.visits.begin(&self.door, &self.frontend, version);
        let (session, visit) = began.map_err(full)?;
        let (connection, of) = (Arc::clone(connection), Arc::clone(&visit));
        // All processes may have to be looked through, for which nobody waits.
        tokio::spawn(async move { of.is_of(connection.caller().await) });
        let asked = Asked { id, own: None };
        let events = events(&visit);
        let mut response = self
            .ask(&visit, vec![Ok(frame)], vec![asked], events)
            .await?;
        if let Ok(session) = HeaderValue::from_str(&session) {
            response.headers_mut().insert(SESSION, session);
        }
        Ok(response)
    }

    /// Messages within a session.
    async fn legacy(&self, messages: Vec<Result<Frame, Unreadable>>) -> Result<Response, Refused> {
        let visit = self.visit()?;
        let asks = |message: &Result<Frame, Unreadable>| match message {
            Ok(frame) if frame.kind() == Kind::Request => frame.id().cloned(),
            Ok(_) => None,
            // What is wrong with it is its answer.
            Err(unreadable) => unreadable.asks.clone(),
        };
        let asked: Vec<Asked> = messages
            .iter()
            .filter_map(asks)
            .map(|id| Asked { id, own: None })
            .collect();
        if !asked.is_empty() {
            let events = events(&visit);
            return self.ask(&visit, messages, asked, events).await;
        }
        for message in messages {
            visit.take(message).await;
        }
        Ok(accepted())
    }

    /// Takes messages to the agent, and answers with what comes back.
    async fn ask(
        &self,
        visit: &Arc<Visit>,
        messages: Vec<Result<Frame, Unreadable>>,
        asked: Vec<Asked>,
        events: Events,
    ) -> Result<Response, Refused> {
        if visit.streams.waiting() + asked.len() > REQUESTS {
            let reason = "too many requests of this client wait for their answers";
            return Err(refused(StatusCode::TOO_MANY_REQUESTS, reason));
        }
        let reader = visit.streams.open(asked).map_err(|used| {
            let code = RpcError::INVALID_REQUEST;
            let reason = "this id is in use";
            error(StatusCode::BAD_REQUEST, Some(&used.0), code, reason)
        })?;
        let visit = Arc::clone(visit);
        // In the earlier era a client that hangs up does not take back what it said.
        tokio::spawn(async move {
            for message in messages {
                visit.take(message).await;
            }
        });
        Ok(sse::answer(reader, events).await)
    }

    /// Listens to what belongs to no request, or resumes a stream.
    #[expect(
        clippy::result_large_err,
        reason = "the error is the answer itself, moved once"
    )]
    fn get(&self) -> Result<Response, Refused> {
        if !headers::accepts(&self.headers, "text/event-stream") {
            let reason = "the client must accept text/event-stream";
            return Err(refused(StatusCode::NOT_ACCEPTABLE, reason));
        }
        let visit = self.visit()?;
        let last = headers::only(&self.headers, LAST_EVENT);
        let last = last.map_err(|mismatch| mismatched(None, &mismatch))?;
        let reader = match last {
            None => visit.streams.stand(),
            Some(last) => {
                let last = last
                    .split_once('-')
                    .and_then(|(stream, event)| Some((stream.parse().ok()?, event.parse().ok()?)));
                last.and_then(|(stream, event)| visit.streams.resume(stream, event))
            }
        };
        let gone = || refused(StatusCode::BAD_REQUEST, "the stream of this event is over");
        let reader = reader.ok_or_else(gone)?;
        let events = match events(&visit) {
            // Whoever resumes knows where it is.
            Events::Primed if reader.stream != STANDING => Events::Numbered,
            events => events,
        };
        Ok(sse::stream(reader, events, None))
    }

    /// Ends a session.
    async fn delete(&self) -> Result<Response, Refused> {
        self.visit()?;
        let session = headers::only(&self.headers, SESSION).ok().flatten();
        let ended = session.and_then(|session| self.face.visits.end(session, &self.door));
        if let Some(visit) = ended {
            visit.close().await;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    /// The session that the request belongs to, whose era it must be of.
    #[expect(
        clippy::result_large_err,
        reason = "the error is the answer itself, moved once"
    )]
    fn visit(&self) -> Result<Arc<Visit>, Refused> {
        let session = headers::only(&self.headers, SESSION);
        let session = session.map_err(|mismatch| mismatched(None, &mismatch))?;
        let Some(session) = session else {
            let reason = "Mcp-Session-Id is missing: a session begins with initialize";
            return Err(refused(StatusCode::BAD_REQUEST, reason));
        };
        let found = self.face.visits.session(session, &self.door);
        let found = found.ok_or_else(|| refused(StatusCode::NOT_FOUND, "no such session"))?;
        let version = headers::only(&self.headers, VERSION);
        let version = version.map_err(|mismatch| mismatched(None, &mismatch))?;
        if version.is_some_and(|version| !matches!(version.parse(), Ok(Era::Legacy(_)))) {
            return Err(refused(StatusCode::BAD_REQUEST, UNSPOKEN));
        }
        Ok(found)
    }
}

/// Whether a client says more of itself than is kept.
fn is_long(part: Option<&str>) -> bool {
    part.is_some_and(|part| part.len() > INTRODUCTION)
}

/// How events are told to this agent.
fn events(visit: &Visit) -> Events {
    match &visit.version {
        None => Events::Plain,
        Some(version) if version.as_str() >= PRIMED_SINCE => Events::Primed,
        Some(_) => Events::Numbered,
    }
}
