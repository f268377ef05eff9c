//! Addresses in what a server says: they are learned, so that they lead back there, and where another server has the same,
//! agents see them otherwise.

use super::learned::LONGEST;
use super::link::Shared;
use super::offer::Names;
use crate::session::splice::{self, SpliceError, quoted};
use crate::session::{Frame, Kind};

/// The answer to a request of this method with its addresses as the agent knows them.
pub(super) fn result(frame: Frame, method: &str, shared: &Shared) -> Result<Frame, SpliceError> {
    if frame.kind() != Kind::Result || !is_concerned(shared) {
        return Ok(frame);
    }
    let Some(payload) = frame.payload().filter(may_bear) else {
        return Ok(frame);
    };
    let parts = addresses(payload, method)?;
    let shown = |own: &str| shared.voice.address(&shared.origin, own);
    Ok(match rewritten(payload, &parts, shown)? {
        Some(payload) => frame.with_payload(&payload),
        None => frame,
    })
}

/// The notification with its address as the agent knows it.
pub(super) fn notification(frame: Frame, shared: &Shared) -> Result<Frame, SpliceError> {
    let (true, Some(payload)) = (is_concerned(shared), frame.payload()) else {
        return Ok(frame);
    };
    let parts: Vec<&str> = match frame.method() {
        "notifications/resources/updated" => splice::find(payload, &["uri"])?.into_iter().collect(),
        "notifications/tasks" if may_bear(&payload) => addresses(payload, "tasks/get")?,
        _ => return Ok(frame),
    };
    let (voice, origin) = (&shared.voice, &shared.origin);
    let shown = |own: &str| {
        let subscribed = voice.subscriptions.as_subscribed(origin, own);
        subscribed.unwrap_or_else(|| voice.address(origin, own))
    };
    Ok(match rewritten(payload, &parts, shown)? {
        Some(payload) => frame.with_payload(&payload),
        None => frame,
    })
}

/// Whether addresses of this server could be another's as well.
fn is_concerned(shared: &Shared) -> bool {
    shared.names == Names::Prefixed && !shared.is_registry()
}

/// Whether there can be an address in it: most results bear none, and large ones are not looked through for nothing.
fn may_bear(payload: &&str) -> bool {
    payload.starts_with('{') && memchr::memmem::find(payload.as_bytes(), b"uri\"").is_some()
}

/// The addresses in the result of a request of this method, as they are written there.
fn addresses<'a>(result: &'a str, method: &str) -> Result<Vec<&'a str>, SpliceError> {
    let object = |key| {
        let found = splice::find(result, &[key])?;
        Ok::<_, SpliceError>(found.filter(|found| found.starts_with('{')))
    };
    let mut parts = Vec::new();
    match method {
        "skills/get" => {
            if let Some(skill) = object("skill")? {
                parts.extend(in_skill(skill)?);
            }
        }
        "resources/directory/read" => collect(result, "resources", &[&["uri"]], &mut parts)?,
        // What the call is answered with in the end stands in what is told of its task (the extension of 2026-07-28).
        "tasks/get" => {
            if let Some(own) = object("result")? {
                parts.extend(addresses(own, "")?);
            }
        }
        _ => {
            collect(result, "contents", &[&["uri"]], &mut parts)?;
            let in_content: &[&[&str]] = &[&["uri"], &["resource", "uri"]];
            collect(result, "content", in_content, &mut parts)?;
            let in_messages: &[&[&str]] = &[&["content", "uri"], &["content", "resource", "uri"]];
            collect(result, "messages", in_messages, &mut parts)?;
        }
    }
    Ok(parts)
}

/// The addresses of a skill and of its files, as they are written there.
pub(super) fn in_skill(skill: &str) -> Result<Vec<&str>, SpliceError> {
    let mut parts: Vec<&str> = splice::find(skill, &["uri"])?.into_iter().collect();
    collect(skill, "resources", &[&["uri"]], &mut parts)?;
    Ok(parts)
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

/// The payload with the addresses in these parts of it as the agent is `shown` them; nothing if they are the same.
pub(super) fn rewritten(
    payload: &str,
    parts: &[&str],
    shown: impl Fn(&str) -> String,
) -> Result<Option<String>, SpliceError> {
    let shown: Vec<(&str, String)> = parts
        .iter()
        // What is so long is the thing itself rather than its address (`data:`), and is not copied for nothing.
        .filter(|part| part.len() <= LONGEST)
        .filter_map(|part| {
            let own: String = serde_json::from_str(part).ok()?;
            let address = shown(&own);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_where_each_method_has_them() {
        let of = |method: &str, result: &str| -> Vec<String> {
            let all = addresses(result, method).unwrap();
            all.into_iter().map(str::to_owned).collect()
        };
        let called = r#"{"content":[{"uri":"a:1"},{"resource":{"uri":"a:2"}},7],"uri":"no"}"#;
        assert_eq!(of("tools/call", called), [r#""a:1""#, r#""a:2""#]);
        let task = format!(r#"{{"taskId":"t","result":{called},"content":[{{"uri":"no"}}]}}"#);
        assert_eq!(of("tasks/get", &task), [r#""a:1""#, r#""a:2""#]);
        assert!(of("tasks/get", r#"{"result":[{"uri":"a:1"}]}"#).is_empty());
        let skill = r#"{"skill":{"uri":"skill://a/SKILL.md","resources":[{"uri":"skill://a/b"}]}}"#;
        assert_eq!(
            of("skills/get", skill),
            [r#""skill://a/SKILL.md""#, r#""skill://a/b""#]
        );
        let dynamic = r#"{"skill":{"uri":"skill://a/SKILL.md","resources":"dynamic"}}"#;
        assert_eq!(of("skills/get", dynamic), [r#""skill://a/SKILL.md""#]);
        let folder = r#"{"resources":[{"uri":"skill://a/b"}]}"#;
        assert_eq!(of("resources/directory/read", folder), [r#""skill://a/b""#]);
    }

    #[test]
    fn only_objects_bear_addresses() {
        assert!(may_bear(&r#"{"uri":"a:1"}"#));
        assert!(!may_bear(&r#"[{"uri":"a:1"}]"#) && !may_bear(&"{}"));
    }
}
