//! Packages of npm and PyPI, from the registries that everybody uses.

use crate::changes::{root_until_the_end, settings};
use crate::idle::{Idle, nothing_half_done};
use crate::machine::{SOON, mcpod, run, sh, wait_until};
use crate::running::start;
use crate::server::Server;

/// Builds trust what this host trusts: it may stand behind a proxy with certificates of its own.
pub(crate) const TRUST: &str = "[build]\nca_bundle = \"/etc/ssl/certs/ca-certificates.crt\"\n";

const MEMORY: &str = "npm:@modelcontextprotocol/server-memory@2026.8.31";
const TIME: &str = "pypi:mcp-server-time@2026.10.19";

/// What of builds is in the storage: images with our name, layers that are no image, containers of the builder.
fn built() -> Vec<String> {
    let found = sh(
        r#"podman images --filter label=io.mcpod.build=1 --filter dangling=true --format "layer {{.ID}}"
        podman images --format "{{.Repository}}:{{.Tag}}" | grep ^localhost/mcpod
        podman --transient-store ps --all --external --format "container {{.Command}} {{.ID}}"
        podman ps --all --external --format "container {{.Command}} {{.ID}}"
        systemctl --user list-units --all --plain --no-legend "mcpod-*_image-build.service"
        find "$XDG_RUNTIME_DIR/mcpod" -name "*_image.log" 2>/dev/null
        true"#,
        &[],
    )
    .ok();
    found.stdout.lines().map(str::to_owned).collect()
}

/// Fails the test if a build, or what cleans up behind one, still runs: whoever ended it has waited for that.
#[track_caller]
fn nothing_builds() {
    let units = run(&[
        "systemctl",
        "--user",
        "list-units",
        "--plain",
        "--no-legend",
        "--state=activating,deactivating",
        "mcpod-*-build.service",
    ]);
    assert_eq!(units.ok().stdout, "");
}

#[track_caller]
pub(crate) fn nothing_built() {
    wait_until("nothing of a build is left", SOON, || {
        let found = built();
        if found.is_empty() { Ok(()) } else { Err(found) }
    });
    nothing_half_done();
}

#[test]
fn a_package_of_npm_is_built_called_and_taken_away() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    {
        let memory = Server::add("npm:@modelcontextprotocol/server-memory", "memory");
        memory.call("read_graph", "{}").ok().prints(&["entities"]);
        let listed = mcpod(&["list", "--json"]).ok().json();
        let image = listed[0]["image"].as_str().unwrap().to_owned();
        let version = image
            .strip_prefix("npm:@modelcontextprotocol/server-memory@")
            .unwrap();
        assert!(version.starts_with("20"), "{version}");
        let digest = listed[0]["digest"].as_str().unwrap().to_owned();
        let id = digest.strip_prefix("sha256:").unwrap();
        sh(
            r#"grep -q "^Image=$1$" ~/.config/containers/systemd/mcpod-memory@.container"#,
            &[id],
        )
        .ok();
        let inspected = run(&["podman", "image", "inspect", id]).ok().json();
        assert_eq!(inspected[0]["Config"]["User"], "1000:1000");
        let environment = inspected[0]["Config"]["Env"].to_string();
        assert!(!environment.contains("ca.crt"), "{environment}");
        // Inputs can be changed without another build.
        mcpod(&["config", "memory"]).ok();
        mcpod(&["status", "memory"]).ok().prints(&[&image]);
    }
    nothing_built();
}

#[test]
fn a_package_of_pypi_is_built_called_and_shares_its_image() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    {
        let time = Server::add(TIME, "time");
        time.call("get_current_time", r#"{"timezone": "UTC"}"#)
            .ok()
            .prints(&["datetime"]);
        {
            let again = Server::add_with(TIME, "again", &["--env", "COLOUR=red"]);
            mcpod(&["config", "again", "COLOUR=blue"]).ok();
            again
                .call("get_current_time", r#"{"timezone": "UTC"}"#)
                .ok();
            let listed = mcpod(&["list", "--json"]).ok().json();
            assert_eq!(listed[0]["digest"], listed[1]["digest"], "{listed}");
        }
        // The other one went, its image stayed.
        time.call("get_current_time", r#"{"timezone": "UTC"}"#).ok();
    }
    nothing_built();
}

#[test]
fn a_launch_option_of_the_catalog_that_is_a_package_is_built() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    let thinking = Server::add_with("builtin:sequentialthinking", "thinking", &["--launch", "2"]);
    mcpod(&["tools", "thinking"])
        .ok()
        .prints(&["sequentialthinking"]);
    drop(thinking);
    nothing_built();
}

#[test]
fn what_would_be_built_is_shown_beforehand() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    mcpod(&["add", MEMORY, "--dry-run"]).ok().prints(&[
        "mcpod-memory_image.build",
        "mcpod-memory_image/Containerfile",
        "FROM docker.io/library/node",
        "@modelcontextprotocol/server-memory@2026.8.31",
        "--ignore-scripts",
        "Slice=mcpod-build.slice",
        "ca-certificates.crt",
    ]);
    nothing_built();
    mcpod(&["add", "npm:-x"]).code(2);
    mcpod(&["add", "pypi:x; touch /tmp/x"]).code(2);
}

