//! Skills of several servers (the extension, SEP-2640).

use super::*;

/// The folder of a skill, as its server lists it.
fn skill(folder: &str) -> Value {
    let uri = format!("{folder}/SKILL.md");
    json!({"uri": uri, "frontmatter": {"name": "s"},
        "resources": [{"uri": uri, "digest": "d", "size": 1}, {"uri": format!("{folder}/a.md"), "digest": "e", "size": 2}]})
}

#[tokio::test]
async fn skills_are_listed_together_and_lead_back_to_their_servers() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket", "mcpod-three.socket"]).await;
    let declared = json!({"resources": {}, "extensions": {"io.modelcontextprotocol/skills": {}}});
    let words = json!({"protocolVersion": "2025-11-25", "capabilities": declared,
        "serverInfo": {"name": "s", "version": "1"}});
    let [one, two] = ["one", "two"].map(|name| place.server(name, &json!({"server": words})));
    place.server("three", &json!({"tools": [tool("do")]}));
    let mut agent = place.agent(Shape::All).await;
    agent
        .send(1, "skills/list", modern(json!({}), &json!({})))
        .await;
    let mut instances = Vec::new();
    for server in [&one, &two] {
        let (mut instance, _) = server.legacy(&declared).await;
        let asked = instance.message_but_lists(&[]).await;
        assert_eq!(asked["method"], "skills/list");
        // Both have a skill of the same name, and one more of their own.
        let own = skill(&format!("skill://{}/s", server.name));
        let skills = json!({"skills": [skill("skill://s"), own]});
        instance.answer(&asked["id"], &skills).await;
        instances.push(instance);
    }
    let listed = agent.message().await["result"].clone();
    assert_eq!(listed["resultType"], "complete");
    assert_eq!(
        listed["skills"],
        json!([
            skill("skill://s"),
            skill("skill://one/s"),
            skill("mcpod+two:skill://s"),
            skill("skill://two/s")
        ])
    );
    for (at, shown, own) in [
        (0, "skill://s/a.md", "skill://s/a.md"),
        (1, "mcpod+two:skill://s/a.md", "skill://s/a.md"),
        (1, "skill://two/s/deep/b.md", "skill://two/s/deep/b.md"),
    ] {
        let read = modern(json!({"uri": shown}), &json!({}));
        agent.send(2, "resources/read", read).await;
        let instance: &mut Instance = &mut instances[at];
        let asked = instance.message_but_lists(&[]).await;
        assert_eq!(asked["params"]["uri"], own);
        let contents = json!({"contents": [{"uri": own, "text": "t"}]});
        instance.answer(&asked["id"], &contents).await;
        let told = agent.message().await;
        assert_eq!(told["result"]["contents"][0]["uri"], shown);
    }
    let get = modern(json!({"uri": "mcpod+two:skill://s/SKILL.md"}), &json!({}));
    agent.send(3, "skills/get", get).await;
    let asked = instances[1].message_but_lists(&[]).await;
    let result = json!({"skill": skill("skill://s")});
    instances[1].answer(&asked["id"], &result).await;
    let told = agent.message().await["result"]["skill"].clone();
    assert_eq!(told, skill("mcpod+two:skill://s"));
    let nobodys = modern(json!({"uri": "skill://none/SKILL.md"}), &json!({}));
    let refused = agent.ask(4, "skills/get", nobodys).await;
    assert_eq!(refused["error"]["code"], -32602);
}
