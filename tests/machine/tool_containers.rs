//! Tools that are containers, one run for each call, as Docker's registry has some.

use crate::changes::{afterwards, settings};
use crate::idle::Idle;
use crate::machine::{mcpod, sh, write_file};
use crate::server::Server;

const ENTRY: &str = r#"name: looker
type: poci
meta: {category: devops, tags: [x]}
about: {title: Looker, description: Looks around in the machine}
tools:
  - name: look
    description: Run a line of the shell
    parameters: {type: object, properties: {args: {type: array, items: {type: string}}}, required: [args]}
    container: {image: "docker.io/library/python:3.12-slim", command: ["sh", "-c", "{{args|into}}"]}
  - name: file-exists
    description: check if a file exists
    parameters: {type: object, properties: {path: {type: string}}, required: [path]}
    container:
      image: docker.io/library/python:3.12-slim
      command: [test, -f, "{{path}}"]
      volumes: ["{{path}}:{{path}}"]
"#;

/// One that wants the socket of Docker.
const GREEDY: &str = r#"name: greedy
type: poci
about: {title: Greedy, description: Wants it all}
tools:
  - name: docker
    description: x
    parameters: {type: object, properties: {args: {type: array}}}
    container: {image: "docker:cli", command: ["{{args|into}}"], volumes: ["/var/run/docker.sock:/var/run/docker.sock"]}
"#;

/// A catalog of these entries, until the test ends.
fn catalog() -> impl Sized {
    sh("mkdir -p ~/registry/servers/looker ~/registry/servers/greedy ~/seen && touch ~/seen/file && ln -s /etc/passwd ~/seen/link", &[]).ok();
    write_file(
        "/home/tester/registry/servers/looker/server.yaml",
        ENTRY.as_bytes(),
    );
    write_file(
        "/home/tester/registry/servers/greedy/server.yaml",
        GREEDY.as_bytes(),
    );
    let set = settings(
        "[[sources.extra]]\nname = \"ours\"\nkind = \"docker\"\nurl = \"/home/tester/registry\"\n",
    );
    let files = afterwards(|| sh("rm -rf ~/registry ~/seen ~/.cache/mcpod", &[]));
    mcpod(&["refresh", "ours"]).ok();
    (set, files)
}

#[test]
fn each_call_is_a_container_of_its_own_and_is_gone() {
    let _machine = Idle::now();
    let _catalog = catalog();
    let server = Server::add_with("ours:looker", "looker", &["--mount", "/home/tester/seen"]);
    let look = |script: &str| {
        let arguments = serde_json::json!({"args": [script]}).to_string();
        server.call("look", &arguments)
    };
    for (script, sees) in [
        ("echo hello", "hello\n"),
        ("tail -n +3 /proc/net/dev | wc -l", "1\n"),
        ("ls -A /home /run", "/home:\n\n/run:\n.containerenv"),
        ("grep -E '^CapEff' /proc/self/status", "0000000000000000"),
        ("echo kept >/tmp/x; cat /tmp/x", "kept\n"),
        ("ls /tmp", ""),
    ] {
        let seen = look(script).ok().result_text();
        let is_seen = if sees.is_empty() {
            seen.is_empty()
        } else {
            seen.contains(sees)
        };
        assert!(is_seen, "{script}: {seen}");
    }
    look("touch /x")
        .code(5)
        .prints(&["Read-only file system", "it ended with"]);
    look("echo to err >&2; exit 3")
        .code(5)
        .prints(&["to err", "exit status: 3"]);
    for (path, code) in [
        ("/home/tester/seen/file", 0),
        ("/home/tester/seen/none", 5),
        ("/home/tester/seen/link", 5),
        ("/etc/passwd", 5),
        ("/home/tester/seen/../.bashrc", 5),
    ] {
        let arguments = serde_json::json!({"path": path}).to_string();
        server.call("file-exists", &arguments).code(code);
    }
    server
        .call("file-exists", r#"{"path": "/etc/passwd"}"#)
        .code(5)
        .prints(&["not for this tool", "--mount"]);
    server
        .call("look", "{}")
        .code(5)
        .prints(&["args is missing"]);
    // All of it is in the session's unit, and goes with it.
    let held = sh(
        r#"mkfifo ~/seen/in; mcpod attach looker <~/seen/in >/dev/null & exec 3>~/seen/in
        printf '%s\n' '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}' \
            '{"jsonrpc":"2.0","method":"notifications/initialized"}' \
            '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"look","arguments":{"args":["sleep 4321"]}}}' >&3
        for i in $(seq 300); do systemd-cgls --no-pager --user-unit "$(systemctl --user list-units --plain --no-legend 'mcpod-looker@*' | cut -d' ' -f1)" | grep 'sleep 4321' && break; sleep 0.1; done"#,
        &[],
    );
    held.ok().prints(&["sleep 4321"]);
    mcpod(&["config", "looker"]).ok();
    mcpod(&["status", "looker"])
        .ok()
        .prints(&["python@sha256:"]);
    drop(server);
}

#[test]
fn what_wants_the_socket_of_an_engine_is_not_run() {
    let _machine = Idle::now();
    let _catalog = catalog();
    mcpod(&["show", "ours:greedy"])
        .ok()
        .prints(&["/var/run/docker.sock"]);
    mcpod(&["add", "ours:greedy"])
        .code(1)
        .complains(&["says nothing of how it can be run"]);
}
