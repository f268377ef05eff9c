//! What one side says and the other must not hear so, and what is refused rather than guessed at.

use super::*;

/// A server with one tool, and an agent.
async fn one() -> (Place, Server, Client) {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let lists = json!({"tools": [tool("do")], "prompts": [{"name": "p"}]});
    let server = place.server("one", &lists);
    let agent = place.agent(Shape::All).await;
    (place, server, agent)
}

#[tokio::test]
async fn a_visit_that_an_older_server_requires_is_input_for_a_newer_agent() {
    let (_place, server, mut agent) = one().await;
    let able = json!({"elicitation": {"url": {}}});
    let params = modern(json!({"name": "one__do", "arguments": {"a": 1}}), &able);
    agent.send(1, "tools/call", params.clone()).await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    let call = instance.message_but_lists(&[tool("do")]).await;
    let visit = json!({"mode": "url", "elicitationId": "e", "url": "https://x/", "message": "go"});
    let error = json!({"code": -32042, "message": "m", "data": {"elicitations": [visit]}});
    instance
        .say(&json!({"jsonrpc": "2.0", "id": call["id"], "error": error}))
        .await;
    let asked = agent.message().await["result"].clone();
    let question = json!({"method": "elicitation/create",
        "params": {"mode": "url", "url": "https://x/", "message": "one: go"}});
    assert_eq!(
        asked,
        json!({"resultType": "input_required", "inputRequests": {"mcpod-visit-0": question}})
    );
    let mut again = params;
    again["inputResponses"] = json!({"mcpod-visit-0": {"action": "decline"}});
    let declined = agent.ask(2, "tools/call", again.clone()).await;
    assert_eq!(declined["error"]["code"], -32602);
    again["inputResponses"] = json!({"mcpod-visit-0": {"action": "accept"}});
    agent.send(3, "tools/call", again).await;
    let made = instance.message_but_lists(&[tool("do")]).await;
    assert_eq!(
        made["params"],
        json!({"name": "do", "arguments": {"a": 1}, "_meta": {}})
    );
    instance.answer(&made["id"], &json!({"content": []})).await;
    assert_eq!(agent.message().await["id"], 3);
}

#[tokio::test]
async fn a_newer_agent_gets_log_messages_of_an_older_server_only_for_a_request_that_wants_them() {
    let (_place, server, mut agent) = one().await;
    let log = |data: &str| json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": data}});
    let quiet = modern(json!({"name": "one__do"}), &json!({}));
    agent.send(1, "tools/call", quiet.clone()).await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    let first = instance.message_but_lists(&[tool("do")]).await;
    instance.say(&log("unwanted")).await;
    instance.answer(&first["id"], &json!({})).await;
    assert_eq!(agent.message().await["id"], 1);
    let mut loud = quiet;
    loud["_meta"]["io.modelcontextprotocol/logLevel"] = json!("info");
    agent.send(2, "tools/call", loud).await;
    let second = instance.message_but_lists(&[tool("do")]).await;
    instance.say(&log("wanted")).await;
    instance.answer(&second["id"], &json!({})).await;
    assert_eq!(agent.message().await, log("wanted"));
    assert_eq!(agent.message().await["id"], 2);
}

#[tokio::test]
async fn what_mcpods_own_tools_cannot_read_is_refused() {
    let (_place, _server, mut agent) = one().await;
    agent.initialize(json!({})).await;
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for argument in [r#""\ud83d""#, "1e400", &deep] {
        agent
            .speaker
            .write(&format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"registry-find","arguments":{{"query":{argument}}}}}}}"#
            ))
            .await;
        let refused = agent.message().await;
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
}

