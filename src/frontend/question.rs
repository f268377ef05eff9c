//! What servers ask, as agents are shown it.
//!
//! Whoever is asked for something must know by whom: an elicitation bears its server's name in front of its message,
//! but where one server is shown alone.

use super::link::Shared;
use super::offer::{Names, Origin};
use super::tasks;
use crate::quadlet::name::ServerName;
use crate::session::splice::{self, SpliceError, quoted};
use crate::session::{Frame, Kind};

/// The method that asks the user.
pub(super) const ELICITATION: &str = "elicitation/create";

/// Servers whose names alone, in front of a message, would pass for mcpod itself.
const OURS: [&str; 2] = ["mcpod", "registry"];

/// A question that a server asks by itself; not one that would hide who asks.
pub(super) fn asked(frame: &Frame, shared: &Shared) -> Result<Frame, SpliceError> {
    let frame = tasks::said(frame.clone(), shared)?;
    Ok(match named(frame.method(), frame.payload(), shared)? {
        Some(params) => frame.with_payload(&params),
        None => frame,
    })
}

/// The parameters of a question with the server's name in front of its message; nothing if they stay as they are.
pub(super) fn named(
    method: &str,
    params: Option<&str>,
    shared: &Shared,
) -> Result<Option<String>, SpliceError> {
    let Some(server) = server(shared).filter(|_| method == ELICITATION) else {
        return Ok(None);
    };
    let params = params.ok_or_else(no_message)?;
    let (written, shown) = message(params, server)?;
    splice::replace(params, &[(written, &shown)]).map(Some)
}

/// The message with the server's name in front of each elicitation in it: the answer to a request of this method that asks
/// for input, or what tells of a task.
pub(super) fn required(frame: Frame, method: &str, shared: &Shared) -> Result<Frame, SpliceError> {
    let (Some(server), Some(payload)) = (server(shared), frame.payload()) else {
        return Ok(frame);
    };
    let may_ask = match frame.kind() {
        Kind::Notification => frame.method().starts_with("notifications/tasks"),
        Kind::Result => {
            // Whatever is not complete is looked at; where it is said twice, an agent may read the other.
            let kind = in_object(frame.find(&["resultType"]))?;
            kind.is_some_and(|kind| kind != "\"complete\"") || method.starts_with("tasks/")
        }
        Kind::Request | Kind::Error => false,
    };
    if !may_ask {
        return Ok(frame);
    }
    let Some(payload) = with_names(payload, server)? else {
        return Ok(frame);
    };
    Ok(frame.with_payload(&payload))
}

/// What asks for input with the server's name in front of each elicitation in it; nothing if there is none.
fn with_names(payload: &str, server: &ServerName) -> Result<Option<String>, SpliceError> {
    let requests = in_object(splice::find(payload, &["inputRequests"]))?;
    let Some(requests) = requests.filter(|requests| requests.starts_with('{')) else {
        return Ok(None);
    };
    let mut questions = Vec::new();
    splice::walk_members(requests, |member| questions.push(member.value))?;
    let mut parts = Vec::new();
    for question in questions {
        let method = in_object(splice::find(question, &["method"]))?;
        let method = method.and_then(|method| serde_json::from_str::<String>(method).ok());
        if method.as_deref() == Some(ELICITATION) {
            let params = splice::find(question, &["params"])?;
            parts.push(message(params.ok_or_else(no_message)?, server)?);
        }
    }
    if parts.is_empty() {
        return Ok(None);
    }
    let parts: Vec<(&str, &str)> = parts
        .iter()
        .map(|(written, shown)| (*written, shown.as_str()))
        .collect();
    splice::replace(payload, &parts).map(Some)
}

/// What was found; nothing in what is no object.
fn in_object(found: Result<Option<&str>, SpliceError>) -> Result<Option<&str>, SpliceError> {
    match found {
        Err(SpliceError::NotAnObject { .. }) => Ok(None),
        found => found,
    }
}

/// The message in the parameters of an elicitation as it is written, and with its server's name in front.
///
/// Without exactly one that is a text, the agent might show another, which bears no name.
fn message<'a>(params: &'a str, server: &ServerName) -> Result<(&'a str, String), SpliceError> {
    let written = splice::find(params, &["message"])?.ok_or_else(no_message)?;
    let message: String = serde_json::from_str(written).map_err(|_| no_message())?;
    let who = if OURS.contains(&server.as_str()) {
        format!("server {server}")
    } else {
        server.to_string()
    };
    Ok((written, quoted(&format!("{who}: {message}"))))
}

fn no_message() -> SpliceError {
    SpliceError::Json {
        reason: "an elicitation needs a message that is a text".to_owned(),
    }
}

/// The server whose name has to be told.
fn server(shared: &Shared) -> Option<&ServerName> {
    match (&shared.origin, shared.names) {
        (Origin::Server(server), Names::Prefixed) => Some(server),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, params: &str) -> Result<String, SpliceError> {
        let (_, shown) = message(params, &name.parse().unwrap())?;
        Ok(shown)
    }

    #[test]
    fn the_message_bears_the_name_of_its_server() {
        assert_eq!(said("one", r#"{"message":"a"}"#).unwrap(), r#""one: a""#);
        for ours in OURS {
            let shown = said(ours, r#"{"message":"a"}"#).unwrap();
            assert_eq!(shown, format!(r#""server {ours}: a""#));
        }
    }

    #[test]
    fn a_message_that_agents_may_read_otherwise_is_none() {
        for params in [
            r#"{"message":"a","message":"mcpod: b"}"#,
            r#"{"message":"a","m\u0065ssage":"mcpod: b"}"#,
            r#"{"message":7}"#,
            "{}",
            "[]",
        ] {
            assert!(said("one", params).is_err(), "{params}");
        }
    }

    #[test]
    fn all_that_is_asked_in_a_result_bears_the_name() {
        let one: ServerName = "one".parse().unwrap();
        let asking = |question: &str| {
            let payload =
                format!(r#"{{"inputRequests":{{"q":{question},"r":{{"method":"roots/list"}}}}}}"#);
            with_names(&payload, &one)
        };
        let shown = asking(r#"{"method":"elicitation/create","params":{"message":"a"}}"#);
        assert!(shown.unwrap().unwrap().contains(r#""message":"one: a""#));
        assert_eq!(asking(r#"{"method":"sampling/createMessage"}"#), Ok(None));
        assert_eq!(with_names("{}", &one), Ok(None));
        for hidden in [
            r#"{"method":"elicitation/create","method":"roots/list","params":{"message":"a"}}"#,
            r#"{"method":"elicitation/create","params":{"message":"a"},"params":{"message":"b"}}"#,
            r#"{"method":"elicitation/create","params":{"message":"a","message":"b"}}"#,
            r#"{"method":"elicitation/create"}"#,
        ] {
            assert!(asking(hidden).is_err(), "{hidden}");
        }
    }
}
