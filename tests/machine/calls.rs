//! Calls of tools: what goes in, what comes out, what ends them.

use rustix::process::Signal;
use serde_json::json;

use crate::changes::settings;
use crate::idle::Idle;
use crate::machine::{SOON, mcpod, run, run_with_input, sh, wait_until};
use crate::running::start;
use crate::server::{MISBEHAVE, Server};

/// Runs a command on a terminal; see there.
const TERMINAL: &str = include_str!("terminal.py");

/// The largest message that passes, design.md section 5.
const MESSAGE_MAX: usize = 16 * 1024 * 1024;

#[test]
fn arguments_arrive_as_they_were_typed() {
    let _machine = Idle::now();
    let everything = Server::add("everything", "everything");
    let echo = |words: &[&str]| {
        mcpod(&[&["call", "everything"], words, &["--json"]].concat())
            .ok()
            .result_text()
    };

    // The tool's own schema says what is a number and what is text.
    assert_eq!(
        echo(&["get-sum", "a=2", "b=40"]),
        "The sum of 2 and 40 is 42."
    );
    assert_eq!(
        echo(&["get-sum", r#"{"a": 2, "b": 0.5}"#]),
        "The sum of 2 and 0.5 is 2.5."
    );
    assert_eq!(echo(&["echo", "message=42"]), "Echo: 42");
    assert_eq!(echo(&["echo", "message=true"]), "Echo: true");
    assert_eq!(
        echo(&["echo", r#"message={"a": "="}"#]),
        r#"Echo: {"a": "="}"#
    );
    assert_eq!(
        echo(&["echo", "message=ä “ü” \\n $HOME"]),
        "Echo: ä “ü” \\n $HOME"
    );

    let from_stdin = ["mcpod", "call", "everything", "get-sum", "-", "--json"];
    let called = run_with_input(&from_stdin, br#"{"a": 1, "b": 2}"#).ok();
    assert_eq!(called.result_text(), "The sum of 1 and 2 is 3.");

    mcpod(&["call", "everything", "echo", "message"])
        .code(2)
        .complains(&["message", "key=value"]);
    mcpod(&["call", "everything", "echo", "{\"message\": "])
        .code(2)
        .complains(&["JSON"]);
    run_with_input(&from_stdin, b"[1, 2]").code(2);
    drop(everything);
}

#[test]
fn a_tool_that_is_unknown_or_fails_is_told_apart() {
    let _machine = Idle::now();
    let everything = Server::add("everything", "everything");
    mcpod(&["call", "everything", "ehco", "message=x"])
        .code(3)
        .complains(&["ehco", "echo"]);
    let error = mcpod(&["call", "everything", "ehco", "--json"])
        .code(3)
        .json();
    assert!(
        error["error"]["message"].as_str().unwrap().contains("ehco"),
        "{error}"
    );

    // The arguments do not fit the tool's schema, which the server reports as the tool's error.
    mcpod(&["call", "everything", "get-sum", r#"{"a": "two"}"#]).code(5);
    let result = mcpod(&["call", "everything", "get-sum", r#"{"a": "two"}"#, "--json"])
        .code(5)
        .json();
    assert_eq!(result["isError"], json!(true), "{result}");
    drop(everything);
}

#[test]
fn servers_of_both_eras_answer_three_calls_at_once() {
    let _machine = Idle::now();
    let _time = Server::add("time", "time");
    let _everything = Server::add("everything", "everything");
    let calls = [
        (
            "UTC",
            start(&["mcpod", "call", "time", "get_current_time", "timezone=UTC"]),
        ),
        (
            "Echo: one",
            start(&["mcpod", "call", "everything", "echo", "message=one"]),
        ),
        (
            "Echo: two",
            start(&["mcpod", "call", "everything", "echo", "message=two"]),
        ),
        (
            "Europe/Berlin",
            start(&[
                "mcpod",
                "call",
                "time",
                "get_current_time",
                "timezone=Europe/Berlin",
            ]),
        ),
    ];
    for (answer, call) in calls {
        call.finish().ok().prints(&[answer]);
    }
}

#[test]
fn progress_is_shown_and_ctrl_c_cancels_at_the_server() {
    let _machine = Idle::now();
    let _slow = Server::misbehaving("slow");
    // The server reports how far it is as seconds of 60, ten times a second.
    let on_terminal = [
        "python3",
        "-c",
        TERMINAL,
        r"0\.[3-9]|[1-9]\d*/60|[1-9] *%",
        r"\x03",
    ];
    let call = ["mcpod", "call", "slow", "sleep", "seconds=60"];
    let ran = run(&[&on_terminal[..], &call].concat());
    ran.code(1).prints(&["cancelled"]);
    wait_until("the server notes the cancellation", SOON, || {
        let logs = mcpod(&["logs", "slow"]).ok();
        if logs.stdout.contains("cancelled") {
            Ok(())
        } else {
            Err(logs)
        }
    });
}

#[test]
fn a_call_that_takes_too_long_is_ended_and_cancelled() {
    let _machine = Idle::now();
    let _slow = Server::misbehaving("slow");
    let _settings = settings("[sessions]\ncall_timeout = \"500ms\"\n");
    mcpod(&["call", "slow", "sleep", "seconds=60"])
        .code(1)
        .complains(&["slow", "500"]);
    wait_until("the server notes the cancellation", SOON, || {
        let logs = mcpod(&["logs", "slow"]).ok();
        if logs.stdout.contains("cancelled") {
            Ok(())
        } else {
            Err(logs)
        }
    });
}

#[test]
fn a_call_that_is_terminated_leaves_nothing() {
    let _machine = Idle::now();
    let slow = Server::misbehaving("slow");
    let call = start(&["mcpod", "call", "slow", "sleep", "seconds=60"]);
    wait_until("the call has its instance", SOON, || {
        match slow.instances().len() {
            1 => Ok(()),
            other => Err(other),
        }
    });
    call.signal(Signal::TERM);
    let ran = call.finish();
    assert_ne!(ran.code, Some(0), "{ran:#?}");
}

#[test]
fn a_message_of_sixteen_mebibytes_passes_and_a_larger_one_ends_the_call() {
    let _machine = Idle::now();
    // The frame around the text of a result is less than this.
    let frame = 200;
    let fits = MESSAGE_MAX - frame;
    let big = Server::add_with(
        MISBEHAVE,
        "big",
        &["--env", "MODE=big", "--env", &format!("SIZE={fits}")],
    );
    assert_eq!(big.call("echo", "{}").ok().result_text().len(), fits);
    drop(big);

    let too_big = format!("SIZE={}", MESSAGE_MAX + 1);
    let big = Server::add_with(MISBEHAVE, "big", &["--env", "MODE=big", "--env", &too_big]);
    let ran = mcpod(&["call", "big", "echo", "text=x"])
        .code(1)
        .complains(&["16"]);
    assert!(ran.stdout.is_empty(), "a part of it was printed");
    drop(big);
}

#[test]
fn what_a_tool_returns_cannot_move_the_terminal() {
    let _machine = Idle::now();
    let _echo = Server::misbehaving("echo");
    let hostile = r#"{"text": "\u001b[2J\u001b]0;title\u0007 \u202e \u009b31m end"}"#;
    let shown = mcpod(&["call", "echo", "echo", hostile])
        .ok()
        .prints(&["end"])
        .stdout;
    for hidden in ['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}'] {
        assert!(!shown.contains(hidden), "{shown:?}");
    }
    // As JSON it is as it was sent.
    let result = mcpod(&["call", "echo", "echo", hostile, "--json"])
        .ok()
        .result_text();
    assert_eq!(
        result,
        "\u{1b}[2J\u{1b}]0;title\u{7} \u{202e} \u{9b}31m end"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let _machine = Idle::now();
    let _echo = Server::misbehaving("echo");
    for command in [
        "mcpod list",
        "mcpod search server --limit 100",
        "mcpod tools echo",
        "mcpod --help",
    ] {
        sh(&format!("{command} | head -n 1"), &[]).ok();
        let ran = sh(&format!("{command} | true"), &[]).ok();
        assert_eq!(ran.stderr, "", "{command}");
    }
}

#[test]
fn attach_joins_any_client_to_the_server() {
    let _machine = Idle::now();
    let _everything = Server::add("everything", "everything");
    let mut client = start(&["mcpod", "attach", "everything"]);
    client.say(
        r#"{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#,
    );
    let answer: serde_json::Value = serde_json::from_str(&client.line()).unwrap();
    assert_eq!(answer["id"], "a");
    client.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    client.say(r#"{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}"#);
    // Notifications may come before it.
    while !client.line().contains("Echo: hello") {}
    // server-everything does not end at the end of its input: attach ends it.
    client.finish().ok();
}
