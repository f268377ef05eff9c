//! What `status` tells of sessions: what they use of what they may use, how one failed, and that their time is limited.

use crate::idle::Idle;
use crate::machine::{SOON, mcpod, wait_until};
use crate::running::start;
use crate::server::{MISBEHAVE, Server};

#[test]
fn what_is_used_and_what_failed_is_told() {
    let _machine = Idle::now();
    let crashes = Server::add_with(
        MISBEHAVE,
        "crashes",
        &[
            "--env",
            "MODE=crash-on-call",
            "--memory",
            "256M",
            "--cpus",
            "0.5",
            "--tasks",
            "40",
            "--sessions",
            "3",
        ],
    );
    crashes.call("echo", r#"{"text": "x"}"#).code(1);
    let attached = start(&["mcpod", "attach", "crashes"]);
    wait_until("a session is there", SOON, || {
        let status = mcpod(&["status", "crashes", "--json"]).ok().json();
        if status["running"][0]["state"] == "running" {
            Ok(())
        } else {
            Err(status)
        }
    });
    let status = mcpod(&["status", "crashes", "--json"]).ok().json();
    let limits = &status["limits"];
    assert_eq!(limits["memory"], 256 << 20, "{limits}");
    assert_eq!(
        (&limits["tasks"], &limits["sessions"], &limits["cpus"]),
        (&40.into(), &3.into(), &0.5.into())
    );
    let running = &status["running"][0];
    assert_eq!(running["client_name"], "mcpod");
    assert!(running["cpu"].as_f64().is_some(), "{running}");
    // Where this host does not count memory it says so, and what to do.
    let counts_memory = !status["missing_controllers"].to_string().contains("memory");
    assert_eq!(
        running["memory"].as_u64().is_some(),
        counts_memory,
        "{status}"
    );
    let shown = mcpod(&["status", "crashes"]).ok();
    let shown = shown.prints(&[
        "memory 256M, tasks 40, sessions 3, cpus 0.5",
        "client ",
        "1 of 3 (",
    ]);
    if !counts_memory {
        shown.complains(&["warning: ", "Delegate="]);
    }
    wait_until("the failure is told", SOON, || {
        let status = mcpod(&["status", "crashes", "--json"]).ok().json();
        if status["last_error"]["result"] == "exit-code" {
            Ok(())
        } else {
            Err(status)
        }
    });
    mcpod(&["status", "crashes"])
        .ok()
        .prints(&["Failed: exit-code", "about to crash, as told"]);
    // So it is where all servers are asked for at once, and of each only its own.
    let last_errors = || {
        let all = mcpod(&["status", "--json"]).ok().json();
        let of = |status: &serde_json::Value| {
            let result = status["last_error"]["result"].as_str().map(str::to_owned);
            (status["name"].as_str().unwrap().to_owned(), result)
        };
        let all = all.as_array().unwrap().iter().map(of);
        all.collect::<std::collections::BTreeMap<_, _>>()
    };
    {
        let _sound = Server::add("time", "time");
        let told = last_errors();
        assert_eq!(told["crashes"].as_deref(), Some("exit-code"));
        assert_eq!(told["time"], None);
    }
    drop(attached);
    drop(crashes);

    // What failed under this name before was another server.
    let _next = Server::add_with(MISBEHAVE, "crashes", &["--env", "MODE=echo"]);
    let status = mcpod(&["status", "crashes", "--json"]).ok().json();
    assert!(status["last_error"].is_null(), "{status}");
    assert_eq!(last_errors()["crashes"], None);
}

#[test]
fn a_session_ends_when_its_time_is_up() {
    let _machine = Idle::now();
    let short = Server::add_with(MISBEHAVE, "short", &["--lifetime", "2s"]);
    mcpod(&["status", "short"]).ok().prints(&["lifetime 2s"]);
    let _attached = start(&["mcpod", "attach", "short"]);
    wait_until("its time is up", SOON, || {
        let status = mcpod(&["status", "short", "--json"]).ok().json();
        if status["last_error"]["result"] == "timeout" && short.instances().is_empty() {
            Ok(())
        } else {
            Err(status)
        }
    });
    // The next one has its own time.
    short.call("echo", r#"{"text": "again"}"#).ok();
    mcpod(&["config", "short"]).ok();
    mcpod(&["add", MISBEHAVE, "--lifetime", "for ever"])
        .code(2)
        .complains(&["length of time"]);
}
