//! Tasks of 2025-11-25.

use super::*;

/// Makes a server active, which has begun a task, and gives what the agent was told of it.
async fn begun(place: &Place, agent: &mut Client, name: &str, params: Value) -> (Instance, Value) {
    let server = place.server(name, &json!({"tools": [tool("do")]}));
    place.systemd.manager_signal("Reloading", &(false,)).await;
    assert_eq!(
        agent.message().await["method"],
        "notifications/tools/list_changed"
    );
    let mut call = params;
    call["name"] = json!(format!("{name}__do"));
    agent.send(2, "tools/call", call).await;
    let (mut instance, _) = server.legacy(&json!({})).await;
    let call = instance.message().await;
    let task = json!({"taskId": "t", "status": "working", "token": call["params"]["_meta"]["progressToken"]});
    instance.answer(&call["id"], &json!({"task": task})).await;
    let told = agent.message().await["result"]["task"].clone();
    (instance, told)
}

#[tokio::test]
async fn tasks_are_known_by_their_servers_and_listed_together() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    assert_eq!(
        agent.ask(1, "tasks/list", json!({})).await["result"],
        json!({"tasks": []})
    );
    let mut instances = Vec::new();
    for name in ["one", "two"] {
        let params = json!({"task": {"ttl": 1000}});
        let (instance, told) = begun(&place, &mut agent, name, params).await;
        // Both servers chose the same id.
        assert_eq!(told["taskId"], format!("{name}:t"));
        instances.push((name, instance));
    }
    let related = |id: &str| json!({"io.modelcontextprotocol/related-task": {"taskId": id}});
    for (name, instance) in &mut instances {
        let shown = format!("{name}:t");
        for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
            agent
                .send(3, method, json!({"taskId": shown, "x": 1}))
                .await;
            let asked = instance.message().await;
            assert_eq!(
                (&asked["method"], &asked["params"]),
                (&json!(method), &json!({"taskId": "t", "x": 1}))
            );
            let result = json!({"taskId": "t", "status": "working", "_meta": related("t")});
            instance.answer(&asked["id"], &result).await;
            // The result of a task is the tool's own, whatever it calls its fields.
            let own = if method == "tasks/result" {
                "t"
            } else {
                &shown
            };
            assert_eq!(
                agent.message().await["result"],
                json!({"taskId": own, "status": "working", "_meta": related(&shown)})
            );
        }
        let status = json!({"jsonrpc": "2.0", "method": "notifications/tasks/status",
            "params": {"taskId": "t", "status": "completed"}});
        instance.say(&status).await;
        assert_eq!(agent.message().await["params"]["taskId"], shown);
        let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "future/question", "params": {"_meta": related("t")}});
        instance.say(&ping).await;
        let question = agent.message().await;
        assert_eq!(question["params"]["_meta"], related(&shown));
        let result = json!({"_meta": related(&shown)});
        agent.speaker.answer(&question["id"], &result).await;
        assert_eq!(instance.message().await["result"]["_meta"], related("t"));
    }
    agent.send(4, "tasks/list", json!({})).await;
    for (_, instance) in &mut instances {
        for (cursor, result) in [
            (
                Value::Null,
                json!({"tasks": [{"taskId": "t", "ttl": 1.0}], "nextCursor": "c"}),
            ),
            (json!("c"), json!({"tasks": [{"taskId": "a:b"}]})),
        ] {
            let asked = instance.message().await;
            assert_eq!(asked["method"], "tasks/list");
            assert_eq!(asked["params"]["cursor"], cursor);
            instance.answer(&asked["id"], &result).await;
        }
    }
    let listed = agent.message().await;
    let tasks: Vec<&str> = listed["result"]["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["taskId"].as_str().unwrap())
        .collect();
    assert_eq!(tasks, ["one:t", "one:a:b", "two:t", "two:a:b"]);
    // The tasks of a session are no more when that is over, and no server is started to say so.
    drop(instances);
    assert_eq!(
        agent.ask(6, "tasks/list", json!({})).await["result"],
        json!({"tasks": []})
    );
    for lost in ["t", "three:t", "One:t", ":t"] {
        let answer = agent.ask(5, "tasks/get", json!({"taskId": lost})).await;
        assert_eq!(answer["error"]["code"], -32602, "{lost}");
    }
}

