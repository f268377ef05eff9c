//! Servers that die, and come back.

use super::*;

#[tokio::test]
async fn a_death_ends_its_calls_and_the_next_call_starts_anew() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    let one = place.server("one", &json!({"tools": [tool("do")]}));
    let two = place.server("two", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent
        .send(1, "tools/call", json!({"name": "two__do"}))
        .await;
    let (mut healthy, _) = two.legacy(&json!({})).await;
    let id = healthy.message().await["id"].clone();
    agent
        .send(2, "tools/call", json!({"name": "one__do"}))
        .await;
    let (mut instance, _) = one.legacy(&json!({})).await;
    instance.message().await;
    place
        .systemd
        .die(&one.instance(0), "oom-kill", 2, 9, 1)
        .await;
    drop(instance);
    let answer = agent.message().await;
    assert_eq!(answer["id"], 2);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("one: the server ended the connection (oom-kill, signal 9)"),
        "{message}"
    );
    healthy.answer(&id, &json!({"fine": true})).await;
    assert_eq!(agent.message().await["result"], json!({"fine": true}));

    agent
        .send(3, "tools/call", json!({"name": "one__do"}))
        .await;
    let (mut instance, _) = one.legacy(&json!({})).await;
    let id = instance.message().await["id"].clone();
    instance.answer(&id, &json!({"again": true})).await;
    assert_eq!(agent.message().await["result"], json!({"again": true}));
    // It ends while nobody uses it: nobody notices.
    drop(instance);
    tokio::time::sleep(Duration::from_millis(100)).await;
    agent
        .send(4, "tools/call", json!({"name": "one__do"}))
        .await;
    let (mut instance, _) = one.legacy(&json!({})).await;
    let id = instance.message().await["id"].clone();
    instance.answer(&id, &json!({})).await;
    assert_eq!(agent.message().await["result"], json!({}));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_with_a_next_step() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    drop(place.server("one", &json!({"tools": [tool("do")]})));
    let mut agent = place.agent(Shape::All).await;
    let answer = agent.ask(1, "tools/call", json!({"name": "one__do"})).await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("cannot connect"), "{message}");
    assert!(message.contains("hint: "), "{message}");
}

#[tokio::test]
async fn a_session_that_nobody_uses_is_closed() {
    let mut place = Place::with(&["mcpod-one.socket"]).await;
    place.settings.sessions.idle = Some(Duration::from_millis(50));
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    for id in 1..3 {
        agent
            .send(id, "tools/call", json!({"name": "one__do"}))
            .await;
        let (mut instance, _) = server.legacy(&json!({})).await;
        let call = instance.message().await["id"].clone();
        // Longer than the limit: a call on its way keeps the session.
        tokio::time::sleep(Duration::from_millis(120)).await;
        instance.answer(&call, &json!({})).await;
        assert_eq!(agent.message().await["id"], id);
        assert_eq!(instance.line_or_end().await, None);
    }
    agent
        .send(3, "resources/subscribe", json!({"uri": "mcpod+one:x"}))
        .await;
    let (mut instance, _) = server.legacy(&json!({})).await;
    let call = instance.message().await["id"].clone();
    instance.answer(&call, &json!({})).await;
    agent.message().await;
    assert!(
        timeout(Duration::from_millis(200), instance.lines.next_line())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_call_right_after_a_death_starts_the_server_again() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    let call = json!({"name": "one__do"});
    agent.send(1, "tools/call", call.clone()).await;
    let (mut instance, _) = server.legacy(&json!({})).await;
    instance.message().await;
    drop(instance);
    tokio::time::sleep(Duration::from_millis(100)).await;
    // That it died is known, and not yet how.
    agent.send(2, "tools/call", call).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    place
        .systemd
        .die(&server.instance(0), "oom-kill", 2, 9, 1)
        .await;
    let answer = agent.message().await;
    assert_eq!(answer["id"], 1);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("oom-kill"), "{message}");
    let (mut instance, _) = server.legacy(&json!({})).await;
    let id = instance.message().await["id"].clone();
    instance.answer(&id, &json!({"again": true})).await;
    let answer = agent.message().await;
    assert_eq!(
        (&answer["id"], &answer["result"]),
        (&json!(2), &json!({"again": true}))
    );
}

#[tokio::test]
async fn a_call_that_is_cancelled_while_its_server_starts_is_not_made() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    let call = json!({"name": "one__do"});
    agent.send(1, "tools/call", call.clone()).await;
    let mut starting = server.accept().await;
    let asked = starting.message().await;
    let cancelled =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    agent.speaker.say(&cancelled).await;
    agent.send(2, "tools/call", call).await;
    agent.ask(3, "ping", json!({})).await;
    let result = json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {},
        "ttlMs": 0, "cacheScope": "private"});
    starting.answer(&asked["id"], &result).await;
    let id = starting.message().await["id"].clone();
    starting.answer(&id, &json!({"made": "once"})).await;
    let answer = agent.message().await;
    assert_eq!(answer["id"], 2);
    assert_eq!(answer["result"]["made"], "once");
}

#[tokio::test]
async fn a_server_that_says_much_before_it_is_open_is_opened_and_heard() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    let call = json!({"name": "one__do"});
    agent.send(1, "tools/call", call).await;
    let mut starting = server.accept().await;
    let asked = starting.message().await;
    for number in 0..300 {
        starting
            .say(&json!({"jsonrpc": "2.0", "method": "notifications/x", "params": {"number": number}}))
            .await;
    }
    let result = json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {},
        "ttlMs": 0, "cacheScope": "private"});
    starting.answer(&asked["id"], &result).await;
    let id = starting.message().await["id"].clone();
    starting.answer(&id, &json!({})).await;
    for number in 0..300 {
        assert_eq!(agent.message().await["params"]["number"], number);
    }
    assert_eq!(agent.message().await["id"], 1);
}

#[tokio::test]
async fn a_server_is_told_what_to_log_before_its_first_call() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    let level = json!({"level": "debug"});
    agent.ask(1, "logging/setLevel", level.clone()).await;
    let call = json!({"name": "one__do"});
    agent.send(2, "tools/call", call).await;
    let (mut instance, _) = server.legacy(&json!({"logging": {}})).await;
    let told = instance.message().await;
    assert_eq!(
        (&told["method"], &told["params"]),
        (&json!("logging/setLevel"), &level)
    );
    assert_eq!(instance.message().await["method"], "tools/call");
}

#[tokio::test]
async fn the_instance_of_a_server_that_does_not_read_is_stopped_when_the_agent_goes() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    let more_than_it_takes = "x".repeat(4 << 20);
    let call = json!({"name": "one__do", "arguments": {"text": more_than_it_takes}});
    agent.send(1, "tools/call", call).await;
    let _deaf = server.legacy(&json!({})).await;
    place.systemd.has(&server.instance(0));
    agent.stop.send(()).unwrap();
    agent.serving.await.unwrap().unwrap();
    let stopped = format!("StopUnit {} replace", server.instance(0));
    let calls = place.systemd.calls();
    assert!(calls.contains(&stopped), "{calls:?}");
}
