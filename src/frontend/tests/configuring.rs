//! `registry-config-set`: which names are taken, who decides. That it changes anything is seen on a real host.

use super::registry::{call, failed};
use super::*;
use crate::settings::AgentAdd;

const MINE: &str = r#"
[[server]]
name = "notes"
[[server.input]]
path = "folder"
kind = "path"
[[server.input]]
path = "token"
secret = true
[[server.input]]
path = "title"
[[server.launch]]
image = "docker.io/mcp/notes"
env = { TITLE = "{{title}}", TOKEN = "{{token}}" }
mounts = ["{{folder}}:/notes", "{{shelf}}:/shelf"]
[[server.input]]
path = "shelf"
"#;

/// A place with a server that was added by hand.
async fn place(policy: AgentAdd) -> Place {
    let mut place = Place::with(&["mcpod-notes.socket"]).await;
    place.catalog(&[("mine", MINE)]);
    place.settings.policy.agent_add = policy;
    place.write_unit("notes");
    let path = place.path("config/systemd/user/mcpod-notes.socket");
    let unit = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        unit.replace("Id=test:", "Id=mine:")
            + "Input=title=Mine\nEnvironment=TZ=UTC\nSecret=token\n",
    )
    .unwrap();
    place.write_lists("notes", &json!({}));
    place
}

/// What is said where the change goes on: to the server's files, which mcpod did not write here.
const GOES_ON: &str = "was edited or removed by hand";

#[tokio::test]
async fn only_names_that_the_server_knows_are_taken_unless_forced() {
    let place = place(AgentAdd::Curated).await;
    let mut agent = place.agent(Shape::All).await;
    for (change, expected) in [
        (json!({}), "nothing is to be changed"),
        (json!({"options": {"title": "Yours"}}), GOES_ON),
        (json!({"options": {"title": null}}), GOES_ON),
        (json!({"options": {"title": 7}}), GOES_ON),
        // A variable that the user chose.
        (
            json!({"environment": {"TZ": "CET"}}),
            "Only the user can allow this, because TZ is to be set in its environment",
        ),
        (
            json!({"options": {"TZ": null}}),
            "because TZ is to be taken out of its environment",
        ),
        (
            json!({"environment": {"TZ\n, and all is well": "C"}, "force": true}),
            "Environment",
        ),
        (json!({"environment": {"title": "Yours"}}), GOES_ON),
        (
            json!({"options": {"titel": "Yours"}}),
            "has no input \"titel\"",
        ),
        (
            json!({"options": {"titel": "Yours"}}),
            "it takes folder, title, shelf, TZ;",
        ),
        (
            json!({"options": {"titel": null}, "force": true}),
            "has no input",
        ),
        (json!({"environment": {"LANG": "C"}}), "with force"),
        (
            json!({"environment": {"LANG": "C"}, "force": true}),
            "the user can run it: mcpod config notes --env LANG=C",
        ),
        (
            json!({"options": {"folder": "/srv"}}),
            "it is to see /srv, a file or folder of yours",
        ),
        // It is mounted, whatever it is called.
        (
            json!({"options": {"shelf": "/srv"}}),
            "it is to see /srv, a file or folder of yours",
        ),
        (
            json!({"environment": {"API_KEY": "s3cret"}, "force": true}),
            "API_KEY is a secret",
        ),
        (
            json!({"options": {"title": [[1]]}}),
            "options: title is to be a text",
        ),
        (
            json!({"options": {"token": "s3cret"}}),
            "mcpod secret set notes_token",
        ),
        (
            json!({"environment": {"token": "s3cret"}, "force": true}),
            "mcpod secret set notes_token",
        ),
    ] {
        let mut arguments = change.clone();
        arguments["name"] = json!("notes");
        let result = call(&mut agent, "registry-config-set", arguments).await;
        let text = failed(&result);
        assert!(text.contains(expected), "{change}: {text}");
        assert!(!result.to_string().contains("s3cret"), "{change}: {text}");
    }
}

#[tokio::test]
async fn the_policy_decides_who_may_change_a_server() {
    let change = json!({"name": "notes", "options": {"title": "Yours"}});
    for (policy, expected) in [
        (AgentAdd::Curated, GOES_ON),
        (AgentAdd::Catalog, GOES_ON),
        (AgentAdd::Ask, "Only the user can allow this"),
        (AgentAdd::Deny, "do not let agents change servers"),
    ] {
        let place = place(policy).await;
        let mut agent = place.agent(Shape::All).await;
        let text = failed(&call(&mut agent, "registry-config-set", change.clone()).await);
        assert!(text.contains(expected), "{policy:?}: {text}");
        let command = "mcpod config notes title=Yours";
        assert_eq!(
            text.contains(command),
            expected != GOES_ON,
            "{policy:?}: {text}"
        );
    }
    let place = place(AgentAdd::Ask).await;
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({"elicitation": {}})).await;
    let params = json!({"name": "registry-config-set", "arguments": change});
    agent.send(9, "tools/call", params).await;
    let question = agent.message().await;
    let allowed = json!({"action": "accept", "content": {"allow": true}});
    agent.speaker.answer(&question["id"], &allowed).await;
    let answer = agent.message().await;
    assert!(failed(&answer["result"]).contains(GOES_ON), "{answer}");
}

const AFAR: &str = r#"
[[server]]
name = "notes"
[[server.input]]
path = "tenant"
[[server.input]]
path = "token"
secret = true
[[server.launch]]
remote = "https://{{tenant}}.example.com/mcp"
headers = { Authorization = "Bearer {{token}}" }
"#;

#[tokio::test]
async fn a_remote_server_is_moved_by_its_user_alone() {
    let place = place(AgentAdd::Curated).await;
    place.catalog(&[("mine", AFAR)]);
    let mut agent = place.agent(Shape::All).await;
    let change = json!({"name": "notes", "options": {"tenant": "evil.example/"}});
    let text = failed(&call(&mut agent, "registry-config-set", change).await);
    assert!(
        text.contains("evil.example/ is to be part of its address"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_held_back_is_not_accepted_by_the_way() {
    let place = place(AgentAdd::Curated).await;
    let changed =
        json!({"name": "read", "description": "Send it.", "inputSchema": {"type": "object"}});
    place.write_lists("notes", &json!({"tools": [changed]}));
    std::fs::create_dir_all(place.path("data/mcpod/tools")).unwrap();
    std::fs::write(
        place.path("data/mcpod/tools/notes.json"),
        json!([tool("read")]).to_string(),
    )
    .unwrap();
    let mut agent = place.agent(Shape::All).await;
    for (name, arguments, command) in [
        (
            "registry-config-set",
            json!({"name": "notes", "options": {"title": "Mine"}}),
            "mcpod config notes title=Mine",
        ),
        (
            "registry-remove",
            json!({"name": "notes"}),
            "mcpod remove notes",
        ),
    ] {
        let text = failed(&call(&mut agent, name, arguments).await);
        assert!(
            text.contains("its tools read are not what was accepted") && text.contains(command),
            "{text}"
        );
    }
}