#[tokio::test]
async fn progress_of_a_task_is_told_until_it_is_over_and_of_nothing_else() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    let params = json!({"task": {}, "_meta": {"progressToken": "mine"}});
    let (mut instance, told) = begun(&place, &mut agent, "one", params).await;
    let progress = |token: &Value| json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": 1}});
    let token = told["token"].clone();
    for token in [&json!("mine"), &json!(4711), &token] {
        instance.say(&progress(token)).await;
    }
    assert_eq!(agent.message().await, progress(&json!("mine")));
    agent.send(3, "tasks/get", json!({"taskId": "one:t"})).await;
    let asked = instance.message().await;
    let over = json!({"taskId": "t", "status": "completed"});
    instance.answer(&asked["id"], &over).await;
    instance.say(&progress(&token)).await;
    instance
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/last"}))
        .await;
    assert_eq!(agent.message().await["id"], 3);
    assert_eq!(agent.message().await["method"], "notifications/last");
}

#[tokio::test]
async fn a_session_is_kept_for_a_task_until_it_is_over() {
    let mut place = Place::with(&["mcpod-one.socket"]).await;
    place.settings.sessions.idle = Some(Duration::from_millis(50));
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    let (mut instance, _) = begun(&place, &mut agent, "one", json!({"task": {}})).await;
    let kept = timeout(Duration::from_millis(200), instance.lines.next_line()).await;
    assert!(kept.is_err(), "{kept:?}");
    let status = json!({"jsonrpc": "2.0", "method": "notifications/tasks/status",
        "params": {"taskId": "t", "status": "failed"}});
    instance.say(&status).await;
    agent.message().await;
    assert_eq!(instance.line_or_end().await, None);
}

#[tokio::test]
async fn one_server_alone_has_its_own_ids() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::Server("one".parse().unwrap())).await;
    agent.send(1, "tasks/get", json!({"taskId": "one:t"})).await;
    let (mut instance, _) = server.legacy(&json!({})).await;
    let asked = instance.message().await;
    assert_eq!(asked["params"]["taskId"], "one:t");
    let task = json!({"taskId": "one:t"});
    instance.answer(&asked["id"], &task).await;
    assert_eq!(agent.message().await["result"], task);
}

/// What a modern agent says with each request, with the extension.
fn with_tasks(params: Value) -> Value {
    modern(
        params,
        &json!({"extensions": {"io.modelcontextprotocol/tasks": {}}}),
    )
}

#[tokio::test]
async fn a_newer_agent_subscribes_to_a_task() {
    const TAG: &str = "io.modelcontextprotocol/subscriptionId";
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    let call = with_tasks(json!({"name": "one__do"}));
    agent.send(1, "tools/call", call).await;
    let mut instance = server.modern(&json!({"tools": {}})).await;
    let asked = instance.message_but_lists(&[tool("do")]).await;
    let task = json!({"resultType": "task", "taskId": "t", "status": "working"});
    instance.answer(&asked["id"], &task).await;
    assert_eq!(agent.message().await["result"]["taskId"], "one:t");

    let wanted = json!({"notifications": {"taskIds": ["one:t", "gone:t"]}});
    // Declared otherwise: it is the same task in the same session all the same.
    agent
        .send(2, "subscriptions/listen", modern(wanted, &json!({})))
        .await;
    assert_eq!(
        agent.message().await["params"],
        json!({"_meta": {TAG: 2}, "notifications": {"taskIds": ["one:t"]}})
    );
    let listen = timeout(LONG, async {
        loop {
            let asked = instance.message().await;
            if asked["params"]["notifications"]["taskIds"].is_array() {
                return asked;
            }
        }
    });
    let listen = listen.await.expect("the server is asked");
    assert_eq!(listen["params"]["notifications"], json!({"taskIds": ["t"]}));
    let told = json!({"jsonrpc": "2.0", "method": "notifications/tasks",
        "params": {"taskId": "t", "status": "completed", "_meta": {TAG: listen["id"]}}});
    instance.say(&told).await;
    let mut shown = told.clone();
    shown["params"]["taskId"] = json!("one:t");
    shown["params"]["_meta"] = json!({TAG: 2});
    assert_eq!(agent.message().await, shown);

    agent
        .speaker
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}))
        .await;
    let cancelled = instance.message_but_lists(&[tool("do")]).await;
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"], listen["id"]);
    // What the modern era has not is not asked of anybody.
    for method in ["tasks/list", "tasks/result"] {
        let answer = agent
            .ask(3, method, with_tasks(json!({"taskId": "one:t"})))
            .await;
        assert_eq!(answer["error"]["code"], -32601, "{method}");
    }
}
