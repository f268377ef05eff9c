//! `mcpod serve`, as an agent starts it: servers of both eras are found, added, called and removed through it.

mod vault;

use std::time::Duration;

use serde_json::{Value, json};

use crate::agent::Agent;
use crate::changes::cut_proxy;
use crate::failures::forget_image;
use crate::idle::Idle;
use crate::machine::{SOON, sh, wait_until};
use crate::server::Server;

/// How soon a change that anyone makes must be told.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

#[test]
fn an_agent_finds_adds_calls_and_removes_servers_of_both_eras() {
    let _machine = Idle::now();
    let capabilities = json!({"sampling": {}, "elicitation": {}, "roots": {"listChanged": true}});
    let mut agent = Agent::start(&[], &capabilities);
    assert!(
        agent
            .call("registry-find", &json!({"query": "time zones"}))
            .starts_with("builtin:time: ")
    );
    for id in ["time", "everything"] {
        let added = agent.call("registry-add", &json!({"id": id}));
        assert!(added.contains("is active as"), "{added}");
    }
    assert!(
        agent
            .aside
            .iter()
            .any(|said| said["method"] == "notifications/progress")
    );
    // Called before the list is read again, as agents do that pass over list_changed.
    assert!(
        agent
            .call("time__get_current_time", &json!({"timezone": "UTC"}))
            .contains("UTC")
    );
    let exec = json!({"tool": "everything__get-sum", "arguments": {"a": 1, "b": 2}});
    assert_eq!(
        agent.call("registry-exec", &exec),
        "The sum of 1 and 2 is 3."
    );
    // Tools that it offers to agents only who can do more than mcpod itself.
    let more = "everything__trigger-sampling-request".to_owned();
    wait_until("it offers what this agent can use", SOON, || {
        let tools = agent.tools();
        if tools.contains(&more) {
            Ok(())
        } else {
            Err(tools)
        }
    });
    let sampled = agent.call(
        "everything__trigger-sampling-request",
        &json!({"prompt": "p", "maxTokens": 5}),
    );
    assert!(sampled.contains("sampled"), "{sampled}");
    agent.call("everything__trigger-elicitation-request", &json!({}));
    let roots = agent.call("everything__get-roots-list", &json!({}));
    assert!(roots.contains("file:///tmp"), "{roots}");
    agent.aside.clear();
    agent.call(
        "everything__trigger-long-running-operation",
        &json!({"duration": 1, "steps": 4}),
    );
    let steps: Vec<&Value> = agent
        .aside
        .iter()
        .filter(|said| said["method"] == "notifications/progress")
        .map(|said| &said["params"]["progress"])
        .collect();
    assert_eq!(steps, [1, 2, 3, 4]);

    assert!(
        agent
            .call("registry-status", &json!({"name": "time"}))
            .contains("listening")
    );
    for name in ["time", "everything"] {
        assert!(
            agent
                .call("registry-remove", &json!({"name": name}))
                .contains("not active any more")
        );
    }
    assert_eq!(agent.tools(), Vec::<String>::new());
    agent.leave();
}

#[test]
fn what_others_change_is_seen_within_a_second() {
    let _machine = Idle::now();
    let mut agent = Agent::start(&[], &json!({}));
    let time = Server::add("time", "time");
    agent.hears("notifications/tools/list_changed", TOLD_WITHIN);
    assert_eq!(
        agent.tools(),
        ["time__convert_time", "time__get_current_time"]
    );
    for (verb, tools) in [("stop", 0), ("start", 2)] {
        sh(&format!("systemctl --user {verb} mcpod-time.socket"), &[]).ok();
        agent.hears("notifications/tools/list_changed", TOLD_WITHIN);
        assert_eq!(agent.tools().len(), tools, "{verb}");
    }
    drop(time);
    agent.hears("notifications/tools/list_changed", SOON);
    assert_eq!(agent.tools(), Vec::<String>::new());
    agent.leave();
}

#[test]
fn a_bus_that_is_started_anew_is_found_again() {
    let _machine = Idle::now();
    let mut agent = Agent::start(&[], &json!({}));
    // As an upgrade of it does. Whoever was connected is not any more.
    sh("systemctl --user restart dbus.service", &[]).ok();
    let time = Server::add("time", "time");
    agent.hears("notifications/tools/list_changed", SOON);
    let called = agent.call("time__get_current_time", &json!({"timezone": "UTC"}));
    assert!(called.contains("UTC"), "{called}");
    sh("systemctl --user restart dbus.service", &[]).ok();
    // The instance of the session before, and that of the next one, are stopped all the same.
    agent.leave();
    assert_eq!(time.instances(), Vec::<String>::new());
}

