//! The main job, as a user types it.

use crate::idle::Idle;
use crate::machine::{mcpod, run_with_input};
use crate::server::Server;

#[test]
fn a_server_is_found_added_called_attached_to_and_removed() {
    let _machine = Idle::now();
    let found = mcpod(&["search", "time", "--json"]).ok().json();
    assert_eq!(found[0]["id"], "builtin:time");

    let time = Server::add("time", "time");
    let listed = mcpod(&["list", "--json"]).ok().json();
    assert_eq!(listed[0]["name"], "time");
    assert_eq!(listed[0]["state"], "listening");
    assert_eq!(listed[0]["socket"], "/run/user/1000/mcpod/time.sock");
    mcpod(&["status", "time"])
        .ok()
        .prints(&["time", "listening"]);
    let tools = mcpod(&["tools", "time", "--json"]).ok().json();
    assert!(
        tools
            .as_array()
            .unwrap()
            .iter()
            .any(|tool| tool["name"] == "get_current_time")
    );

    let called = mcpod(&["call", "time", "get_current_time", "timezone=UTC", "--json"])
        .ok()
        .json();
    assert!(
        called["content"][0]["text"]
            .as_str()
            .unwrap()
            .contains("UTC"),
        "{called}"
    );

    let hello = br#"{"jsonrpc":"2.0","id":"one","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}
"#;
    let answer = run_with_input(&["mcpod", "attach", "time"], hello)
        .ok()
        .json();
    assert_eq!(answer["id"], "one");
    assert!(answer["result"]["serverInfo"].is_object(), "{answer}");
    drop(time);
}
