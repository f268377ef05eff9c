//! The DEB, from apt's first word to its last.

use crate::changes::{afterwards, moved_aside};
use crate::idle::{Idle, no_orphans};
use crate::machine::{Ran, SOON, machine, root, run, run_as, sh, wait_until};
use crate::running::start;
use crate::server::MISBEHAVE;
use crate::{VERSION, output, package};

const FRESH: &str = "fresh";
const OLD: &str = "/root/old.deb";
const NEW: &str = "/root/new.deb";

/// A client that says a line for each line that it is told, and keeps its session.
const CLIENT: &str = include_str!("../machine/client.py");

#[track_caller]
fn apt(words: &[&str]) -> Ran {
    let apt = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-y",
        "-q",
    ];
    root(&[&apt[..], words].concat()).ok()
}

/// As the fresh user.
#[track_caller]
fn fresh(words: &[&str]) -> Ran {
    run_as(FRESH, words)
}

#[track_caller]
fn has_timer(user: &str, is: &str) {
    let asked = run_as(
        user,
        &["systemctl", "--user", "is-enabled", "mcpod-refresh.timer"],
    );
    assert_eq!(asked.stdout.trim(), is, "{asked:#?}");
}

#[test]
fn it_is_installed_used_upgraded_removed_and_purged() {
    let _machine = Idle::now();
    // The one that other tests use would be found first.
    let _aside = root(&["test", "-e", "/usr/local/bin/mcpod"])
        .code
        .filter(|code| *code == 0)
        .map(|_| moved_aside(&["/usr/local/bin/mcpod"]));
    let _gone = afterwards(|| {
        root(&[
            "sh",
            "-c",
            "dpkg --purge mcpod; rm -f /root/old.deb /root/new.deb",
        ])
    });
    let _left = afterwards(|| sh("rm -rf ~/.local/share/mcpod ~/.cache/mcpod", &[]));
    let _fresh = afterwards(|| machine(&["user", "--remove", FRESH]));
    machine(&["user", FRESH]).ok();
    let new = format!("mcpod_{VERSION}-1_");
    for (file, begin) in [(OLD, "mcpod_0.0.9-1_"), (NEW, new.as_str())] {
        machine(&["put", package(begin, ".deb").to_str().unwrap(), file]).ok();
    }

    install();
    use_and_upgrade();
    // What the administrator turned off stays off.
    root(&["systemctl", "--global", "disable", "mcpod-refresh.timer"]).ok();
    apt(&["install", "--reinstall", NEW]);
    has_timer(FRESH, "disabled");
    remove();
    purge();
}

/// Units, preset and completions are there for a user who did nothing.
fn install() {
    apt(&["install", OLD]);
    has_timer(FRESH, "enabled");
    fresh(&["systemctl", "--user", "is-active", "mcpod-refresh.timer"]).ok();
    let found = fresh(&["mcpod", "doctor", "--json"]).ok().json();
    for check in ["podman", "quadlet", "units", "completions"] {
        let finding = found
            .as_array()
            .unwrap()
            .iter()
            .find(|finding| finding["check"] == check);
        assert_eq!(finding.unwrap()["state"], "ok", "{finding:#?}");
    }
}

/// Servers and a session outlive an upgrade.
fn use_and_upgrade() {
    // Used, by a fresh user and by one who keeps a session.
    fresh(&[
        "mcpod",
        "add",
        MISBEHAVE,
        "--name",
        "echo",
        "--env",
        "MODE=echo",
    ])
    .ok();
    fresh(&["mcpod", "call", "echo", "echo", "text=works"])
        .ok()
        .prints(&["works"]);
    run(&[
        "mcpod",
        "add",
        MISBEHAVE,
        "--name",
        "echo",
        "--env",
        "MODE=echo",
    ])
    .ok();
    sh("test ! -e ~/.config/systemd/user/mcpod-guard.service", &[]).ok();
    let mut client = start(&["python3", "-c", CLIENT, "/run/user/1000/mcpod/echo.sock"]);
    client.says("open");
    let guard = || {
        let pid = "systemctl --user show --property=MainPID --value mcpod-guard.service";
        sh(&format!("readlink /proc/$({pid})/exe"), &[])
            .stdout
            .trim()
            .to_owned()
    };
    assert_eq!(guard(), "/usr/bin/mcpod");

    // Upgraded: the session goes on, and the guard is the new program, which stops it when its client is killed.
    apt(&["install", NEW]);
    let version = root(&["dpkg-query", "-W", "--showformat=${Version}", "mcpod"]).ok();
    assert_eq!(version.stdout, format!("{VERSION}-1"));
    client.say("ping");
    assert!(client.line().ends_with("tools"));
    wait_until("the guard is the new program", SOON, || {
        let guard = guard();
        if guard == "/usr/bin/mcpod" {
            Ok(())
        } else {
            Err(guard)
        }
    });
    has_timer(FRESH, "enabled");
    fresh(&["mcpod", "call", "echo", "echo", "text=on"])
        .ok()
        .prints(&["on"]);
    drop(client);
    no_orphans();
}

