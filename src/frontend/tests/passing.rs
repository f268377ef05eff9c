//! What passes through stays what it was.

use super::*;

/// Parameters as a program of a later time might write them: unknown fields, odd numbers, escapes, deep nesting.
pub(super) fn odd() -> String {
    let deep = format!("{}1{}", "[{\"d\":".repeat(300), "}]".repeat(300));
    format!(
        r#""future" : {{"a":1.0,"b":-0.0,"c":18446744073709551616,"d":0.1000000000000000055511151231257827,"e":1E+400}}, "esc":"\u00e9\/\ud83d\ude00","nil":null,"deep":{deep}"#
    )
}

#[tokio::test]
async fn a_call_and_its_answer_lose_nothing() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    let odd = odd();
    let asked = format!(
        r#"{{"jsonrpc":"2.0", "id":"\u0061b", "method":"tools/call","params":{{ "name":"one__do","arguments":{{{odd}}},{odd},"_meta":{{"progressToken":"t/1","traceparent":"00-x"}} }},"extra":[1.50]}}"#
    );
    agent.speaker.write(&asked).await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    let (passed, id) = instance.line_with_id().await;
    let expected = asked
        .replace(r#""\u0061b""#, &id)
        .replace(r#""one__do""#, r#""do""#)
        .replace(r#""t/1""#, &id);
    assert_eq!(passed, expected);

    let progress = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progress":1.0,"progressToken":{id},{odd}}}}}"#
    );
    let log = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":{{{odd}}}}}}}"#
    );
    let unknown =
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/future","params":{{{odd}}}}}"#);
    let result = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"future",{odd}}}],"structuredContent":[1e400],"isError":false,{odd}}},"extra":1.0}}"#
    );
    for line in [&log, &progress, &unknown, &result] {
        instance.write(line).await;
    }
    assert_eq!(agent.speaker.line().await, log);
    let token = format!(r#""progressToken":{id}"#);
    assert_eq!(
        agent.speaker.line().await,
        progress.replace(&token, r#""progressToken":"t/1""#)
    );
    assert_eq!(agent.speaker.line().await, unknown);
    assert_eq!(
        agent.speaker.line().await,
        result.replace(&format!(r#""id":{id}"#), r#""id":"\u0061b""#)
    );
}

#[tokio::test]
async fn an_error_keeps_its_code_and_data() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent
        .send(7, "tools/call", json!({"name": "one__do"}))
        .await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    let id = instance.message().await["id"].clone();
    let error = r#"{"code":-32042,"message":"é","data":{"elicitations":[1.0]},"more":null}"#;
    instance
        .write(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
        .await;
    assert_eq!(
        agent.speaker.line().await,
        format!(r#"{{"jsonrpc":"2.0","id":7,"error":{error}}}"#)
    );
}

#[tokio::test]
async fn everything_has_its_way() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    let one = json!({"tools": [tool("do")], "prompts": [{"name": "p"}],
        "resources": [{"uri": "file:///one", "name": "r"}], "templates": [{"uriTemplate": "t://{x}", "name": "t"}]});
    let server = place.server("one", &one);
    place.server(
        "two",
        &json!({"tools": [tool("do")], "prompts": [{"name": "p"}]}),
    );
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    agent
        .send(
            1,
            "prompts/get",
            json!({"name": "one__p", "arguments": {"a": "1"}}),
        )
        .await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    let asked = instance.message().await;
    assert_eq!(
        asked["params"],
        json!({"name": "p", "arguments": {"a": "1"}})
    );
    for (method, params, expected) in [
        (
            "resources/read",
            json!({"uri": "file:///one"}),
            json!({"uri": "file:///one"}),
        ),
        (
            "resources/read",
            json!({"uri": "t://7"}),
            json!({"uri": "t://7"}),
        ),
        (
            "resources/subscribe",
            json!({"uri": "file:///one"}),
            json!({"uri": "file:///one"}),
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "one__p"}, "argument": {"name": "a", "value": ""}}),
            json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": ""}}),
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/resource", "uri": "t://{x}"}}),
            json!({"ref": {"type": "ref/resource", "uri": "t://{x}"}}),
        ),
        (
            "future/method",
            json!({"name": "one__do", "x": 1}),
            json!({"name": "do", "x": 1}),
        ),
        (
            "future/method",
            json!({"uri": "t://1"}),
            json!({"uri": "t://1"}),
        ),
        (
            "tools/call",
            json!({"name": "registry-exec", "arguments": {"tool": "one__do", "arguments": {"a": [1]}}, "_meta": {"x": 1}}),
            json!({"name": "do", "arguments": {"a": [1]}, "_meta": {"x": 1}}),
        ),
        // As some models write them: as a text, and with an empty name for none.
        (
            "tools/call",
            json!({"name": "registry-exec", "arguments": {"tool": "one__do", "server": "", "arguments": "{\n \"a\": [1]\r\n}"}}),
            json!({"name": "do", "arguments": {"a": [1]}}),
        ),
        (
            "tools/call",
            json!({"name": "registry-exec", "arguments": {"server": "one", "tool": "hidden"}}),
            json!({"name": "hidden", "arguments": {}}),
        ),
    ] {
        agent.send(2, method, params).await;
        let asked = instance.message().await;
        assert_eq!(
            (&asked["method"], &asked["params"]),
            (&json!(method), &expected)
        );
        instance.answer(&asked["id"], &json!({"of": method})).await;
        assert_eq!(agent.message().await["result"], json!({"of": method}));
    }
    for (method, params, code) in [
        ("tools/call", json!({"name": "one__none"}), -32602),
        ("tools/call", json!({}), -32602),
        ("tools/call", json!([1]), -32602),
        ("prompts/get", json!({"name": "p"}), -32602),
        ("resources/read", json!({"uri": 7}), -32602),
        ("tasks/get", json!({"taskId": "x"}), -32602),
        ("future/method", json!({}), -32601),
    ] {
        let answer = agent.ask(3, method, params).await;
        assert_eq!(answer["error"]["code"], code, "{method}: {answer}");
    }
}

