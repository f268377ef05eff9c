//! What goes wrong with names, images, servers and edited units ends with a clear message and leaves nothing half done.

use crate::changes::{afterwards, cut_proxy, root_until_the_end, settings};
use crate::idle::Idle;
use crate::machine::{mcpod, run, sh};
use crate::running::start;
use crate::server::{MISBEHAVE, Server};

/// The unit files of a server called echo.
const TEMPLATE: &str = "/home/tester/.config/containers/systemd/mcpod-echo@.container";
const SOCKET: &str = "/home/tester/.config/systemd/user/mcpod-echo.socket";

#[test]
fn an_unknown_name_comes_with_a_suggestion() {
    let _machine = Idle::now();
    mcpod(&["add", "tiem"]).code(3).complains(&["tiem", "time"]);
    mcpod(&["show", "evrything"])
        .code(3)
        .complains(&["evrything", "everything"]);
    for words in [
        &["call", "ehco", "echo"][..],
        &["remove", "ehco"],
        &["status", "ehco"],
        &["tools", "ehco"],
        &["attach", "ehco"],
        &["logs", "ehco"],
    ] {
        mcpod(words).code(3).complains(&["ehco"]);
    }
    let _echo = Server::misbehaving("echo");
    for words in [
        &["call", "ehco", "echo"][..],
        &["remove", "ehco"],
        &["status", "ehco"],
        &["attach", "ehco"],
        &["logs", "ehco"],
    ] {
        mcpod(words).code(3).complains(&["ehco", "echo"]);
    }
    // The error is a document where the result would be one.
    let error = mcpod(&["status", "ehco", "--json"]).code(3).json();
    assert!(
        error["error"]["message"].as_str().unwrap().contains("ehco"),
        "{error}"
    );
    assert!(
        error["error"]["hint"].as_str().unwrap().contains("echo"),
        "{error}"
    );
}

#[test]
fn a_name_that_is_illegal_or_taken_is_refused() {
    let _machine = Idle::now();
    let long = "a".repeat(41);
    for name in [
        "",
        "-time",
        "Time",
        "ti me",
        "ti_me",
        "time@",
        "../time",
        "zeit\u{fc}",
        "refresh",
        "guard",
        "egress",
        &long,
        "a\nb",
    ] {
        mcpod(&["add", "time", "--no-probe", &format!("--name={name}")]).code(2);
    }
    let _echo = Server::misbehaving("echo");
    mcpod(&["add", "time", "--name", "echo"])
        .code(1)
        .complains(&["echo", "--name"]);
    mcpod(&["call", "echo", "echo", "text=still"])
        .ok()
        .prints(&["still"]);
}

#[test]
fn an_image_that_is_not_there_is_named() {
    let _machine = Idle::now();
    mcpod(&["add", "docker://mcpod-test/nosuch"])
        .code(1)
        .complains(&["mcpod-test/nosuch"]);
    mcpod(&["add", "docker://mcpod-test/misbehave:nosuch"])
        .code(1)
        .complains(&["mcpod-test/misbehave:nosuch"]);
    let nowhere = format!("docker://mcpod-test/misbehave@sha256:{}", "0".repeat(64));
    mcpod(&["add", &nowhere])
        .code(1)
        .complains(&["sha256:0000"]);
}

#[test]
fn a_registry_that_is_down_or_goes_down_is_named() {
    let _machine = Idle::now();
    // A layer of its own, so that its pull has something to break off.
    forget_image();
    {
        let _down = root_until_the_end(
            &["systemctl", "stop", "docker-registry"],
            &["systemctl", "start", "docker-registry"],
        );
        mcpod(&["add", "docker://mcp/sequentialthinking"])
            .code(1)
            .complains(&["docker.io/mcp/sequentialthinking"]);
    }
    {
        let _cut = cut_proxy("bytes = 100\nthen = drop\n");
        mcpod(&["add", "docker://cut/sequentialthinking"])
            .code(1)
            .complains(&["docker.io/cut/sequentialthinking"]);
    }
    // The same again works once the registry does.
    let _cut = cut_proxy("then = pass\n");
    mcpod(&[
        "add",
        "docker://cut/sequentialthinking",
        "--name",
        "thinking",
    ])
    .ok();
    mcpod(&["remove", "thinking"]).ok();
    forget_image();
}