#[test]
fn what_cannot_be_built_says_why_and_leaves_nothing() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    for (package, why) in [
        (
            "npm:@modelcontextprotocol/no-such-server-at-all",
            "there is no package npm:@modelcontextprotocol/no-such-server-at-all",
        ),
        (
            "npm:@modelcontextprotocol/server-memory@0.0.999",
            "has no version 0.0.999",
        ),
        (
            "pypi:mcp-no-such-server-at-all",
            "there is no package pypi:mcp-no-such-server-at-all",
        ),
        ("pypi:mcp-server-time@1999.1", "has no version 1999.1"),
    ] {
        mcpod(&["add", package]).code(3).complains(&[why]);
        nothing_built();
    }
    // Libraries.
    for (package, why) in [
        ("npm:left-pad@1.3.0", "this package has no command to start"),
        ("pypi:six@1.17.0", "this package has no command to start"),
    ] {
        mcpod(&["add", package]).code(1).complains(&[why]);
        nothing_builds();
        nothing_built();
    }
    // Two commands, neither named like the package.
    mcpod(&[
        "add",
        "npm:ts-node@10.9.2",
        "--no-probe",
        "--entry",
        "no-such",
    ])
    .code(1)
    .complains(&["several commands", "--entry", "ts-node-esm"]);
    mcpod(&["add", "npm:ts-node@10.9.2", "--entry", "--version"]).code(2);
    nothing_built();
}

#[test]
fn a_base_image_that_is_gone_is_named() {
    let _machine = Idle::now();
    let _settings = settings("[build]\nnode = \"docker.io/library/no-such-node:1\"\n");
    mcpod(&["add", MEMORY])
        .code(1)
        .complains(&["docker.io/library/no-such-node:1"]);
    nothing_built();
}

#[test]
fn languages_whose_registry_cannot_be_reached_are_planned_and_fail_with_its_words() {
    let _machine = Idle::now();
    // A stand-in for the image of .NET, with a program that answers as its own does where it reaches nothing.
    let made = r#"folder=$(mktemp -d) && cd "$folder" &&
        printf '#!/bin/sh\necho "error NU1301: Unable to load the service index" >&2\nexit 1\n' >dotnet && chmod +x dotnet &&
        printf 'FROM docker.io/library/python:3.12-slim\nCOPY dotnet /usr/local/bin/\n' >Containerfile &&
        podman build --quiet --tag localhost/no-dotnet . && rm -r "$folder""#;
    sh(made, &[]).ok();
    let _image = crate::changes::afterwards(|| run(&["podman", "rmi", "localhost/no-dotnet"]));
    let _settings = settings("[build]\ndotnet = \"localhost/no-dotnet\"\n");
    mcpod(&["add", "nuget:Some.Server@1.2.3", "--dry-run"])
        .ok()
        .prints(&[
            "FROM localhost/no-dotnet",
            r#""tool","install","--tool-path","/opt/mcpod/app/bin","--version","1.2.3","Some.Server""#,
        ]);
    mcpod(&["add", "nuget:Some.Server"])
        .code(1)
        .complains(&["nuget:Some.Server", "NU1301"]);
    nothing_built();
}

