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
