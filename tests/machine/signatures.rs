//! Signatures: what Podman's policy refuses, and what the settings demand of it.

use crate::changes::{afterwards, settings};
use crate::idle::Idle;
use crate::machine::{mcpod, run, sh, write_file};
use crate::server::Server;
use crate::trust::{MOVING, forgotten, publish};

/// What signs an image as cosign does.
const SIGN: &str = include_str!("sign.py");

/// The user's own policy, by which what is in docker.io/mcpod-test must be signed by the key, and the places of signatures.
const DEMAND: &str = r#"
set -eu
cd ~/.config/containers
mkdir -p registries.d
printf '{"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": {"docker.io/mcpod-test": [{"type": "sigstoreSigned", "keyPath": "%s"}]}}}' "$1" >policy.json
printf 'docker:\n  docker.io/mcpod-test:\n    use-sigstore-attachments: true\n  127.0.0.1:5000/mcpod-test:\n    use-sigstore-attachments: true\n' >registries.d/test.yaml
"#;

#[track_caller]
fn sign(key: &str) {
    write_file("/tmp/sign.py", SIGN.as_bytes());
    let image = [
        "127.0.0.1:5000",
        "mcpod-test/moving",
        "latest",
        "docker.io/mcpod-test/moving:latest",
    ];
    run(&[&["python3", "/tmp/sign.py", key], &image[..]].concat()).ok();
}

#[track_caller]
fn refused(parts: &[&str]) {
    mcpod(&["add", MOVING, "--name", "moving"])
        .code(1)
        .complains(parts);
    // Not even an image that is here already is taken.
    crate::idle::nothing_half_done();
}

#[test]
fn an_image_that_must_be_signed_is_refused_until_it_is() {
    let _machine = Idle::now();
    let _images = forgotten();
    let _settings = settings("[trust]\nrequire_signature = [\"docker.io/mcpod-test\"]\n");
    let _policy = afterwards(|| {
        sh(
            "rm -rf ~/.config/containers/policy.json ~/.config/containers/registries.d /tmp/sign.py /tmp/*.key /tmp/*.pub",
            &[],
        )
    });
    publish("1.0", &[]);
    for name in ["ours", "theirs"] {
        sh(
            r#"openssl ecparam -name prime256v1 -genkey -noout -out "/tmp/$1.key" && openssl ec -in "/tmp/$1.key" -pubout -out "/tmp/$1.pub""#,
            &[name],
        )
        .ok();
    }
    refused(&[
        "demands a sigstore signature",
        "demands none of docker.io/mcpod-test/moving",
        "sigstoreSigned",
    ]);
    sh(DEMAND, &["/tmp/ours.pub"]).ok();
    refused(&[
        "policy of signatures refuses docker.io/mcpod-test/moving",
        "signature",
    ]);
    sign("/tmp/theirs.key");
    refused(&["policy of signatures refuses docker.io/mcpod-test/moving"]);
    sign("/tmp/ours.key");
    let server = Server::add(MOVING, "moving");
    server.call("echo", r#"{"text": "signed"}"#).ok();
    // What nobody signed is no upgrade.
    publish("2.0", &[("Returns its text", "Returns")]);
    mcpod(&["upgrade", "moving"])
        .code(1)
        .complains(&["policy of signatures refuses"]);
    server.call("echo", r#"{"text": "still"}"#).ok();
    drop(server);
    // Others need no signature.
    Server::add("docker://mcp/time", "time")
        .call("get_current_time", r#"{"timezone": "UTC"}"#)
        .ok();
    refused(&["policy of signatures refuses"]);
}

#[test]
fn what_the_policy_rejects_is_a_clear_error() {
    let _machine = Idle::now();
    let _policy = afterwards(|| sh("rm -f ~/.config/containers/policy.json", &[]));
    crate::failures::forget_image();
    sh(
        r#"printf '{"default": [{"type": "reject"}]}' >~/.config/containers/policy.json"#,
        &[],
    )
    .ok();
    mcpod(&["add", "docker://mcp/sequentialthinking"])
        .code(1)
        .complains(&[
            "policy of signatures refuses docker.io/mcp/sequentialthinking",
            "podman image trust show",
        ]);
}
