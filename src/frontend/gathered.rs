//! Lists that no cache holds: each server is asked for its own, page by page, and they are put together.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::link::Link;
use super::offer::Origin;
use super::rewrite;
use super::voice::Voice;
use crate::session::Session;
use crate::session::splice::{self, quoted};

/// How long a server may take to give a page.
const PAGE: Duration = Duration::from_secs(30);

/// The most pages that are read of one server's list, and the most bytes.
const PAGES: usize = 100;
const BYTES: usize = 16 * 1024 * 1024;

/// What is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gathered {
    /// The tasks of 2025-11-25.
    Tasks,
    /// The skills of the extension (SEP-2640).
    Skills,
}

impl Gathered {
    /// The method that asks for it.
    fn method(self) -> &'static str {
        match self {
            Self::Tasks => "tasks/list",
            Self::Skills => "skills/list",
        }
    }

    /// The member of the result that holds it.
    fn key(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Skills => "skills",
        }
    }
}

/// Asks a server for all of it, each object as it wrote it, and tells whoever waits.
pub(super) async fn ask(session: Session, what: Gathered, waiting: oneshot::Sender<Vec<String>>) {
    let mut all = Vec::new();
    let mut size = 0;
    let mut cursor = None;
    for _ in 0..PAGES {
        let params = cursor.map(|cursor: String| format!("{{\"cursor\":{}}}", quoted(&cursor)));
        let params = params.and_then(|params| RawValue::from_string(params).ok());
        let asked = session.request(what.method(), params.as_deref(), PAGE);
        let Ok(page) = asked.await else { break };
        size += page.get().len();
        if size > BYTES {
            tracing::warn!(
                "{} of a server is too long to be shown whole",
                what.method()
            );
            break;
        }
        let objects = splice::find(page.get(), &[what.key()]).ok().flatten();
        if let Some(objects) = objects.filter(|objects| objects.starts_with('['))
            && let Err(error) = splice::walk_elements(objects, |object| all.push(object.to_owned()))
        {
            tracing::debug!(%error, "{} that cannot be read", what.method());
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

/// The skills of these servers as the members of a result, with addresses that lead back to them; a server that does not
/// tell of its own is left out.
pub(super) async fn skills(links: Vec<(Origin, Arc<Link>)>, voice: &Voice) -> String {
    let asked = links.into_iter().map(|(origin, link)| async move {
        let skills = link.gather(Gathered::Skills).await;
        (origin, skills.unwrap_or_default())
    });
    let mut all = Vec::new();
    for (origin, skills) in futures_util::future::join_all(asked).await {
        for skill in skills {
            let parts = rewrite::in_skill(&skill);
            let shown = parts.and_then(|parts| {
                rewrite::rewritten(&skill, &parts, |own| voice.address(&origin, own))
            });
            match shown {
                Ok(shown) => all.push(shown.unwrap_or(skill)),
                Err(error) => tracing::debug!(%error, "a skill that cannot be shown"),
            }
        }
    }
    format!("\"skills\":[{}]", all.join(","))
}