#[tokio::test]
async fn what_the_server_asks_the_agent_answers() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    let capabilities = json!({"sampling": {"tools": {}}, "elicitation": {}, "future": {"x": 1.5}});
    agent.initialize(capabilities.clone()).await;
    agent
        .send(1, "tools/call", json!({"name": "one__do"}))
        .await;
    let (mut instance, initialize) = server.legacy(&json!({"tools": {}})).await;
    assert_eq!(initialize["params"]["capabilities"], capabilities);
    assert_eq!(
        initialize["params"]["clientInfo"],
        json!({"name": "test", "version": "0.1", "future": true})
    );
    let call = instance.message_but_lists(&[tool("do")]).await["id"].clone();
    let asking = r#"{"jsonrpc":"2.0","id":"q\u0031","method":"sampling/createMessage","params":{"temperature":0.10,"_meta":{"progressToken":5}}}"#;
    instance.write(asking).await;
    let (question, id) = agent.speaker.line_with_id().await;
    // Two servers may use the same token, so the agent is given another.
    let shown = asking
        .replace(r#""q\u0031""#, &id)
        .replace(":5}", &format!(":{id}}}"));
    assert_eq!(question, shown);
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":5,"progress":0.50}}"#;
    for token in ["5000", &id] {
        agent
            .speaker
            .write(&progress.replace(":5,", &format!(":{token},")))
            .await;
    }
    let passed = instance.message_but_lists(&[tool("do")]).await;
    assert_eq!(passed.to_string(), progress.replace("0.50", "0.5"));
    let answer =
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"role":"assistant","x":1.0}}}}"#);
    agent.speaker.write(&answer).await;
    assert_eq!(
        instance.line().await,
        answer.replace(&format!(r#""id":{id}"#), r#""id":"q\u0031""#)
    );

    instance
        .say(&json!({"jsonrpc": "2.0", "id": 9, "method": "elicitation/create", "params": {"message": "m"}}))
        .await;
    let question = agent.message().await;
    instance
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9, "reason": "r"}}))
        .await;
    let cancelled = agent.message().await;
    assert_eq!(
        cancelled["params"],
        json!({"requestId": question["id"], "reason": "r"})
    );
    instance.answer(&call, &json!({"done": true})).await;
    assert_eq!(agent.message().await["result"], json!({"done": true}));
}

