//! What `--json` prints of real servers is what the schema in the manual says.

use crate::idle::Idle;
use crate::machine::{Ran, mcpod, run_with_input};
use crate::server::{MISBEHAVE, Server};
use crate::shapes::has_shape;

#[track_caller]
fn documented(words: &[&str], shape: &str) -> Ran {
    let ran = mcpod(&[words, &["--json"]].concat());
    has_shape(&ran.json(), shape);
    ran
}

#[test]
fn every_document_is_described() {
    let _machine = Idle::now();
    let _secrets = crate::secrets::forget_secrets();
    let image = ["add", MISBEHAVE, "--name", "echo", "--env", "MODE=echo"];
    documented(&[&image[..], &["--dry-run"]].concat(), "add-dry-run").ok();
    documented(&image, "add").ok();
    let echo = Server("echo");
    documented(&["list"], "list").ok();
    documented(&["tools", "echo"], "tools").ok();
    documented(&["tools"], "tools-all").ok();
    documented(&["call", "echo", "echo", "text=x"], "call").ok();
    documented(&["config", "echo"], "config").ok();

    // With a session, which has a shape of its own.
    let mut client = crate::orphans::open(&echo);
    client.say("ping");
    client.line();
    let status = documented(&["status", "echo"], "status").ok().json();
    assert_eq!(
        status["running"].as_array().map(Vec::len),
        Some(1),
        "{status:#}"
    );
    documented(&["status"], "status-all").ok();
    documented(&["top"], "top").ok();
    client.finish();

    let stored = run_with_input(&["mcpod", "secret", "set", "echo_KEY", "--json"], b"x");
    has_shape(&stored.ok().json(), "secret");
    documented(&["secret", "list"], "secret-list").ok();
    documented(&["secret", "remove", "echo_KEY"], "secret").ok();
    documented(&["sources"], "sources").ok();
    documented(&["token"], "token").ok();
    for (words, code) in [
        (&["status", "nobody"][..], 3),
        (&["add", "filesystem"], 4),
        (&["config", "echo", "no=such"], 2),
        (&["secret", "remove", "echo_NONE"], 3),
    ] {
        documented(words, "error").code(code);
    }
    drop(echo);
    documented(&image, "add").ok();
    documented(&["remove", "echo"], "remove").ok();
}
