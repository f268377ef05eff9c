//! Manifests, and what their servers are started with.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::activation::choices::Choices;
use crate::activation::plan::Plan;
use crate::catalog::{Artifact, Bundle, Network, Transport, Trust};
use crate::quadlet::value::Assignment;
use crate::settings::Settings;

fn manifest(value: &Value) -> Result<Manifest, ManifestError> {
    Manifest::parse(value.to_string().as_bytes())
}

fn option() -> LaunchOption {
    let local = Local {
        artifact: Artifact::Bundle(Bundle {
            url: Line::new("https://example.com/x.mcpb"),
            sha256: Line::new(&"0".repeat(64)),
        }),
        transport: Transport::Stdio,
        args: Vec::new(),
        env: Vec::new(),
        mounts: Vec::new(),
        user: None,
        network: Network::Unstated,
    };
    LaunchOption {
        trust: Trust::Declared,
        inputs: Vec::new(),
        run: Run::Local(Box::new(local)),
    }
}

#[test]
fn a_manifest_says_what_is_started_with_what() {
    let manifest = manifest(&json!({
        "manifest_version": "0.3", "name": "x", "version": "1",
        "server": {"type": "node", "entry_point": "server/index.js", "mcp_config": {
            "command": "node",
            "args": ["${__dirname}/server/index.js", "--level=${user_config.level}", "${user_config.folders}"],
            "env": {"TOKEN": "${user_config.token}", "WHERE": "${HOME}${/}x"},
            "platform_overrides": {"win32": {"command": "node.exe"}},
        }},
        "user_config": {
            "folders": {"type": "directory", "title": "Folders", "description": "What it sees", "multiple": true, "required": true, "default": ["${HOME}/Desktop"]},
            "level": {"type": "number", "title": "Level", "description": "x", "default": 3},
            "token": {"type": "string", "title": "Token", "description": "x", "sensitive": true, "required": true},
            "unused": {"type": "string", "title": "x", "description": "x"},
        },
    }))
    .unwrap();
    assert_eq!(manifest.program().unwrap(), "node");
    let completed = manifest.complete(&option()).unwrap();
    let names: Vec<&str> = completed
        .inputs
        .iter()
        .map(|input| input.path.as_str())
        .collect();
    assert_eq!(names, ["folders", "level", "token"]);
    let mut choices = Choices {
        inputs: vec![
            Assignment::new("folders", "/a b"),
            Assignment::new("folders", "/c"),
        ],
        ..Choices::default()
    };
    choices
        .secrets
        .insert("token".to_owned(), Some("s3cret".into()));
    let plan = Plan::new(
        "x",
        &[completed],
        "x".parse().unwrap(),
        &choices,
        &Settings::default(),
    )
    .unwrap();
    let started = &plan.invocation;
    assert_eq!(
        started.args,
        ["/opt/mcpod/app/server/index.js", "--level=3", "/a b", "/c"]
    );
    assert_eq!(started.environment, [Assignment::new("WHERE", "/tmp/x")]);
    assert_eq!(started.secret_variables.len(), 1);
    let seen: Vec<&str> = started
        .binds
        .iter()
        .map(|bind| bind.target.as_str())
        .collect();
    assert_eq!(seen, ["/a b", "/c"]);
}

#[test]
fn a_program_is_one_of_the_bundle() {
    let program = |kind: &str, command: &str, overridden: Option<&str>| {
        let overrides = overridden.map(|command| json!({"linux": {"command": command}}));
        manifest(
            &json!({"server": {"type": kind, "entry_point": "bin/x", "mcp_config": {
            "command": command, "platform_overrides": overrides.unwrap_or_else(|| json!({}))}}}),
        )
        .unwrap()
        .program()
    };
    for (kind, command, overridden, expected) in [
        ("binary", "${__dirname}/bin/x", None, "/opt/mcpod/app/bin/x"),
        ("binary", "./bin/x", None, "/opt/mcpod/app/bin/x"),
        (
            "binary",
            "x.exe",
            Some("${__dirname}/x"),
            "/opt/mcpod/app/x",
        ),
        ("python", "python", None, "python3"),
    ] {
        assert_eq!(program(kind, command, overridden).unwrap(), expected);
    }
    for command in [
        "bash",
        "/bin/sh",
        "${__dirname}/../x",
        "uvx",
        "${__dirname}/a b",
        "",
        "-x",
    ] {
        assert!(program("binary", command, None).is_err(), "{command:?}");
    }
}

#[test]
fn what_cannot_run_here_is_refused() {
    for value in [
        json!({}),
        json!({"server": {"type": "uv"}}),
        json!({"server": {"type": "node"}, "compatibility": {"platforms": ["darwin", "win32"]}}),
    ] {
        assert!(manifest(&value).is_err(), "{value}");
    }
    for args in [
        json!(["${user_config.none}"]),
        json!(["${PATH}"]),
        json!(["{{x}}"]),
        json!(["${"]),
    ] {
        let value =
            json!({"server": {"type": "node", "entry_point": "x", "mcp_config": {"args": args}}});
        assert!(
            manifest(&value).unwrap().complete(&option()).is_err(),
            "{value}"
        );
    }
}

proptest! {
    #[test]
    fn no_manifest_panics_or_brings_a_template_of_ours(text in "[${}_a-z|./]{0,24}|\\PC{0,12}", key in "[a-z.|{}-]{0,8}") {
        let value = json!({
            "server": {"type": "binary", "entry_point": text, "mcp_config": {"args": [text], "env": {"A": text}}},
            "user_config": {key: {"type": "string", "sensitive": true, "default": text}},
        });
        if let Ok(manifest) = manifest(&value) {
            drop(manifest.program());
            drop(manifest.complete(&option()));
        }
    }
}
