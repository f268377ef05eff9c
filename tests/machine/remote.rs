//! Remote servers: bridges to what listens on the machine's loopback.

use serde_json::json;

use crate::idle::Idle;
use crate::machine::{Ran, SOON, mcpod, root, run, run_with_input, sh, wait_until, write_file};
use crate::running::{Running, start};
use crate::server::Server;

/// A server, which can want a login.
pub(crate) const WEB: &str = include_str!("web.py");

/// What listens on a port of the machine until this is dropped.
pub(crate) struct Listening {
    _server: Running,
    port: u16,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let end = r#"rm -f "/tmp/remote-$1.py"; podman rm --force --ignore --time=0 "remote-$1""#;
        sh(end, &[&self.port.to_string()]);
    }
}

impl Listening {
    fn start(words: &[&str], port: u16) -> Self {
        let server = start(words);
        let address = format!("127.0.0.1:{port}");
        wait_until("somebody listens", SOON, || {
            let seen = run(&["ss", "-Hltn"]).ok().stdout;
            if seen.contains(&address) || seen.contains(&format!("*:{port}")) {
                Ok(())
            } else {
                Err(seen)
            }
        });
        Self {
            _server: server,
            port,
        }
    }

    /// A server of the reference implementation, in one of its modes over HTTP.
    fn everything(mode: &str, port: u16) -> Self {
        let (name, environment) = (format!("--name=remote-{port}"), format!("PORT={port}"));
        Self::start(
            &[
                "podman",
                "run",
                "--rm",
                &name,
                "--init",
                "--network=host",
                "--env",
                &environment,
                "docker.io/mcp/everything",
                mode,
            ],
            port,
        )
    }

    /// The server of `web.py`, with these words behind its port.
    pub(crate) fn web(words: &[&str], port: u16) -> Self {
        let (path, number) = (format!("/tmp/remote-{port}.py"), port.to_string());
        write_file(&path, WEB.as_bytes());
        Self::start(&[&["python3", &path, &number], words].concat(), port)
    }