/// Removes the image that is pulled through the proxy, if it is there.
pub(crate) fn forget_image() {
    run(&[
        "podman",
        "rmi",
        "--force",
        "--ignore",
        "docker.io/mcp/sequentialthinking",
        "docker.io/cut/sequentialthinking",
    ])
    .ok();
}

#[test]
fn a_server_that_exits_at_once_is_quoted() {
    let _machine = Idle::now();
    mcpod(&["add", MISBEHAVE, "--name", "exit", "--env", "MODE=exit"])
        .code(1)
        .complains(&["cannot start: told to exit"]);
    let error = mcpod(&[
        "add",
        MISBEHAVE,
        "--name",
        "exit",
        "--env",
        "MODE=exit",
        "--json",
    ])
    .code(1)
    .json();
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("cannot start: told to exit"),
        "{error}"
    );

    // Not tried at `add`, it fails at its first use, in the same words.
    let exit = Server::add_with(MISBEHAVE, "exit", &["--env", "MODE=exit", "--no-probe"]);
    mcpod(&["call", "exit", "echo", "text=x"])
        .code(1)
        .complains(&["cannot start: told to exit"]);
    mcpod(&["tools", "exit"])
        .code(1)
        .complains(&["cannot start: told to exit"]);
    mcpod(&["logs", "exit"])
        .ok()
        .prints(&["cannot start: told to exit"]);

    // It does not take away what others say.
    let _echo = Server::misbehaving("echo");
    mcpod(&["tools"])
        .code(1)
        .complains(&["cannot start: told to exit"])
        .prints(&["Returns its text"]);
    let tools = mcpod(&["tools", "--json"]).code(1).json();
    assert_eq!(tools["echo"][0]["name"], "echo", "{tools}");
    mcpod(&["status"]).ok().prints(&["exit - ", "echo - "]);

    // What has its name next did not say that.
    drop(exit);
    let _next = Server::add_with(MISBEHAVE, "exit", &["--env", "MODE=echo"]);
    for command in ["logs", "status"] {
        let told = mcpod(&[command, "exit"]).ok().stdout;
        assert!(!told.contains("told to exit"), "{command}: {told}");
    }
}

#[test]
fn a_server_that_says_what_is_no_json_is_quoted() {
    let _machine = Idle::now();
    let _settings = settings("[sessions]\nopen_timeout = \"2s\"\n");
    mcpod(&[
        "add",
        MISBEHAVE,
        "--name",
        "garbage",
        "--env",
        "MODE=garbage-only",
    ])
    .code(1)
    .complains(&["Welcome to misbehave!"]);
    // Some such lines before it behaves are passed over.
    let garbage = Server::misbehaving("garbage");
    assert_eq!(
        garbage
            .call("echo", r#"{"text": "works"}"#)
            .ok()
            .result_text(),
        "works"
    );
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let _machine = Idle::now();
    let _settings = settings("[sessions]\nopen_timeout = \"2s\"\n");
    mcpod(&["add", MISBEHAVE, "--name", "silent", "--env", "MODE=silent"])
        .code(1)
        .complains(&["silent", "2.0s"]);
}

#[test]
fn a_server_that_dies_in_a_call_is_quoted() {
    let _machine = Idle::now();
    let _crash = Server::misbehaving("crash-on-call");
    mcpod(&["call", "crash-on-call", "echo", "text=x"])
        .code(1)
        .complains(&["about to crash, as told"]);
    let error = mcpod(&["call", "crash-on-call", "echo", "text=x", "--json"])
        .code(1)
        .json();
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("about to crash, as told"),
        "{error}"
    );
}

