//! Input that a server of the modern era asks for: its result says what it needs, and the request is made again with
//! the answers (2026-07-28, Multi Round-Trip Requests). An agent of an earlier era is asked in its own way.

use super::link::Shared;
use super::voice::QUESTIONS;
use super::{parking, question};
use crate::session::splice::{self, Existing, Put, quoted};
use crate::session::{Frame, Id, Kind};

/// How often a server may ask for input before it answers.
pub(super) const ROUNDS: u8 = 16;

/// The value of `resultType` in such a result.
const REQUIRED: &str = "input_required";

/// Whether the answer to a request of this method may ask for input (2026-07-28, Supported Requests).
pub(super) fn may_be_asked_in(method: &str) -> bool {
    matches!(method, "tools/call" | "prompts/get" | "resources/read")
}

/// Whether a result asks for input.
pub(super) fn is_required(frame: &Frame) -> bool {
    let kind = || frame.find(&["resultType"]).ok().flatten();
    // However it is escaped, agents read the same.
    let is_it = |kind: &str| {
        serde_json::from_str::<std::borrow::Cow<'_, str>>(kind).is_ok_and(|kind| kind == REQUIRED)
    };
    frame.kind() == Kind::Result && kind().is_some_and(is_it)
}

/// Asks the agent for all that a result needs; gives the request with the answers in it, or why there is none.
pub(super) async fn collect(
    shared: &Shared,
    asked: &Id,
    request: &Frame,
    required: &Frame,
) -> Result<Frame, String> {
    let questions = questions(required)?;
    if questions.len() > QUESTIONS {
        return Err(format!(
            "the server asks {} questions at once, the most is {QUESTIONS}",
            questions.len()
        ));
    }
    let mut responses = Vec::new();
    for (key, method, params) in questions {
        let named = question::named(&method, params, shared);
        let named = named.map_err(|error| error.to_string())?;
        let params = named.as_deref().or(params);
        let identified = params
            .map(|params| identified(&method, params))
            .transpose()?;
        let params = identified.as_ref().and_then(Option::as_deref).or(params);
        let question = |id: &Id| {
            let params = params.map_or(String::new(), |params| format!(",\"params\":{params}"));
            let text = format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":{}{params}}}",
                quoted(&method)
            );
            // Its parts are JSON, so it is.
            Frame::parse(text).unwrap_or_else(|_| Frame::request(id, &method, None))
        };
        let answer = shared.voice.question(Some(asked.clone()), question).await;
        let answer = answer.ok_or("the agent is gone")?;
        if answer.kind() != Kind::Result {
            let error = crate::session::RpcError::of(&answer);
            return Err(format!(
                "the server asked for input, and the client answered: {error}"
            ));
        }
        responses.push(format!("{key}:{}", answer.payload().unwrap_or("{}")));
    }
    let responses = format!("{{{}}}", responses.join(","));
    let state = required.find(&["requestState"]).ok().flatten();
    let mut puts = vec![("inputResponses", responses.as_str())];
    puts.extend(state.map(|state| ("requestState", state)));
    let puts: Vec<Put<'_>> = puts
        .into_iter()
        .map(|(key, value)| Put {
            key,
            value,
            existing: Existing::Replace,
        })
        .collect();
    let again = request
        .clone()
        .with(&[], &puts)
        .map_err(|error| error.to_string())?;
    // A state of an earlier round is not sent with a later one that has none.
    match state {
        Some(_) => Ok(again),
        None => again
            .without(&["requestState"])
            .map_err(|error| error.to_string()),
    }
}

/// The parameters of a question that leads to an address, with an id: 2025-11-25 demands one, the modern era has none.
/// Nothing if they stay as they are.
fn identified(method: &str, params: &str) -> Result<Option<String>, String> {
    let text = |key| {
        let text = splice::find(params, &[key]).ok().flatten()?;
        serde_json::from_str::<String>(text).ok()
    };
    if method != question::ELICITATION || text("mode").as_deref() != Some("url") {
        return Ok(None);
    }
    // Nobody may guess it, since it stands for what the user does elsewhere.
    let id = parking::handle().map_err(|error| error.to_string())?;
    let put = Put {
        key: "elicitationId",
        value: &quoted(&id),
        existing: Existing::Keep,
    };
    let identified = splice::put(params, &[], &[put]);
    identified.map(Some).map_err(|error| error.to_string())
}

/// A question in a result: its key as JSON, the method, the parameters as JSON.
type Question<'a> = (String, String, Option<&'a str>);

/// The questions in a result.
fn questions(required: &Frame) -> Result<Vec<Question<'_>>, String> {
    let broken =
        |reason: &str| format!("the server asks for input in a way that cannot be read: {reason}");
    let requests = required
        .find(&["inputRequests"])
        .map_err(|error| broken(&error.to_string()))?;
    let Some(requests) = requests.filter(|requests| *requests != "null") else {
        // It wants to be asked again, with its state alone.
        return Ok(Vec::new());
    };
    let mut members = Vec::new();
    splice::walk_members(requests, |member| members.push(member))
        .map_err(|error| broken(&error.to_string()))?;
    members
        .into_iter()
        .map(|member| {
            let part = |key| {
                let part = splice::find(member.value, &[key]);
                part.map_err(|error| broken(&error.to_string()))
            };
            let method = part("method")?.and_then(|method| serde_json::from_str(method).ok());
            let method: String = method.ok_or_else(|| broken("a question has no method"))?;
            Ok((member.key.to_owned(), method, part("params")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_has_an_id_for_agents_of_the_earlier_era() {
        let id = |params: &str| {
            let identified = identified("elicitation/create", params).unwrap()?;
            let id = splice::find(&identified, &["elicitationId"]).unwrap()?;
            serde_json::from_str::<String>(id).ok()
        };
        let visit = r#"{"mode":"url","url":"https://x/","message":"m"}"#;
        let (one, other) = (id(visit).unwrap(), id(visit).unwrap());
        assert!(one.len() >= 32 && one != other, "{one} {other}");
        let own = r#"{"mode":"url","elicitationId":"own"}"#;
        assert_eq!(id(own).as_deref(), Some("own"));
        assert_eq!(id(r#"{"mode":"form","message":"m"}"#), None);
        assert_eq!(id(r#"{"message":"m"}"#), None);
    }

    #[test]
    fn a_result_asks_for_input_however_that_is_written() {
        for (kind, asks) in [
            (r#""input_required""#, true),
            (r#""input\u005frequired""#, true),
            (r#""complete""#, false),
            ("7", false),
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"resultType":{kind}}}}}"#);
            assert_eq!(is_required(&Frame::parse(text).unwrap()), asks, "{kind}");
        }
    }

    #[test]
    fn a_question_that_two_readers_read_otherwise_is_none() {
        let asking = |question: &str| {
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":1,"result":{{"inputRequests":{{"q":{question}}}}}}}"#
            );
            questions(&Frame::parse(text).unwrap()).map(|all| all.len())
        };
        assert_eq!(asking(r#"{"method":"roots/list"}"#), Ok(1));
        assert!(asking(r#"{"method":"a","method":"b"}"#).is_err());
        assert!(asking(r#"{"method":"a","params":{},"params":{}}"#).is_err());
    }
}
