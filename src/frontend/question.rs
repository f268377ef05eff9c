//! What servers ask, as agents are shown it.
//!
//! Whoever is asked for something must know by whom: an elicitation bears its server's name in front of its message,
//! but where one server is shown alone.

use super::link::Shared;
use super::offer::{Names, Origin};
use super::{input, tasks};
use crate::quadlet::name::ServerName;
use crate::session::Frame;
use crate::session::splice::{self, SpliceError, quoted};

/// The method that asks the user.
const ELICITATION: &str = "elicitation/create";

/// A question that a server asks by itself.
pub(super) fn asked(frame: &Frame, shared: &Shared) -> Frame {
    let shown = tasks::said(frame.clone(), shared).and_then(|frame| match frame.payload() {
        Some(params) => match named(frame.method(), params, shared)? {
            Some(params) => Ok(frame.with_payload(&params)),
            None => Ok(frame),
        },
        None => Ok(frame),
    });
    shown.unwrap_or_else(|error| {
        tracing::debug!(%error, "a question is shown as it is");
        frame.clone()
    })
}

/// The parameters of a question with the server's name in front of its message; nothing if they stay as they are.
pub(super) fn named(
    method: &str,
    params: &str,
    shared: &Shared,
) -> Result<Option<String>, SpliceError> {
    let Some(server) = server(shared).filter(|_| method == ELICITATION) else {
        return Ok(None);
    };
    let Some((written, shown)) = message(params, server) else {
        return Ok(None);
    };
    splice::replace(params, &[(written, &shown)]).map(Some)
}

/// The result, if it asks for input with the server's name in front of each message in it.
pub(super) fn required(frame: Frame, shared: &Shared) -> Result<Frame, SpliceError> {
    let (true, Some(server), Some(payload)) =
        (input::is_required(&frame), server(shared), frame.payload())
    else {
        return Ok(frame);
    };
    let Some(requests) = splice::find(payload, &["inputRequests"])? else {
        return Ok(frame);
    };
    let mut parts = Vec::new();
    splice::walk_members(requests, |member| {
        let part = |key| splice::find(member.value, &[key]).ok().flatten();
        let method = part("method").and_then(|method| serde_json::from_str::<String>(method).ok());
        if method.as_deref() == Some(ELICITATION) {
            parts.extend(part("params").and_then(|params| message(params, server)));
        }
    })?;
    let parts: Vec<(&str, &str)> = parts
        .iter()
        .map(|(written, shown)| (*written, shown.as_str()))
        .collect();
    let payload = splice::replace(payload, &parts)?;
    Ok(frame.with_payload(&payload))
}

/// The message in the parameters of an elicitation as it is written, and with its server's name in front.
fn message<'a>(params: &'a str, server: &ServerName) -> Option<(&'a str, String)> {
    let written = splice::find(params, &["message"]).ok()??;
    let message: String = serde_json::from_str(written).ok()?;
    Some((written, quoted(&format!("{server}: {message}"))))
}

/// The server whose name has to be told.
fn server(shared: &Shared) -> Option<&ServerName> {
    match (&shared.origin, shared.names) {
        (Origin::Server(server), Names::Prefixed) => Some(server),
        _ => None,
    }
}
