//! What the host lacks is said plainly; what agents leave out of the environment is found.

use crate::changes::{afterwards, moved_aside, root_until_the_end, settings};
use crate::idle::Idle;
use crate::machine::{mcpod, root, run, run_as, run_with_input, sh};
use crate::running::start;
use crate::server::{MISBEHAVE, Server};

const QUADLETS: &str = "/home/tester/.config/containers/systemd";
const UNITS: &str = "/home/tester/.config/systemd/user";

#[test]
fn home_and_path_are_environment_enough() {
    let _machine = Idle::now();
    let bare = |words: &[&str]| {
        run(&[
            &[
                "env",
                "-i",
                "HOME=/home/tester",
                "PATH=/usr/bin:/bin",
                "/usr/local/bin/mcpod",
            ],
            words,
        ]
        .concat())
    };
    bare(&["add", MISBEHAVE, "--name", "echo"]).ok();
    let echo = Server("echo");
    let listed = bare(&["list", "--json"]).ok().json();
    assert_eq!(listed[0]["socket"], echo.socket());
    bare(&["status", "echo"]).ok();
    bare(&["call", "echo", "echo", "text=works"])
        .ok()
        .prints(&["works"]);
    bare(&["logs", "echo"]).ok();
    let attach = [
        "env",
        "-i",
        "HOME=/home/tester",
        "PATH=/usr/bin:/bin",
        "/usr/local/bin/mcpod",
        "attach",
        "echo",
    ];
    let hello = br#"{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
"#;
    run_with_input(&attach, hello).ok().prints(&["\"id\": 7"]);
    bare(&["remove", "echo"]).ok();
    bare(&["add", MISBEHAVE, "--name", "echo"]).ok();
    drop(echo);
}

#[test]
fn without_podman() {
    let _machine = Idle::now();
    sh("systemctl --user stop podman.socket podman.service", &[]).ok();
    let gone = moved_aside(&[
        "/usr/bin/podman",
        "/usr/lib/systemd/user/podman.socket",
        "/usr/lib/systemd/user/podman.service",
        "/usr/lib/systemd/user-generators/podman-user-generator",
    ]);
    let _back = afterwards(|| {
        sh(
            "systemctl --user daemon-reload; systemctl --user start podman.socket",
            &[],
        )
    });
    sh("systemctl --user daemon-reload", &[]).ok();
    let added = mcpod(&["add", MISBEHAVE]);
    drop(gone);
    added.code(6).complains(&["Podman", "hint: "]);
}

#[test]
fn with_a_podman_that_is_too_old() {
    let _machine = Idle::now();
    sh("systemctl --user stop podman.socket podman.service", &[]).ok();
    let _back = afterwards(|| {
        sh(
            "rm -f $XDG_RUNTIME_DIR/podman/podman.sock; systemctl --user start podman.socket",
            &[],
        )
    });
    let mut old = start(&[
        "python3",
        "-c",
        include_str!("old_podman.py"),
        "/run/user/1000/podman/podman.sock",
        "4.9.3",
    ]);
    old.says("listening");
    mcpod(&["add", MISBEHAVE])
        .code(6)
        .complains(&["4.9.3", "5.4"]);
}

#[test]
fn without_a_user_manager() {
    let _machine = Idle::now();
    // A user who is not logged in and does not linger has none.
    let _gone = root_until_the_end(
        &["useradd", "--create-home", "nobus"],
        &["userdel", "--remove", "nobus"],
    );
    for words in [
        &["add", MISBEHAVE][..],
        &["list"],
        &["call", "echo", "echo"],
    ] {
        run_as("nobus", &[&["mcpod"], words].concat())
            .code(6)
            .complains(&["linger"]);
    }
    // Nor is one guessed where the environment names a bus that is not there.
    let no_bus = [
        "env",
        "XDG_RUNTIME_DIR=/tmp/nowhere",
        "DBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/nowhere/bus",
        "mcpod",
        "list",
    ];
    run(&no_bus).code(6).complains(&["/tmp/nowhere"]);
}

