//! Inputs: folders of the user's, volumes of a server's own, what is asked for and changed later.

use crate::changes::afterwards;
use crate::idle::Idle;
use crate::machine::{SOON, mcpod, run, sh, wait_until};
use crate::running::start;
use crate::server::{MISBEHAVE, Server};

/// Makes a folder with a file in it; it is removed when the value is dropped.
fn folder(path: &'static str) -> impl Drop {
    sh("mkdir -p \"$1\" && echo hello >\"$1/greeting\"", &[path]).ok();
    afterwards(move || run(&["rm", "-rf", path]))
}

#[test]
fn what_is_missing_is_named_and_what_hands_over_the_account_is_refused() {
    let _machine = Idle::now();
    mcpod(&["add", "filesystem"]).code(4).complains(&[
        "paths (one or more, each an absolute path",
        "--set paths=VALUE",
    ]);
    mcpod(&["add", "redis", "--json"])
        .code(4)
        .prints(&["\"inputs_missing\"", "host (a text)"]);
    for (path, why) in [
        ("relative", "paths is to be an absolute path"),
        ("/home/tester/none", "No such file"),
        ("/home/tester/a:/etc", "without a colon"),
        ("/", "home folder"),
        ("/home/tester", "home folder"),
        ("/home/tester/../tester/", "home folder"),
        ("/home/tester/.config/systemd", "all that you can"),
        ("/run/user/1000", "all that you can"),
    ] {
        sh("mkdir -p ~/.config/systemd", &[]).ok();
        mcpod(&["add", "filesystem", "--set", &format!("paths={path}")])
            .code(2)
            .complains(&[why]);
    }
    // So with what is named for any server.
    for (mount, why) in [
        ("/home/tester", "home folder"),
        ("/run/user/1000/podman/podman.sock", "all that you can"),
        ("relative", "cannot be mounted"),
    ] {
        mcpod(&["add", "time", "--mount", mount])
            .code(2)
            .complains(&[why]);
    }
    mcpod(&[
        "add",
        "time",
        "--env",
        "URL=http://localhost:5432/x",
        "--dry-run",
    ])
    .ok()
    .complains(&["note: URL names this host", "host.containers.internal"]);
    mcpod(&["add", "filesystem", "--set", "path=/tmp"])
        .code(2)
        .complains(&["no input \"path\""]);
}

#[test]
fn a_server_reads_and_writes_the_folders_that_the_user_named_and_no_others() {
    let _machine = Idle::now();
    let _folders = [
        folder("/home/tester/notes"),
        folder("/home/tester/with % $HOME and blanks"),
    ];
    let _closed = folder("/home/tester/closed");
    let files = Server::add_with(
        "filesystem",
        "files",
        &[
            "--set",
            "paths=/home/tester/notes",
            "--set",
            "paths=/home/tester/with % $HOME and blanks",
        ],
    );
    for path in ["/home/tester/notes", "/home/tester/with % $HOME and blanks"] {
        let file = serde_json::json!({"path": format!("{path}/greeting")}).to_string();
        assert!(
            files
                .call("read_text_file", &file)
                .ok()
                .result_text()
                .contains("hello")
        );
        let file = serde_json::json!({"path": format!("{path}/answer"), "content": "42"});
        files.call("write_file", &file.to_string()).ok();
        let owner = run(&["stat", "--format=%U %s", &format!("{path}/answer")]);
        assert_eq!(owner.ok().stdout.trim(), "tester 2");
    }
    let closed = r#"{"path": "/home/tester/closed/greeting"}"#;
    files.call("read_text_file", closed).code(5);

    // Changed later: what was open is closed, and the other way round.
    mcpod(&["config", "files", "paths=/home/tester/closed"])
        .ok()
        .prints(&["/home/tester/closed"]);
    files.call("read_text_file", closed).ok();
    files
        .call(
            "read_text_file",
            r#"{"path": "/home/tester/notes/greeting"}"#,
        )
        .code(5);
    mcpod(&["config", "files", "paths=/home/tester"]).code(2);
    mcpod(&["config", "files", "--unset", "paths"]).code(4);
    files.call("read_text_file", closed).ok();
}

