//! What stays as it was, and what is refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn entry() -> Entry {
    entry_of(json!({"type": "stdio", "command": "/usr/bin/mcpod", "args": ["serve"]}))
}

fn entry_of(value: Value) -> Entry {
    match value {
        Value::Object(entry) => Entry(entry),
        other => panic!("no entry: {other}"),
    }
}

fn set(format: Format, text: &str, servers: &str) -> String {
    format.set(text, servers, "mcpod", &entry()).unwrap()
}

const JSON: &str = r#"// Mine.
{
	"theme": "dark", /* always */
	"mcpServers": {
		// The old one.
		"time": { "command": "uvx", "args": ["mcp-server-time"] },
	},
	"last": 1.0
}"#;

#[test]
fn json_keeps_comments_indentation_and_trailing_commas() {
    let edited = set(Format::Json, JSON, "mcpServers");
    insta::assert_snapshot!(edited, @r#"
    // Mine.
    {
    	"theme": "dark", /* always */
    	"mcpServers": {
    		// The old one.
    		"time": { "command": "uvx", "args": ["mcp-server-time"] },
    		"mcpod": {
    			"type": "stdio",
    			"command": "/usr/bin/mcpod",
    			"args": ["serve"],
    		},
    	},
    	"last": 1.0
    }
    "#);
    let back = Format::Json.remove(&edited, "mcpServers", "mcpod").unwrap();
    assert_eq!(back.trim_end(), JSON);
}

#[test]
fn an_entry_that_is_there_keeps_what_does_not_say_how_it_is_reached() {
    let there = r#"{"mcp": {"mcpod": {
  "type": "http", // over there
  "url": "http://127.0.0.1:8931/mcp",
  "headers": {"Authorization": "Bearer x"},
  "timeout": 5 // mine
}}}
"#;
    let edited = set(Format::Json, there, "mcp");
    let found = Format::Json.find(&edited, "mcp", "mcpod").unwrap().unwrap();
    assert_eq!(
        found,
        json!({"type": "stdio", "timeout": 5, "command": "/usr/bin/mcpod", "args": ["serve"]})
    );
    assert!(edited.contains("// mine"), "{edited}");
    // A second time nothing changes.
    assert_eq!(set(Format::Json, &edited, "mcp"), edited);
}