/// Servers answer on without mcpod, it is said whose they are, and mcpod knows them when it is back.
fn remove() {
    let removed = apt(&["remove", "mcpod"]);
    let said = format!("{}{}", removed.stdout, removed.stderr);
    for part in [FRESH, "tester", "mcpod remove NAME"] {
        assert!(said.contains(part), "{part}: {removed:#?}");
    }
    let ask = "import socket,sys\ns=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n\
        s.sendall(b'{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}\\n')\n\
        print(s.makefile().readline())";
    let uid = fresh(&["id", "-u"]).ok().stdout.trim().to_owned();
    let answer = fresh(&[
        "python3",
        "-c",
        ask,
        &format!("/run/user/{uid}/mcpod/echo.sock"),
    ])
    .ok();
    answer.prints(&["serverInfo"]);

    // Installed again, mcpod knows them still.
    apt(&["install", NEW]);
    let listed = fresh(&["mcpod", "list", "--json"]).ok().json();
    assert_eq!(listed[0]["name"], "echo", "{listed}");
    for user in [FRESH, "tester"] {
        run_as(user, &["mcpod", "remove", "echo"]).ok();
    }
}

/// Nothing of it is left on the host.
fn purge() {
    let purged = apt(&["purge", "mcpod"]);
    assert!(
        !format!("{}{}", purged.stdout, purged.stderr).contains("stay active"),
        "{purged:#?}"
    );
    let left = root(&[
        "find",
        "/usr",
        "/etc",
        "/var/lib",
        "-xdev",
        "-name",
        "*mcpod*",
        "-not",
        "-path",
        "*.aside",
        "-not",
        "-path",
        "/usr/local/*",
    ])
    .ok();
    let left: Vec<&str> = left
        .stdout
        .lines()
        .filter(|path| !path.contains("/docker-registry/"))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn it_holds_what_it_should_and_asks_for_what_it_needs() {
    let deb = package(&format!("mcpod_{VERSION}-1_"), ".deb");
    let deb = deb.to_str().unwrap();
    let files = output("dpkg-deb", &["--contents", deb]);
    for file in [
        "-rwxr-xr-x 0/0",
        "./usr/bin/mcpod\n",
        "./usr/lib/systemd/user/mcpod-guard.service\n",
        "./usr/lib/systemd/user/mcpod-refresh.timer\n",
        "./usr/lib/systemd/user-preset/90-mcpod.preset\n",
        "./usr/share/man/man1/mcpod-add.1.gz\n",
        "./usr/share/man/man5/mcpod-json.5.gz\n",
        "./usr/share/bash-completion/completions/mcpod\n",
        "./usr/share/zsh/vendor-completions/_mcpod\n",
        "./usr/share/fish/vendor_completions.d/mcpod.fish\n",
        "./usr/share/mcpod/json.schema.json\n",
    ] {
        assert!(files.contains(file), "{file}: {files}");
    }
    let field = |name| output("dpkg-deb", &["--field", deb, name]);
    let depends = field("Depends");
    for needed in ["podman (>= 5.4)", "passt", "uidmap", "libc6 (>="] {
        assert!(depends.contains(needed), "{needed}: {depends}");
    }
    assert_eq!(field("Recommends").trim(), "nftables");
}