#[test]
fn a_server_that_writes_to_stderr_without_end_is_used_all_the_same() {
    let _machine = Idle::now();
    let spam = Server::misbehaving("spam-stderr");
    assert_eq!(
        spam.call("echo", r#"{"text": "works"}"#).ok().result_text(),
        "works"
    );
}

#[test]
fn a_unit_that_was_edited_by_hand_is_not_touched() {
    let _machine = Idle::now();
    let _echo = Server::misbehaving("echo");
    let edit = r##"cp -a "$1" /tmp/kept && echo "# mine" >>"$1""##;
    let undo = r#"mv /tmp/kept "$1""#;
    for file in [TEMPLATE, SOCKET] {
        sh(edit, &[file]).ok();
        let refused = mcpod(&["remove", "echo"]);
        let used = mcpod(&["call", "echo", "echo", "text=works"]);
        sh(undo, &[file]).ok();
        refused.code(1).complains(&[file, "hint: ", "--force"]);
        used.ok().prints(&["works"]);
    }
    sh(edit, &[TEMPLATE]).ok();
    mcpod(&["remove", "echo", "--force"]).ok();
    sh("rm /tmp/kept", &[]).ok();

    // Nor one beside another that is gone.
    mcpod(&["add", MISBEHAVE, "--name", "echo"]).ok();
    sh(
        r##"echo "# mine" >>"$1" && rm ~/.config/systemd/user/mcpod-echo@.service.d/mcpod.conf"##,
        &[TEMPLATE],
    )
    .ok();
    mcpod(&["remove", "echo"])
        .code(1)
        .complains(&["mcpod-echo", "removed by hand", "--force"]);
    sh(r##"grep -q "# mine" "$1""##, &[TEMPLATE]).ok();
    mcpod(&["remove", "echo", "--force"]).ok();

    // Nor one whose record cannot be read any more.
    mcpod(&["add", MISBEHAVE, "--name", "echo"]).ok();
    sh(r#"sed -i 's/^State=.*/State=mine/' "$1""#, &[SOCKET]).ok();
    mcpod(&["remove", "echo"])
        .code(1)
        .complains(&[SOCKET, "hint: ", "--force"]);
    mcpod(&["remove", "echo", "--force"]).ok();
    mcpod(&["add", MISBEHAVE, "--name", "echo"]).ok();
}

#[test]
fn a_drop_in_is_no_hand_edit_and_outlives_its_server() {
    let _machine = Idle::now();
    let echo = Server::misbehaving("echo");
    let drop_ins = format!("{TEMPLATE}.d");
    let _gone = afterwards(|| sh(r#"rm -rf "$1""#, &[&drop_ins]));
    sh(
        r#"mkdir "$1" && printf '[Container]\nEnvironment=MODE=exit\n' >"$1/10-mine.conf" && systemctl --user daemon-reload"#,
        &[&drop_ins],
    )
    .ok();
    mcpod(&["call", "echo", "echo", "text=x"])
        .code(1)
        .complains(&["cannot start: told to exit"]);
    drop(echo);
    run(&["test", "-e", &format!("{drop_ins}/10-mine.conf")]).ok();
}

#[test]
fn of_two_adds_at_once_the_second_waits() {
    let _machine = Idle::now();
    // The same name: one has it.
    let adds = [(); 2]
        .map(|()| start(&["mcpod", "add", MISBEHAVE, "--name", "echo"]))
        .map(crate::running::Running::finish);
    let mut codes = adds.each_ref().map(|add| add.code);
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)], "{adds:#?}");
    let echo = Server("echo");
    let loser = adds.iter().find(|add| add.code == Some(1)).unwrap();
    assert!(
        loser.stderr.contains("echo") && loser.stderr.contains("--name"),
        "{loser:#?}"
    );
    mcpod(&["call", "echo", "echo", "text=works"])
        .ok()
        .prints(&["works"]);

    // Different names: both are there, also while a third goes.
    let names = ["one", "two"];
    let adds = names.map(|name| start(&["mcpod", "add", MISBEHAVE, "--name", name]));
    let _both = names.map(Server);
    drop(echo);
    for add in adds {
        add.finish().ok();
    }
    for name in names {
        mcpod(&["call", name, "echo", "text=works"])
            .ok()
            .prints(&["works"]);
    }
}