#[test]
fn nothing_becomes_a_file_of_its_own() {
    for text in ["", "\n", "{}"] {
        let edited = set(Format::Json, text, "mcpServers");
        let value: Value = serde_json::from_str(&edited).unwrap();
        assert_eq!(
            value["mcpServers"]["mcpod"]["args"],
            json!(["serve"]),
            "{text:?}"
        );
        assert!(edited.ends_with("}\n"), "{edited:?}");
    }
    insta::assert_snapshot!(set(Format::Toml, "", "mcp_servers"), @r#"
    [mcp_servers.mcpod]
    type = "stdio"
    command = "/usr/bin/mcpod"
    args = ["serve"]
    "#);
    for text in ["", "# nothing\n"] {
        let edited = set(Format::Yaml, text, "extensions");
        assert!(
            edited.starts_with(text) && edited.contains("extensions:\n  mcpod:\n"),
            "{edited}"
        );
    }
}

#[test]
fn toml_keeps_comments_and_the_order_of_tables() {
    let text = "# Mine.\nmodel = \"o3\" # best\n\n[mcp_servers.time]\ncommand = 'uvx'  # old\n\n[projects.\"/a\"]\ntrust = true\n";
    let edited = set(Format::Toml, text, "mcp_servers");
    assert!(edited.contains("[mcp_servers.mcpod]\n"), "{edited}");
    for line in text.lines() {
        assert!(edited.contains(line), "{line:?} is not in {edited}");
    }
    assert_eq!(set(Format::Toml, &edited, "mcp_servers"), edited);
    let back = Format::Toml
        .remove(&edited, "mcp_servers", "mcpod")
        .unwrap();
    assert_eq!(back, text);
    // Tables within a line are edited within it.
    let inline = "mcp_servers = { time = { command = \"uvx\" } }\n";
    let edited = set(Format::Toml, inline, "mcp_servers");
    assert!(
        Format::Toml
            .find(&edited, "mcp_servers", "mcpod")
            .unwrap()
            .is_some(),
        "{edited}"
    );
}

const YAML: &str = "# Mine.\nextensions:\n    # The old one.\n    time:\n        enabled: true # yes\n        cmd: 'uvx'\n\n# What follows.\nGOOSE_MODEL: gpt\n";

#[test]
fn yaml_keeps_comments_and_indentation() {
    let edited = set(Format::Yaml, YAML, "extensions");
    insta::assert_snapshot!(edited, @r#"
    # Mine.
    extensions:
        # The old one.
        time:
            enabled: true # yes
            cmd: 'uvx'
        mcpod:
          type: "stdio"
          command: "/usr/bin/mcpod"
          args: ["serve"]

    # What follows.
    GOOSE_MODEL: gpt
    "#);
    assert_eq!(set(Format::Yaml, &edited, "extensions"), edited);
    let back = Format::Yaml.remove(&edited, "extensions", "mcpod").unwrap();
    assert_eq!(back, YAML);
}

#[test]
fn yaml_that_is_not_written_by_lines_is_left_alone() {
    for text in [
        "extensions: {time: {cmd: uvx}}\n",
        "{extensions: {}}\n",
        "extensions: &all\n  time: {cmd: uvx}\nother: *all\n",
        "? extensions\n: time: {cmd: uvx}\n",
    ] {
        let edited = Format::Yaml.set(text, "extensions", "mcpod", &entry());
        assert_eq!(edited, Err(EditError::Unsafe), "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_not_edited() {
    for (format, text) in [
        (Format::Json, "{\"mcpServers\": {"),
        (Format::Json, "{\"a\": 1 \"b\": 2}"),
        (Format::Json, "[1]"),
        (Format::Json, "{\"servers\": []}"),
        (Format::Toml, "[servers\n"),
        (Format::Toml, "servers = 1\n"),
        (Format::Yaml, "servers: [\n"),
        (Format::Yaml, "- 1\n"),
    ] {
        let edited = format.set(text, "servers", "mcpod", &entry());
        if text == "{\"mcpServers\": {" || !text.contains("mcpServers") {
            assert!(
                matches!(edited, Err(EditError::Unreadable(_))),
                "{text}: {edited:?}"
            );
        }
    }
}

/// Tables of settings, with keys that stand in the way of an editor of lines.
fn settings() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("servers".to_owned()),
        Just("mcpod".to_owned()),
        Just("command".to_owned()),
        "[ -~]{1,6}",
    ];
    let value = leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|table| Value::Object(table.into_iter().collect())),
        ]
    });
    prop::collection::btree_map(
        prop_oneof![Just("servers".to_owned()), "[ -~]{1,6}"],
        value,
        0..4,
    )
    .prop_map(|table| Value::Object(table.into_iter().collect()))
}

proptest! {
    /// Whatever a file says: either it is left alone, or it says the same and the entry, and the same again without it.
    #[test]
    fn an_edit_changes_the_entry_and_nothing_else(settings in settings()) {
        for (format, text) in [
            (Format::Json, serde_json::to_string_pretty(&settings).unwrap()),
            (Format::Json, settings.to_string()),
            (Format::Toml, ::toml::to_string(&settings).unwrap_or_default()),
            (Format::Yaml, serde_json::to_string_pretty(&settings).unwrap()),
        ] {
            let Ok(edited) = format.set(&text, "servers", "mcpod", &entry()) else { continue };
            let found = format.find(&edited, "servers", "mcpod").unwrap().unwrap();
            for (key, value) in &entry().0 {
                prop_assert_eq!(&found[key], value);
            }
            let before = format.read(&text).unwrap();
            let back = format.remove(&edited, "servers", "mcpod");
            prop_assert!(back.is_ok(), "{} became {}", text, edited);
            let mut without = before.clone();
            if let Some(Value::Object(table)) = without.get_mut("servers") {
                table.shift_remove("mcpod");
            }
            let after = format.read(&back.unwrap()).unwrap();
            prop_assert_eq!(without_empty(&after), without_empty(&without));
        }
    }
}
