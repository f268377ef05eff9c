//! Commands of the host as servers: by consent alone, and in a sandbox.

use crate::changes::afterwards;
use crate::idle::Idle;
use crate::machine::{mcpod, sh};
use crate::server::Server;

/// A server that tells what it sees: its tool runs a line of the shell.
const SERVER: &str = r#"
mkdir -p ~/srv/data
cat >~/srv/server.py <<'END'
import json, subprocess, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    method, params = asked["method"], asked.get("params", {})
    if method == "tools/call":
        ran = subprocess.run(["sh", "-c", params["arguments"]["script"]], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        answer = {"content": [{"type": "text", "text": ran.stdout + ran.stderr}]}
    else:
        answer = {"initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}},
            "tools/list": {"tools": [{"name": "look", "inputSchema": {"type": "object"}}]}}.get(method)
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"]} | ({"result": answer} if answer else {"error": {"code": -32601, "message": "no"}})), flush=True)
END
echo private >~/private; echo shared >~/srv/data/file
"#;

const COMMAND: &str = "command:python3 /home/tester/srv/server.py";

/// Writes the server, until the test ends.
#[track_caller]
fn server() -> impl Drop {
    sh(SERVER, &[]).ok();
    afterwards(|| sh("rm -rf ~/srv ~/private", &[]))
}

/// What the server's shell prints.
#[track_caller]
fn look(server: &Server, script: &str) -> String {
    let arguments = serde_json::json!({"script": script}).to_string();
    server.call("look", &arguments).ok().result_text()
}

#[test]
fn a_command_runs_by_consent_and_sees_what_is_named() {
    let _machine = Idle::now();
    let _server = server();
    mcpod(&["add", COMMAND]).code(2).complains(&[
        "this would run command:/usr/bin/python3 /home/tester/srv/server.py on this host",
        "in no container",
        "--yes",
    ]);
    // Its own program is not there unless it is named.
    mcpod(&["add", COMMAND, "--yes", "--name", "here"])
        .code(1)
        .complains(&["/home/tester/srv/server.py"]);
    let here = Server::add_with(
        COMMAND,
        "here",
        &[
            "--yes",
            "--mount",
            "/home/tester/srv",
            "--env",
            "COLOUR=100% $red",
        ],
    );
    for (script, sees) in [
        ("ls -A ~tester", "srv\n"),
        ("cat ~tester/srv/data/file", "shared\n"),
        ("touch ~tester/srv/x", "Read-only file system"),
        ("touch /usr/x", "Read-only file system"),
        ("ls -A /run/user", ""),
        ("ls -A /run", "user\n"),
        // Its own alone: a shell of the look, and what that starts.
        (
            "[ $(ls /proc | grep -c '^[0-9]') -lt 8 ] && echo few",
            "few\n",
        ),
        (
            "cat /proc/1/cmdline | tr '\\0' ' '",
            "/usr/bin/python3 /home/tester/srv/server.py ",
        ),
        ("tail -n +3 /proc/self/net/dev | wc -l", "1\n"),
        (
            "grep -E '^(NoNewPrivs|CapEff|CapBnd)' /proc/self/status | tr -d '\\n\\t'",
            "CapEff:0000000000000000CapBnd:0000000000000000NoNewPrivs:1",
        ),
        ("unshare --user true", "Operation not permitted"),
        ("systemctl --user list-units", "Failed to connect"),
        (
            "env | sort",
            "COLOUR=100% $red\nHOME=/tmp\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin:/usr/bin\nPWD=/tmp\n",
        ),
        ("echo a >/tmp/a && cat /tmp/a", "a\n"),
    ] {
        let seen = look(&here, script);
        let is_seen = if sees.is_empty() {
            seen.is_empty()
        } else {
            seen.contains(sees)
        };
        assert!(is_seen, "{script}: {seen}");
    }
    sh("ls /tmp/a", &[]).code(2);
    // Limits are those of the others.
    let shown = sh(
        r#"mcpod attach here >/dev/null <<'END' &
END
        systemctl --user show --property=MemoryMax,TasksMax,Slice "mcpod-here@*" "mcpod-here@x.service""#,
        &[],
    );
    shown
        .ok()
        .prints(&["MemoryMax=1073741824", "TasksMax=512", "Slice=mcpod.slice"]);
    mcpod(&["config", "here", "COLOUR=blue"]).ok();
    assert!(look(&here, "echo $COLOUR; ls -A ~tester").contains("blue\nsrv"));
    mcpod(&["status", "here"])
        .ok()
        .prints(&["command:/usr/bin/python3"]);
}

#[test]
fn a_folder_can_be_changed_and_the_network_be_open_where_that_is_said() {
    let _machine = Idle::now();
    let _server = server();
    let options = [
        "--yes",
        "--mount",
        "/home/tester/srv",
        "--mount",
        "/home/tester/srv/data:rw",
        "--network",
        "open",
    ];
    let here = Server::add_with(COMMAND, "here", &options);
    assert_eq!(
        look(
            &here,
            "echo new >~tester/srv/data/file; cat ~tester/srv/data/file"
        ),
        "new\n"
    );
    sh("cat ~/srv/data/file", &[]).ok().prints(&["new"]);
    assert_ne!(look(&here, "tail -n +3 /proc/self/net/dev | wc -l"), "1\n");
    drop(here);
    mcpod(&["add", COMMAND, "--yes", "--mount", "/home/tester"])
        .code(2)
        .complains(&["your whole home folder is in it"]);
    mcpod(&["add", COMMAND, "--yes", "--mount", "srv"]).code(2);
    mcpod(&["add", "command:no-such-program-at-all", "--yes"])
        .code(1)
        .complains(&[
            "this host has no program no-such-program-at-all",
            "absolute path",
        ]);
    mcpod(&["add", "command:", "--yes"])
        .code(2)
        .complains(&["no program is named"]);
}

#[test]
fn a_server_that_others_wrote_runs_as_a_command() {
    let _machine = Idle::now();
    // Its files come out of its image, which has the machine's own Python.
    let unpack = r"podman create --quiet --name unpack docker.io/mcp/time >/dev/null
        mkdir -p ~/time && podman cp unpack:/ - | tar -C ~/time -x --exclude=dev --exclude=proc --exclude=sys --no-same-owner
        podman rm unpack";
    sh(unpack, &[]).ok();
    let _files = afterwards(|| sh("chmod -R u+w ~/time; rm -rf ~/time", &[]));
    let packages = sh(
        "dirname $(find ~/time -type d -name mcp_server_time | head -n 1)",
        &[],
    )
    .ok();
    let path = format!("PYTHONPATH={}", packages.stdout.trim());
    let time = Server::add_with(
        "command:python3 -m mcp_server_time",
        "time",
        &["--yes", "--mount", "/home/tester/time", "--env", &path],
    );
    time.call("get_current_time", r#"{"timezone": "UTC"}"#)
        .ok()
        .prints(&["datetime"]);
}