    /// A server that answers as a script of Python says: `answer(handler, body)`.
    fn python(script: &str, port: u16) -> Self {
        let path = format!("/tmp/remote-{port}.py");
        write_file(&path, format!("{script}\n{SERVE}").as_bytes());
        Self::start(&["python3", &path, &port.to_string()], port)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

/// Serves what `answer` says.
const SERVE: &str = r#"
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *words): pass
    def say(self, status, kind, body, **headers):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        answer(self, self.rfile.read(int(self.headers["Content-Length"])).decode())
    def do_GET(self): self.say(405, "text/plain", "")
    do_DELETE = do_GET
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

/// Everything that is refused, for one reason.
fn refused(script: &str, port: u16) -> Ran {
    let far = Listening::python(script, port);
    let ran = mcpod(&["add", &far.url("/mcp"), "--name", "far"]).code(1);
    // Nothing is left of what did not answer.
    assert_eq!(mcpod(&["list", "--json"]).ok().json(), json!([]));
    sh(
        "! ls ~/.config/systemd/user/mcpod-far* ~/.config/containers/systemd/mcpod-far*",
        &[],
    )
    .ok();
    ran
}

#[test]
fn a_remote_server_is_added_used_and_removed() {
    let _machine = Idle::now();
    for (mode, path, port) in [("streamableHttp", "/mcp", 3101), ("sse", "/sse", 3102)] {
        let everything = Listening::everything(mode, port);
        let far = Server::add(&everything.url(path), "far");
        let answer = far.call("echo", r#"{"message": "x"}"#).ok();
        assert_eq!(answer.result_text(), "Echo: x");
        let listed = mcpod(&["list", "--json"]).ok().json();
        assert_eq!(listed[0]["image"], json!(everything.url(path)));
        wait_until("no bridge is left", SOON, || match far.instances() {
            none if none.is_empty() => Ok(()),
            some => Err(some),
        });
        // A session of some length, in which the server speaks of its own accord.
        let mut client = start(&["mcpod", "attach", "far"]);
        client.say(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#);
        assert!(client.line().contains("protocolVersion"));
        client.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        client.say(r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"trigger-long-running-operation","arguments":{"duration":1,"steps":2},"_meta":{"progressToken":7}}}"#);
        let mut lines = Vec::new();
        while !lines
            .last()
            .is_some_and(|line: &String| line.contains("\"id\":2"))
        {
            lines.push(client.line());
        }
        let progress = lines
            .iter()
            .filter(|line| line.contains("notifications/progress"));
        assert_eq!(progress.count(), 2, "{lines:?}");
        drop(client);
        drop(far);
    }
}

#[test]
fn what_a_remote_server_says_instead_is_told() {
    let _machine = Idle::now();
    let answer = |say: &str| format!("def answer(handler, body): handler.say({say})");
    refused(&answer("401, 'text/plain', 'who?'"), 3111)
        .complains(&["wants a login (401 Unauthorized): who?", "mcpod login"]);
    refused(&answer("403, 'text/plain', ''"), 3112).complains(&["refuses access (403 Forbidden)"]);
    refused(&answer("429, 'text/plain', '', Retry_After='30'"), 3113)
        .complains(&["429 Too Many Requests", "30 s"]);
    refused(&answer("500, 'text/html', '<title>Oh no</title>'"), 3114)
        .complains(&["500 Internal Server Error: Oh no"]);
    refused(&answer("200, 'text/html', '<title>Welcome</title>'"), 3115)
        .complains(&["what is no MCP: text/html: Welcome"]);
    refused(
        &answer("307, 'text/plain', '', Location='https://example.com/mcp'"),
        3116,
    )
    .complains(&["https://example.com/mcp, which is another server"]);
    let endless = "def answer(handler, body):\n    handler.send_response(200)\n    handler.send_header('Content-Type', 'text/event-stream')\n    handler.end_headers()\n    while True: handler.wfile.write(b'data: ' + b'x' * 65536 + b'\\n')";
    refused(endless, 3117).complains(&["more than 16777216 bytes"]);
    mcpod(&["add", "http://127.0.0.1:9/mcp", "--name", "far"])
        .code(1)
        .complains(&["cannot reach http://127.0.0.1:9/mcp", "refused"]);
    mcpod(&["add", "http://example.com/mcp"])
        .code(2)
        .complains(&["not encrypted"]);
}

#[test]
fn a_secret_of_a_remote_server_stands_nowhere() {
    const SECRET: &str = "hunter2-of-the-remote-server";
    let _machine = Idle::now();
    let script = format!(
        r#"
import json
def answer(handler, body):
    message = json.loads(body)
    if handler.headers.get("X-Api-Key") != "{SECRET}":
        return handler.say(401, "text/plain", "")
    results = {{"initialize": {{"protocolVersion": "2025-06-18", "capabilities": {{"tools": {{}}}}, "serverInfo": {{"name": "s", "version": "1"}}}},
               "tools/list": {{"tools": [{{"name": "t", "inputSchema": {{"type": "object"}}}}]}},
               "tools/call": {{"content": [{{"type": "text", "text": "let in"}}]}}}}
    if "id" not in message: return handler.say(202, "text/plain", "")
    if message["method"] not in results:
        return handler.say(200, "application/json", json.dumps({{"jsonrpc": "2.0", "id": message["id"], "error": {{"code": -32601, "message": "no"}}}}))
    handler.say(200, "application/json", json.dumps({{"jsonrpc": "2.0", "id": message["id"], "result": results[message["method"]]}}))
"#
    );
    let far = Listening::python(&script, 3121);
    let url = far.url("/mcp");
    mcpod(&["add", &url, "--name", "far", "--header", "X-Api-Key=x"])
        .code(2)
        .complains(&["is a secret"]);
    let add = [
        "mcpod",
        "add",
        &url,
        "--name",
        "far",
        "--secret",
        "X-Api-Key=-",
    ];
    run_with_input(&add, SECRET.as_bytes()).ok();
    let server = Server("far");
    let mut client = start(&["mcpod", "attach", "far"]);
    client.say(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#);
    assert!(client.line().contains("let in"));
    // While a session with it runs.
    let found = root(&[
        "sh",
        "-c",
        "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | grep -ac \"$1\"",
        "sh",
        SECRET,
    ]);
    assert_eq!(
        found.stdout.trim(),
        "1",
        "only the search itself: {found:?}"
    );
    let grep = "grep -rl hunter2-of-the ~/.config ~/.local/share/mcpod /run/user/1000/mcpod; journalctl --user --no-pager | grep hunter2-of-the; systemctl --user show 'mcpod-far@*' | grep hunter2-of-the; true";
    assert_eq!(sh(grep, &[]).ok().stdout, "");
    drop(client);
    drop(server);
    mcpod(&["secret", "remove", "far_X-Api-Key"]).ok();
}
