//! Errands: visits that a server of the earlier era requires: its error names addresses which the user has to open before the
//! request is made again (2025-11-25, URL Elicitation Required Error).
//!
//! 2026-07-28 has no such error. An agent that speaks it is asked for input, one question for each address, and makes its
//! request again with the answers. What is asked is told by its key alone: the server has done nothing yet, so nothing
//! waits for the agent, and the request is passed on without the answers, which the server would not know.

use super::input;
use super::voice::QUESTIONS;
use crate::session::splice::{self, Existing, Put, quoted};
use crate::session::{Client, Frame, Kind};

/// The code of the error, which must not reach an agent of 2026-07-28 (Error Codes).
const REQUIRED: &str = "-32042";

/// What the keys of the questions begin with; a number follows.
const KEY: &str = "mcpod-visit-";

/// The member of a request that holds the answers.
const ANSWERS: &str = "inputResponses";

/// The answer to a request of an agent of the modern era, if its server requires visits: what is to be visited, as a result
/// that asks for input, or an ordinary error where the agent cannot be asked. Any other is as it was.
pub(super) fn required(answer: Frame, method: &str, client: &Client) -> Frame {
    let code = || answer.find(&["code"]).ok().flatten();
    if answer.kind() != Kind::Error || code() != Some(REQUIRED) {
        return answer;
    }
    let asked = (input::may_be_asked_in(method) && can_visit(client))
        .then(|| questions(&answer))
        .flatten();
    let id = answer.id().cloned();
    if let (Some(questions), Some(id)) = (asked, id) {
        let result =
            format!("{{\"resultType\":\"input_required\",\"inputRequests\":{{{questions}}}}}");
        return Frame::ours_answering(&id, &[&result]);
    }
    let code = Put {
        key: "code",
        value: "-32603",
        existing: Existing::Replace,
    };
    // It was found, so it can be replaced.
    answer.clone().with(&[], &[code]).unwrap_or(answer)
}

/// Whether the user made all visits that a request answers to; nothing if it answers to none.
pub(super) fn made(request: &Frame) -> Option<bool> {
    let answers = request.find(&[ANSWERS]).ok().flatten()?;
    let (mut asked, mut accepted) = (0, 0);
    splice::walk_members(answers, |member| {
        let is_visit = member.name().is_some_and(|name| name.starts_with(KEY));
        if is_visit {
            let action = splice::find(member.value, &["action"]).ok().flatten();
            asked += 1;
            accepted += usize::from(action == Some("\"accept\""));
        }
    })
    .ok()?;
    (asked > 0).then_some(asked == accepted)
}

/// The request without the answers, if they are to these questions.
pub(super) fn taken_out(request: Frame) -> Result<Frame, splice::SpliceError> {
    match made(&request) {
        Some(_) => request.without(&[ANSWERS]),
        None => Ok(request),
    }
}

/// Whether an agent said that it can have the user open an address.
fn can_visit(client: &Client) -> bool {
    let declared = client.capabilities().get();
    let url = splice::find(declared, &["elicitation", "url"]);
    url.is_ok_and(|url| url.is_some_and(|url| url != "null"))
}

/// The questions as members of an object; nothing if they cannot be read, or are too many.
fn questions(error: &Frame) -> Option<String> {
    let all = error.find(&["data", "elicitations"]).ok()??;
    let mut questions = Vec::new();
    splice::walk_elements(all, |one| questions.push(question(one))).ok()?;
    if questions.is_empty() || questions.len() > QUESTIONS {
        return None;
    }
    let questions: Option<Vec<String>> = questions.into_iter().collect();
    let named = questions?.into_iter().enumerate();
    let named: Vec<String> = named
        .map(|(number, question)| format!("{}:{question}", quoted(&format!("{KEY}{number}"))))
        .collect();
    Some(named.join(","))
}

/// A question as the modern era has it: without an id of its own.
fn question(elicitation: &str) -> Option<String> {
    for needed in ["url", "message"] {
        let text = splice::find(elicitation, &[needed]).ok()??;
        serde_json::from_str::<String>(text).ok()?;
    }
    let mode = Put {
        key: "mode",
        value: "\"url\"",
        existing: Existing::Replace,
    };
    let params = splice::put(elicitation, &[], &[mode]).ok()?;
    let params = splice::remove(&params, &["elicitationId"]).ok()?;
    Some(format!(
        "{{\"method\":\"elicitation/create\",\"params\":{params}}}"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn client(capabilities: &str) -> Client {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        Client::new(raw("{}"), raw(capabilities))
    }

    fn error(elicitations: &str) -> Frame {
        Frame::parse(format!(
            r#"{{"jsonrpc":"2.0","id":4,"error":{{"code":-32042,"message":"m","data":{{"elicitations":{elicitations}}}}}}}"#
        ))
        .unwrap()
    }

    const ONE: &str =
        r#"[{"mode":"url","elicitationId":"e","url":"https://x/","message":"go","x":1.0}]"#;

    #[test]
    fn an_agent_that_can_is_asked_to_visit() {
        let able = client(r#"{"elicitation":{"url":{}}}"#);
        let asked = required(error(ONE), "tools/call", &able);
        assert_eq!(
            asked.as_str(),
            r#"{"jsonrpc":"2.0","id":4,"result":{"resultType":"input_required","inputRequests":{"mcpod-visit-0":{"method":"elicitation/create","params":{"mode":"url","url":"https://x/","message":"go","x":1.0}}}}}"#
        );
    }

    #[test]
    fn where_nobody_can_be_asked_it_is_an_ordinary_error() {
        let able = client(r#"{"elicitation":{"url":{}}}"#);
        let refused = |elicitations: &str, method: &str, client: &Client| {
            let refused = required(error(elicitations), method, client);
            let expected = error(elicitations).as_str().replace("-32042", "-32603");
            assert_eq!(refused.as_str(), expected);
        };
        refused(ONE, "tools/call", &client(r#"{"elicitation":{}}"#));
        refused(ONE, "completion/complete", &able);
        for broken in [
            "[]",
            "7",
            r#"[{"url":"https://x/"}]"#,
            r#"[{"url":1,"message":"m"}]"#,
        ] {
            refused(broken, "tools/call", &able);
        }
        let other = r#"{"jsonrpc":"2.0","id":4,"error":{"code":-32041,"message":"m"}}"#;
        let other = Frame::parse(other).unwrap();
        assert_eq!(
            required(other.clone(), "tools/call", &able).as_str(),
            other.as_str()
        );
    }

    #[test]
    fn the_request_is_made_again_once_all_was_accepted() {
        let again = |answers: &str| {
            Frame::parse(format!(
                r#"{{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{{"name":"a","inputResponses":{answers}}}}}"#
            ))
            .unwrap()
        };
        let accepted = again(r#"{"mcpod-visit-0":{"action":"accept"}}"#);
        assert_eq!(made(&accepted), Some(true));
        assert_eq!(
            taken_out(accepted).unwrap().as_str(),
            r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"a"}}"#
        );
        let declined =
            r#"{"mcpod-visit-0":{"action":"accept"},"mcpod-visit-1":{"action":"decline"}}"#;
        assert_eq!(made(&again(declined)), Some(false));
        for others in [r#"{"question":{"action":"accept"}}"#, "{}", "7"] {
            assert_eq!(made(&again(others)), None, "{others}");
        }
    }
}
