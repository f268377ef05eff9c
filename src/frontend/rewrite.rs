//! Addresses in what a server says, where agents see them otherwise because another server has the same.

use super::link::Shared;
use super::offer::{Offer, Origin};
use crate::session::splice::{self, SpliceError, quoted};
use crate::session::{Frame, Kind};

/// The result with its addresses as the agent knows them.
pub(super) fn result(frame: Frame, shared: &Shared) -> Result<Frame, SpliceError> {
    let offer = shared.voice.offer();
    if frame.kind() != Kind::Result || !offer.rewrites(&shared.origin) {
        return Ok(frame);
    }
    let Some(payload) = frame.payload() else {
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
    let rewritten = rewritten(payload, &parts, &offer, &shared.origin)?;
    Ok(frame.with_payload(&rewritten))
}

/// The notification with its address as the agent knows it.
pub(super) fn notification(frame: Frame, shared: &Shared) -> Result<Frame, SpliceError> {
    let offer = shared.voice.offer();
    let (true, "notifications/resources/updated", Some(payload)) = (
        offer.rewrites(&shared.origin),
        frame.method(),
        frame.payload(),
    ) else {
        return Ok(frame);
    };
    let parts: Vec<&str> = splice::find(payload, &["uri"])?.into_iter().collect();
    let rewritten = rewritten(payload, &parts, &offer, &shared.origin)?;
    Ok(frame.with_payload(&rewritten))
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

fn rewritten(
    payload: &str,
    parts: &[&str],
    offer: &Offer,
    origin: &Origin,
) -> Result<String, SpliceError> {
    let shown: Vec<(&str, String)> = parts
        .iter()
        .filter_map(|part| {
            let own: String = serde_json::from_str(part).ok()?;
            Some((*part, quoted(&offer.address(origin, &own))))
        })
        .collect();
    let shown: Vec<(&str, &str)> = shown
        .iter()
        .map(|(part, with)| (*part, with.as_str()))
        .collect();
    splice::replace(payload, &shown)
}
