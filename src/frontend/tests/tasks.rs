//! Tasks of 2025-11-25.

use super::*;

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
        let server = place.server(name, &json!({"tools": [tool("do")]}));
        place.systemd.manager_signal("Reloading", &(false,)).await;
        assert_eq!(
            agent.message().await["method"],
            "notifications/tools/list_changed"
        );
        let call = json!({"name": format!("{name}__do"), "task": {"ttl": 1000}});
        agent.send(2, "tools/call", call).await;
        let (mut instance, _) = server.legacy(&json!({})).await;
        let id = instance.message().await["id"].clone();
        let task = json!({"taskId": format!("of-{name}"), "status": "working"});
        instance.answer(&id, &json!({"task": task})).await;
        assert_eq!(agent.message().await["result"]["task"], task);
        instances.push((name, instance));
    }
    for (name, instance) in &mut instances {
        for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
            let params = json!({"taskId": format!("of-{name}"), "x": 1});
            agent.send(3, method, params.clone()).await;
            let asked = instance.message().await;
            assert_eq!(
                (&asked["method"], &asked["params"]),
                (&json!(method), &params)
            );
            instance.answer(&asked["id"], &json!({"of": name})).await;
            assert_eq!(agent.message().await["result"], json!({"of": name}));
        }
    }
    agent.send(4, "tasks/list", json!({})).await;
    for (name, instance) in &mut instances {
        for (cursor, result) in [
            (
                Value::Null,
                json!({"tasks": [{"taskId": format!("of-{name}"), "ttl": 1.0}], "nextCursor": "c"}),
            ),
            (
                json!("c"),
                json!({"tasks": [{"taskId": format!("older-{name}")}]}),
            ),
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
    assert_eq!(tasks, ["of-one", "older-one", "of-two", "older-two"]);
}
