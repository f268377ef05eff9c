//! Resources that an agent subscribes to, whichever era it and the server speak.

use super::*;

const TAG: &str = "io.modelcontextprotocol/subscriptionId";

async fn place() -> (Place, Server) {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    let lists = json!({"resources": [{"uri": "file:///a", "name": "a"}]});
    let server = place.server("one", &lists);
    place.server(
        "two",
        &json!({"resources": [{"uri": "x://b", "name": "b"}]}),
    );
    (place, server)
}

fn updated(uri: &str) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri, "title": 1.5}})
}

#[tokio::test]
async fn an_older_agent_subscribes_at_a_newer_server() {
    let (place, server) = place().await;
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    let uri = json!({"uri": "file:///a"});
    agent.send(1, "resources/subscribe", uri.clone()).await;
    let mut instance = server.modern(&json!({})).await;
    let listen = instance.message().await;
    assert_eq!(listen["method"], "subscriptions/listen");
    assert_eq!(
        listen["params"]["notifications"],
        json!({"resourceSubscriptions": ["file:///a"]})
    );
    let answer = agent.message().await;
    assert_eq!((&answer["id"], &answer["result"]), (&json!(1), &json!({})));
    let mut told = updated("file:///a");
    told["params"]["_meta"] = json!({TAG: listen["id"]});
    instance.say(&told).await;
    let heard = agent.message().await;
    assert_eq!(heard["params"]["uri"], "file:///a");
    assert_eq!(heard["params"]["title"], 1.5);
    assert_eq!(heard["params"]["_meta"][TAG], Value::Null);
    assert_eq!(
        agent.ask(2, "resources/unsubscribe", uri).await["result"],
        json!({})
    );
    let cancelled = instance.message().await;
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"], listen["id"]);
}

