//! Where a request of the agent's leads, and how its server knows what the agent asks for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::offer::{Names, Offer, Origin};
use super::tasks;
use super::voice::Voice;
use crate::session::lists::List;
use crate::session::splice::{self, SpliceError, quoted};
use crate::session::{Frame, RpcError};

/// The tool that calls any other; it is a matter of names alone, so everything a call can do passes through it.
pub(super) const EXEC: &str = "registry-exec";

/// What it takes.
const EXEC_TAKES: [&str; 3] = ["tool", "server", "arguments"];

/// A request on its way.
#[derive(Debug)]
pub(super) struct Routed {
    pub(super) origin: Origin,
    /// The request with the names that its server knows.
    pub(super) frame: Frame,
}

/// A request that leads nowhere.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) code: i64,
    pub(super) reason: String,
}

/// JSON-RPC: what is asked for is not there.
pub(super) const INVALID_PARAMS: i64 = -32602;

/// A resource is not there (up to 2025-11-25, Resources; 2026-07-28 forbids it).
pub(super) const NO_RESOURCE: i64 = -32002;

impl From<SpliceError> for Lost {
    fn from(error: SpliceError) -> Self {
        Self {
            code: INVALID_PARAMS,
            reason: format!("the parameters cannot be read: {error}"),
        }
    }
}

impl Lost {
    pub(super) fn unknown(what: &str, name: &str) -> Self {
        Self {
            code: INVALID_PARAMS,
            reason: format!("unknown {what}: {}", crate::text::shortened(name, 200)),
        }
    }
}

/// Finds whom a request is for.
///
/// `servers` are the active ones. Where one is shown alone, everything goes there as it is.
pub(super) fn route(
    frame: &Frame,
    names: Names,
    servers: &[Origin],
    voice: &Voice,
) -> Result<Routed, Lost> {
    if let (Names::Own, [origin]) = (names, servers) {
        return Ok(Routed {
            origin: origin.clone(),
            frame: frame.clone(),
        });
    }
    let offer = voice.offer();
    match frame.method() {
        "tools/call" => call(frame, &offer, servers),
        "prompts/get" => named(frame, &["name"], List::Prompts, "prompt", &offer),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
            resource(frame, &["uri"], voice, NO_RESOURCE)
        }
        "skills/get" | "resources/directory/read" if !offer.with_skills().is_empty() => {
            resource(frame, &["uri"], voice, INVALID_PARAMS)
        }
        "completion/complete" => match frame.find(&["ref", "name"])? {
            Some(_) => named(frame, &["ref", "name"], List::Prompts, "prompt", &offer),
            None => template(frame, &offer, voice),
        },
        method if method.starts_with("tasks/") => task(frame, servers),
        _ => unknown(frame, &offer, servers, voice),
    }
}

/// A tool call, by the tool's name or through [`EXEC`].
fn call(frame: &Frame, offer: &Offer, servers: &[Origin]) -> Result<Routed, Lost> {
    let name = text(frame, &["name"])?.ok_or_else(|| Lost::unknown("tool", "no name"))?;
    if name == EXEC
        && let Some(routed) = exec(frame, offer, servers)?
    {
        return Ok(routed);
    }
    named(frame, &["name"], List::Tools, "tool", offer)
}

/// A tool call through [`EXEC`]; nothing if its arguments are not such that it could be made, of which the tool
/// itself tells the agent.
fn exec(frame: &Frame, offer: &Offer, servers: &[Origin]) -> Result<Option<Routed>, Lost> {
    let (Some(payload), Some(tool)) = (frame.payload(), text(frame, &["arguments", "tool"])?)
    else {
        return Ok(None);
    };
    let outer = splice::find(payload, &["arguments"])?.unwrap_or_default();
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(outer).unwrap_or_default();
    // What a model put beside the tool's own arguments would be lost.
    if members
        .keys()
        .any(|name| !EXEC_TAKES.contains(&name.as_str()))
    {
        return Ok(None);
    }
    let server = text(frame, &["arguments", "server"])?.filter(|server| !server.is_empty());
    let (origin, own) = match (offer.item(List::Tools, &tool), server) {
        (_, Some(server)) => {
            let origin = servers
                .iter()
                .find(|origin| matches!(origin, Origin::Server(name) if name.as_str() == server));
            let Some(origin) = origin else {
                return Ok(None);
            };
            let public = offer
                .item(List::Tools, &tool)
                .filter(|item| item.origin == *origin);
            (origin.clone(), public.map_or(tool, |item| item.own.clone()))
        }
        (Some(item), None) if item.origin != Origin::Registry => {
            (item.origin.clone(), item.own.clone())
        }
        _ => return Ok(None),
    };
    let arguments = splice::find(payload, &["arguments", "arguments"])?;
    let arguments = arguments
        .filter(|arguments| *arguments != "null")
        .unwrap_or("{}");
    // Some models write them as a text.
    let arguments = match serde_json::from_str::<String>(arguments) {
        // Between what JSON consists of, an end of a line is a blank; within the line of a message it would be its end.
        Ok(text) => Cow::Owned(text.trim().replace(['\n', '\r'], " ")),
        Err(_) => Cow::Borrowed(arguments),
    };
    if !arguments.starts_with('{') || serde_json::from_str::<IgnoredAny>(&arguments).is_err() {
        return Ok(None);
    }
    let own = quoted(&own);
    let mut parts = Vec::new();
    parts.extend(splice::find(payload, &["name"])?.map(|name| (name, own.as_str())));
    parts.push((outer, &arguments));
    let payload = splice::replace(payload, &parts)?;
    let frame = frame.with_payload(&payload);
    Ok(Some(Routed { origin, frame }))
}

