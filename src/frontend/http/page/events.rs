//! Events: what tells an open page that something is different from what it shows (server-sent events, HTML, 9.2).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream;
use tokio::time::timeout;

use super::document::file;
use crate::frontend::http::Face;

/// After how much silence a comment finds out whether the browser is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// An event.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) data: String,
    /// By which the browser says, when it comes again, what it was told last; empty where that is of no use.
    pub(super) id: String,
}

impl Event {
    /// One that says nothing more than its name.
    pub(super) fn plain(name: &'static str) -> Self {
        Self {
            name,
            data: String::new(),
            id: String::new(),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("event: {}\n", self.name);
        for line in self.data.split(['\n', '\r']) {
            text.push_str("data: ");
            text.push_str(line);
            text.push('\n');
        }
        if !self.id.is_empty() && !self.id.contains(['\n', '\r', '\0']) {
            text.push_str("id: ");
            text.push_str(&self.id);
            text.push('\n');
        }
        text.push('\n');
        text
    }
}

/// An answer of events as `next` brings them; it ends when there are no more or the browser hangs up.
pub(super) fn stream<S, F>(state: S, next: impl Fn(S) -> F + Send + Sync + 'static) -> Response
where
    S: Send + 'static,
    F: Future<Output = Option<(Event, S)>> + Send + 'static,
{
    let next = Arc::new(next);
    let begin = (Box::pin(next(state)), next, true);
    let events = stream::unfold(begin, |(mut waiting, next, is_first)| async move {
        if is_first {
            // So that the browser knows at once that it is heard.
            let hello = Bytes::from_static(b": hello\n\n");
            return Some((Ok::<_, Infallible>(hello), (waiting, next, false)));
        }
        match timeout(KEEP_ALIVE, waiting.as_mut()).await {
            Err(_) => {
                let comment = Bytes::from_static(b":\n\n");
                Some((Ok(comment), (waiting, next, false)))
            }
            Ok(None) => None,
            Ok(Some((event, state))) => {
                let waiting = Box::pin(next(state));
                Some((Ok(Bytes::from(event.text())), (waiting, next, false)))
            }
        }
    });
    let mut response = file(
        "text/event-stream",
        StatusCode::OK,
        Body::from_stream(events),
    );
    let headers = response.headers_mut();
    // Proxies are not to wait for more.
    headers.insert(
        "x-accel-buffering",
        axum::http::HeaderValue::from_static("no"),
    );
    response
}

/// Tells whenever a server was added, changed or removed, by whomever.
pub(super) async fn show(State(face): State<Arc<Face>>) -> Response {
    let changes = face.frontend.changes();
    stream(changes, |mut changes| async move {
        changes.changed().await.ok()?;
        Some((Event::plain("changed"), changes))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_several_lines_is_one_event() {
        let event = Event {
            name: "line",
            data: "a\nevent: forged\r\ndata: x".to_owned(),
            id: "s=1;i=2".to_owned(),
        };
        assert_eq!(
            event.text(),
            "event: line\ndata: a\ndata: event: forged\ndata: \ndata: data: x\nid: s=1;i=2\n\n"
        );
    }
}