#[tokio::test]
async fn a_newer_agent_subscribes_at_an_older_server() {
    let (place, server) = place().await;
    let mut agent = place.agent(Shape::All).await;
    let wanted = json!({"notifications": {"resourceSubscriptions": ["file:///a", "file:///none"]}});
    agent
        .send(5, "subscriptions/listen", modern(wanted, &json!({})))
        .await;
    let said = agent.message().await;
    assert_eq!(said["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(
        said["params"],
        json!({"_meta": {TAG: 5}, "notifications": {"resourceSubscriptions": ["file:///a"]}})
    );
    let (mut instance, _) = server.legacy(&json!({})).await;
    let subscribe = instance.message().await;
    assert_eq!(subscribe["method"], "resources/subscribe");
    assert_eq!(subscribe["params"], json!({"uri": "file:///a"}));
    instance.answer(&subscribe["id"], &json!({})).await;
    // Of a part of the resource, and of another one, which nobody asked for.
    for uri in ["file:///other", "file:///a/part"] {
        instance.say(&updated(uri)).await;
    }
    let mut expected = updated("file:///a/part");
    expected["params"]["_meta"] = json!({TAG: 5});
    assert_eq!(agent.message().await, expected);

    // The server dies in a call; with the next one it is asked again.
    let read = modern(json!({"uri": "file:///a"}), &json!({}));
    agent.send(6, "resources/read", read.clone()).await;
    assert_eq!(instance.message().await["method"], "resources/read");
    place
        .systemd
        .die(&server.instance(0), "exit-code", 1, 3, 1)
        .await;
    drop(instance);
    assert!(agent.message().await["error"].is_object());
    agent.send(7, "resources/read", read).await;
    let (mut instance, _) = server.legacy(&json!({})).await;
    let mut asked = [instance.message().await, instance.message().await];
    asked.sort_by_key(|asked| asked["method"].to_string());
    assert_eq!(asked[0]["method"], "resources/read");
    assert_eq!(asked[1]["method"], "resources/subscribe");
    instance
        .answer(&asked[0]["id"], &json!({"contents": []}))
        .await;
    assert_eq!(agent.message().await["id"], 7);

    agent
        .speaker
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}))
        .await;
    let unsubscribe = instance.message().await;
    assert_eq!(unsubscribe["method"], "resources/unsubscribe");
    assert_eq!(unsubscribe["params"], json!({"uri": "file:///a"}));
    instance.say(&updated("file:///a")).await;
    assert!(
        timeout(Duration::from_millis(200), agent.message())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_newer_era_bears_each_sides_own_subscription() {
    let (place, server) = place().await;
    let mut agent = place.agent(Shape::All).await;
    for id in [5, 6] {
        let wanted = json!({"notifications": {"resourceSubscriptions": ["file:///a"]}});
        agent
            .send(id, "subscriptions/listen", modern(wanted, &json!({})))
            .await;
        assert_eq!(agent.message().await["params"]["_meta"][TAG], id);
    }
    let mut instance = server.modern(&json!({})).await;
    let listen = instance.message().await;
    let mut told = updated("file:///a");
    told["params"]["_meta"] = json!({TAG: listen["id"], "x": 1});
    instance.say(&told).await;
    for id in [5, 6] {
        let heard = agent.message().await;
        assert_eq!(heard["params"]["_meta"], json!({TAG: id, "x": 1}));
    }
}

#[tokio::test]
async fn what_is_watched_is_watched_on_when_its_server_dies() {
    let (place, server) = place().await;
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    let uri = json!({"uri": "file:///a"});
    agent.send(1, "resources/subscribe", uri.clone()).await;
    let (mut instance, _) = server.legacy(&json!({})).await;
    let subscribe = instance.message().await;
    instance.answer(&subscribe["id"], &json!({})).await;
    assert_eq!(agent.message().await["id"], 1);
    for _ in 0..3 {
        // Nobody asks anything.
        drop(instance);
        (instance, _) = server.legacy(&json!({})).await;
        let subscribe = instance.message().await;
        assert_eq!(subscribe["method"], "resources/subscribe");
        assert_eq!(subscribe["params"], uri);
        instance.answer(&subscribe["id"], &json!({})).await;
    }
    instance.say(&updated("file:///a")).await;
    assert_eq!(
        agent.message().await["method"],
        "notifications/resources/updated"
    );
    agent.send(2, "resources/unsubscribe", uri).await;
    let unsubscribe = instance.message().await;
    assert_eq!(unsubscribe["method"], "resources/unsubscribe");
    instance.answer(&unsubscribe["id"], &json!({})).await;
    assert_eq!(agent.message().await["id"], 2);
    drop(instance);
    let opened = timeout(Duration::from_millis(300), server.listener.accept()).await;
    assert!(opened.is_err(), "it is opened for nobody");
}

#[tokio::test]
async fn a_subscription_that_the_server_ends_is_begun_again() {
    let (place, server) = place().await;
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    let uri = json!({"uri": "file:///a"});
    agent.send(1, "resources/subscribe", uri).await;
    let mut instance = server.modern(&json!({})).await;
    let listen = instance.message().await;
    assert_eq!(agent.message().await["id"], 1);
    let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": listen["id"]}});
    instance.say(&cancelled).await;
    let again = instance.message().await;
    assert_eq!(
        (&again["method"], &again["params"]),
        (&json!("subscriptions/listen"), &listen["params"])
    );
    // A server that does not want to is left alone.
    let error = json!({"code": -32601, "message": "method not found"});
    instance
        .say(&json!({"jsonrpc": "2.0", "id": again["id"], "error": error}))
        .await;
    let further = timeout(Duration::from_secs(2), instance.line_or_end()).await;
    assert!(further.is_err(), "{further:?}");
}

/// The next message of the agent's that asks for no list; lists hold the one resource.
async fn message_but_resources(instance: &mut Instance) -> Value {
    loop {
        let asked = instance.message().await;
        let result = match asked["method"].as_str() {
            Some("resources/list") => json!({"resources": [{"uri": "file:///a", "name": "a"}]}),
            Some("resources/templates/list") => json!({"resourceTemplates": []}),
            _ => return asked,
        };
        instance.answer(&asked["id"], &result).await;
    }
}

#[tokio::test]
async fn a_subscription_outlives_another_server_with_the_same_address() {
    let lists = json!({"resources": [{"uri": "file:///a", "name": "a"}]});
    for is_newer in [false, true] {
        let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
        let server = place.server("one", &lists);
        let mut agent = place.agent(Shape::All).await;
        if is_newer {
            let wanted = json!({"notifications": {"resourceSubscriptions": ["file:///a"], "resourcesListChanged": true}});
            let wanted = modern(wanted, &json!({}));
            agent.send(5, "subscriptions/listen", wanted).await;
            agent.message().await;
        } else {
            agent.initialize(json!({})).await;
            let uri = json!({"uri": "file:///a"});
            agent.send(5, "resources/subscribe", uri).await;
        }
        let (mut instance, _) = server.legacy(&json!({"resources": {}})).await;
        let subscribe = message_but_resources(&mut instance).await;
        assert_eq!(subscribe["method"], "resources/subscribe");
        instance.answer(&subscribe["id"], &json!({})).await;
        if !is_newer {
            assert_eq!(agent.message().await["id"], 5);
        }
        place.server("two", &lists);
        place.systemd.manager_signal("Reloading", &(false,)).await;
        let changed = agent.message().await;
        assert_eq!(changed["method"], "notifications/resources/list_changed");
        instance.say(&updated("file:///a")).await;
        assert_eq!(agent.message().await["params"]["uri"], "file:///a");
        let over = if is_newer {
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}})
        } else {
            json!({"jsonrpc": "2.0", "id": 6, "method": "resources/unsubscribe", "params": {"uri": "file:///a"}})
        };
        agent.speaker.say(&over).await;
        let unsubscribe = message_but_resources(&mut instance).await;
        assert_eq!(unsubscribe["method"], "resources/unsubscribe");
        assert_eq!(unsubscribe["params"], json!({"uri": "file:///a"}));
    }
}