/// A request for what has a name.
fn named(
    frame: &Frame,
    path: &[&str],
    list: List,
    what: &str,
    offer: &Offer,
) -> Result<Routed, Lost> {
    let name = text(frame, path)?.ok_or_else(|| Lost::unknown(what, "no name"))?;
    let item = offer
        .item(list, &name)
        .ok_or_else(|| Lost::unknown(what, &name))?;
    Ok(Routed {
        origin: item.origin.clone(),
        frame: renamed(frame, path, &item.own)?,
    })
}

/// A request for a resource; `missing` is the code of the error where it is nobody's.
fn resource(frame: &Frame, path: &[&str], voice: &Voice, missing: i64) -> Result<Routed, Lost> {
    let address = text(frame, path)?.ok_or_else(|| Lost::unknown("resource", "no address"))?;
    let subscribed = || match frame.method() {
        "resources/unsubscribe" => voice.subscriptions.subscribed(&address),
        _ => None,
    };
    let found = subscribed().or_else(|| voice.resource(&address));
    let (origin, own) = found.ok_or_else(|| Lost {
        code: missing,
        ..Lost::unknown("resource", &address)
    })?;
    Ok(Routed {
        origin,
        frame: renamed(frame, path, &own)?,
    })
}

/// A request to complete a template's variable.
fn template(frame: &Frame, offer: &Offer, voice: &Voice) -> Result<Routed, Lost> {
    let path = &["ref", "uri"];
    let address = text(frame, path)?.ok_or_else(|| Lost::unknown("reference", "no name"))?;
    match offer.item(List::Templates, &address) {
        Some(item) => Ok(Routed {
            origin: item.origin.clone(),
            frame: renamed(frame, path, &item.own)?,
        }),
        None => resource(frame, path, voice, INVALID_PARAMS),
    }
}

/// A request about a task.
fn task(frame: &Frame, servers: &[Origin]) -> Result<Routed, Lost> {
    let task = text(frame, &["taskId"])?.ok_or_else(|| Lost::unknown("task", "no id"))?;
    let (origin, own) = tasks::split(&task)
        .filter(|(origin, _)| servers.contains(origin))
        .ok_or_else(|| Lost::unknown("task", &task))?;
    let frame = renamed(frame, &["taskId"], own)?;
    Ok(Routed { origin, frame })
}

/// A request of which only its server knows what it means: it goes where something in it leads, or to the only
/// server there is.
fn unknown(
    frame: &Frame,
    offer: &Offer,
    servers: &[Origin],
    voice: &Voice,
) -> Result<Routed, Lost> {
    if let Ok(Some(name)) = text(frame, &["name"])
        && let Some(item) = [List::Tools, List::Prompts]
            .iter()
            .find_map(|list| offer.item(*list, &name))
    {
        let frame = renamed(frame, &["name"], &item.own)?;
        let origin = item.origin.clone();
        return Ok(Routed { origin, frame });
    }
    if let Ok(Some(address)) = text(frame, &["uri"])
        && let Some((origin, own)) = voice.resource(&address)
    {
        let frame = renamed(frame, &["uri"], &own)?;
        return Ok(Routed { origin, frame });
    }
    if let Ok(routed) = task(frame, servers) {
        return Ok(routed);
    }
    match servers {
        [origin] => Ok(Routed {
            origin: origin.clone(),
            frame: frame.clone(),
        }),
        _ => Err(Lost {
            code: RpcError::METHOD_NOT_FOUND,
            reason: "method not found".to_owned(),
        }),
    }
}

/// A text in the parameters.
fn text(frame: &Frame, path: &[&str]) -> Result<Option<String>, SpliceError> {
    // Parameters by position, and what is no text, name nothing.
    let found = match frame.find(path) {
        Err(SpliceError::NotAnObject { .. }) => None,
        found => found?,
    };
    Ok(found.and_then(|text| serde_json::from_str(text).ok()))
}

/// The request with another text at a path; one that is the same already stays byte for byte.
fn renamed(frame: &Frame, path: &[&str], own: &str) -> Result<Frame, SpliceError> {
    let Some(payload) = frame.payload() else {
        return Ok(frame.clone());
    };
    match splice::find(payload, path)? {
        Some(written) if serde_json::from_str::<String>(written).ok().as_deref() != Some(own) => {
            let payload = splice::replace(payload, &[(written, &quoted(own))])?;
            Ok(frame.with_payload(&payload))
        }
        _ => Ok(frame.clone()),
    }
}
