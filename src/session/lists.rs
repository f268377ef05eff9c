//! What a server offers: its tools, prompts, resources and resource templates, as it wrote them.

use std::fmt::Display;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::Session;
use super::call::after;
use super::error::{RpcError, SessionError};
use super::splice::{self, quoted};

/// The most pages of one list that are asked for.
const PAGES: usize = 1000;

/// The most bytes of one list that are kept; real servers need tens of kilobytes.
const BYTES: usize = 32 * 1024 * 1024;

/// The lists of a server, each object as the server wrote it, in the server's order.
///
/// A list whose capability the server does not declare is empty, and is not asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Lists {
    /// What it said of itself: its `InitializeResult` or `DiscoverResult`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Box<RawValue>>,
    /// `tools/list`.
    pub tools: Vec<Box<RawValue>>,
    /// `prompts/list`.
    pub prompts: Vec<Box<RawValue>>,
    /// `resources/list`.
    pub resources: Vec<Box<RawValue>>,
    /// `resources/templates/list`.
    pub templates: Vec<Box<RawValue>>,
}

/// The lists of a server as far as they could be collected.
#[derive(Debug)]
pub struct Collected {
    /// The lists.
    pub lists: Lists,
    /// Those that could not be, each with the reason.
    pub failed: Vec<(List, SessionError)>,
}

impl PartialEq for Lists {
    /// Whether a server wrote the same, byte for byte.
    fn eq(&self, other: &Self) -> bool {
        let Self {
            server,
            tools,
            prompts,
            resources,
            templates,
        } = self;
        let same = |ours: &[Box<RawValue>], theirs: &[Box<RawValue>]| {
            let texts = ours.iter().map(|object| object.get());
            texts.eq(theirs.iter().map(|object| object.get()))
        };
        server.as_ref().map(|words| words.get()) == other.server.as_ref().map(|words| words.get())
            && same(tools, &other.tools)
            && same(prompts, &other.prompts)
            && same(resources, &other.resources)
            && same(templates, &other.templates)
    }
}

/// One of the lists a server can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum List {
    /// Its tools.
    Tools,
    /// Its prompts.
    Prompts,
    /// Its resources.
    Resources,
    /// Its resource templates.
    Templates,
}

impl List {
    /// The method that asks for it.
    pub fn method(self) -> &'static str {
        match self {
            Self::Tools => "tools/list",
            Self::Prompts => "prompts/list",
            Self::Resources => "resources/list",
            Self::Templates => "resources/templates/list",
        }
    }

    /// The member of the result that holds it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
        }
    }

    /// The capability that a server with such a list declares.
    pub fn capability(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources | Self::Templates => "resources",
        }
    }
}

impl Lists {
    /// Collects all lists within a time, each by itself: one that fails is as it was `before`, or empty, and hides no other.
    pub async fn collect(session: &Session, time: Duration, before: Option<&Self>) -> Collected {
        let deadline = after(time);
        let mut collected = Collected {
            lists: before.cloned().unwrap_or_default(),
            failed: Vec::new(),
        };
        let lists = &mut collected.lists;
        lists.server = Some(session.server().to_owned());
        // Of what time is left each gets its share, so that one that hangs leaves some to the others.
        for (list, kept, shares) in [
            (List::Tools, &mut lists.tools, 1),
            (List::Prompts, &mut lists.prompts, 3),
            (List::Resources, &mut lists.resources, 2),
            (List::Templates, &mut lists.templates, 1),
        ] {
            let now = Instant::now();
            let until = now + deadline.saturating_duration_since(now) / shares;
            match list_until(session, list, until).await {
                Ok(items) => *kept = items,
                Err(error) => {
                    tracing::debug!(%error, "{} fails", list.method());
                    collected.failed.push((list, error));
                }
            }
        }
        collected
    }

    /// The hash of the tool definitions; see [`tools_hash`].
    pub fn tools_hash(&self) -> String {
        tools_hash(&self.tools)
    }
}

/// Collects one list within a time, page by page (Pagination, in each version of the specification).
pub async fn list(
    session: &Session,
    list: List,
    time: Duration,
) -> Result<Vec<Box<RawValue>>, SessionError> {
    list_until(session, list, after(time)).await
}

/// Collects one list until then.
async fn list_until(
    session: &Session,
    list: List,
    deadline: Instant,
) -> Result<Vec<Box<RawValue>>, SessionError> {
    let mut items = Vec::new();
    if !session.offers(list.capability()) {
        return Ok(items);
    }
    let method = list.method();
    let mut cursors = Vec::new();
    let mut size = 0;
    loop {
        let params = cursors.last().map(|cursor: &String| {
            RawValue::from_string(format!("{{\"cursor\":{}}}", quoted(cursor)))
        });
        let params = params
            .transpose()
            .map_err(|error| broken(method, &error.to_string()))?;
        let time = deadline.saturating_duration_since(Instant::now());
        let result = match session.request(method, params.as_deref(), time).await {
            // Servers with resources often have no templates, nor a method to list them.
            Err(SessionError::Rpc(error)) if error.code == RpcError::METHOD_NOT_FOUND => {
                return Ok(items);
            }
            result => result?,
        };
        size += result.get().len();
        let cursor = page(result.get(), list, &mut items)?;
        let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else {
            return Ok(items);
        };
        if cursors.contains(&cursor) {
            return Err(broken(method, "its pages go in a circle"));
        }
        if size > BYTES || cursors.len() + 1 >= PAGES {
            return Err(broken(method, "its list does not end"));
        }
        cursors.push(cursor);
    }
}

/// Reads the items of one page, and the cursor that leads to the next.
fn page(
    result: &str,
    list: List,
    items: &mut Vec<Box<RawValue>>,
) -> Result<Option<String>, SessionError> {
    let unreadable = |reason: &dyn Display| broken(list.method(), &reason.to_string());
    let part = |key| splice::find(result, &[key]).map_err(|error| unreadable(&error));
    let found: Option<Vec<Box<RawValue>>> =
        serde_json::from_str(part(list.key())?.unwrap_or("null"))
            .map_err(|error| unreadable(&error))?;
    let found = found.unwrap_or_default();
    if found.iter().any(|item| !item.get().starts_with('{')) {
        return Err(unreadable(&"an item of its list is no object"));
    }
    items.extend(found);
    serde_json::from_str(part("nextCursor")?.unwrap_or("null")).map_err(|error| unreadable(&error))
}

/// The hash of tool definitions: SHA-256 in hexadecimal, the same whatever the order of the tools, of the members
/// in an object, and however strings are escaped.
///
/// What a definition says beyond the precision of a 64-bit number is not told apart.
pub fn tools_hash(tools: &[Box<RawValue>]) -> String {
    let mut texts: Vec<String> = tools.iter().map(|tool| canonical(tool.get())).collect();
    texts.sort_unstable();
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text);
        // No JSON text on one line holds a line's end.
        hash.update("\n");
    }
    format!("{:x}", hash.finalize())
}

/// The text of a value with the members of all objects sorted; what is nested too deeply to be read, or holds a
/// number beyond all measure, stays as it is.
pub(super) fn canonical(json: &str) -> String {
    match serde_json::from_str::<Value>(json) {
        Ok(mut value) => {
            value.sort_all_objects();
            value.to_string()
        }
        Err(_) => json.to_owned(),
    }
}

/// The error for a list that is none.
fn broken(method: &str, reason: &str) -> SessionError {
    SessionError::Protocol {
        reason: format!("{method}: {}", super::excerpt::excerpt(reason, 200)),
    }
}