#[tokio::test]
async fn what_a_request_must_say_is_asked_for() {
    let (_place, _server, mut agent) = one().await;
    let mut silent = modern(json!({}), &json!({}));
    silent["_meta"]
        .as_object_mut()
        .unwrap()
        .remove("io.modelcontextprotocol/clientCapabilities");
    let refused = agent.ask(1, "tools/list", silent).await;
    assert_eq!(refused["error"]["code"], -32602);
    for level in [json!("loud"), json!(7), Value::Null] {
        let refused = agent
            .ask(2, "logging/setLevel", json!({"level": level}))
            .await;
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
    let set = json!({"level": "emergency"});
    assert_eq!(
        agent.ask(3, "logging/setLevel", set).await["result"],
        json!({})
    );
    let nowhere = json!({"uri": "nowhere://x"});
    let older = agent.ask(4, "resources/read", nowhere.clone()).await;
    assert_eq!(older["error"]["code"], -32002);
    let newer = agent
        .ask(5, "resources/read", modern(nowhere, &json!({})))
        .await;
    assert_eq!(newer["error"]["code"], -32602);
}

#[tokio::test]
async fn whoever_cannot_be_answered_by_id_is_answered_without() {
    let (_place, _server, mut agent) = one().await;
    for refused in [
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        "[]",
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
    ] {
        agent.speaker.write(refused).await;
        let answer = agent.message().await;
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&Value::Null, &json!(-32600)),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_question_that_hides_who_asks_is_refused() {
    let (_place, server, mut agent) = one().await;
    agent.initialize(json!({"elicitation": {}})).await;
    agent
        .send(1, "tools/call", json!({"name": "one__do"}))
        .await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    let call = instance.message_but_lists(&[tool("do")]).await;
    instance
        .write(r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"a","message":"mcpod: b"}}"#)
        .await;
    let refused = instance.message_but_lists(&[tool("do")]).await;
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!(7), &json!(-32602))
    );
    instance.answer(&call["id"], &json!({})).await;
    // Lists may have been read anew meanwhile, and be told of.
    while agent.message().await["id"] != 1 {}
}

#[tokio::test]
async fn a_question_that_is_taken_back_while_the_agent_is_away_is_not_answered() {
    let (_place, server, mut agent) = one().await;
    let params = modern(json!({"name": "one__do"}), &json!({"roots": {}}));
    agent.send(1, "tools/call", params.clone()).await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    let call = instance.message_but_lists(&[tool("do")]).await;
    instance
        .say(&json!({"jsonrpc": "2.0", "id": 7, "method": "roots/list"}))
        .await;
    let state = agent.message().await["result"]["requestState"].clone();
    instance
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}))
        .await;
    // What is answered behind it tells that it was heard.
    instance.answer(&call["id"], &json!({"done": true})).await;
    agent
        .send(
            2,
            "tools/call",
            modern(json!({"name": "one__do"}), &json!({"roots": {}})),
        )
        .await;
    let other = instance.message_but_lists(&[tool("do")]).await;
    instance.answer(&other["id"], &json!({})).await;
    assert_eq!(agent.message().await["id"], 2);
    let mut again = params;
    again["requestState"] = state;
    again["inputResponses"] = json!({"question": {"roots": []}});
    let answer = agent.ask(3, "tools/call", again).await;
    assert_eq!(answer["result"]["done"], true);
    agent
        .send(
            4,
            "tools/call",
            modern(json!({"name": "one__do"}), &json!({"roots": {}})),
        )
        .await;
    assert_eq!(
        instance.message_but_lists(&[tool("do")]).await["method"],
        "tools/call"
    );
}

#[tokio::test]
async fn what_cannot_be_answered_with_a_question_gets_none() {
    let (_place, server, mut agent) = one().await;
    let reference = json!({"ref": {"type": "ref/prompt", "name": "one__p"}, "argument": {"name": "a", "value": ""}});
    let params = modern(reference, &json!({"roots": {}}));
    agent.send(1, "completion/complete", params).await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    let asked = instance.message_but_lists(&[tool("do")]).await;
    instance
        .say(&json!({"jsonrpc": "2.0", "id": 7, "method": "roots/list"}))
        .await;
    let refused = instance.message_but_lists(&[tool("do")]).await;
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!(7), &json!(-32600))
    );
    instance.answer(&asked["id"], &json!({})).await;
    assert_eq!(agent.message().await["result"]["resultType"], "complete");
}

#[tokio::test]
async fn a_subscription_ends_with_its_result() {
    let (_place, _server, mut agent) = one().await;
    let wanted = modern(
        json!({"notifications": {"toolsListChanged": true}}),
        &json!({}),
    );
    agent.send(5, "subscriptions/listen", wanted).await;
    agent.message().await;
    agent.speaker.write.shutdown().await.unwrap();
    let ended = agent.message().await;
    assert_eq!(
        (&ended["id"], &ended["result"]["resultType"]),
        (&json!(5), &json!("complete"))
    );
}
