//! Addresses in what a server says: they are learned, so that they lead back there, and where another server has the same,
//! agents see them otherwise.

use super::link::Shared;
use super::offer::Names;
use crate::session::splice::{self, SpliceError, quoted};
use crate::session::{Frame, Kind};

/// The result with its addresses as the agent knows them.
pub(super) fn result(frame: Frame, shared: &Shared) -> Result<Frame, SpliceError> {
    if frame.kind() != Kind::Result || !is_concerned(shared) {
        return Ok(frame);
    }
    // Most results bear no address, and large ones are not looked through for nothing.
    let may_bear = |payload: &&str| memchr::memmem::find(payload.as_bytes(), b"uri\"").is_some();
    let Some(payload) = frame.payload().filter(may_bear) else {
        return Ok(frame);
    };
    let mut parts = Vec::new();
    collect(payload, "contents", &[&["uri"]], &mut parts)?;
    collect(
        payload,
        "content",
        &[&["uri"], &["resource", "uri"]],
        &mut parts,
    )?;
    let in_messages: &[&[&str]] = &[&["content", "uri"], &["content", "resource", "uri"]];
    collect(payload, "messages", in_messages, &mut parts)?;
    let rewritten = rewritten(payload, &parts, shared)?;
    Ok(match rewritten {
        Some(payload) => frame.with_payload(&payload),
        None => frame,
    })
}

/// The notification with its address as the agent knows it.
pub(super) fn notification(frame: Frame, shared: &Shared) -> Result<Frame, SpliceError> {
    let (true, "notifications/resources/updated", Some(payload)) =
        (is_concerned(shared), frame.method(), frame.payload())
    else {
        return Ok(frame);
    };
    let parts: Vec<&str> = splice::find(payload, &["uri"])?.into_iter().collect();
    let rewritten = rewritten(payload, &parts, shared)?;
    Ok(match rewritten {
        Some(payload) => frame.with_payload(&payload),
        None => frame,
    })
}

/// Whether addresses of this server could be another's as well.
fn is_concerned(shared: &Shared) -> bool {
    shared.names == Names::Prefixed && !shared.is_registry()
}

/// Collects the addresses in the elements of an array, at any of the paths in them.
fn collect<'a>(
    payload: &'a str,
    array: &str,
    paths: &[&[&str]],
    parts: &mut Vec<&'a str>,
) -> Result<(), SpliceError> {
    let Some(array) = splice::find(payload, &[array])?.filter(|array| array.starts_with('['))
    else {
        return Ok(());
    };
    splice::walk_elements(array, |element| {
        for path in paths {
            // What has another shape has no address.
            parts.extend(splice::find(element, path).ok().flatten());
        }
    })
}

/// The payload with the addresses in these parts of it as the agent knows them; nothing if they are the same.
fn rewritten(
    payload: &str,
    parts: &[&str],
    shared: &Shared,
) -> Result<Option<String>, SpliceError> {
    let shown: Vec<(&str, String)> = parts
        .iter()
        .filter_map(|part| {
            let own: String = serde_json::from_str(part).ok()?;
            let address = shared.voice.address(&shared.origin, &own);
            (address != own).then(|| (*part, quoted(&address)))
        })
        .collect();
    if shown.is_empty() {
        return Ok(None);
    }
    let shown: Vec<(&str, &str)> = shown
        .iter()
        .map(|(part, with)| (*part, with.as_str()))
        .collect();
    splice::replace(payload, &shown).map(Some)
}
