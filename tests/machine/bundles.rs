//! MCP bundles from a server of files in the machine.

use crate::changes::{afterwards, settings};
use crate::idle::Idle;
use crate::machine::{SOON, mcpod, run, sh, wait_until};
use crate::packages::{TRUST, nothing_built};
use crate::running::start;
use crate::server::Server;

/// Makes bundles and serves them. The first holds a real server of npm, with what it depends on.
const BUNDLES: &str = r#"
rm -rf ~/bundles && mkdir -p ~/bundles && cd ~/bundles
podman create --quiet --name unpack docker.io/mcp/filesystem >/dev/null
podman cp unpack:/app - | tar -x --no-same-owner; podman rm unpack >/dev/null
mv app server
cat >manifest.json <<'END'
{"manifest_version": "0.3", "name": "files", "version": "1.0.0", "description": "x", "author": {"name": "x"},
 "server": {"type": "node", "entry_point": "server/dist/index.js", "mcp_config": {"command": "node",
  "args": ["${__dirname}/server/dist/index.js", "${user_config.folders}"], "env": {"COLOUR": "${user_config.colour}"}}},
 "user_config": {"folders": {"type": "directory", "title": "Folders", "description": "What it sees", "multiple": true, "required": true, "default": ["${HOME}"]},
  "colour": {"type": "string", "title": "Colour", "description": "x", "default": "red"}},
 "compatibility": {"platforms": ["darwin", "linux"]}}
END
mkdir program && printf '%s' '{"server": {"type": "binary", "entry_point": "run", "mcp_config": {"command": "${__dirname}/run"}}}' >program/manifest.json
cat >program/run <<'END'
#!/usr/bin/python3
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked: continue
    answer = {"initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}},
        "tools/list": {"tools": [{"name": "hello", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": "hello from %d" % os.getuid()}]}}.get(asked["method"])
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"]} | ({"result": answer} if answer else {"error": {"code": -32601, "message": "no"}})), flush=True)
END
python3 - <<'END'
import os, stat, zipfile
def pack(name, folder, files):
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files: archive.write(os.path.join(folder, file), file)
pack("files.mcpb", ".", ["manifest.json"] + [os.path.join(at, file)[2:] for at, _, files in os.walk("./server") for file in files if os.path.isfile(os.path.join(at, file)) and not os.path.islink(os.path.join(at, file))])
pack("program.mcpb", "program", ["manifest.json", "run"])
with zipfile.ZipFile("out.mcpb", "w") as archive:
    archive.write("program/manifest.json", "manifest.json")
    archive.writestr("../../../../out", "x")
END
exec python3 -m http.server --bind 127.0.0.1 8765
"#;

/// The reference to a bundle, by its hash.
#[track_caller]
fn reference(name: &str) -> String {
    let hash = sh(r#"sha256sum "$HOME/bundles/$1""#, &[name]).ok().stdout;
    let hash = hash.split(' ').next().unwrap();
    format!("mcpb+http://127.0.0.1:8765/{name}#sha256:{hash}")
}

fn served() -> impl Sized {
    let running = start(&["sh", "-ec", BUNDLES]);
    wait_until("the bundles are served", SOON, || {
        let seen = run(&[
            "curl",
            "-sf",
            "http://127.0.0.1:8765/out.mcpb",
            "-o",
            "/dev/null",
        ]);
        if seen.code == Some(0) {
            Ok(())
        } else {
            Err(seen)
        }
    });
    let files = afterwards(|| sh("rm -rf ~/bundles ~/.cache/mcpod/bundles", &[]));
    (running, files)
}

/// Fails the test if files of a bundle are left where they were unpacked.
#[track_caller]
fn nothing_unpacked() {
    sh(
        "! find ~/.cache/mcpod/bundles -mindepth 1 -type d | grep .",
        &[],
    )
    .ok();
    sh("! ls ~/out ~/.cache/out 2>/dev/null", &[]).ok();
}

#[test]
fn a_bundle_is_verified_built_asked_for_what_it_needs_and_called() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    let _served = served();
    let files = reference("files.mcpb");
    mcpod(&["add", &files])
        .code(4)
        .complains(&["needs folders", "--set folders"]);
    sh("mkdir -p ~/notes && echo 'buy milk' >~/notes/today", &[]).ok();
    let _notes = afterwards(|| sh("rm -r ~/notes", &[]));
    mcpod(&[
        "add",
        &files,
        "--set",
        "folders=/home/tester/notes",
        "--dry-run",
    ])
    .ok()
    .prints(&[
        "FROM docker.io/library/node",
        "COPY . /opt/mcpod/app",
        r#"ENTRYPOINT ["node"]"#,
    ]);
    let server = Server::add_with(&files, "files", &["--set", "folders=/home/tester/notes"]);
    nothing_unpacked();
    server
        .call("read_text_file", r#"{"path": "/home/tester/notes/today"}"#)
        .ok()
        .prints(&["buy milk"]);
    mcpod(&["config", "files"])
        .ok()
        .prints(&["folders", "colour"]);
    mcpod(&["config", "files", "colour=blue"]).ok();
    sh(
        "grep -q 'Environment=COLOUR=blue' ~/.config/containers/systemd/mcpod-files@.container",
        &[],
    )
    .ok();
    mcpod(&["list", "--json"])
        .ok()
        .prints(&["mcpb+http://127.0.0.1:8765/files.mcpb"]);
    drop(server);
    nothing_built();
}

#[test]
fn a_program_in_a_bundle_runs_as_nobody() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    let _served = served();
    let server = Server::add(&reference("program.mcpb"), "program");
    server.call("hello", "{}").ok().prints(&["hello from 1000"]);
    drop(server);
    nothing_built();
    nothing_unpacked();
}

#[test]
fn a_bundle_that_is_another_or_leads_out_of_itself_is_refused() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    let _served = served();
    let good = reference("program.mcpb");
    let other = good.replace("program.mcpb", "files.mcpb");
    let gone = good.replace("program.mcpb", "none.mcpb");
    let unhashed = good.split('#').next().unwrap().to_owned();
    for (reference, code, why) in [
        (&other, 1, "is not the bundle that was meant"),
        (&gone, 1, "404"),
        (&unhashed, 2, "no SHA-256 of a bundle"),
        (&reference("out.mcpb"), 1, "leads out of it"),
    ] {
        mcpod(&["add", reference, "--name", "bad"])
            .code(code)
            .complains(&[why]);
        nothing_built();
        nothing_unpacked();
    }
}
