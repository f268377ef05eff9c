//! Input that a server of the modern era asks for: its result says what it needs, and the request is made again with
//! the answers (2026-07-28, Multi Round-Trip Requests). An agent of an earlier era is asked in its own way.

use super::link::Shared;
use super::question;
use super::voice::QUESTIONS;
use crate::session::splice::{self, Existing, Put, quoted};
use crate::session::{Frame, Id, Kind};

/// How often a server may ask for input before it answers.
pub(super) const ROUNDS: u8 = 16;

/// Whether a result asks for input.
pub(super) fn is_required(frame: &Frame) -> bool {
    frame.kind() == Kind::Result
        && frame
            .find(&["resultType"])
            .is_ok_and(|kind| kind == Some("\"input_required\""))
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
        let named = params.map(|params| question::named(&method, params, shared));
        let named = named.transpose().map_err(|error| error.to_string())?;
        let params = named.as_ref().and_then(|named| named.as_deref()).or(params);
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
            let part = |key| splice::find(member.value, &[key]).ok().flatten();
            let method = part("method").and_then(|method| serde_json::from_str(method).ok());
            let method: String = method.ok_or_else(|| broken("a question has no method"))?;
            Ok((member.key.to_owned(), method, part("params")))
        })
        .collect()
}
