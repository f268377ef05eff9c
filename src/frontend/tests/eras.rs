//! The two eras meet.

use super::*;

#[tokio::test]
async fn an_older_agent_is_asked_what_a_newer_server_needs() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({"elicitation": {}})).await;
    agent
        .ask(1, "logging/setLevel", json!({"level": "info"}))
        .await;
    agent
        .send(
            2,
            "tools/call",
            json!({"name": "one__do", "arguments": {"a": 1}, "_meta": {"progressToken": "p"}}),
        )
        .await;
    let mut instance = server.modern(&json!({"tools": {}})).await;
    let call = instance.message_but_lists(&[tool("do")]).await;
    let meta = &call["params"]["_meta"];
    assert_eq!(
        meta["io.modelcontextprotocol/protocolVersion"],
        "2026-07-28"
    );
    assert_eq!(
        meta["io.modelcontextprotocol/clientCapabilities"],
        json!({"elicitation": {}})
    );
    assert_eq!(meta["io.modelcontextprotocol/logLevel"], "info");
    let required = r#"{"resultType":"input_required","inputRequests":{"who?":{"method":"elicitation/create","params":{"message":"name","x":1.0}}},"requestState":"s\u0031"}"#;
    instance
        .write(&format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{required}}}"#,
            call["id"]
        ))
        .await;
    let (question, id) = agent.speaker.line_with_id().await;
    assert!(
        question.contains(r#""method":"elicitation/create","params":{"message":"name","x":1.0}"#),
        "{question}"
    );
    agent
        .speaker
        .write(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"action":"accept","content":{{"n":2.50}}}}}}"#
        ))
        .await;
    let again = instance.line_but_lists(&[tool("do")]).await;
    assert!(again.contains(r#""inputResponses":{"who?":{"action":"accept","content":{"n":2.50}}},"requestState":"s\u0031""#), "{again}");
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["params"]["arguments"], json!({"a": 1}));
    assert_ne!(again["id"], call["id"]);
    let progress =
        json!({"progressToken": again["params"]["_meta"]["progressToken"], "progress": 1});
    instance
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}))
        .await;
    let result = json!({"content": [], "resultType": "complete", "ttlMs": 5, "x": 1});
    instance.answer(&again["id"], &result).await;
    assert_eq!(agent.message().await["params"]["progressToken"], "p");
    let answer = agent.message().await;
    assert_eq!(answer["id"], 2);
    assert_eq!(answer["result"], json!({"content": [], "x": 1}));
}

#[tokio::test]
async fn a_newer_agent_reads_what_an_older_server_says() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server(
        "one",
        &json!({"resources": [{"uri": "file:///x", "name": "x"}]}),
    );
    let mut agent = place.agent(Shape::All).await;
    let params = modern(json!({"uri": "file:///x", "more": 1}), &json!({}));
    agent.send(1, "resources/read", params).await;
    let (mut instance, initialize) = server.legacy(&json!({})).await;
    assert_eq!(initialize["params"]["clientInfo"]["name"], "new");
    let asked = instance.message().await;
    assert_eq!(
        asked["params"],
        json!({"uri": "file:///x", "more": 1, "_meta": {}})
    );
    instance
        .answer(&asked["id"], &json!({"contents": []}))
        .await;
    let expected =
        json!({"contents": [], "resultType": "complete", "ttlMs": 0, "cacheScope": "private"});
    assert_eq!(agent.message().await["result"], expected);
}

#[tokio::test]
async fn a_newer_agent_gives_an_older_server_what_it_asks_for() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    let able = json!({"elicitation": {"form": {}}});
    let params = modern(json!({"name": "one__do", "arguments": {"a": 1}}), &able);
    agent.send(1, "tools/call", params.clone()).await;
    let (mut instance, initialize) = server.legacy(&json!({"tools": {}})).await;
    assert_eq!(initialize["params"]["capabilities"], able);
    let call = instance.message_but_lists(&[tool("do")]).await;
    for (round, asked) in [(2_u64, "name"), (3, "colour")] {
        instance
            .write(&format!(r#"{{"jsonrpc":"2.0","id":"q{round}","method":"elicitation/create","params":{{"message":"{asked}","x":1.0}}}}"#))
            .await;
        let line = agent.speaker.line().await;
        let question = format!(
            r#"{{"question":{{"method":"elicitation/create","params":{{"message":"{asked}","x":1.0}}}}}}"#
        );
        assert!(line.contains(&question), "{line}");
        let result = serde_json::from_str::<Value>(&line).unwrap()["result"].clone();
        assert_eq!(result["resultType"], "input_required");
        let mut again = params.clone();
        again["requestState"] = result["requestState"].clone();
        again["inputResponses"] =
            json!({"question": {"action": "accept", "content": {"n": round}}});
        agent.send(round, "tools/call", again).await;
        let answer = instance.message_but_lists(&[tool("do")]).await;
        assert_eq!(answer["id"], format!("q{round}"));
        assert_eq!(answer["result"]["content"], json!({"n": round}));
    }
    instance.answer(&call["id"], &json!({"content": []})).await;
    let answer = agent.message().await;
    assert_eq!(answer["id"], 3);
    assert_eq!(
        answer["result"],
        json!({"content": [], "resultType": "complete"})
    );
}

#[tokio::test]
async fn a_server_that_waits_no_longer_is_heard_when_the_agent_comes_back() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    let params = modern(json!({"name": "one__do"}), &json!({"roots": {}}));
    agent.send(1, "tools/call", params.clone()).await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    let call = instance.message_but_lists(&[tool("do")]).await;
    instance
        .say(&json!({"jsonrpc": "2.0", "id": 7, "method": "roots/list"}))
        .await;
    let state = agent.message().await["result"]["requestState"].clone();
    instance.answer(&call["id"], &json!({"late": true})).await;
    // Whatever comes next comes behind that.
    agent
        .send(
            2,
            "tools/call",
            modern(json!({"name": "one__do"}), &json!({"roots": {}})),
        )
        .await;
    let other = instance.message_but_lists(&[tool("do")]).await;
    instance.answer(&other["id"], &json!({"other": true})).await;
    assert_eq!(agent.message().await["result"]["other"], true);
    let mut again = params;
    again["requestState"] = state;
    again["inputResponses"] = json!({"question": {"roots": []}});
    agent.send(3, "tools/call", again.clone()).await;
    let answer = agent.message().await;
    assert_eq!(
        (&answer["id"], &answer["result"]["late"]),
        (&json!(3), &json!(true))
    );
    assert_eq!(instance.message().await["id"], 7);
    // A state is good once; then it is the server's to make sense of it.
    agent.send(4, "tools/call", again).await;
    let passed = instance.message_but_lists(&[tool("do")]).await;
    assert_eq!(passed["method"], "tools/call");
}

#[tokio::test]
async fn the_modern_era_passes_as_it_is() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    let params = modern(
        json!({"name": "one__do", "inputResponses": {"a": 1}, "requestState": "s"}),
        &json!({"x": {}}),
    );
    agent.send(1, "tools/call", params.clone()).await;
    let mut instance = server.modern(&json!({})).await;
    let asked = instance.message().await;
    let mut expected = params;
    expected["name"] = json!("do");
    assert_eq!(asked["params"], expected);
    let required =
        json!({"resultType": "input_required", "inputRequests": {}, "requestState": "t"});
    instance.answer(&asked["id"], &required).await;
    assert_eq!(agent.message().await["result"], required);
}