#[test]
fn sessions_end_when_their_inputs_change() {
    let _machine = Idle::now();
    let echo = Server::add_with(
        MISBEHAVE,
        "echo",
        &["--env", "MODE=echo", "--env", "COLOUR=red"],
    );
    let _attached = start(&["mcpod", "attach", "echo"]);
    wait_until("a session is there", SOON, || {
        if echo.instances().is_empty() {
            Err("none")
        } else {
            Ok(())
        }
    });
    mcpod(&["config", "echo", "COLOUR=blue"])
        .ok()
        .prints(&["COLOUR", "blue"]);
    assert_eq!(echo.instances(), Vec::<String>::new());
    mcpod(&["config", "echo", "--unset", "COLOUR"]).ok();
    let shown = mcpod(&["config", "echo", "--json"]).ok().json();
    assert_eq!(shown.as_array().unwrap().len(), 1, "{shown}");
}

#[test]
fn what_a_server_keeps_outlives_it_until_it_is_told_to_go() {
    let _machine = Idle::now();
    let _volume = afterwards(|| run(&["podman", "volume", "rm", "--force", "mcpod-memory_data"]));
    let ann = r#"{"entities": [{"name": "Ann", "entityType": "person", "observations": []}]}"#;
    {
        let memory = Server::add("memory", "memory");
        memory.call("create_entities", ann).ok();
        assert!(
            memory
                .call("read_graph", "{}")
                .ok()
                .result_text()
                .contains("Ann")
        );
    }
    run(&["podman", "volume", "exists", "mcpod-memory_data"]).ok();
    let memory = Server::add("memory", "memory");
    assert!(
        memory
            .call("read_graph", "{}")
            .ok()
            .result_text()
            .contains("Ann")
    );
    mcpod(&["remove", "memory", "--volumes"]).ok();
    run(&["podman", "volume", "exists", "mcpod-memory_data"]).code(1);
    mcpod(&["add", "memory"]).ok();
    assert!(
        !memory
            .call("read_graph", "{}")
            .ok()
            .result_text()
            .contains("Ann")
    );
    // Edited by hand, it is not thrown away.
    sh(
        "echo Label=x=y >>~/.config/containers/systemd/mcpod-memory_data.volume",
        &[],
    )
    .ok();
    mcpod(&["remove", "memory"])
        .code(1)
        .complains(&["mcpod-memory_data.volume"]);
    sh(
        "sed -i '$d' ~/.config/containers/systemd/mcpod-memory_data.volume",
        &[],
    )
    .ok();
}

#[test]
fn one_session_at_a_time_where_two_would_write_over_each_other() {
    let _machine = Idle::now();
    let _volume = afterwards(|| run(&["podman", "volume", "rm", "--force", "mcpod-memory_data"]));
    {
        let memory = Server::add("memory", "memory");
        let attached = start(&["mcpod", "attach", "memory"]);
        wait_until("a session is there", SOON, || {
            if memory.instances().is_empty() {
                Err("none")
            } else {
                Ok(())
            }
        });
        let refused = ["one session at a time", "(mcpod)", "--instances private"];
        mcpod(&["call", "memory", "read_graph"])
            .code(1)
            .complains(&refused);
        // With an input that does not end, as a client's.
        let second =
            "mkfifo /tmp/input && exec <>/tmp/input && rm /tmp/input && exec mcpod attach memory";
        sh(second, &[]).code(1).complains(&refused);
        drop(attached);
        // One behind another they wait for their turn.
        for _ in 0..3 {
            memory.call("read_graph", "{}").ok();
        }
    }
    let memory = Server::add_with("memory", "memory", &["--instances", "private"]);
    let _attached = start(&["mcpod", "attach", "memory"]);
    wait_until("a session is there", SOON, || {
        if memory.instances().is_empty() {
            Err("none")
        } else {
            Ok(())
        }
    });
    memory.call("read_graph", "{}").ok();
}

#[test]
fn an_add_that_fails_leaves_no_volume() {
    let _machine = Idle::now();
    // The file that its data belongs into cannot be one.
    let failed = mcpod(&["add", "memory", "--env", "NODE_OPTIONS=--no-such-option"]);
    failed.code(1).complains(&["no-such-option"]);
    run(&["podman", "volume", "exists", "mcpod-memory_data"]).code(1);
}