#[tokio::test]
async fn what_the_agent_tells_reaches_its_servers() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent
        .initialize(json!({"roots": {"listChanged": true}}))
        .await;
    let level = agent
        .ask(1, "logging/setLevel", json!({"level": "debug"}))
        .await;
    assert_eq!(level["result"], json!({}));
    agent
        .send(2, "tools/call", json!({"name": "one__do"}))
        .await;
    let (mut instance, _) = server.legacy(&json!({"logging": {}})).await;
    let mut methods = Vec::new();
    let mut id = Value::Null;
    for _ in 0..2 {
        let asked = instance.message().await;
        if asked["method"] == "tools/call" {
            id = asked["id"].clone();
        } else {
            assert_eq!(asked["params"], json!({"level": "debug"}));
        }
        methods.push(asked["method"].to_string());
    }
    methods.sort();
    assert_eq!(methods, ["\"logging/setLevel\"", "\"tools/call\""]);
    let roots =
        r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed","params":{"x":1.0}}"#;
    agent.speaker.write(roots).await;
    assert_eq!(instance.line().await, roots);
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"reason":"é","requestId":2}}"#;
    agent.speaker.write(cancel).await;
    assert_eq!(
        instance.line().await,
        cancel.replace("\"requestId\":2", &format!("\"requestId\":{id}"))
    );
}

#[tokio::test]
async fn a_server_that_asks_too_much_is_refused() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    for speech in ["older", "newer"] {
        let mut agent = place.agent(Shape::All).await;
        let able = json!({"roots": {}});
        let call = json!({"name": "one__do"});
        if speech == "older" {
            agent.initialize(able).await;
            agent.send(1, "tools/call", call).await;
        } else {
            agent.send(1, "tools/call", modern(call, &able)).await;
        }
        let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
        instance.message_but_lists(&[tool("do")]).await;
        for id in 0..33 {
            instance
                .say(&json!({"jsonrpc": "2.0", "id": id, "method": "roots/list"}))
                .await;
        }
        let refused = instance.message_but_lists(&[tool("do")]).await;
        assert_eq!(refused["id"], 32, "{speech}: {refused}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains("too many questions"), "{message}");
    }
}

#[tokio::test]
async fn addresses_in_results_lead_back_to_their_servers() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    let mut instances = Vec::new();
    // Both have resources, and neither lists those that its tool gives links to.
    for (name, shown) in [("one", "x://7"), ("two", "mcpod+two:x://7")] {
        let listed = json!({"uri": format!("{name}://"), "name": "r"});
        let lists = json!({"tools": [tool("do")], "resources": [listed]});
        let server = place.server(name, &lists);
        place.systemd.manager_signal("Reloading", &(false,)).await;
        for _ in 0..2 {
            agent.message().await;
        }
        let call = json!({"name": format!("{name}__do")});
        agent.send(1, "tools/call", call).await;
        let (mut instance, _) = server.legacy(&json!({})).await;
        let id = instance.message().await["id"].clone();
        let link = |uri: &str| json!({"content": [{"type": "resource_link", "uri": uri}, {"type": "text"}]});
        instance.answer(&id, &link("x://7")).await;
        assert_eq!(agent.message().await["result"], link(shown));
        instances.push((shown, instance));
    }
    for (shown, instance) in &mut instances {
        agent.send(2, "resources/read", json!({"uri": shown})).await;
        let asked = instance.message().await;
        assert_eq!(asked["params"]["uri"], "x://7");
        instance
            .answer(&asked["id"], &json!({"contents": []}))
            .await;
        agent.message().await;
    }
}
