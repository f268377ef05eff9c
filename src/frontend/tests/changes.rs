//! Changes reach the agent while it is there.

use super::*;
use crate::frontend::asked::{PACE, RETRY};

/// The names of the servers' tools in the list.
async fn tools(agent: &mut Client) -> Vec<String> {
    let answer = agent.ask(99, "tools/list", json!({})).await;
    let tools = answer["result"]["tools"].as_array().unwrap();
    tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .filter(|name| name.contains("__"))
        .collect()
}

#[tokio::test]
async fn a_server_that_somebody_adds_or_removes_is_seen() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    assert_eq!(tools(&mut agent).await, ["one__do"]);
    place.server("two", &json!({"tools": [tool("do")]}));
    for active in [true, false] {
        place.systemd.manager_signal("Reloading", &(active,)).await;
    }
    for _ in 0..3 {
        place.systemd.manager_signal("UnitFilesChanged", &()).await;
    }
    let told = agent.message().await;
    assert_eq!(
        told,
        json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    );
    assert_eq!(tools(&mut agent).await, ["one__do", "two__do"]);
    std::fs::remove_file(place.path("config/systemd/user/mcpod-one.socket")).unwrap();
    place.systemd.manager_signal("Reloading", &(false,)).await;
    assert_eq!(
        agent.message().await["method"],
        "notifications/tools/list_changed"
    );
    assert_eq!(tools(&mut agent).await, ["two__do"]);
}

#[tokio::test]
async fn a_socket_that_ends_by_itself_is_seen_and_what_could_not_be_read_is_read_later() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    place.server("one", &json!({"tools": [tool("do")]}));
    place.server("two", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    assert_eq!(tools(&mut agent).await, ["one__do", "two__do"]);
    std::fs::remove_file(place.path("config/systemd/user/mcpod-one.socket")).unwrap();
    place.systemd.becomes("mcpod-one.socket", "failed").await;
    agent.message().await;
    assert_eq!(tools(&mut agent).await, ["two__do"]);

    let (units, away) = (place.path("config/systemd/user"), place.path("config/away"));
    std::fs::rename(&units, &away).unwrap();
    std::fs::write(&units, "no folder").unwrap();
    place.systemd.manager_signal("Reloading", &(false,)).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    std::fs::remove_file(&units).unwrap();
    std::fs::remove_file(away.join("mcpod-two.socket")).unwrap();
    std::fs::rename(&away, &units).unwrap();
    assert_eq!(
        agent.message().await["method"],
        "notifications/tools/list_changed"
    );
    assert_eq!(tools(&mut agent).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_server_changes_is_read_anew_and_told_once() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    agent
        .send(1, "tools/call", json!({"name": "one__do"}))
        .await;
    let (mut instance, _) = server
        .legacy(&json!({"tools": {"listChanged": true}}))
        .await;
    let call = instance.message().await["id"].clone();
    for _ in 0..4 {
        instance
            .say(&json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}))
            .await;
    }
    let asked = instance.message().await;
    assert_eq!(asked["method"], "tools/list");
    instance
        .answer(&asked["id"], &json!({"tools": [tool("do"), tool("more")]}))
        .await;
    assert_eq!(
        agent.message().await["method"],
        "notifications/tools/list_changed"
    );
    assert_eq!(tools(&mut agent).await, ["one__do", "one__more"]);
    instance.answer(&call, &json!({})).await;
    assert_eq!(agent.message().await["id"], 1);
}

#[tokio::test]
async fn an_agent_that_can_more_may_be_offered_more_and_others_are_not() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let frontend = Frontend::start(place.orchestrator(), Shape::All)
        .await
        .unwrap();
    let mut able = Client::of(&frontend);
    let mut other = Client::of(&frontend);
    able.initialize(json!({"sampling": {}})).await;
    other.initialize(json!({})).await;
    able.send(1, "tools/call", json!({"name": "one__do"})).await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    instance.answer_showing(&[tool("do"), tool("sample")]).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(able.message().await["method"].is_null());
    }
    seen.sort_unstable();
    assert_eq!(seen, [false, true]);
    assert_eq!(tools(&mut able).await, ["one__do", "one__sample"]);
    assert_eq!(tools(&mut other).await, ["one__do"]);
}

#[tokio::test]
async fn an_agent_of_the_modern_era_hears_what_it_subscribed_to() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    let wanted = json!({"notifications": {"toolsListChanged": true, "promptsListChanged": false}});
    agent
        .send(5, "subscriptions/listen", modern(wanted, &json!({})))
        .await;
    let tag = json!({"io.modelcontextprotocol/subscriptionId": 5});
    let said = agent.message().await;
    assert_eq!(said["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(
        said["params"],
        json!({"_meta": tag, "notifications": {"toolsListChanged": true}})
    );
    place.server(
        "two",
        &json!({"tools": [tool("do")], "prompts": [{"name": "p"}]}),
    );
    place.systemd.manager_signal("Reloading", &(false,)).await;
    let said = agent.message().await;
    assert_eq!(said["method"], "notifications/tools/list_changed");
    assert_eq!(said["params"], json!({"_meta": tag}));
    agent
        .speaker
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}))
        .await;
    std::fs::remove_file(place.path("config/systemd/user/mcpod-one.socket")).unwrap();
    place.systemd.manager_signal("Reloading", &(false,)).await;
    assert!(
        timeout(Duration::from_millis(600), agent.message())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_list_waits_for_a_silent_server_once() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    place.server("one", &json!({"tools": [tool("do")]}));
    // It takes connections, and says nothing.
    let _silent = place.server("two", &json!({}));
    std::fs::remove_file(place.path("cache/mcpod/lists/two.json")).unwrap();
    let mut agent = place.agent(Shape::All).await;
    let begun = std::time::Instant::now();
    assert_eq!(tools(&mut agent).await, ["one__do"]);
    let waited = begun.elapsed();
    // It waits for five seconds since the server was asked, which was a while ago on a busy host.
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    let begun = std::time::Instant::now();
    assert_eq!(tools(&mut agent).await, ["one__do"]);
    let waited = begun.elapsed();
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}