/// What fills up is what the build writes, or what Podman keeps of it.
#[test]
fn a_build_that_fills_the_disk_says_so_and_leaves_nothing() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    let _git = crate::git::daemon_with(
        r"mkdir full; printf 'FROM docker.io/library/python:3.12-slim\nRUN head -c 60M /dev/urandom >/large\n' >full/Containerfile",
    );
    // A storage of its own.
    let folder = "/home/tester/full";
    let _room = root_until_the_end(
        &[
            "sh",
            "-c",
            r#"install -d -o tester -g tester "$1" && mount -t tmpfs -o size=600m,uid=1000,gid=1000,mode=700 tmpfs "$1""#,
            "sh",
            folder,
        ],
        &[
            "sh",
            "-c",
            r#"umount --lazy "$1" && rmdir "$1""#,
            "sh",
            folder,
        ],
    );
    let set = r#"printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/graph"\nrunroot = "%s/run"\n' "$1" "$1" >~/.config/containers/storage.conf
        systemctl --user stop podman.service"#;
    sh(set, &[folder]).ok();
    let _storage = crate::changes::afterwards(|| {
        sh(
            "rm ~/.config/containers/storage.conf; systemctl --user stop podman.service",
            &[],
        )
    });
    sh(
        "podman pull --quiet docker.io/library/python:3.12-slim",
        &[],
    )
    .ok();
    let fill = r#"rm -f "$1/filler" && room=$(df --block-size=1M --output=avail "$1" | tail -n 1) &&
        fallocate --length $((room - $2))M "$1/filler""#;
    let used = || {
        let used = sh(
            r#"df --block-size=1M --output=used "$1" | tail -n 1"#,
            &[folder],
        )
        .ok();
        used.stdout.trim().parse::<u32>().unwrap()
    };
    for room in ["25", "90"] {
        sh(fill, &[folder, room]).ok();
        let before = used();
        let ran = mcpod(&["add", &format!("{}#main:full", crate::git::URL), "--yes"]).code(1);
        let said = ran.stderr.to_lowercase();
        assert!(said.contains("no space left on device"), "{ran:#?}");
        nothing_built();
        let after = used();
        assert!(after <= before + 1, "{before} MiB, then {after}");
    }
    // Nor is there room for what is put aside for the removal.
    sh(fill, &[folder, "2"]).ok();
    let before = used();
    mcpod(&["add", &format!("{}#main:full", crate::git::URL), "--yes"])
        .code(1)
        .complains(&["No space left on device"]);
    nothing_built();
    assert!(used() <= before + 1, "{before} MiB, then {}", used());
    sh(r#"ls "$1/graph" && ! ls "$1"/graph/mcpod-*"#, &[folder]).ok();
}

#[test]
fn a_build_without_network_ends_with_its_last_words() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    let _cut = root_until_the_end(
        &[
            "nft",
            "add table inet cut; add chain inet cut out { type filter hook output priority 0; }; add rule inet cut out oifname != lo reject",
        ],
        &["nft", "delete table inet cut"],
    );
    let ran = mcpod(&["add", TIME]);
    ran.code(1).complains(&["pypi:mcp-server-time"]);
    nothing_built();
}

#[test]
fn a_build_that_is_interrupted_or_killed_leaves_nothing() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    let add = ["mcpod", "add", MEMORY, "--name", "memory"];
    // What installs the package is held: else it may be over before the signal comes. Nothing of Podman's is, which has locks.
    let building = || {
        wait_until("the package is being installed", SOON, || {
            let held = run(&["pkill", "--signal=STOP", "--full", "^npm install"]);
            if held.code == Some(0) {
                Ok(())
            } else {
                Err(held)
            }
        });
    };
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let adding = start(&add);
        building();
        adding.signal(signal);
        assert_ne!(adding.finish().code, Some(0));
        nothing_builds();
        nothing_built();
    }
    let adding = start(&add);
    building();
    adding.signal(rustix::process::Signal::KILL);
    drop(adding);
    // What was half added can be removed.
    mcpod(&["remove", "memory"]).ok();
    nothing_builds();
    nothing_built();
    let adding = start(&add);
    building();
    adding.signal(rustix::process::Signal::KILL);
    drop(adding);
    // The build itself is killed.
    run(&[
        "systemctl",
        "--user",
        "kill",
        "--signal=KILL",
        "mcpod-memory_image-build.service",
    ])
    .ok();
    // Or added again.
    run(&add).ok();
    mcpod(&["call", "memory", "read_graph"]).ok();
    mcpod(&["remove", "memory"]).ok();
    nothing_built();
}

#[test]
fn a_built_image_that_is_gone_is_an_error_that_says_what_to_do() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    let time = Server::add(TIME, "time");
    run(&["podman", "rmi", "localhost/mcpod:time"]).ok();
    time.call("get_current_time", r#"{"timezone": "UTC"}"#)
        .code(1)
        .prints(&["mcpod remove time", "mcpod add pypi:mcp-server-time"]);
}
