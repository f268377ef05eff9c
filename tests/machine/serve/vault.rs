//! A server that needs a secret: the agent adds it, and its user alone says the secret.

use serde_json::json;

use crate::agent::Agent;
use crate::changes::afterwards;
use crate::idle::Idle;
use crate::machine::{SOON, mcpod, run_with_input, sh, write_file};

/// A catalog of the user's own, with a server that needs a secret.
const CATALOG: &str = r#"
[[server]]
name = "vault"
[[server.input]]
path = "token"
secret = true
required = true
[[server.input]]
path = "colour"
required = true
choices = ["red", "blue"]
[[server.launch]]
image = "docker.io/mcpod-test/vault"
env = { TOKEN = "{{token}}", COLOUR = "{{colour}}" }
"#;

/// Nothing but that catalog.
const OWN_CATALOG: &str = "sources.docker.enabled = false
sources.official.enabled = false
sources.awesome.enabled = false
[[sources.extra]]
name = 'mine'
kind = 'toml'
url = '/home/tester/catalog.toml'
";

/// A catalog with that server, and its image, until the test ends; and then none of its secrets.
#[track_caller]
fn vault() -> impl Drop + use<> {
    // Another name than that of the builtin catalog's server, which it would be taken for.
    const PREPARE: &str = r#"podman pull -q "$1" && podman tag "$1" "$2""#;
    const UNDO: &str = "set -e
        rm -rf ~/catalog.toml ~/.cache/mcpod ~/.config/mcpod
        podman rmi docker.io/mcpod-test/vault
        mcpod secret remove vault_token";
    write_file("/home/tester/catalog.toml", CATALOG.as_bytes());
    let undo = afterwards(|| sh(UNDO, &[]));
    let write = r#"mkdir -p ~/.config/mcpod && printf %s "$1" >~/.config/mcpod/config.toml"#;
    sh(write, &[OWN_CATALOG]).ok();
    mcpod(&["refresh", "mine"]).ok();
    let images = ["docker.io/mcp/everything", "docker.io/mcpod-test/vault"];
    sh(PREPARE, &images).ok();
    undo
}

#[test]
fn what_a_server_needs_is_asked_for_but_its_secret_only_of_the_user() {
    let _machine = Idle::now();
    let _vault = vault();
    let mut agent = Agent::start(&[], &json!({"elicitation": {}}));
    let mut other = Agent::start(&[], &json!({}));
    agent.fills_in = json!({"allow": true, "colour": "blue"});
    let refused = agent.call("registry-add", &json!({"id": "vault"}));
    let command = "mcpod secret set vault_token --for mine:vault";
    assert!(refused.contains(command), "{refused}");
    // The user does as told.
    let words: Vec<&str> = command.split(' ').collect();
    run_with_input(&words, b"s3cret\n").ok();
    let added = agent.call("registry-add", &json!({"id": "vault"}));
    assert!(added.contains("is active as vault"), "{added}");
    let environment = agent.call("vault__get-env", &json!({}));
    for variable in [r#""TOKEN": "s3cret""#, r#""COLOUR": "blue""#] {
        assert!(environment.contains(variable), "{environment}");
    }

    // Changed while another agent has a session too: both see it in their next call.
    other.hears("notifications/tools/list_changed", SOON);
    other.call("vault__get-env", &json!({}));
    let change = json!({"name": "vault", "options": {"colour": "green"}});
    let refused = agent.call("registry-config-set", &change);
    assert!(refused.contains("red, blue"), "{refused}");
    let change =
        json!({"name": "vault", "options": {"colour": "red"}, "environment": {"EXTRA": "more"}});
    let refused = agent.call("registry-config-set", &change);
    assert!(refused.contains("no input \"EXTRA\""), "{refused}");
    let mut forced = change;
    forced["force"] = json!(true);
    let changed = agent.call("registry-config-set", &forced);
    assert!(
        changed.contains("- colour: red") && changed.contains("- EXTRA: more"),
        "{changed}"
    );
    assert!(!changed.contains("s3cret"), "{changed}");
    for agent in [&mut agent, &mut other] {
        let environment = agent.call("vault__get-env", &json!({}));
        for variable in [
            r#""TOKEN": "s3cret""#,
            r#""COLOUR": "red""#,
            r#""EXTRA": "more""#,
        ] {
            assert!(environment.contains(variable), "{environment}");
        }
    }
    // What was asked was asked of the user: consent and colour for the adding, consent for the variable.
    let asked = agent
        .aside
        .iter()
        .filter(|said| said["method"] == "elicitation/create");
    assert_eq!(asked.count(), 4, "{:#?}", agent.aside);
    for agent in [&agent, &other] {
        let said = serde_json::to_string(&agent.aside).unwrap();
        assert!(!said.contains("s3cret"), "{said}");
    }
    let removed = agent.call("registry-remove", &json!({"name": "vault"}));
    assert!(removed.contains("not active any more"), "{removed}");
    agent.leave();
    other.leave();
}

/// A user with a browser: signs in with the link of `mcpod ui`, and fills in the form at this address.
const STORES: &str = r#"
    jar=$(mktemp)
    curl -fsS -c "$jar" "$(mcpod ui)"
    form=$(curl -fsS -b "$jar" "$1")
    key=$(printf %s "$form" | sed -n 's/.*name="key" value="\([^"]*\)".*/\1/p')
    curl -fsS -b "$jar" -d "key=$key" -d "id=${1##*=}" -d secret.token=s3cret "${1%\?*}" | grep 'goes on'
    rm "$jar"
"#;

#[test]
fn where_systemd_serves_the_page_the_user_is_led_there_for_a_secret() {
    let _machine = Idle::now();
    let _vault = vault();
    let capabilities = json!({"elicitation": {"form": {}, "url": {}}});
    let mut agent = Agent::start(&[], &capabilities);
    agent.fills_in = json!({"allow": true, "colour": "blue"});
    agent.opens = |address| drop(sh(STORES, &[address]).ok());
    let add = json!({"id": "vault"});
    let refused = agent.call("registry-add", &add);
    assert!(
        refused.contains("mcpod secret set vault_token"),
        "{refused}"
    );
    mcpod(&["serve", "--http", "--enable-socket"]).ok();
    let _socket = afterwards(|| mcpod(&["serve", "--http", "--disable-socket"]));
    let added = agent.call("registry-add", &add);
    assert!(added.contains("is active as vault"), "{added}");
    let environment = agent.call("vault__get-env", &json!({}));
    assert!(
        environment.contains(r#""TOKEN": "s3cret""#),
        "{environment}"
    );
    let heard = |method: &str| agent.aside.iter().any(|said| said["method"] == method);
    assert!(heard("notifications/elicitation/complete"));
    let said = serde_json::to_string(&agent.aside).unwrap();
    assert!(!said.contains("s3cret"), "{said}");
    mcpod(&["remove", "vault"]).ok();
    agent.leave();
}
