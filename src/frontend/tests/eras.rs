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
        question
            .contains(r#""method":"elicitation/create","params":{"message":"one: name","x":1.0}"#),
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
            r#"{{"question":{{"method":"elicitation/create","params":{{"message":"one: {asked}","x":1.0}}}}}}"#
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
    // A state is good once; the server must not do again what it did.
    let refused = agent.ask(4, "tools/call", again).await;
    assert_eq!(refused["error"]["code"], -32602);
    let ended = timeout(Duration::from_millis(100), instance.message()).await;
    assert!(ended.is_err(), "{ended:?}");
}

#[tokio::test]
async fn a_newer_agent_that_comes_back_to_a_dead_server_is_told() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    let params = modern(json!({"name": "one__do"}), &json!({"roots": {}}));
    agent.send(1, "tools/call", params.clone()).await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    instance.message_but_lists(&[tool("do")]).await;
    instance
        .say(&json!({"jsonrpc": "2.0", "id": 7, "method": "roots/list"}))
        .await;
    let state = agent.message().await["result"]["requestState"].clone();
    place
        .systemd
        .die(&server.instance(0), "exit-code", 1, 3, 1)
        .await;
    drop(instance);
    let mut again = params;
    again["requestState"] = state;
    again["inputResponses"] = json!({"question": {"roots": []}});
    let told = agent.ask(2, "tools/call", again).await;
    let message = told["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("one") || message.contains("gone"),
        "{message}"
    );
}

/// A server of the modern era that was called and asks for input, and the call.
async fn asking(place: &Place, agent: &mut Client) -> (Instance, Value) {
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    place.systemd.manager_signal("Reloading", &(false,)).await;
    agent.initialize(json!({"roots": {}})).await;
    agent.message().await;
    agent
        .send(1, "tools/call", json!({"name": "one__do"}))
        .await;
    let mut instance = server.modern(&json!({"tools": {}})).await;
    let call = instance.message_but_lists(&[tool("do")]).await;
    (instance, call)
}

#[tokio::test]
async fn a_call_that_is_cancelled_while_it_waits_for_input_is_not_made_again() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let mut agent = place.agent(Shape::All).await;
    let (mut instance, call) = asking(&place, &mut agent).await;
    let required =
        json!({"resultType": "input_required", "inputRequests": {"q": {"method": "roots/list"}}});
    instance.answer(&call["id"], &required).await;
    let question = agent.message().await;
    assert_eq!(question["method"], "roots/list");
    let cancelled =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    agent.speaker.say(&cancelled).await;
    let taken_back = agent.message().await;
    assert_eq!(taken_back["method"], "notifications/cancelled");
    assert_eq!(taken_back["params"]["requestId"], question["id"]);
    let late = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": []}});
    agent.speaker.say(&late).await;
    agent
        .send(
            2,
            "tools/call",
            json!({"name": "one__do", "arguments": {"second": true}}),
        )
        .await;
    let next = instance.message_but_lists(&[tool("do")]).await;
    assert_eq!(next["params"]["arguments"], json!({"second": true}));
}

#[tokio::test]
async fn a_server_that_asks_without_end_is_an_error() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let mut agent = place.agent(Shape::All).await;
    let (mut instance, mut call) = asking(&place, &mut agent).await;
    for _ in 0..16 {
        let required = json!({"resultType": "input_required", "requestState": "s"});
        instance.answer(&call["id"], &required).await;
        call = instance.message_but_lists(&[tool("do")]).await;
    }
    let required = json!({"resultType": "input_required", "requestState": "s"});
    instance.answer(&call["id"], &required).await;
    let told = agent.message().await;
    assert_eq!(told["id"], 1);
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains("again and again"), "{message}");
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
    let mut required = json!({"resultType": "input_required", "requestState": "t", "inputRequests": {
        "a": {"method": "elicitation/create", "params": {"message": "name?", "x": 1}},
        "b": {"method": "sampling/createMessage", "params": {"message": "no"}}}});
    instance.answer(&asked["id"], &required).await;
    // Who asks the user is told.
    required["inputRequests"]["a"]["params"]["message"] = json!("one: name?");
    assert_eq!(agent.message().await["result"], required);
}

#[tokio::test]
async fn a_newer_agent_says_in_its_requests_what_an_older_server_logs() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    let call = |level: &str| {
        let mut params = modern(json!({"name": "one__do"}), &json!({}));
        params["_meta"]["io.modelcontextprotocol/logLevel"] = json!(level);
        params
    };
    agent.send(1, "tools/call", call("info")).await;
    let (mut instance, _) = server.legacy(&json!({"logging": {}})).await;
    for (id, level, told) in [(1, "info", true), (2, "info", false), (3, "error", true)] {
        if id > 1 {
            agent.send(id, "tools/call", call(level)).await;
        }
        if told {
            let asked = instance.message().await;
            assert_eq!(asked["method"], "logging/setLevel");
            assert_eq!(asked["params"], json!({"level": level}));
            instance.answer(&asked["id"], &json!({})).await;
        }
        let asked = instance.message().await;
        assert_eq!(asked["method"], "tools/call");
        instance.answer(&asked["id"], &json!({})).await;
        assert_eq!(agent.message().await["id"], id);
    }
}

#[tokio::test]
async fn initialize_is_answered_before_the_servers_are_known_and_all_else_after() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let words = json!({"protocolVersion": "2025-11-25", "capabilities": {"tasks": {"list": {}}},
        "serverInfo": {"name": "one", "version": "1"}});
    let _server = place.server(
        "one",
        &json!({"server": words, "tools": [{"name": "do", "inputSchema": {}}]}),
    );
    let (known, until_known) = oneshot::channel::<()>();
    let orchestrator = place.orchestrator();
    let mut agent = Client::at_once(orchestrator, Shape::All, until_known);
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": {"roots": {}},
        "clientInfo": {"name": "t", "version": "1"}});
    let answer = agent.ask(1, "initialize", params).await;
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
    let capabilities = &answer["result"]["capabilities"];
    assert_eq!(capabilities["tasks"], json!({"list": {}}));
    assert_eq!(capabilities["tools"], json!({"listChanged": true}));
    agent.send(2, "tools/list", json!({})).await;
    known.send(()).unwrap();
    let answer = agent.speaker.message().await;
    assert_eq!(answer["id"], 2, "nothing is said before: {answer}");
    let tools = answer["result"]["tools"].as_array().unwrap();
    assert!(
        tools.iter().any(|tool| tool["name"] == "one__do"),
        "{answer}"
    );
}

#[tokio::test]
async fn what_is_said_first_and_is_no_initialize_waits_for_the_start() {
    let place = Place::with(&[]).await;
    for first in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string(),
        "no message at all\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}".to_owned(),
    ] {
        let (known, until_known) = oneshot::channel::<()>();
        let mut agent = Client::at_once(place.orchestrator(), Shape::Lazy, until_known);
        agent.speaker.write(&first).await;
        known.send(()).unwrap();
        assert_eq!(agent.speaker.message().await["result"], json!({}));
    }
}

#[tokio::test]
async fn who_is_told_to_stop_does_not_wait_for_a_start_that_never_ends() {
    let place = Place::with(&[]).await;
    for greets in [true, false] {
        let (_known, until_known) = oneshot::channel::<()>();
        let mut agent = Client::at_once(place.orchestrator(), Shape::All, until_known);
        if greets {
            agent.initialize(json!({})).await;
        }
        drop(agent.stop);
        let ended = timeout(LONG, agent.serving).await;
        ended.expect("it stops").unwrap().unwrap();
    }
}
