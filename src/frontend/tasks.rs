//! Tasks (2025-11-25, and the extension of 2026-07-28): whose they are, whether they are over, and all of them as one
//! list.
//!
//! Servers choose the ids of their tasks, and two may choose the same. So the task `7` of server `notes` is
//! `notes:7` to the agent, which tells by itself where it leads; where one server is shown alone, ids are its own.

use std::sync::Arc;
use std::time::Duration;

use super::gathered::Gathered;
use super::holds::Hold;
use super::link::{Link, Shared};
use super::offer::{Names, Origin};
use crate::quadlet::name::ServerName;
use crate::session::splice::{self, SpliceError, quoted};
use crate::session::{Frame, Kind};

/// Where a message bears the id of a task: one about it, one that tells it was begun, and one that belongs to it.
const ABOUT: &[&str] = &["taskId"];
const BEGUN: &[&str] = &["task", "taskId"];
const RELATED: &[&str] = &["_meta", "io.modelcontextprotocol/related-task", "taskId"];

/// A task as a result tells of it.
#[derive(Debug)]
pub(super) struct Told {
    /// Its id, as the server knows it.
    pub(super) id: String,
    /// How long the server keeps it, if it says so.
    pub(super) time_to_live: Option<Duration>,
    /// Whether it will not change any more.
    pub(super) is_over: bool,
}

/// The task that a result or notification tells of.
pub(super) fn told(frame: &Frame) -> Option<Told> {
    let payload = frame.payload()?;
    let task = match splice::find(payload, BEGUN) {
        Ok(Some(_)) => splice::find(payload, &["task"]).ok()??,
        _ => payload,
    };
    let part = |key| splice::find(task, &[key]).ok().flatten();
    let text = |key| part(key).and_then(|text| serde_json::from_str::<String>(text).ok());
    let time = part("ttl").or_else(|| part("ttlMs"));
    let time = time.and_then(|time| serde_json::from_str::<f64>(time).ok());
    let time = time.and_then(|time| Duration::try_from_secs_f64(time / 1000.0).ok());
    Some(Told {
        id: text("taskId")?,
        time_to_live: time,
        is_over: matches!(
            text("status").as_deref(),
            Some("completed" | "failed" | "cancelled")
        ),
    })
}

/// The server of a task and its own id, from the id that the agent knows.
pub(super) fn split(shown: &str) -> Option<(Origin, &str)> {
    let (server, own) = shown.split_once(':')?;
    let server: ServerName = server.parse().ok()?;
    Some((Origin::Server(server), own))
}

/// The id that the agent knows.
fn join(server: &ServerName, own: &str) -> String {
    format!("{server}:{own}")
}

/// The answer to a request of this `method` and `hold`, with the ids of tasks that the agent knows.
pub(super) fn result(
    frame: Frame,
    method: &str,
    hold: Option<&Hold>,
    shared: &Shared,
) -> Result<Frame, SpliceError> {
    let is_begun = || {
        let kind = frame.find(&["resultType"]).ok().flatten();
        kind == Some("\"task\"")
    };
    let paths: &[&[&str]] = match hold {
        _ if frame.kind() != Kind::Result => &[],
        Some(Hold::Task) if is_begun() => &[ABOUT, RELATED],
        Some(Hold::Task) => &[BEGUN, RELATED],
        // It is what the request that began the task would have been answered with.
        Some(Hold::Tells(_)) if method == "tasks/result" => &[RELATED],
        Some(Hold::Tells(_)) => &[ABOUT, RELATED],
        _ => &[],
    };
    shown(frame, paths, shared)
}

/// What a server says or asks by itself, with the ids of tasks that the agent knows.
pub(super) fn said(frame: Frame, shared: &Shared) -> Result<Frame, SpliceError> {
    let paths: &[&[&str]] = if frame.method().starts_with("notifications/tasks") {
        &[ABOUT, RELATED]
    } else {
        &[RELATED]
    };
    shown(frame, paths, shared)
}

/// What an agent answers, with the ids of tasks that the server knows.
pub(super) fn answered(frame: Frame, shared: &Shared) -> Frame {
    let own = |id: &str| {
        let (origin, own) = split(id)?;
        (origin == shared.origin).then(|| own.to_owned())
    };
    match shared.names {
        Names::Own => frame,
        // What cannot be read, the server may make sense of.
        Names::Prefixed => renamed(&frame, &[RELATED], own).unwrap_or(frame),
    }
}

fn shown(frame: Frame, paths: &[&[&str]], shared: &Shared) -> Result<Frame, SpliceError> {
    match (&shared.origin, shared.names) {
        (Origin::Server(server), Names::Prefixed) if !paths.is_empty() => {
            renamed(&frame, paths, |own| Some(join(server, own)))
        }
        _ => Ok(frame),
    }
}

/// The message with other ids at these paths.
fn renamed(
    frame: &Frame,
    paths: &[&[&str]],
    rename: impl Fn(&str) -> Option<String>,
) -> Result<Frame, SpliceError> {
    let Some(payload) = frame.payload() else {
        return Ok(frame.clone());
    };
    let renamed: Vec<(&str, String)> = paths
        .iter()
        .filter_map(|path| {
            // What has another shape bears no id.
            let written = splice::find(payload, path).ok()??;
            let id: String = serde_json::from_str(written).ok()?;
            Some((written, quoted(&rename(&id)?)))
        })
        .collect();
    if renamed.is_empty() {
        return Ok(frame.clone());
    }
    let parts: Vec<(&str, &str)> = renamed
        .iter()
        .map(|(written, other)| (*written, other.as_str()))
        .collect();
    Ok(frame.with_payload(&splice::replace(payload, &parts)?))
}

/// The tasks of these servers as the members of a result; a server that does not tell of its own is left out.
pub(super) async fn list(links: Vec<(ServerName, Arc<Link>)>) -> String {
    let mut all = Vec::new();
    for (server, link) in links {
        let Some(tasks) = link.gather(Gathered::Tasks).await else {
            tracing::debug!(%server, "a server does not list its tasks");
            continue;
        };
        all.extend(tasks.iter().filter_map(|task| {
            let written = splice::find(task, ABOUT).ok()??;
            let own: String = serde_json::from_str(written).ok()?;
            let id = quoted(&join(&server, &own));
            splice::replace(task, &[(written, &id)]).ok()
        }));
    }
    format!("\"tasks\":[{}]", all.join(","))
}
