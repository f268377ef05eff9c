//! What an agent is shown, before any server is started.

use super::*;

#[tokio::test]
async fn lists_come_from_the_cache() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    let one = json!({"tools": [tool("b"), tool("a")], "prompts": [{"name": "p", "x": 1}]});
    let one = place.server("one", &one);
    place.server(
        "two",
        &json!({"resources": [{"uri": "file:///x"}], "templates": [{"uriTemplate": "t://{x}"}]}),
    );
    let mut agent = place.agent(Shape::All).await;
    let said = agent.initialize(json!({})).await;
    assert_eq!(said["protocolVersion"], "2025-11-25");
    assert_eq!(said["capabilities"]["tools"], json!({"listChanged": true}));
    let tools = agent.ask(1, "tools/list", json!({})).await;
    let names: Vec<&str> = tools["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .filter(|name| name.contains("__"))
        .collect();
    assert_eq!(names, ["one__a", "one__b"]);
    let prompts = agent.ask(2, "prompts/list", Value::Null).await;
    assert_eq!(
        prompts["result"],
        json!({"prompts": [{"name": "one__p", "x": 1}]})
    );
    let resources = agent.ask(3, "resources/list", json!({})).await;
    assert_eq!(
        resources["result"],
        json!({"resources": [{"uri": "file:///x"}]})
    );
    let templates = agent.ask(4, "resources/templates/list", json!({})).await;
    assert_eq!(
        templates["result"],
        json!({"resourceTemplates": [{"uriTemplate": "t://{x}"}]})
    );
    assert_eq!(agent.ask(5, "ping", json!({})).await["result"], json!({}));
    let bad = agent.ask(6, "tools/list", json!({"cursor": "?"})).await;
    assert_eq!(bad["error"]["code"], -32602);
    assert!(
        timeout(Duration::from_millis(50), one.listener.accept())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_modern_era_is_answered_in_its_way() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    place.server("one", &json!({"tools": [tool("a")]}));
    let mut agent = place.agent(Shape::All).await;
    let said = agent
        .ask(1, "server/discover", modern(json!({}), &json!({})))
        .await;
    assert_eq!(said["result"]["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(said["result"]["resultType"], "complete");
    let tools = agent
        .ask(2, "tools/list", modern(json!({}), &json!({})))
        .await;
    assert_eq!(tools["result"]["resultType"], "complete");
    assert_eq!(tools["result"]["cacheScope"], "private");
    let mut params = modern(json!({}), &json!({}));
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2031-01-01");
    let error = agent.ask(3, "tools/list", params).await["error"].clone();
    assert_eq!(error["code"], -32022);
    assert_eq!(
        error["data"],
        json!({"supported": ["2026-07-28"], "requested": "2031-01-01"})
    );
}

#[tokio::test]
async fn one_server_alone_is_itself() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    let words = json!({"protocolVersion": "2024-11-05", "capabilities": {"tools": {}, "x": {}},
        "serverInfo": {"name": "One", "version": "9"}, "instructions": "i"});
    let server = place.server(
        "one",
        &json!({"server": words, "tools": [tool("a.b"), tool("registry-exec")]}),
    );
    place.server("two", &json!({"tools": [tool("a")]}));
    let mut agent = place.agent(Shape::Server("one".parse().unwrap())).await;
    let said = agent.initialize(json!({})).await;
    let mut expected = words.clone();
    expected["protocolVersion"] = json!("2025-11-25");
    assert_eq!(said, expected);
    let tools = agent.ask(1, "tools/list", json!({})).await;
    assert_eq!(
        tools["result"],
        json!({"tools": [tool("a.b"), tool("registry-exec")]})
    );
    let asked = r#"{"jsonrpc":"2.0","id":5,"method":"anything","params":[1.0]}"#;
    agent.speaker.write(asked).await;
    let (mut instance, _) = server.legacy(&json!({})).await;
    let (passed, id) = instance.line_with_id().await;
    assert_eq!(passed, asked.replace("\"id\":5", &format!("\"id\":{id}")));
}

#[tokio::test]
async fn a_server_that_never_was_asked_is_asked_first() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({}));
    std::fs::remove_file(place.path("cache/mcpod/lists/one.json")).unwrap();
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    agent.send(1, "tools/list", json!({})).await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    let asked = instance.message().await;
    assert_eq!(asked["method"], "tools/list");
    instance
        .answer(&asked["id"], &json!({"tools": [tool("new")]}))
        .await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let message = agent.message().await;
        if message["id"] == 1 {
            seen.push("answer");
            let tools = message["result"]["tools"].as_array().unwrap().clone();
            assert!(
                tools.iter().any(|tool| tool["name"] == "one__new"),
                "{tools:?}"
            );
        } else {
            assert_eq!(message["method"], "notifications/tools/list_changed");
            seen.push("change");
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["answer", "change"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let place = Place::with(&[]).await;
    let mut agent = place.agent(Shape::All).await;
    agent.speaker.write("no message").await;
    agent
        .speaker
        .write(r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#)
        .await;
    let answer = agent.message().await;
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(1), &json!(-32600))
    );
    agent.speaker.write(r#"[{"jsonrpc":"2.0","id":2,"method":"ping"},{"jsonrpc":"2.0","id":3,"method":"ping"}]"#).await;
    assert_eq!(agent.message().await["id"], 2);
    assert_eq!(agent.message().await["id"], 3);
}

#[tokio::test]
async fn it_leaves_when_the_agent_does() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent
        .send(1, "tools/call", json!({"name": "one__do"}))
        .await;
    let (mut instance, _) = server.legacy(&json!({})).await;
    instance.message().await;
    let Client {
        mut speaker,
        serving,
        stop: _stop,
    } = agent;
    speaker.write.shutdown().await.unwrap();
    timeout(Duration::from_secs(3), serving)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    // The request was given the time it has, then cancelled by the end of the connection.
    while let Some(line) = instance.line_or_end().await {
        assert!(line.contains("notifications/cancelled"), "{line}");
    }
}

#[tokio::test]
async fn it_leaves_at_once_where_nothing_is_under_way() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent
        .send(1, "tools/call", json!({"name": "one__do"}))
        .await;
    let (mut instance, _) = server.legacy(&json!({})).await;
    let id = instance.message().await["id"].clone();
    instance.answer(&id, &json!({})).await;
    agent.message().await;
    let Client {
        mut speaker,
        serving,
        stop: _stop,
    } = agent;
    let begun = std::time::Instant::now();
    speaker.write.shutdown().await.unwrap();
    let ended = timeout(Duration::from_secs(3), serving).await;
    ended.unwrap().unwrap().unwrap();
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(250), "{took:?}");
}
