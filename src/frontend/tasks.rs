//! `tasks/list` (2025-11-25): the tasks of all servers that the agent has given tasks to, as one list.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::link::Link;
use super::offer::Origin;
use super::voice::Voice;
use crate::session::Session;
use crate::session::splice::{self, quoted};

/// How long a server may take to list its tasks.
const LISTING: Duration = Duration::from_secs(30);

/// The most pages that are read of one server's list.
const PAGES: usize = 100;

/// The tasks of these servers as the members of a result; a server that does not tell of its own is left out.
pub(super) async fn list(links: Vec<(Origin, Arc<Link>)>, voice: &Voice) -> String {
    let mut all = Vec::new();
    for (origin, link) in links {
        let Some(tasks) = link.tasks().await else {
            tracing::debug!(?origin, "a server does not list its tasks");
            continue;
        };
        for task in &tasks {
            if let Ok(Some(id)) = splice::find(task, &["taskId"]) {
                voice.learn_task(id, &origin);
            }
        }
        all.extend(tasks);
    }
    format!("\"tasks\":[{}]", all.join(","))
}

/// Asks a server for all its tasks, each as it wrote it, and tells whoever waits.
pub(super) async fn ask(session: Session, waiting: oneshot::Sender<Vec<String>>) {
    let mut all = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES {
        let params = cursor.map(|cursor: String| format!("{{\"cursor\":{}}}", quoted(&cursor)));
        let params = params.and_then(|params| RawValue::from_string(params).ok());
        let asked = session.request("tasks/list", params.as_deref(), LISTING);
        let Ok(page) = asked.await else { break };
        let tasks = splice::find(page.get(), &["tasks"]).ok().flatten();
        if let Some(tasks) = tasks.filter(|tasks| tasks.starts_with('['))
            && let Err(error) = splice::walk_elements(tasks, |task| all.push(task.to_owned()))
        {
            tracing::debug!(%error, "a list of tasks that cannot be read");
        }
        let next = splice::find(page.get(), &["nextCursor"]).ok().flatten();
        cursor = next.and_then(|next| serde_json::from_str(next).ok());
        if cursor.is_none() {
            break;
        }
    }
    if waiting.send(all).is_err() {
        tracing::trace!("the agent is gone");
    }
}
