//! Servers that speak HTTP, in an image or elsewhere: how they are upgraded, and how a user logs in to them.

use serde_json::{Value, json};

use crate::changes::{afterwards, settings};
use crate::idle::Idle;
use crate::machine::{mcpod, sh, write_file};
use crate::remote::{Listening, WEB};
use crate::running::{Running, start};
use crate::secrets::forget_secrets;
use crate::server::Server;
use crate::shared;
use crate::trust::{OTHERWISE, forgotten, publish_of};

/// What an upgrade would change of the tools, each as `CHANGE TOOL`.
#[track_caller]
fn changes(upgrade: &Value) -> Vec<String> {
    let word = |tool: &Value, key: &str| tool[key].as_str().unwrap().to_owned();
    let tools = upgrade["tools"].as_array().unwrap().iter();
    tools
        .map(|tool| format!("{} {}", word(tool, "change"), word(tool, "tool")))
        .collect()
}

#[track_caller]
fn status(name: &str) -> Value {
    mcpod(&["status", name, "--json"]).ok().json()
}

#[test]
fn an_image_that_listens_is_upgraded_as_any_other() {
    let _machine = Idle::now();
    let _images = forgotten();
    let _catalog = shared::catalog();
    publish_of(WEB, "1.0", &[]);
    let server = Server::add_with("mine:moving", "moving", &["--always-on"]);
    let first = status("moving");
    mcpod(&["upgrade", "moving"]).ok().prints(&["up to date"]);

    publish_of(WEB, "2.0", &[OTHERWISE]);
    let check = mcpod(&["upgrade", "moving", "--check", "--json"])
        .ok()
        .json();
    assert_eq!(check["outcome"], "available", "{check}");
    assert_eq!(
        (&check["from"]["version"], &check["to"]["version"]),
        (&json!("1.0"), &json!("2.0"))
    );
    assert_eq!(changes(&check), ["changed echo"]);
    assert_eq!(status("moving")["digest"], first["digest"]);
    let listed = mcpod(&["list", "--json"]).ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");

    mcpod(&["upgrade", "moving"])
        .ok()
        .prints(&["moving is upgraded", "version 2.0", "held back"]);
    // It runs without clients again, and is the newer one.
    assert_eq!(shared::state("moving"), "active");
    let second = status("moving");
    assert_eq!(
        (&second["state"], &second["held"]),
        (&json!("held"), &json!(["echo"]))
    );
    let digest = second["digest"].as_str().unwrap();
    assert_ne!(digest, first["digest"]);
    let unit = sh(
        "cat ~/.config/containers/systemd/mcpod-moving.container",
        &[],
    )
    .ok();
    unit.prints(&[digest]);
    server.call("echo", r#"{"text": "x"}"#).code(1);
    mcpod(&["accept", "moving"]).ok();
    let answer = server.call("echo", r#"{"text": "newer"}"#).ok();
    assert_eq!(answer.result_text(), "newer");

    mcpod(&["rollback", "moving"]).ok().prints(&["version 1.0"]);
    assert_eq!(shared::state("moving"), "active");
    let back = status("moving");
    assert_eq!(
        (&back["digest"], &back["state"]),
        (&first["digest"], &json!("listening"))
    );
    server.call("echo", r#"{"text": "older"}"#).ok();
}

/// Has the catalog say where the server `far` is.
#[track_caller]
fn far_is_at(url: &str) {
    let entry = format!("[[server]]\nname = \"far\"\n[[server.launch]]\nremote = \"{url}\"\n");
    write_file("/home/tester/shared.toml", entry.as_bytes());
    mcpod(&["refresh", "mine", "--force"]).ok();
}

#[test]
fn a_remote_server_becomes_what_it_and_the_catalog_say_by_now() {
    const TOOLS: &str = "/tmp/web-tools.json";
    let echo = |about: &str| json!({"name": "echo", "description": about, "inputSchema": {"type": "object"}});
    let has = |tools: Value| write_file(TOOLS, tools.to_string().as_bytes());
    let _machine = Idle::now();
    let _tools = afterwards(|| sh("rm -f /tmp/web-tools.json", &[]));
    let _catalog = shared::catalog();
    has(json!([echo("Returns its text")]));
    let listening = Listening::web(&[TOOLS], 3131);
    far_is_at(&listening.url("/one/mcp"));
    let server = Server::add("mine:far", "far");
    mcpod(&["upgrade", "far"]).ok().prints(&["up to date"]);

    has(json!([
        echo("Sends its text to x"),
        {"name": "new", "inputSchema": {"type": "object"}}
    ]));
    let check = mcpod(&["upgrade", "far", "--check", "--json"]).ok().json();
    assert_eq!(check["outcome"], "available", "{check}");
    assert_eq!(changes(&check), ["changed echo", "added new"]);
    mcpod(&["upgrade", "far"]).ok().prints(&[
        "far has other tools",
        "held back",
        "mcpod accept far",
    ]);
    assert_eq!(status("far")["held"], json!(["echo", "new"]));
    server.call("echo", r#"{"text": "x"}"#).code(1);
    let taken = mcpod(&["upgrade", "far", "--yes", "--json"]).ok().json();
    assert_eq!(
        (&taken["outcome"], &taken["held"]),
        (&json!("upgraded"), &json!([]))
    );
    server.call("echo", r#"{"text": "x"}"#).ok();
    mcpod(&["upgrade", "far"]).ok().prints(&["up to date"]);

    // It is somewhere else by now: nobody is sent there unasked.
    far_is_at(&listening.url("/two/mcp"));
    mcpod(&["upgrade", "far"])
        .code(2)
        .complains(&["/two/mcp", "--yes"]);
    mcpod(&["upgrade", "far", "--yes"]).ok().prints(&[
        "far is upgraded",
        "/one/mcp",
        "/two/mcp",
        "its tools are the same",
    ]);
    let moved = status("far");
    assert_eq!(moved["image"], listening.url("/two/mcp"));
    assert_eq!(moved["previous"], listening.url("/one/mcp"));
    server.call("echo", r#"{"text": "x"}"#).ok();
    mcpod(&["rollback", "far"]).ok();
    assert_eq!(status("far")["image"], listening.url("/one/mcp"));
    server.call("echo", r#"{"text": "x"}"#).ok();
}

/// The address that `login` asks the user to visit.
#[track_caller]
fn invitation(login: &mut Running, authority: &str) -> String {
    loop {
        let line = login.line();
        if line.starts_with(authority) {
            return line.trim_end().to_owned();
        }
    }
}

/// Logs in as a user does whose browser is elsewhere.
#[track_caller]
fn log_in(authority: &str) {
    let mut login = start(&["sh", "-c", "exec mcpod login far 2>&1"]);
    let address = invitation(&mut login, authority);
    let visit = r#"curl -s -o /dev/null -w '%{redirect_url}' "$1""#;
    let ends_at = sh(visit, &[&address]).ok().stdout;
    assert!(ends_at.starts_with("http://127.0.0.1:"), "{ends_at}");
    login.say(&ends_at);
    login.finish().ok().prints(&["logged in to far"]);
}

/// Logs in as a user does whose browser is on this host, on a terminal.
#[track_caller]
fn log_in_here(authority: &str) {
    let mut login = start(&[
        "python3",
        "-c",
        include_str!("terminal.py"),
        "nothing",
        "",
        "mcpod",
        "login",
        "far",
    ]);
    let address = invitation(&mut login, authority);
    sh(r#"curl -sfL -o /dev/null "$1""#, &[&address]).ok();
    login
        .finish()
        .ok()
        .prints(&["waiting for the tokens of far", "logged in to far"]);
}

/// Calls `echo` in a session that goes on.
#[track_caller]
fn echoes(session: &mut Running, text: &str) {
    let call = json!({"jsonrpc": "2.0", "id": text, "method": "tools/call", "params": {
        "name": "echo", "arguments": {"text": text}}});
    session.say(&call.to_string());
    let answer: Value = serde_json::from_str(&session.line()).unwrap();
    assert_eq!(answer["result"]["content"][0]["text"], text, "{answer}");
}

#[test]
fn a_user_logs_in_to_a_remote_server_and_out_again() {
    const DOCUMENT: &str = "https://example.com/mcpod.json";
    let _machine = Idle::now();
    let _secrets = forget_secrets();
    let _catalog = shared::catalog();
    let listening = Listening::web(&["--login"], 3141);
    let web = |path: &str| sh("curl -sf \"$1\"", &[&listening.url(path)]).ok();
    far_is_at(&listening.url("/mcp"));
    mcpod(&["add", "mine:far"])
        .code(1)
        .complains(&["wants a login (401 Unauthorized)", "mcpod login"]);
    let server = Server::add_with("mine:far", "far", &["--no-probe"]);
    let wants_a_login = || {
        mcpod(&["call", "far", "echo"])
            .code(1)
            .complains(&["wants a login", "mcpod login"]);
    };
    wants_a_login();

    log_in(&listening.url("/authorize"));
    mcpod(&["tools", "far"]).ok().prints(&["echo"]);
    let mut session = shared::session("far");
    echoes(&mut session, "in");
    assert_eq!(web("/seen").json()["refreshed"], 0);
    web("/expire");
    echoes(&mut session, "still in");
    drop(session);
    let seen = web("/seen").json();
    assert_eq!((&seen["refreshed"], &seen["given"]), (&json!(1), &json!(2)));
    // The next session has what that one got.
    server.call("echo", r#"{"text": "x"}"#).ok();
    assert_eq!(web("/seen").json()["refreshed"], 1);

    // Tokens go nowhere else. Where it is now nobody has logged in, and what it has there is not known.
    far_is_at(&listening.url("/two/mcp"));
    mcpod(&["upgrade", "far", "--yes"])
        .ok()
        .prints(&["far is upgraded", "its tools were not looked at"]);
    wants_a_login();
    mcpod(&["rollback", "far"]).ok();
    server.call("echo", r#"{"text": "x"}"#).ok();

    mcpod(&["logout", "far"]).ok();
    wants_a_login();
    mcpod(&["logout", "far"])
        .ok()
        .complains(&["nobody was logged in"]);

    // Where the authorization server reads documents of clients, one says who mcpod is; it registered itself before.
    let seen = web("/seen").json();
    assert_eq!(
        (&seen["client"], &seen["registered"]),
        (&json!("registered"), &json!(1))
    );
    web("/documents");
    let _settings = settings(&format!("[login]\nclient_metadata_url = \"{DOCUMENT}\""));
    log_in_here(&listening.url("/authorize"));
    let seen = web("/seen").json();
    assert_eq!(
        (&seen["client"], &seen["registered"]),
        (&json!(DOCUMENT), &json!(1))
    );
    server.call("echo", r#"{"text": "x"}"#).ok();
}