#[tokio::test]
async fn a_server_that_did_not_say_what_it_offers_is_asked_again_later() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({}));
    std::fs::remove_file(place.path("cache/mcpod/lists/one.json")).unwrap();
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    // It dies as soon as it is asked, in either era.
    for number in 0..2 {
        let gone = server.accept().await;
        let instance = server.instance(number);
        place.systemd.die(&instance, "exit-code", 1, 3, 1).await;
        drop(gone);
    }
    assert_eq!(tools(&mut agent).await, Vec::<String>::new());
    let is_asked = timeout(Duration::from_millis(300), server.listener.accept()).await;
    assert!(is_asked.is_err(), "it is asked again at once");
    // Nothing but time passes.
    tokio::time::pause();
    tokio::time::advance(RETRY).await;
    tokio::time::resume();
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    let asked = instance.message().await;
    assert_eq!(asked["method"], "tools/list");
    let list = json!({"tools": [tool("new")]});
    instance.answer(&asked["id"], &list).await;
    let told = agent.message().await;
    assert_eq!(told["method"], "notifications/tools/list_changed");
    assert_eq!(tools(&mut agent).await, ["one__new"]);
}

#[tokio::test]
async fn what_only_one_agent_has_outlasts_a_change_of_what_all_have() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({"sampling": {}})).await;
    agent
        .send(1, "tools/call", json!({"name": "one__do"}))
        .await;
    let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
    instance.answer_showing(&[tool("do"), tool("sample")]).await;
    for _ in 0..2 {
        agent.message().await;
    }
    place.write_lists("one", &json!({"tools": [tool("do"), tool("more")]}));
    place.systemd.manager_signal("Reloading", &(false,)).await;
    // The session is asked what it has now; meanwhile the agent has what it had.
    let asked = instance.message().await;
    assert_eq!(asked["method"], "tools/list");
    assert_eq!(tools(&mut agent).await, ["one__do", "one__sample"]);
    let all = json!({"tools": [tool("do"), tool("more"), tool("sample")]});
    instance.answer(&asked["id"], &all).await;
    assert_eq!(
        agent.message().await["method"],
        "notifications/tools/list_changed"
    );
    assert_eq!(
        tools(&mut agent).await,
        ["one__do", "one__more", "one__sample"]
    );
    // Once the session is over, what all have is what there is.
    drop(instance);
    place.write_lists("one", &json!({"tools": [tool("do")]}));
    tokio::time::sleep(Duration::from_millis(100)).await;
    place.systemd.manager_signal("Reloading", &(false,)).await;
    assert_eq!(
        agent.message().await["method"],
        "notifications/tools/list_changed"
    );
    assert_eq!(tools(&mut agent).await, ["one__do"]);
}

#[tokio::test]
async fn what_changes_soon_after_it_was_asked_for_is_asked_for_later() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({})).await;
    agent
        .send(1, "tools/call", json!({"name": "one__do"}))
        .await;
    let capabilities = json!({"tools": {"listChanged": true}});
    let (mut instance, _) = server.legacy(&capabilities).await;
    instance.message().await;
    let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
    for round in 0..2 {
        instance.say(&changed).await;
        let asked = instance.message().await;
        assert_eq!(asked["method"], "tools/list");
        let list = json!({"tools": [tool("do"), tool(&format!("more-{round}"))]});
        instance.answer(&asked["id"], &list).await;
        assert_eq!(
            agent.message().await["method"],
            "notifications/tools/list_changed"
        );
        if round == 1 {
            let asked = timeout(Duration::from_millis(300), server.listener.accept()).await;
            assert!(asked.is_err(), "it is asked at once");
            // Nothing but time passes.
            tokio::time::pause();
            tokio::time::advance(PACE).await;
            tokio::time::resume();
        }
        let (mut asked, _) = server.legacy(&capabilities).await;
        let question = asked.message().await;
        assert_eq!(question["method"], "tools/list");
        asked.answer(&question["id"], &list).await;
        assert_eq!(asked.line_or_end().await, None);
    }
}

#[tokio::test]
async fn a_lazy_agent_hears_nothing_of_what_it_is_not_shown() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    place.server("one", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::Lazy).await;
    agent.initialize(json!({})).await;
    place.server("two", &json!({"tools": [tool("do")]}));
    place.systemd.manager_signal("Reloading", &(false,)).await;
    let told = timeout(Duration::from_millis(600), agent.message()).await;
    assert!(told.is_err(), "{told:?}");
}
