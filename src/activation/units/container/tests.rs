use std::collections::BTreeMap;

use super::super::volume;
use super::*;
use crate::activation::choices::{Choices, Network};
use crate::activation::plan::Origin;
use crate::catalog::source::builtin;
use crate::secret::Secret;
use crate::settings::Settings;

/// The lines of a container's unit that depend on inputs.
fn lines(entry: &str, inputs: &[(&str, &str)], secrets: &[(&str, &str)]) -> String {
    let catalog = builtin::parse();
    let entry = catalog
        .entries
        .iter()
        .find(|known| known.id.native() == entry)
        .unwrap();
    let choices = Choices {
        inputs: inputs
            .iter()
            .map(|(name, value)| Assignment::new(*name, *value))
            .collect(),
        secrets: secrets
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Some(Secret::from(*value))))
            .collect::<BTreeMap<_, _>>(),
        network: Some(Network::None),
        ..Choices::default()
    };
    let mut settings = Settings::default();
    settings.sandbox.selinux = Relabel::Shared;
    let plan = Plan::new(
        &entry.id.to_string(),
        &entry.launch,
        "x".parse().unwrap(),
        &choices,
        &settings,
    )
    .unwrap();
    let Origin::Image(image) = &plan.origin else {
        panic!("{:?}", plan.origin);
    };
    let pinned = Pinned::Fetched(image.clone());
    let mut text = container(&plan, &pinned).unwrap().to_string();
    for wanted in &plan.invocation.volumes {
        text.push_str(&volume(&plan.name, &plan.id, wanted).unwrap().to_string());
    }
    let keys = [
        "UserNS=",
        "Volume",
        "PodmanArgs=",
        "Secret=",
        "Environment=",
        "Exec=",
    ];
    let kept = text.lines().filter(|line| {
        keys.iter().any(|key| line.starts_with(key))
            && !line.contains("--conmon-pidfile")
            && !line.starts_with("Environment=GO")
    });
    kept.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_whole_of_a_template() {
    let catalog = builtin::parse();
    let mut entries = catalog.entries.iter();
    let entry = entries.find(|entry| entry.id.native() == "time").unwrap();
    let choices = Choices {
        cpus: Some("0.5".parse().unwrap()),
        ..Choices::default()
    };
    let plan = Plan::new(
        &entry.id.to_string(),
        &entry.launch,
        "time".parse().unwrap(),
        &choices,
        &Settings::default(),
    )
    .unwrap();
    let digest = format!("docker.io/mcp/time@sha256:{}", "0".repeat(64));
    let pinned = Pinned::Fetched(digest.parse().unwrap());
    let text = container(&plan, &pinned).unwrap().to_string();
    insta::assert_snapshot!(text, @r#"
    [Unit]
    Description=MCP server time, session %i
    CollectMode=inactive-or-failed
    Wants=mcpod-guard.service

    [Container]
    Image=docker.io/mcp/time@sha256:0000000000000000000000000000000000000000000000000000000000000000
    Pull=missing
    GlobalArgs=--transient-store
    GlobalArgs=--events-backend=none
    LogDriver=passthrough
    PodmanArgs="--conmon-pidfile=%t/mcpod/%N.pid"
    RunInit=true
    StopTimeout=2
    PidsLimit=0
    Network=none
    ReadOnly=true
    DropCapability=all
    NoNewPrivileges=true
    UserNS=nomap

    [Quadlet]
    DefaultDependencies=false

    [Service]
    StandardInput=socket
    StandardOutput=socket
    StandardError=append:%t/mcpod/time@%i.log
    ExecStartPre=/bin/chmod 0666 /proc/self/fd/2
    Environment=GOGC=off
    Environment=GOMEMLIMIT=64MiB
    Slice=mcpod.slice
    MemoryMax=1073741824
    MemorySwapMax=0
    OOMPolicy=stop
    TasksMax=512
    CPUQuota=50%
    TimeoutStartSec=600s
    TimeoutStopSec=15s
    ExecStop=/bin/sh -c "cid=$$XDG_RUNTIME_DIR/$${PODMAN_SYSTEMD_UNIT%%.service}.cid; [ -e \"$$cid\" ] || exit 0; rm() { podman --transient-store --events-backend=none rm -v -f -i --cidfile=\"$$cid\" >/dev/null; }; rm 2>/dev/null || rm"
    ExecStopPost=/bin/sh -c "cid=$$XDG_RUNTIME_DIR/$${PODMAN_SYSTEMD_UNIT%%.service}.cid; [ -e \"$$cid\" ] || exit 0; rm() { podman --transient-store --events-backend=none rm -v -f -i --cidfile=\"$$cid\" >/dev/null; }; rm 2>/dev/null || rm"
    SuccessExitStatus=143
    "#);
}

#[test]
fn a_volume_of_its_own_belongs_to_whoever_it_runs_as() {
    insta::assert_snapshot!(lines("memory", &[], &[]), @r"
    UserNS=nomap
    Volume=mcpod-x_data.volume:/data:U
    Environment=MEMORY_FILE_PATH=/data/memory.json
    VolumeName=mcpod-x_data
    ");
}

#[test]
fn folders_of_the_user_are_seen_with_the_users_id() {
    let paths = [("paths", "/home/u/a b"), ("paths", "/srv/%h$HOME")];
    insta::assert_snapshot!(lines("filesystem", &paths, &[]), @r#"
    UserNS=keep-id
    PodmanArgs="--volume=/home/u/a b:/home/u/a b:z"
    PodmanArgs="--volume=/srv/%%h$$HOME:/srv/%%h$$HOME:z"
    Exec="/home/u/a b" "/srv/%%h$$HOME"
    "#);
}

#[test]
fn a_secret_is_named_and_never_written() {
    insta::assert_snapshot!(lines("github", &[], &[("token", "hunter2")]), @r"
    UserNS=nomap
    Secret=mcpod-x_token,type=env,target=GITHUB_PERSONAL_ACCESS_TOKEN
    ");
}