#[test]
fn with_unit_directories_that_are_read_only_or_full() {
    let _machine = Idle::now();
    sh(r#"mkdir -p "$1" "$2""#, &[QUADLETS, UNITS]).ok();
    for folder in [QUADLETS, UNITS] {
        for (options, complaint) in [("ro", "ead-only"), ("size=4k", "o space left")] {
            let options = format!("mode=0755,uid=1000,gid=1000,{options}");
            let _mounted = root_until_the_end(
                &["mount", "-t", "tmpfs", "-o", &options, "tmpfs", folder],
                &["umount", folder],
            );
            // A page is all that is there.
            root(&[
                "sh",
                "-c",
                r#"head -c 4096 /dev/zero >"$1/filler""#,
                "sh",
                folder,
            ]);
            mcpod(&["add", MISBEHAVE, "--name", "echo"])
                .code(1)
                .complains(&[folder, complaint]);
        }
    }
    // And with the directory of those that are enabled, which systemd writes.
    let wants = format!("{UNITS}/sockets.target.wants");
    sh(r#"mkdir -p "$1""#, &[&wants]).ok();
    {
        let _mounted = root_until_the_end(
            &[
                "mount",
                "-t",
                "tmpfs",
                "-o",
                "ro,mode=0755",
                "tmpfs",
                &wants,
            ],
            &["umount", &wants],
        );
        mcpod(&["add", MISBEHAVE, "--name", "echo"])
            .code(1)
            .complains(&["mcpod-echo.socket", "ead-only"]);
    }
    sh(r#"rmdir "$1""#, &[&wants]);
}

#[test]
fn a_key_that_is_no_setting_is_named() {
    let _machine = Idle::now();
    let _settings = settings("[sandbox]\nmemroy = \"1G\"\n");
    mcpod(&["add", MISBEHAVE])
        .code(1)
        .complains(&["config.toml", "memroy", "memory"]);
    mcpod(&["list"])
        .code(1)
        .complains(&["config.toml", "memroy"]);
}

#[test]
fn a_dry_run_prints_every_file_and_changes_nothing() {
    let _machine = Idle::now();
    let state = || {
        let files =
            "cd; find . -path ./.local/share/containers -prune -o -printf '%p %s %T@\n' | sort";
        let units = "systemctl --user list-unit-files --no-legend; systemctl --user list-units --all --plain --no-legend 'mcpod*'";
        let images = "podman images --digests --no-trunc --quiet; find $XDG_RUNTIME_DIR -maxdepth 2 -name '*mcpod*'";
        sh(&format!("{files}; {units}; {images}"), &[]).ok().stdout
    };
    crate::failures::forget_image();
    let before = state();
    let dry = mcpod(&[
        "add",
        "docker://mcp/sequentialthinking",
        "--name",
        "thinking",
        "--dry-run",
        "--env",
        "PLACE=%h",
    ])
    .ok();
    assert_eq!(state(), before);
    dry.prints(&[
        "containers/systemd/mcpod-thinking@.container",
        "systemd/user/mcpod-thinking.socket",
        "Image=docker.io/mcp/sequentialthinking",
        "PLACE=%%h",
        "ListenStream=%t/mcpod/thinking.sock",
        "[X-Mcpod]",
    ]);

    // Every file of a real `add` was among those printed.
    let printed = mcpod(&["add", MISBEHAVE, "--name", "echo", "--dry-run"]).ok();
    let _echo = Server::add(MISBEHAVE, "echo");
    let written = sh(
        r#"find "$1" "$2" -type f -name "*mcpod-echo*""#,
        &[QUADLETS, UNITS],
    )
    .ok();
    assert!(written.stdout.lines().count() >= 2, "{written:#?}");
    for file in written.stdout.lines() {
        assert!(
            printed.stdout.contains(file),
            "{file} is not in {printed:#?}"
        );
    }
}