#[test]
fn a_systemd_that_is_executed_anew_is_heard_further() {
    let _machine = Idle::now();
    let mut agent = Agent::start(&[], &json!({}));
    let time = Server::add("time", "time");
    agent.hears("notifications/tools/list_changed", SOON);
    // As an upgrade of it does (systemctl(1), `daemon-reexec`).
    sh("systemctl --user daemon-reexec", &[]).ok();
    for (verb, tools) in [("stop", 0), ("start", 2)] {
        sh(&format!("systemctl --user {verb} mcpod-time.socket"), &[]).ok();
        agent.hears("notifications/tools/list_changed", SOON);
        assert_eq!(agent.tools().len(), tools, "{verb}");
    }
    let called = agent.call("time__get_current_time", &json!({"timezone": "UTC"}));
    assert!(called.contains("UTC"), "{called}");
    agent.leave();
    assert_eq!(time.instances(), Vec::<String>::new());
}

#[test]
fn a_server_that_dies_in_the_middle_says_why_and_comes_back() {
    let _machine = Idle::now();
    let crash = Server::misbehaving("crash-on-call");
    let time = Server::add("time", "time");
    let mut agent = Agent::start(&[], &json!({}));
    agent.call("time__get_current_time", &json!({"timezone": "UTC"}));
    for _ in 0..2 {
        let params = json!({"name": "crash-on-call__echo", "arguments": {"text": "x"}});
        let answer = agent.ask("tools/call", &params);
        let message = answer["error"]["message"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"));
        assert!(
            message.contains("crash-on-call: the server ended the connection"),
            "{message}"
        );
        assert!(
            message.contains("its standard error ended with:"),
            "{message}"
        );
    }
    agent.call("time__get_current_time", &json!({"timezone": "UTC"}));
    agent.leave();
    drop((crash, time));
}

#[test]
fn one_server_alone_is_itself() {
    let _machine = Idle::now();
    let time = Server::add("time", "time");
    let mut agent = Agent::start(&["--server", "time"], &json!({}));
    assert_eq!(
        agent.ask("tools/list", &json!({}))["result"]["tools"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(
        agent
            .call("get_current_time", &json!({"timezone": "UTC"}))
            .contains("UTC")
    );
    agent.leave();
    drop(time);
}

#[test]
fn it_leaves_with_its_instances_when_it_is_terminated() {
    let _machine = Idle::now();
    let time = Server::add("time", "time");
    // It stays when its input ends: it is gone because it was stopped.
    let stays = Server::misbehaving("ignore-eof");
    let mut agent = Agent::start(&[], &json!({}));
    agent.call("time__get_current_time", &json!({"timezone": "UTC"}));
    agent.call("ignore-eof__echo", &json!({"text": "x"}));
    assert_eq!((time.instances().len(), stays.instances().len()), (1, 1));
    agent.terminate();
    assert_eq!((time.instances().len(), stays.instances().len()), (0, 0));
}

#[test]
fn an_add_that_is_cancelled_is_undone() {
    let _machine = Idle::now();
    forget_image();
    let _stalls = cut_proxy("bytes = 100\nthen = stall\n");
    let mut agent = Agent::start(&[], &json!({"elicitation": {}}));
    agent.fills_in = json!({"allow": true});
    let add = json!({"name": "registry-add", "arguments": {"id": "docker://cut/sequentialthinking"},
        "_meta": {"progressToken": "p"}});
    let id = agent.begin("tools/call", &add);
    agent.hears("notifications/progress", SOON);
    agent.cancel(id);
    // What comes next is answered, and nothing comes for what was cancelled.
    let active = agent.call("registry-active", &json!({}));
    assert!(active.starts_with("0 servers"), "{active}");
    assert!(
        agent.aside.iter().all(|said| said["id"] != id),
        "{:?}",
        agent.aside
    );
    agent.leave();
}

#[test]
fn the_lazy_one_shows_the_registry_alone_and_calls_all_others() {
    let _machine = Idle::now();
    let _time = Server::add("time", "time");
    let mut agent = Agent::start(&["--lazy"], &json!({}));
    assert_eq!(agent.tools(), Vec::<String>::new());
    let found = agent.call(
        "registry-find",
        &json!({"query": "current time", "what": "tools"}),
    );
    assert!(found.contains("time__get_current_time"), "{found}");
    let exec = json!({"tool": "time__get_current_time", "arguments": {"timezone": "UTC"}});
    assert!(agent.call("registry-exec", &exec).contains("UTC"));
    agent.leave();
}
