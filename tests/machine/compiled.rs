//! Servers that are compiled: crates of Rust, modules of Go. What compiles them is made of Debian's packages, and that takes minutes:
//! run by `tests/run compiled`, and left out otherwise.

use crate::changes::settings;
use crate::git::{URL, daemon_with};
use crate::idle::Idle;
use crate::machine::{mcpod, sh};
use crate::packages::nothing_built;
use crate::server::Server;

/// The settings with an image that compiles in place of those that everybody uses. It stays in the machine.
const COMPILERS: &str = r#"[build]
ca_bundle = "/etc/ssl/certs/ca-certificates.crt"
rust = "localhost/compilers"
go = "localhost/compilers"
"#;

/// Makes that image, unless it is there.
const MAKE_COMPILERS: &str = r#"
podman image exists localhost/compilers && exit
bundle=/etc/ssl/certs/ca-certificates.crt
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cat >"$folder/Containerfile" <<'END'
FROM docker.io/library/python:3.12-slim
RUN apt-get update -q && apt-get install -y -q --no-install-recommends cargo golang-go gcc libc6-dev git
END
podman build --quiet --volume "$bundle:$bundle:ro" --tag localhost/compilers "$folder"
"#;

/// Adds servers in Rust and Go, which need nothing but their language, to the folder of repositories.
const SERVERS: &str = r##"
mkdir -p rust/src go/cmd/my-server go/cmd/other
printf '[package]\nname = "my-server"\nversion = "1.0.0"\nedition = "2021"\n' >rust/Cargo.toml
cat >rust/src/main.rs <<'END'
use std::io::BufRead;
fn main() {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Some(id) = line.split("\"id\":").nth(1) else { continue };
        let id: String = id.trim_start().chars().take_while(|c| !",}".contains(*c)).collect();
        let result = if line.contains("\"initialize\"") {
            r#""result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}"#
        } else if line.contains("\"tools/list\"") {
            r#""result":{"tools":[{"name":"hello","inputSchema":{"type":"object"}}]}"#
        } else if line.contains("\"tools/call\"") {
            r#""result":{"content":[{"type":"text","text":"hello from Rust"}]}"#
        } else {
            r#""error":{"code":-32601,"message":"no"}"#
        };
        println!("{{\"jsonrpc\":\"2.0\",\"id\":{id},{result}}}");
    }
}
END
printf 'module example.com/my-server\n\ngo 1.21\n' >go/go.mod
printf 'package main\n\nfunc main() {}\n' >go/cmd/other/main.go
cat >go/cmd/my-server/main.go <<'END'
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked struct {
			ID     *json.RawMessage `json:"id"`
			Method string           `json:"method"`
		}
		if json.Unmarshal(lines.Bytes(), &asked) != nil || asked.ID == nil {
			continue
		}
		answer, known := map[string]string{
			"initialize": `"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}`,
			"tools/list": `"result":{"tools":[{"name":"hello","inputSchema":{"type":"object"}}]}`,
			"tools/call": `"result":{"content":[{"type":"text","text":"hello from Go"}]}`,
		}[asked.Method]
		if !known {
			answer = `"error":{"code":-32601,"message":"no"}`
		}
		fmt.Printf("{\"jsonrpc\":\"2.0\",\"id\":%s,%s}\n", *asked.ID, answer)
	}
}
END
"##;

#[test]
fn a_crate_is_built_and_called() {
    let _machine = Idle::now();
    let _settings = settings(COMPILERS);
    sh(MAKE_COMPILERS, &[]).ok();
    let server = Server::add("cargo:rtblint-mcp", "rtblint");
    let listed = mcpod(&["list", "--json"]).ok().json();
    let image = listed[0]["image"].as_str().unwrap();
    let version = image.strip_prefix("cargo:rtblint-mcp@").unwrap();
    assert!(version.starts_with("0."), "{version}");
    server
        .call("list_openrtb_versions", "{}")
        .ok()
        .prints(&["content", "2.6"]);
    // Nothing of what cargo fetched and compiled is in the image. The session may still be stopping, so this is apart, as builds are
    // (src/activation/units/build.rs).
    let inside = sh(
        r#"podman unshare unshare --mount --propagation=private podman run --rm --entrypoint= localhost/mcpod:rtblint sh -c "ls -A /var/tmp /opt/mcpod /opt/mcpod/app/bin""#,
        &[],
    );
    assert_eq!(
        inside.ok().stdout,
        "/opt/mcpod:\napp\nentry\n\n/opt/mcpod/app/bin:\nrtblint-mcp\n\n/var/tmp:\n"
    );
    drop(server);
    nothing_built();
}

#[test]
fn a_crate_that_is_not_there_or_no_program_says_so() {
    let _machine = Idle::now();
    let _settings = settings(COMPILERS);
    sh(MAKE_COMPILERS, &[]).ok();
    mcpod(&["add", "cargo:no-such-mcp-server-at-all"])
        .code(3)
        .complains(&["there is no package cargo:no-such-mcp-server-at-all"]);
    mcpod(&["add", "cargo:rtblint-mcp@999.0.0"])
        .code(3)
        .complains(&["cargo:rtblint-mcp has no version 999.0.0"]);
    mcpod(&["add", "cargo:itoa@1.0.15"])
        .code(1)
        .complains(&["there is nothing to install in", "a library, perhaps"]);
    nothing_built();
}

#[test]
fn repositories_of_rust_and_go_are_compiled() {
    let _machine = Idle::now();
    let _settings = settings(COMPILERS);
    sh(MAKE_COMPILERS, &[]).ok();
    let _git = daemon_with(SERVERS);
    for (folder, how, says) in [
        ("rust", "as a crate of Rust", "hello from Rust"),
        ("go", "as a module of Go", "hello from Go"),
    ] {
        let reference = format!("{URL}#main:{folder}");
        mcpod(&["add", &reference])
            .code(2)
            .complains(&["this would build and run code", how]);
        let server = Server::add_with(&reference, "fromgit", &["--yes"]);
        server.call("hello", "{}").ok().prints(&[says]);
        drop(server);
        nothing_built();
    }
}
