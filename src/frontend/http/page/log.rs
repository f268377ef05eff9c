//! The log of a server: what `mcpod logs` prints, in parts, the last first.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};

use super::document::{Document, Place, part, shown};
use super::events::{Event, stream};
use super::fields::{Fields, address};
use super::{Here, failed};
use crate::frontend::http::Face;
use crate::orchestrator::Error;
use crate::orchestrator::logs::{Before, LogLine};

/// How many lines are shown at once.
const LINES: u32 = 500;

/// Shows the last lines, or those before some that are shown already.
pub(super) async fn show((State(face), _): Here, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    let server = fields.get("server");
    let before = before(&fields);
    let lines = match lines(&face, server, before.as_ref()).await {
        Ok(lines) => lines,
        Err(error) => return failed(error, "No log", Place::Servers),
    };
    let chunk = chunk(server, &lines);
    if fields.has("part") {
        return part(chunk);
    }
    Document::new(&format!("Log of {server}"), Place::Servers).with(&html! {
        p { a href=(address("server", &[("name", server)])) { "Back to " (server) } }
        div #log tabindex="0" role="log" aria-label="Lines" data-follow=[before.is_none().then(|| follow(server, &lines))] {
            (chunk)
        }
    })
}

/// Where the lines behind these are told.
fn follow(server: &str, lines: &[LogLine]) -> String {
    let after = lines.last().map_or("", |line| &line.cursor);
    address("log-events", &[("server", server), ("after", after)])
}

async fn lines(
    face: &Arc<Face>,
    server: &str,
    before: Option<&Before>,
) -> Result<Vec<LogLine>, Error> {
    let orchestrator = &face.frontend.orchestrator;
    orchestrator.log_lines(server, LINES, before).await
}

fn before(fields: &Fields) -> Option<Before> {
    Some(Before {
        time: fields.get("before").parse().ok()?,
        cursor: fields.get("cursor").to_owned(),
    })
}

fn chunk(server: &str, lines: &[LogLine]) -> Markup {
    let earlier = lines.first().filter(|_| lines.len() >= LINES as usize);
    let earlier = earlier.map(|first| {
        let time = first.time.to_string();
        address(
            "log",
            &[
                ("server", server),
                ("before", &time),
                ("cursor", &first.cursor),
            ],
        )
    });
    html! {
        @if let Some(earlier) = earlier { a.earlier href=(earlier) { "Earlier lines" } }
        @if lines.is_empty() { p { "Nothing was written, or nothing that this user can read." } }
        pre.chunk {
            @for line in lines { (written(line)) "\n" }
        }
    }
}

/// A line as it is shown: when, and what.
fn written(line: &LogLine) -> String {
    format!("{}  {}", line.at(), shown(&line.text))
}

/// Tells the lines behind those that the browser has: that it was shown, or was told of before the connection broke off.
pub(super) async fn events((State(face), _): Here, headers: HeaderMap, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    let told = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let after = told.or_else(|| fields.given("after"));
    let orchestrator = &face.frontend.orchestrator;
    let follower = match orchestrator.follow_log(fields.get("server"), after) {
        Ok(follower) => follower,
        Err(error) => return failed(error, "No log", Place::Servers),
    };
    stream(follower, |mut follower| async move {
        let line = follower.next().await?;
        let event = Event {
            name: "line",
            data: written(&line),
            id: line.cursor,
        };
        Some((event, follower))
    })
}
