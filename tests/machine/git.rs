//! Servers that are built from repositories of git, here those of a server in the machine itself.

use crate::changes::{Afterwards, afterwards, settings};
use crate::idle::Idle;
use crate::machine::{Ran, SOON, mcpod, run, sh, wait_until};
use crate::packages::{TRUST, nothing_built};
use crate::running::{Running, start};
use crate::server::Server;

/// Makes a repository of some servers and serves it on the loopback, which builds reach since Podman, not the build, fetches it.
const REPOSITORY: &str = r#"
rm -rf ~/git && mkdir -p ~/git/src && cd ~/git/src
cat >server.py <<'END'
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    answer = {"initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}},
        "tools/list": {"tools": [{"name": "hello", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": "hello from git"}]}}.get(asked["method"])
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"]} | ({"result": answer} if answer else {"error": {"code": -32601, "message": "no"}})), flush=True)
END
mkdir -p own python node none broken slow
printf 'FROM docker.io/library/python:3.12-slim\nRUN sleep 1234\n' >slow/Containerfile
printf 'FROM docker.io/library/python:3.12-slim\nCOPY server.py /\nENTRYPOINT ["python3", "/server.py"]\n' >own/Dockerfile
cp server.py own/
cp own/Dockerfile own/Dockerfile.other
mkdir -p gone
printf 'FROM docker.io/library/no-such-base:1\nRUN true\n' >gone/Containerfile
printf 'FROM docker.io/library/python:3.12-slim\nRUN echo the end is near && exit 9\n' >broken/Containerfile
touch none/README
printf '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n[project]\nname = "my-server"\nversion = "1"\n[project.scripts]\nmy-server = "my_server:main"\n[tool.setuptools]\npy-modules = ["my_server"]\n' >python/pyproject.toml
{ echo 'def main():'; sed 's/^/    /' server.py; } >python/my_server.py
printf '{"name": "@x/my-server", "version": "1.0.0", "bin": {"my-server": "made.js"}, "scripts": {"build": "cp server.js made.js", "preinstall": "touch /opt/mcpod/hacked; exit 1"}}' >node/package.json
cat >node/server.js <<'END'
#!/usr/bin/env node
require("readline").createInterface({input: process.stdin}).on("line", line => {
  const asked = JSON.parse(line);
  if (asked.id === undefined) return;
  const result = {"initialize": {protocolVersion: "2025-06-18", capabilities: {tools: {}}, serverInfo: {name: "x", version: "1"}},
    "tools/list": {tools: [{name: "hello", inputSchema: {type: "object"}}]},
    "tools/call": {content: [{type: "text", text: "hello from git"}]}}[asked.method];
  console.log(JSON.stringify({jsonrpc: "2.0", id: asked.id, ...(result ? {result} : {error: {code: -32601, message: "no"}})}));
});
END
chmod +x node/server.js
eval "$1"
git init -q -b main . && git add -A && git -c user.name=a -c user.email=a@b commit -qm one
cd .. && git clone -q --bare src served.git && git -C served.git config uploadpack.allowAnySHA1InWant true
exec "$(git --exec-path)/git-daemon" --base-path="$HOME/git" --listen=127.0.0.1 --port=9418 --export-all --reuseaddr "$HOME/git"
"#;

pub(crate) const URL: &str = "git+git://127.0.0.1/served.git";

/// A server of repositories, until it is dropped.
#[must_use]
pub(crate) struct Daemon {
    commit: String,
    _running: Running,
    _folder: Afterwards<fn() -> Ran>,
}

fn daemon() -> Daemon {
    daemon_with("")
}

/// The same with what a script adds to the folder of servers.
pub(crate) fn daemon_with(script: &str) -> Daemon {
    let running = start(&["sh", "-ec", REPOSITORY, "sh", script]);
    wait_until("the repository is served", SOON, || {
        let seen = run(&["git", "ls-remote", "git://127.0.0.1/served.git", "HEAD"]);
        if seen.code == Some(0) {
            Ok(())
        } else {
            Err(seen)
        }
    });
    let commit = sh("git -C ~/git/src rev-parse HEAD", &[]).ok();
    Daemon {
        commit: commit.stdout.trim().to_owned(),
        _running: running,
        _folder: afterwards(|| sh("rm -rf ~/git", &[])),
    }
}

#[test]
fn a_repository_is_built_by_its_own_recipe_or_as_its_language() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    let git = daemon();
    for (folder, recipe) in [("own", "Dockerfile"), ("python", "pip"), ("node", "npm")] {
        let reference = format!("{URL}#main:{folder}");
        // Without a terminal to ask on, it is shown what would be built.
        mcpod(&["add", &reference]).code(2).complains(&[
            "this would build and run code",
            &git.commit,
            "--yes",
        ]);
        let server = Server::add_with(&reference, "fromgit", &["--yes"]);
        server.call("hello", "{}").ok().prints(&["hello from git"]);
        let listed = mcpod(&["list", "--json"]).ok().json();
        let image = listed[0]["image"].as_str().unwrap();
        assert!(
            image.ends_with(&format!("#{}:{folder}", git.commit)),
            "{image}"
        );
        sh(
            r#"cat ~/.config/containers/systemd/mcpod-fromgit_image.build ~/.config/containers/systemd/mcpod-fromgit_image/Containerfile 2>/dev/null | grep -q "$1""#,
            &[recipe],
        )
        .ok();
        mcpod(&["config", "fromgit"]).ok();
        drop(server);
        nothing_built();
    }
}

#[test]
fn what_runs_at_installation_runs_only_where_it_is_allowed() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    let _git = daemon();
    // The script that would run by itself fails.
    let reference = format!("{URL}#main:node");
    let add = ["add", &reference, "--yes", "--name", "fromgit"];
    mcpod(&[&add[..], &["--scripts"]].concat())
        .code(1)
        .complains(&["preinstall"]);
    nothing_built();
    mcpod(&[&add[..], &["--no-probe"]].concat()).ok();
    sh(
        "! podman run --rm --entrypoint ls localhost/mcpod:fromgit /opt/mcpod/hacked 2>/dev/null",
        &[],
    )
    .ok();
    mcpod(&["remove", "fromgit"]).ok();
    nothing_built();
}

#[test]
fn all_of_a_build_is_in_its_unit_with_its_limits() {
    let _machine = Idle::now();
    let _settings = settings(&format!("{TRUST}memory = \"3G\"\ntasks = 777\n"));
    let _git = daemon();
    let reference = format!("{URL}#main:slow");
    let adding = start(&["mcpod", "add", &reference, "--yes", "--name", "slow"]);
    let unit = "mcpod-slow_image-build.service";
    wait_until("the build sleeps", SOON, || {
        let shown = run(&["systemd-cgls", "--no-pager", "--user-unit", unit]);
        let inside = shown.stdout.contains("mcpod.slice/mcpod-build.slice")
            && shown.stdout.contains("sleep 1234");
        if inside { Ok(()) } else { Err(shown) }
    });
    run(&[
        "systemctl",
        "--user",
        "show",
        "--property=MemoryMax,TasksMax",
        unit,
    ])
    .ok()
    .prints(&["MemoryMax=3221225472", "TasksMax=777"]);
    // Neither the user's files nor secrets nor the bus are there.
    run(&["sh", "-c", r#"pid=$(pgrep -f '^sleep 1234$') && ! grep -E " (/home|/run/user)" "/proc/$pid/mountinfo" && ! tr '\0' '\n' <"/proc/$pid/environ" | grep -E "DBUS|XDG_RUNTIME""#])
        .ok();
    // The whole unit is killed: nothing goes on.
    run(&["systemctl", "--user", "kill", "--signal=KILL", unit]).ok();
    adding.finish().code(1);
    run(&["pgrep", "-f", "^sleep 1234$"]).code(1);
    nothing_built();
}

#[test]
fn what_is_no_server_says_so_and_leaves_nothing() {
    let _machine = Idle::now();
    let _settings = settings(TRUST);
    let _git = daemon();
    for (reference, code, why) in [
        ("#main:none", 1, "none of Containerfile, Dockerfile"),
        ("#main:missing", 1, "cannot be read"),
        ("#no-such-branch", 1, "cannot be read"),
        ("#main:broken", 1, "the end is near"),
        // What its own recipe goes on from is not there.
        ("#main:gone", 1, "no-such-base"),
        ("#main:../x", 2, "no folder of a repository"),
        ("#--upload-pack=x", 2, "no commit, tag or branch"),
    ] {
        mcpod(&[
            "add",
            &format!("{URL}{reference}"),
            "--yes",
            "--name",
            "fromgit",
        ])
        .code(code)
        .complains(&[why]);
        nothing_built();
    }
    for reference in [
        "git+file:///etc",
        "git+ext::sh",
        "git+https://me:secret@host/x",
    ] {
        mcpod(&["add", reference, "--yes", "--name", "fromgit"]).code(2);
    }
    mcpod(&["add", "git+git://127.0.0.1/nothing.git", "--yes"])
        .code(1)
        .complains(&["cannot be read"]);
    nothing_built();
}
