//! Fidelity over stdio: one of everything that a server and an agent can say, with unknown fields, numbers that no machine
//! type holds, and deep nesting, arrives byte for byte, but for what must be another: ids, progress tokens, names, and who
//! asks the user.
//!
//! What a face cannot carry stands in a table; that of stdio is empty, that of HTTP in [`super::http`] is read by a test.

use super::passing::odd;
use super::*;

/// A JSON object with all that is odd in it, and these members before.
pub(super) fn with(members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!("{{{members}{comma}{}}}", odd())
}

/// What an agent calls something, and what its server calls it, where that is something else.
pub(super) type Renamed = Option<(&'static str, &'static str)>;

/// The requests that an agent can make: the method, its parameters as the agent writes them, and the part of them that the
/// server knows otherwise.
pub(super) const ASKED: [(&str, &str, Renamed); 13] = [
    (
        "tools/call",
        r#""name" :"one__do","arguments":{"x":1.00}"#,
        Some(("\"one__do\"", "\"do\"")),
    ),
    (
        "tools/call",
        r#""task":{"ttl":1e3},"name":"one__do""#,
        Some(("\"one__do\"", "\"do\"")),
    ),
    (
        "prompts/get",
        r#""name":"one__ask","arguments":{"a":"\u0041"}"#,
        Some(("\"one__ask\"", "\"ask\"")),
    ),
    ("resources/read", r#""uri":"file:\/\/\/one""#, None),
    ("resources/read", r#""uri":"ui://one/app""#, None),
    ("resources/read", r#""uri":"t://7""#, None),
    ("resources/subscribe", r#""uri":"file:///one""#, None),
    ("resources/unsubscribe", r#""uri":"file:///one""#, None),
    (
        "completion/complete",
        r#""ref":{"type":"ref/prompt","name":"one__ask","title":"T"},"argument":{"name":"a","value":"v"}"#,
        Some(("\"one__ask\"", "\"ask\"")),
    ),
    (
        "completion/complete",
        r#""ref":{"type":"ref/resource","uri":"t://{x}"},"argument":{"name":"x","value":"1"}"#,
        None,
    ),
    ("skills/list", r#""cursor":null"#, None),
    ("resources/directory/read", r#""uri":"file:///one""#, None),
    ("future/method", "", None),
];

/// What servers answer and say by themselves, as members of a result or of parameters.
pub(super) const RESULTS: [&str; 9] = [
    r#""content":[{"type":"text","text":"\u00e9"},{"type":"image","data":"AA==","mimeType":"image/png"},{"type":"audio","data":"","mimeType":"a/b"},{"type":"resource_link","uri":"file:///x","name":"x","size":9007199254740993},{"type":"resource","resource":{"uri":"ui://one/app","text":"<p>","_meta":{"ui":{"csp":{}}}}},{"type":"future"}],"structuredContent":[1e400],"isError":false"#,
    r#""task":{"taskId":"t-1","status":"working","ttl":60000,"pollInterval":1.5}"#,
    r#""messages":[{"role":"user","content":{"type":"text","text":"x"},"_meta":{"n":0.30}}]"#,
    r#""contents":[{"uri":"file:///one","blob":"AA==","annotations":{"priority":0.1}}]"#,
    r#""completion":{"values":["a"],"total":1.0,"hasMore":false}"#,
    r#""resultType":"complete""#,
    r#""ttlMs":1.0,"cacheScope":"public""#,
    r#""skills":[{"name":"s","digest":"sha256:0"}]"#,
    "",
];

pub(super) const SAID: [(&str, &str); 6] = [
    (
        "notifications/message",
        r#""level":"info","logger":"l","data":18446744073709551617"#,
    ),
    (
        "notifications/resources/updated",
        r#""uri":"file:///one","title":"T""#,
    ),
    (
        "notifications/elicitation/complete",
        r#""elicitationId":"e-1""#,
    ),
    (
        "notifications/tasks/status",
        r#""taskId":"t-1","status":"working""#,
    ),
    ("notifications/future", ""),
    ("notifications/tasks", r#""taskId":"t-1""#),
];

pub(super) const QUESTIONS: [(&str, &str); 5] = [
    (
        "sampling/createMessage",
        r#""messages":[{"role":"user","content":[{"type":"tool_result","x":1.0}]}],"maxTokens":1e2,"temperature":0.10,"tools":[{"name":"t"}]"#,
    ),
    (
        "elicitation/create",
        r#""mode":"form","message":"m","requestedSchema":{"type":"object","properties":{"n":{"type":"number","default":0.10}}}"#,
    ),
    (
        "elicitation/create",
        r#""mode":"url","elicitationId":"e-1","url":"https://example.com/","message":"m""#,
    ),
    ("roots/list", ""),
    ("future/question", ""),
];

/// What the server offers.
pub(super) fn lists() -> Value {
    json!({"tools": [tool("do")], "prompts": [{"name": "ask"}],
        "resources": [{"uri": "file:///one", "name": "r"}, {"uri": "ui://one/app", "name": "a"}],
        "templates": [{"uriTemplate": "t://{x}", "name": "t"}]})
}

/// The parameters of an agent's `initialize`.
pub(super) fn hello() -> String {
    format!(
        r#"{{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{}}}"#,
        with(r#""sampling":{"tools":{}},"elicitation":{"form":{},"url":{}},"roots":{}"#),
        with(r#""name":"a","version":"1""#)
    )
}

/// Opens a session as a server of the earlier era: answers what is asked first, up to a call, whose id it gives, and the
/// lists.
pub(super) async fn opened(instance: &mut Instance) -> String {
    let lists = lists();
    let mut call = None;
    // The call, and four lists.
    let mut left = 5;
    while left > 0 {
        let line = instance.line().await;
        let frame = crate::session::Frame::parse(line).unwrap();
        let id: Value = serde_json::from_str(frame.id().map_or("null", |id| id.as_json())).unwrap();
        match frame.method() {
            "server/discover" => {
                let error = json!({"code": -32601, "message": "x"});
                let answer = json!({"jsonrpc": "2.0", "id": id, "error": error});
                instance.say(&answer).await;
            }
            "initialize" => {
                let info = frame.find(&["clientInfo"]).unwrap().unwrap();
                assert_eq!(info, with(r#""name":"a","version":"1""#));
                let result = json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}, "prompts": {}, "resources": {}}, "serverInfo": {"name": "s", "version": "1"}});
                instance.answer(&id, &result).await;
            }
            "tools/call" => {
                call = Some(id.to_string());
                left -= 1;
            }
            // An agent that can more is asked for what it is offered; nothing else than before.
            "notifications/initialized" => {}
            method => {
                instance.answer(&id, &listed(method, &lists)).await;
                left -= 1;
            }
        }
    }
    call.unwrap()
}

/// The answer to a request for a list.
pub(super) fn listed(method: &str, lists: &Value) -> Value {
    match method {
        "tools/list" => json!({"tools": lists["tools"]}),
        "prompts/list" => json!({"prompts": lists["prompts"]}),
        "resources/list" => json!({"resources": lists["resources"]}),
        _ => json!({"resourceTemplates": lists["templates"]}),
    }
}

/// Both sides, with a session open and a call on its way.
async fn both(place: &Place) -> (Client, Instance) {
    let server = place.server("one", &lists());
    let mut agent = place.agent(Shape::All).await;
    let params = hello();
    let hello = format!(r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{params}}}"#);
    agent.speaker.write(&hello).await;
    agent.message().await;
    agent
        .send(100, "tools/call", json!({"name": "one__do"}))
        .await;
    let mut instance = server.accept().await;
    opened(&mut instance).await;
    (agent, instance)
}

#[tokio::test]
async fn whatever_is_asked_and_answered_arrives_as_it_was() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let (mut agent, mut instance) = both(&place).await;
    for (at, (method, members, renamed)) in ASKED.into_iter().enumerate() {
        let asked = format!(
            r#"{{"method":"{method}", "jsonrpc":"2.0","id":{at},"params":{},"extra":1.0}}"#,
            with(members)
        );
        agent.speaker.write(&asked).await;
        let (passed, id) = instance.line_with_id().await;
        let mut expected = asked.replace(&format!(r#""id":{at}"#), &format!(r#""id":{id}"#));
        if let Some((shown, own)) = renamed {
            expected = expected.replace(shown, own);
        }
        assert_eq!(passed, expected, "{method}");
        let error = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{}}}"#,
            with(r#""code":-32042,"message":"é""#)
        );
        instance.write(&error).await;
        let shown = error.replace(&format!(r#""id":{id}"#), &format!(r#""id":{at}"#));
        assert_eq!(agent.speaker.line().await, shown, "{method}");
    }
    // Each shape of a result, whatever was asked.
    for result in RESULTS {
        agent
            .send(50, "tools/call", json!({"name": "one__do"}))
            .await;
        let (_, id) = instance.line_with_id().await;
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#, with(result));
        instance.write(&answer).await;
        let shown = answer.replace(&format!(r#""id":{id}"#), r#""id":50"#);
        assert_eq!(agent.speaker.line().await, shown);
    }
}

#[tokio::test]
async fn whatever_a_server_says_and_asks_arrives_in_its_order_as_it_was() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let (mut agent, mut instance) = both(&place).await;
    let said: Vec<String> = SAID
        .iter()
        .map(|(method, members)| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"{method}","params":{}}}"#,
                with(members)
            )
        })
        .collect();
    for line in said.iter().chain(&said) {
        instance.write(line).await;
    }
    for line in said.iter().chain(&said) {
        let shown = line.replace(r#""t-1""#, r#""one:t-1""#);
        assert_eq!(agent.speaker.line().await, shown);
    }
    for (method, members) in QUESTIONS {
        let question = format!(
            r#"{{"jsonrpc":"2.0","id":"q\/1","method":"{method}","params":{}}}"#,
            with(members)
        );
        instance.write(&question).await;
        let (shown, id) = agent.speaker.line_with_id().await;
        let expected = question
            .replace(r#""q\/1""#, &id)
            .replace(r#""message":"m""#, r#""message":"one: m""#);
        assert_eq!(shown, expected, "{method}");
        let answer = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#,
            with(r#""action":"accept","content":{"n":1.0}"#)
        );
        agent.speaker.write(&answer).await;
        let expected = answer.replace(&format!(r#""id":{id}"#), r#""id":"q\/1""#);
        assert_eq!(instance.line().await, expected, "{method}");
    }
    // And what the agent says by itself.
    for method in ["notifications/roots/list_changed", "notifications/future"] {
        let line = format!(
            r#"{{"jsonrpc":"2.0","method":"{method}","params":{}}}"#,
            with("")
        );
        agent.speaker.write(&line).await;
        assert_eq!(instance.line().await, line);
    }
}
