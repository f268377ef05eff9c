//! `registry-add`: who decides, what is missing, where secrets go.

mod policies;

use super::registry::{call, failed};
use super::*;

/// Entries of every kind.
const DOCKER: &str = r#"
[[server]]
name = "plain"
[[server.launch]]
image = "docker.io/mcp/plain"
network = "none"

[[server]]
name = "vault"
[[server.input]]
path = "token"
secret = true
required = true
description = "What opens it."
[[server.input]]
path = "url"
required = true
description = "Where it is."
example = "https://vault.example"
[[server.launch]]
image = "docker.io/mcp/vault"
env = { TOKEN = "{{token}}", URL = "{{url}}" }

[[server]]
name = "asking"
[[server.input]]
path = "where"
required = true
[[server.launch]]
image = "docker.io/mcp/asking"
env = { WHERE = "{{where}}" }

[[server]]
name = "disguised"
[[server.input]]
path = "root"
[[server.launch]]
image = "docker.io/mcp/disguised"
mounts = ["{{root}}:/root"]

[[server]]
name = "files"
[[server.input]]
path = "folders"
kind = "path"
many = true
required = true
[[server.input]]
path = "mode"
required = true
choices = ["ro", "rw"]
[[server.launch]]
image = "docker.io/mcp/files"
env = { MODE = "{{mode}}" }
mounts = ["{{folders|volume|into}}"]
"#;
const OFFICIAL: &str = r#"
[[server]]
name = "published"
[[server.launch]]
image = "docker.io/mcp/published"

[[server]]
name = "packed"
[[server.launch]]
package = "npm:packed"
"#;
const AWESOME: &str = r#"
[[server]]
name = "somebodys"
[[server.launch]]
image = "docker.io/mcp/somebodys"

[[server]]
name = "guessed"
[[server.launch]]
image = "docker.io/mcp/guessed"
trust = "guessed"
"#;
const MINE: &str = r#"
[[server]]
name = "guess-too"
[[server.launch]]
image = "docker.io/mcp/guess-too"
trust = "guessed"
"#;

fn fill(place: &Place) {
    place.catalog(&[
        ("builtin", MINE),
        ("docker", DOCKER),
        ("official", OFFICIAL),
        ("awesome", AWESOME),
    ]);
}

#[tokio::test]
async fn a_secret_is_for_the_user_to_store_and_never_for_the_agent_to_pass_on() {
    let place = Place::with(&[]).await;
    fill(&place);
    let podman = place.podman(&[]);
    let mut agent = place.agent(Shape::All).await;
    // Even an agent that can ask its user does not ask for a secret.
    agent.initialize(json!({"elicitation": {}})).await;
    let result = call(&mut agent, "registry-add", json!({"id": "vault"})).await;
    let text = failed(&result);
    assert!(
        text.contains("token (a secret)") && text.contains("url (a text)"),
        "{text}"
    );
    let missing = &result["structuredContent"]["error"]["missing"];
    assert_eq!(
        *missing,
        json!([
            {"name": "token", "kind": "secret", "several": false, "description": "What opens it.", "example": null,
             "choices": [], "pattern": null, "command": "mcpod secret set vault_token --for docker:vault"},
            {"name": "url", "kind": "text", "several": false, "description": "Where it is.",
             "example": "https://vault.example", "choices": [], "pattern": null, "command": null},
        ])
    );
    let next = result["structuredContent"]["error"]["next"]
        .as_str()
        .unwrap();
    assert!(
        next.contains("in a terminal: mcpod secret set vault_token --for docker:vault;")
            && next.contains("options"),
        "{next}"
    );
    for arguments in [
        json!({"id": "vault", "options": {"token": "s3cret", "url": "x"}}),
        json!({"id": "plain", "environment": {"API_KEY": "s3cret"}}),
        json!({"id": "docker://x/y", "environment": {"API_KEY": "s3cret"}}),
        json!({"id": "plain", "options": {"token": "s3cret"}}),
    ] {
        let params = json!({"name": "registry-add", "arguments": arguments});
        agent.send(9, "tools/call", params).await;
        let mut said = agent.message().await;
        while said["method"] == "elicitation/create" {
            assert!(!said.to_string().contains("s3cret"), "{said}");
            let allowed = json!({"action": "accept", "content": {"allow": true}});
            agent.speaker.answer(&said["id"], &allowed).await;
            said = agent.message().await;
        }
        let text = failed(&said["result"]);
        assert!(!said.to_string().contains("s3cret"), "{said}");
        assert!(
            text.contains("must not pass through you") || text.contains("no input \"token\""),
            "{arguments}: {text}"
        );
    }
    // Nothing was stored, and nothing was made.
    let requests = podman.requests();
    assert!(
        !requests.iter().any(|request| request.starts_with("POST")),
        "{requests:?}"
    );
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_is_taken_back() {
    let place = Place::with(&[]).await;
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({"elicitation": {}})).await;
    let params = json!({"name": "registry-add", "arguments": {"id": "docker://x/y"}});
    agent.send(9, "tools/call", params).await;
    let question = agent.message().await;
    assert_eq!(question["method"], "elicitation/create");
    let cancelled =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}});
    agent.speaker.say(&cancelled).await;
    let taken_back = agent.message().await;
    assert_eq!(taken_back["method"], "notifications/cancelled");
    assert_eq!(taken_back["params"]["requestId"], question["id"]);
}

