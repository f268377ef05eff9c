//! Servers on their way to another host: as a set that is added there, as plain units, as a manifest.

use crate::changes::afterwards;
use crate::idle::Idle;
use crate::machine::{machine, mcpod, run_as, run_with_input, sh};
use crate::server::{MISBEHAVE, Server};

/// Another host, as far as a user can be one: with a home folder, units and images of its own.
const OTHER: &str = "other";

#[test]
fn a_set_of_servers_moves_to_another_host_without_its_secrets() {
    let _machine = Idle::now();
    run_with_input(&["mcpod", "secret", "set", "echo_TOKEN"], b"5ec7e7").ok();
    let _secret = afterwards(|| mcpod(&["secret", "remove", "echo_TOKEN"]));
    let _echo = Server::add_with(
        MISBEHAVE,
        "echo",
        &[
            "--secret",
            "TOKEN",
            "--env",
            "PLACE=here",
            "--memory",
            "300M",
            "--sessions",
            "3",
        ],
    );
    let _time = Server::add("time", "time");

    let set = mcpod(&["export", "--all"]).ok().complains(&["echo_TOKEN"]);
    assert!(!set.stdout.contains("5ec7e7"), "{set:#?}");

    let _other = afterwards(|| machine(&["user", "--remove", OTHER]));
    machine(&["user", OTHER]).ok();
    let there = |words: &[&str]| run_as(OTHER, &[&["mcpod"], words].concat());
    let file = "/tmp/servers.json";
    run_with_input(&["tee", file], set.stdout.as_bytes()).ok();
    let _file = afterwards(|| sh(r#"rm "$1""#, &[file]));

    // One that lacks its secret does not keep the others.
    there(&["add", "--from", file])
        .code(4)
        .prints(&["time is active"])
        .complains(&["echo", "TOKEN"]);
    let typed = "printf 5ec7e7 | mcpod secret set echo_TOKEN";
    run_as(OTHER, &["sh", "-c", typed]).ok();
    there(&["add", "--from", file])
        .ok()
        .prints(&["echo is active"])
        .complains(&["time is active already"]);

    // What comes of it is what it was made of.
    let again = there(&["export", "--all"]).ok();
    assert_eq!(again.json(), set.json());
    for key in ["memory", "sessions", "env", "secret", "digest"] {
        assert!(set.stdout.contains(&format!("\"{key}\"")), "{set:#?}");
    }
    there(&["call", "echo", "echo", "text=works"])
        .ok()
        .prints(&["works"]);
    for server in ["echo", "time"] {
        there(&["remove", server]).ok();
    }
}

#[test]
fn a_file_that_holds_no_servers_is_refused() {
    let _machine = Idle::now();
    let refused = |text: &str, parts: &[&str]| {
        run_with_input(&["mcpod", "add", "--from", "-"], text.as_bytes())
            .code(2)
            .complains(parts);
    };
    refused("{", &["holds no servers", "mcpod export"]);
    refused(
        r#"{"servers": [{"name": "a", "ref": "time", "hmm": 1}]}"#,
        &["hmm"],
    );
    refused(
        r#"{"servers": [{"name": "a", "ref": "time", "memory": "much"}]}"#,
        &["a: memory", "much"],
    );
    mcpod(&["add", "--from", "-", "time"]).code(2);
    mcpod(&["export"]).code(2);
    mcpod(&["export", "tme"]).code(3);
}

#[test]
fn plain_units_work_without_mcpod() {
    let _machine = Idle::now();
    let echo = Server::add_with(MISBEHAVE, "echo", &["--network", "allow:a.example"]);
    let folder = "/home/tester/exported";
    let _folder = afterwards(|| sh(r#"rm -rf "$1""#, &[folder]));
    let export = || mcpod(&["export", "echo", "--format", "quadlet", "--output", folder]);
    // Its names are mcpod's to answer; what closes the open network is nft alone.
    export()
        .code(1)
        .complains(&["mcpod", "config echo --network open", "--format json"]);
    mcpod(&["config", "echo", "--network", "open"]).ok();
    export().ok().complains(&["_network/hook.json"]);
    drop(echo);

    let _units = afterwards(|| {
        sh(
            "systemctl --user stop mcpod-echo.socket; rm -rf ~/.config/containers/systemd/*mcpod-echo* \
             ~/.config/systemd/user/*mcpod-echo*; systemctl --user daemon-reload",
            &[],
        )
    });
    sh(
        r#"cp -r "$1"/. ~/.config/ && systemctl --user daemon-reload && systemctl --user start mcpod-echo.socket"#,
        &[folder],
    )
    .ok();
    // For mcpod these units are somebody else's.
    let listed = mcpod(&["list", "--json"]).ok().json();
    assert_eq!(listed, serde_json::json!([]));
    let hello = r#"{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let talk = r#"
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(30)
s.connect("/run/user/1000/mcpod/echo.sock")
s.sendall(sys.argv[1].encode() + b"\n")
print(s.makefile().readline())
"#;
    crate::machine::run(&["python3", "-c", talk, hello])
        .ok()
        .prints(&["\"id\": 7"]);
    // Its session ends with the connection, by itself, before its units go.
    crate::idle::no_orphans();
}

#[test]
fn a_manifest_is_taken_where_pods_are() {
    let _machine = Idle::now();
    let _time = Server::add("time", "time");
    let file = "/tmp/time.yaml";
    mcpod(&["export", "time", "--format", "kube", "--output", file]).ok();
    // One that is there is not written over.
    mcpod(&["export", "time", "--format", "kube", "--output", file]).code(1);
    let _file = afterwards(|| sh(r#"rm "$1""#, &[file]));
    // Podman makes pods as Kubernetes would, but for what this user cannot have: a user namespace for each pod, and limits, whose
    // controllers are not delegated in the machine. It opens no standard input to them, so that one cannot be spoken to here.
    let _pod = afterwards(|| sh("podman pod rm --force --time 0 mcpod-time", &[]));
    let made = sh(
        r#"grep -v -e hostUsers -e memory: "$1" | podman kube play --start=false - >&2 && podman inspect mcpod-time-server"#,
        &[file],
    )
    .ok()
    .json();
    let host = &made[0]["HostConfig"];
    assert_eq!(host["ReadonlyRootfs"], true, "{host:#}");
    let capabilities = made[0]["EffectiveCaps"].as_array();
    assert!(capabilities.is_none_or(Vec::is_empty), "{capabilities:?}");
    assert!(
        host["SecurityOpt"]
            .to_string()
            .contains("no-new-privileges"),
        "{host:#}"
    );
    let image = made[0]["ImageName"].as_str().unwrap();
    assert!(image.starts_with("docker.io/mcp/time@sha256:"), "{image}");
}

#[test]
fn a_manifest_is_what_kubernetes_says_its_objects_are() {
    let _machine = Idle::now();
    sh("mkdir ~/kept && echo hello >~/kept/greeting", &[]).ok();
    let _folder = afterwards(|| sh("rm -r ~/kept", &[]));
    let _volume = afterwards(|| sh("podman volume rm --force mcpod-memory_data", &[]));
    sh("printf 5ec7e7 | mcpod secret set echo_TOKEN", &[]).ok();
    let _secret = afterwards(|| mcpod(&["secret", "remove", "echo_TOKEN"]));
    let _echo = Server::add_with(
        MISBEHAVE,
        "echo",
        &["--secret", "TOKEN", "--env", "A=yes", "--cpus", "0.5"],
    );
    let _memory = Server::add("memory", "memory");
    let _files = Server::add_with(
        "filesystem",
        "files",
        &["--set", "paths=/home/tester/kept", "--network", "open"],
    );
    let file = "/tmp/all.yaml";
    mcpod(&["export", "--all", "--format", "kube", "--output", file]).ok();
    let _file = afterwards(|| sh(r#"rm "$1""#, &[file]));
    // No cluster can be had here. Its schemas can, and nothing that they do not know may stand there.
    let checked = sh(
        r#"podman run --rm --volume "$1:/all.yaml:ro" --volume /etc/ssl/certs/ca-certificates.crt:/ca.crt:ro --env PIP_CERT=/ca.crt \
            docker.io/library/python:3.12-slim sh -c 'pip install --quiet --root-user-action=ignore kubernetes-validate==1.37.0 &&
            kubernetes-validate --strict /all.yaml'"#,
        &[file],
    )
    .ok();
    for object in [
        "pod/mcpod-echo",
        "pod/mcpod-memory",
        "pod/mcpod-files",
        "networkpolicy/mcpod-echo",
        "persistentvolumeclaim/",
    ] {
        assert!(
            checked
                .stdout
                .contains(&format!("passed for resource {object}")),
            "{object} in {checked:#?}"
        );
    }
}
