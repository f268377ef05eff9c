//! Servers that listen in their container: one container for all sessions, reached by bridges and by nobody else.

use std::time::Duration;

use crate::changes::{afterwards, settings};
use crate::idle::Idle;
use crate::machine::{SOON, mcpod, run, sh, wait_until, write_file};
use crate::running::{Running, start};
use crate::server::Server;

/// Servers of the reference implementation that listen, or are said to.
const CATALOG: &str = r#"
[[server]]
name = "web"
[[server.launch]]
image = "docker.io/mcp/everything"
args = ["streamableHttp"]
http = "http://localhost:3001/mcp"

[[server]]
name = "moving"
[[server.launch]]
image = "docker.io/mcpod-test/moving"
args = ["3001"]
http = "http://localhost:3001/mcp"

[[server]]
name = "events"
[[server.launch]]
image = "docker.io/mcp/everything"
args = ["sse"]
http = "http://localhost:3001/sse"
protocol = "sse"

[[server]]
name = "never"
[[server.launch]]
image = "docker.io/mcp/everything"
http = "http://localhost:3001/mcp"
"#;

const SETTINGS: &str = "sources.docker.enabled = false
sources.official.enabled = false
sources.awesome.enabled = false
[[sources.extra]]
name = 'mine'
kind = 'toml'
url = '/home/tester/shared.toml'
";

/// That catalog alone, until the end of the test.
#[track_caller]
pub(crate) fn catalog() -> impl Drop + use<> {
    write_file("/home/tester/shared.toml", CATALOG.as_bytes());
    let gone = afterwards(|| sh("rm -rf ~/shared.toml ~/.cache/mcpod ~/.config/mcpod", &[]));
    // Removed with the catalog, by what removes that.
    std::mem::forget(settings(SETTINGS));
    mcpod(&["refresh", "mine"]).ok();
    gone
}

/// Whether the container of all sessions runs.
pub(crate) fn state(name: &str) -> String {
    let unit = format!("mcpod-{name}.service");
    run(&["systemctl", "--user", "is-active", &unit])
        .stdout
        .trim()
        .to_owned()
}

#[track_caller]
pub(crate) fn await_state(name: &str, expected: &str) {
    wait_until("the container's state", SOON, || match state(name) {
        state if state == expected => Ok(()),
        state => Err(state),
    });
}

/// A session that has begun.
pub(crate) fn session(name: &str) -> Running {
    let mut client = start(&["mcpod", "attach", name]);
    client.say(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#);
    assert!(client.line().contains("protocolVersion"));
    client.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    client
}

#[test]
fn one_container_runs_while_somebody_needs_it_and_nobody_else_reaches_it() {
    let _machine = Idle::now();
    let _catalog = catalog();
    for name in ["web", "events"] {
        let server = Server::add(&format!("mine:{name}"), name);
        await_state(name, "inactive");
        let (mut one, two) = (session(name), session(name));
        assert_eq!(state(name), "active");
        assert_eq!(server.instances().len(), 2);
        one.say(r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"message":"x"}}}"#);
        while !one.line().contains("Echo: x") {}
        // On the host nothing listens, and the container has no network of its own.
        assert_eq!(sh("ss -Hltn 'sport = :3001'", &[]).ok().stdout, "");
        let network = "podman --transient-store inspect --format '{{.HostConfig.NetworkMode}}' \"systemd-mcpod-$1\"";
        assert_eq!(sh(network, &[name]).ok().stdout.trim(), "none");
        drop(one);
        drop(two);
        await_state(name, "inactive");
        drop(server);
    }
}

#[test]
fn a_session_ends_with_its_container_and_the_next_has_a_new_one() {
    let _machine = Idle::now();
    let _catalog = catalog();
    let server = Server::add("mine:web", "web");
    let mut client = session("web");
    sh(
        "kill -KILL $(cat /run/user/1000/mcpod/mcpod-web.inside)",
        &[],
    );
    client.say(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#);
    let ended = client.finish();
    assert!(!ended.stdout.contains(r#""id":2,"result""#), "{ended:#?}");
    let answer = server.call("echo", r#"{"message": "again"}"#).ok();
    assert_eq!(answer.result_text(), "Echo: again");
}

#[test]
fn a_container_is_started_as_often_as_somebody_comes() {
    let _machine = Idle::now();
    let _catalog = catalog();
    let _server = Server::add("mine:web", "web");
    for _ in 0..6 {
        await_state("web", "inactive");
        drop(session("web"));
    }
}

#[test]
fn one_that_is_always_on_runs_without_clients() {
    let _machine = Idle::now();
    let _catalog = catalog();
    let server = Server::add_with("mine:web", "web", &["--always-on"]);
    assert_eq!(state("web"), "active");
    server.call("echo", r#"{"message": "x"}"#).ok();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(state("web"), "active");
}

#[test]
fn one_that_never_listens_is_told_and_nothing_is_left() {
    let _machine = Idle::now();
    let _catalog = catalog();
    mcpod(&["add", "mine:never"])
        .code(1)
        .complains(&["the container of never does not run", "mcpod logs never"]);
    assert_eq!(state("never"), "inactive");
}
