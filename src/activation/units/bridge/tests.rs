use std::collections::BTreeMap;

use crate::activation::choices::Choices;
use crate::activation::plan::{Plan, PlanError};
use crate::activation::units::behind;
use crate::catalog::source::toml;
use crate::quadlet::value::Assignment;
use crate::settings::Settings;

/// The plan for the only server of a catalog.
fn plan(text: &str, choices: &Choices) -> Result<Plan, PlanError> {
    let parsed = toml::parse("mine", text);
    assert_eq!(parsed.refused, []);
    let entry = &parsed.entries[0];
    Plan::new(
        &entry.id.to_string(),
        &entry.launch,
        "x".parse().unwrap(),
        choices,
        &Settings::default(),
    )
}

/// What stands behind its socket, each file under its name.
fn files(text: &str, choices: &Choices) -> String {
    let plan = plan(text, choices).unwrap();
    let files = behind(&plan, None, "/data/mcpod/mcpod").unwrap();
    let files = files.iter();
    let texts = files.map(|(path, file)| format!("== {}\n{file}", path.file));
    texts.collect()
}

fn lines<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.starts_with(key)).collect()
}

const REMOTE: &str = r#"
[[server]]
name = "far"
[[server.input]]
path = "region"
default = "eu"
[[server.input]]
path = "key"
secret = true
required = true
[[server.launch]]
remote = "https://{{region}}.example.com/mcp"
headers = { X-Region = "{{region}}", X-Key = "{{key}}", Authorization = "Bearer {{key}}", X-None = "{{nothing}}" }
[[server.input]]
path = "nothing"
"#;

#[test]
fn a_remote_server_is_a_template_of_bridges_in_which_no_secret_stands() {
    let choices = Choices {
        secrets: BTreeMap::from([("key".to_owned(), Some("hunter2".into()))]),
        environment: vec![Assignment::new("X-More", "100% $HOME")],
        ..Choices::default()
    };
    let text = files(REMOTE, &choices);
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(lines(&text, "=="), ["== mcpod-x@.service"]);
    assert_eq!(
        lines(&text, "ExecStart="),
        [
            r#"ExecStart=/data/mcpod/mcpod bridge --header=X-Region=eu --secret-header=X-Key=mcpod-x_key --secret-header=Authorization=mcpod-x_.Authorization "--header=X-More=100%% $$HOME" --url=https://eu.example.com/mcp"#
        ]
    );
    assert_eq!(lines(&text, "Wants="), ["Wants=mcpod-guard.service"]);
    let plan = plan(REMOTE, &choices).unwrap();
    let secrets: Vec<(&str, &str)> = plan
        .invocation
        .secrets
        .iter()
        .map(|secret| (secret.name.as_str(), secret.value.expose()))
        .collect();
    assert_eq!(
        secrets,
        [
            ("mcpod-x_key", "hunter2"),
            ("mcpod-x_.Authorization", "Bearer hunter2")
        ]
    );
}

#[test]
fn a_key_in_the_address_makes_all_of_it_a_secret() {
    let text = "[[server]]\nname = 'far'\n[[server.input]]\npath = 'key'\nsecret = true\n[[server.launch]]\nremote = 'https://example.com/mcp?key={{key}}'";
    let choices = Choices {
        secrets: BTreeMap::from([("key".to_owned(), Some("hunter2".into()))]),
        ..Choices::default()
    };
    let files = files(text, &choices);
    assert!(!files.contains("hunter2"), "{files}");
    assert!(files.contains("--secret-url=mcpod-x_.url"), "{files}");
    let plan = plan(text, &choices).unwrap();
    assert_eq!(
        plan.origin.to_string(),
        "https://example.com/mcp?key={{key}}"
    );
}

#[test]
fn a_server_that_listens_is_one_container_and_bridges_into_it() {
    let text = "[[server]]\nname = 'web'\n[[server.launch]]\nimage = 'a/b'\nhttp = 'http://0.0.0.0:3001/mcp'";
    let shared = files(text, &Choices::default());
    assert_eq!(
        lines(&shared, "=="),
        [
            "== mcpod-x.container",
            "== mcpod-x.service.d/mcpod.conf",
            "== mcpod-x@.service"
        ]
    );
    assert_eq!(
        lines(&shared, "Wants="),
        ["Wants=mcpod-guard.service", "Wants=mcpod-x.service"]
    );
    assert_eq!(lines(&shared, "After="), ["After=mcpod-x.service"]);
    assert_eq!(lines(&shared, "Network="), ["Network=none"]);
    assert_eq!(lines(&shared, "PublishPort="), Vec::<&str>::new());
    assert_eq!(
        lines(&shared, "StopWhenUnneeded="),
        ["StopWhenUnneeded=true"]
    );
    assert!(
        shared.contains("--url=http://127.0.0.1:3001/mcp"),
        "{shared}"
    );
    let always = Choices {
        always_on: true,
        ..Choices::default()
    };
    let always = files(text, &always);
    assert_eq!(lines(&always, "StopWhenUnneeded="), Vec::<&str>::new());
    assert_eq!(lines(&always, "WantedBy="), ["WantedBy=default.target"]);
}

#[test]
fn what_listens_elsewhere_is_refused() {
    for url in [
        "http://example.com:3001/mcp",
        "https://localhost:3001/mcp",
        "unix:/run/x",
    ] {
        let text =
            format!("[[server]]\nname = 'web'\n[[server.launch]]\nimage = 'a/b'\nhttp = '{url}'");
        let refused = plan(&text, &Choices::default());
        assert!(matches!(refused, Err(PlanError::NotInside { .. })), "{url}");
    }
    let text = "[[server]]\nname = 'far'\n[[server.launch]]\nremote = 'http://example.com/mcp'";
    let refused = plan(text, &Choices::default());
    assert!(matches!(refused, Err(PlanError::Address(_))), "{refused:?}");
}
