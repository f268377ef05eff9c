//! Answers to requests: one JSON object where the answer is there at once, else a stream of events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures_util::stream;
use tokio::time::timeout;

use super::streams::{Event, Reader};
use crate::session::RpcError;

/// How long an answer may take to be one JSON object: a stream costs the client more, and says nothing more. In the
/// earlier era only a stream can be resumed, so it is begun soon.
const PROMPT: Duration = Duration::from_millis(200);

/// In the modern era the status tells of some errors, but only before a stream has begun; so there is time for a server
/// to be started.
const PROMPT_WITH_STATUS: Duration = Duration::from_secs(3);

/// After how much silence a comment tells proxies and clients that the stream lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What clients read before they may resume, since 2025-11-25: an event without data, whose id stands for the
/// beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Events {
    /// Events bear no ids: streams cannot be resumed.
    Plain,
    /// Events bear ids.
    Numbered,
    /// Events bear ids, and one without data comes first.
    Primed,
}

/// Answers a POST from the stream that it opened.
pub(super) async fn answer(mut reader: Reader, events: Events) -> Response {
    let prompt = match events {
        Events::Plain => PROMPT_WITH_STATUS,
        Events::Numbered | Events::Primed => PROMPT,
    };
    match timeout(prompt, reader.next()).await {
        Ok(Some(event)) if event.is_last && event.number == 1 => {
            reader.finish();
            whole(event, events)
        }
        Ok(first) => stream(reader, events, first),
        Err(_) => stream(reader, events, None),
    }
}

/// One message, with the status that its error calls for (2026-07-28, Streamable HTTP).
fn whole(event: Event, events: Events) -> Response {
    let status = match event.error {
        _ if events != Events::Plain => StatusCode::OK,
        Some(RpcError::METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        Some(
            RpcError::HEADER_MISMATCH
            | RpcError::MISSING_CAPABILITY
            | RpcError::UNSUPPORTED_VERSION,
        ) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    json(status, event.text)
}

/// An answer with a JSON object.
pub(super) fn json(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A stream of events, `first` being one that was taken from the reader already.
pub(super) fn stream(reader: Reader, events: Events, first: Option<Event>) -> Response {
    let mut pieces = VecDeque::new();
    if events == Events::Primed && first.as_ref().is_none_or(|event| event.number == 1) {
        let id = format!(
            "id: {}-{}\ndata: \n\n",
            reader.stream,
            before(&reader, first.as_ref())
        );
        pieces.push_back(Bytes::from(id));
    } else {
        // The headers go out with the first bytes of the body.
        pieces.push_back(Bytes::from_static(b": \n\n"));
    }
    let mut told = Told {
        events,
        pieces,
        reader,
    };
    if let Some(event) = first {
        told.tell(event);
    }
    let body = stream::unfold(told, async |mut told| {
        let piece = told.next().await?;
        Some((Ok::<_, Infallible>(piece), told))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies are not to wait for more.
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    response
}

/// The number of the event before the first of a stream.
fn before(reader: &Reader, first: Option<&Event>) -> u64 {
    match first {
        Some(_) => 0,
        None => reader.came_to(),
    }
}

/// What is told on a stream of events.
#[derive(Debug)]
struct Told {
    events: Events,
    pieces: VecDeque<Bytes>,
    reader: Reader,
}

impl Told {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(piece) = self.pieces.pop_front() {
            return Some(piece);
        }
        // Behind the last event it ends at once: the connection is free for another request.
        match timeout(KEEP_ALIVE, self.reader.next()).await {
            Ok(Some(event)) => {
                self.tell(event);
                self.pieces.pop_front()
            }
            Ok(None) => None,
            Err(_) => Some(Bytes::from_static(b": \n\n")),
        }
    }

    /// Puts an event into pieces; a message stands on one line.
    fn tell(&mut self, event: Event) {
        let stream = self.reader.stream;
        let head = match self.events {
            Events::Plain => Bytes::from_static(b"data: "),
            Events::Numbered | Events::Primed => {
                Bytes::from(format!("id: {stream}-{}\ndata: ", event.number))
            }
        };
        self.pieces.push_back(head);
        self.pieces.push_back(event.text);
        self.pieces.push_back(Bytes::from_static(b"\n\n"));
    }
}
