//! The sandbox of a server that was added and runs, as Podman, systemd and the kernel tell it.

use serde_json::{Value, json};

use crate::idle::Idle;
use crate::machine::{run, sh};
use crate::orphans::open;
use crate::server::Server;

/// What Podman tells of the one container that runs.
#[track_caller]
pub(crate) fn inspected() -> Value {
    let found = sh(
        "podman --transient-store ps --quiet | xargs podman --transient-store inspect",
        &[],
    );
    let mut containers = found.ok().json();
    assert_eq!(containers.as_array().map(Vec::len), Some(1), "{containers}");
    containers[0].take()
}

#[test]
fn a_server_runs_in_its_sandbox_unless_more_was_asked_for() {
    let _machine = Idle::now();
    let everything = Server::add_with(
        "everything",
        "everything",
        &["--memory", "300M", "--tasks", "99"],
    );
    let mut client = open(&everything);
    let container = inspected();
    let host = &container["HostConfig"];
    for (key, expected) in [
        ("NetworkMode", json!("none")),
        ("ReadonlyRootfs", json!(true)),
        ("Privileged", json!(false)),
        ("CapAdd", json!([])),
        ("SecurityOpt", json!(["no-new-privileges"])),
        ("UsernsMode", json!("private")),
        ("Binds", json!([])),
        ("PidMode", json!("private")),
        ("UTSMode", json!("private")),
    ] {
        assert_eq!(host[key], expected, "{key} in {host:#}");
    }
    assert_eq!(container["Mounts"], json!([]));
    for key in ["EffectiveCaps", "BoundingCaps"] {
        assert_eq!(container[key], Value::Null, "{key}");
    }

    let unit = everything.instances().remove(0);
    let shown = run(&["systemctl", "--user", "show", &unit]).ok().stdout;
    for line in [
        "MemoryMax=314572800",
        "MemorySwapMax=0",
        "OOMPolicy=stop",
        "TasksMax=99",
        "Slice=mcpod.slice",
        "StandardInput=socket",
        "KillMode=mixed",
        "TimeoutStopUSec=15s",
        "Wants=mcpod-guard.service",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "no {line} in {shown}"
        );
    }

    // And as the kernel has it: no right, no way to one, a filter of system calls, and nobody who is the user.
    let pid = container["State"]["Pid"].to_string();
    let status = run(&["cat", &format!("/proc/{pid}/status")]).ok().stdout;
    let of = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default()
            .trim_start_matches(':')
            .trim()
            .to_owned()
    };
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(of(set), "0000000000000000", "{set}");
    }
    assert_eq!(
        (of("NoNewPrivs"), of("Seccomp")),
        ("1".to_owned(), "2".to_owned())
    );
    for map in ["uid_map", "gid_map"] {
        let map = run(&["cat", &format!("/proc/{pid}/{map}")]).ok().stdout;
        let first: Vec<u32> = map
            .lines()
            .map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap())
            .collect();
        assert!(first.iter().all(|first| *first >= 100_000), "{map}");
    }
    // Nor does it see a network but its own.
    let links = run(&["cat", &format!("/proc/{pid}/net/dev")]).ok().stdout;
    assert_eq!(links.lines().skip(2).count(), 1, "{links}");
    client.say("close");
    client.says("closed");
}