#[tokio::test]
async fn what_the_user_declines_or_passes_over_they_can_still_do_themselves() {
    let place = Place::with(&[]).await;
    fill(&place);
    let _podman = place.podman(&[]);
    let mut agent = place.agent(Shape::All).await;
    agent.initialize(json!({"elicitation": {}})).await;
    for (wish, answer, said, next) in [
        (
            "docker://x/y",
            "decline",
            "declined",
            "mcpod add docker://x/y",
        ),
        ("docker://x/y", "cancel", "closed", "mcpod add docker://x/y"),
        ("asking", "decline", "declined", "with them in options"),
    ] {
        let params = json!({"name": "registry-add", "arguments": {"id": wish}});
        agent.send(9, "tools/call", params).await;
        let question = agent.message().await;
        let action = json!({"action": answer});
        agent.speaker.answer(&question["id"], &action).await;
        let text = failed(&agent.message().await["result"]);
        assert!(text.contains(said) && text.contains(next), "{text}");
    }
}

#[tokio::test]
async fn a_stored_secret_is_used_and_not_told() {
    let place = Place::with(&[]).await;
    fill(&place);
    let _podman = place.podman(&[("mcpod-vault_token", "s3cret")]);
    let mut agent = place.agent(Shape::All).await;
    let arguments = json!({"id": "vault", "options": {"url": "x"}});
    let result = call(&mut agent, "registry-add", arguments).await;
    assert!(failed(&result).contains(NOT_HERE), "{result}");
    assert!(!result.to_string().contains("s3cret"), "{result}");
}

#[tokio::test]
async fn what_is_missing_is_asked_for_in_a_form() {
    let place = Place::with(&[]).await;
    fill(&place);
    let _podman = place.podman(&[]);
    let mut silent = place.agent(Shape::All).await;
    let result = call(&mut silent, "registry-add", json!({"id": "files"})).await;
    let missing = &result["structuredContent"]["error"]["missing"];
    let kinds: Vec<(&Value, &Value, &Value)> = missing
        .as_array()
        .unwrap()
        .iter()
        .map(|input| (&input["name"], &input["kind"], &input["several"]))
        .collect();
    assert_eq!(
        kinds,
        [
            (&json!("folders"), &json!("path"), &json!(true)),
            (&json!("mode"), &json!("text"), &json!(false))
        ]
    );
    assert!(failed(&result).contains("one of ro, rw"), "{result}");

    let mut asking = place.agent(Shape::All).await;
    asking
        .initialize(json!({"elicitation": {"form": {}}}))
        .await;
    let params = json!({"name": "registry-add", "arguments": {"id": "files"}});
    for (content, expected) in [
        (
            json!({"folders": "/proc/none, /proc/nil", "mode": "ro"}),
            "cannot mount /proc/none",
        ),
        (
            json!({"folders": "relative", "mode": "ro"}),
            "absolute path",
        ),
        (json!({"folders": "/srv", "mode": "no"}), "one of ro, rw"),
        (json!({"folders": "/srv"}), "mode (a text)"),
        // Whatever the user typed is the user's own wish: nobody is asked whether it is allowed.
        (json!({"folders": "/srv", "mode": "rw"}), NOT_HERE),
    ] {
        asking.send(9, "tools/call", params.clone()).await;
        let form = asking.message().await;
        assert_eq!(form["method"], "elicitation/create", "{form}");
        let schema = &form["params"]["requestedSchema"];
        assert_eq!(schema["required"], json!(["folders", "mode"]));
        assert_eq!(schema["properties"]["mode"]["enum"], json!(["ro", "rw"]));
        let filled = json!({"action": "accept", "content": content});
        asking.speaker.answer(&form["id"], &filled).await;
        let answer = asking.message().await;
        assert_eq!(answer["id"], 9, "{answer}");
        let text = failed(&answer["result"]);
        assert!(text.contains(expected), "{content}: {text}");
    }
    asking.send(9, "tools/call", params).await;
    let form = asking.message().await;
    let declined = json!({"action": "decline"});
    asking.speaker.answer(&form["id"], &declined).await;
    let answer = asking.message().await;
    assert!(failed(&answer["result"]).contains("declined"), "{answer}");
}
