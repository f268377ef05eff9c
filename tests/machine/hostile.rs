//! Text that tries to be more than a value: it arrives byte for byte, or it is refused with an error that names its key.

use crate::idle::Idle;
use crate::machine::{mcpod, sh};
use crate::server::{MISBEHAVE, Server};

/// Values that systemd, Quadlet, Podman or a shell would read as something else.
const VALUES: [&str; 24] = [
    "%h %n %% %{x} %",
    "$HOME ${HOME} $$ $",
    "\"quoted\" 'and' \"",
    "back\\slash \\n \\x41 \\",
    "--privileged",
    "-v/:/host",
    " leading and trailing ",
    "a=b=c",
    "# no comment",
    "; neither",
    "[Service]",
    "tab\there",
    "line\nPodmanArgs=--privileged",
    "\n\n[Service]\nExecStartPre=/bin/touch /tmp/mcpod-was-here\n",
    "é ñ 中文 🦀",
    "",
    "`id` $(id) ; touch /tmp/mcpod-was-here | id > /tmp/mcpod-was-here",
    "'",
    "\"",
    "\\",
    "a,b:c;d",
    "@file",
    "*",
    "~/x",
];

/// Values with characters that a reader of unit files may take for the end of a line, or that nobody would see.
const REFUSED: [&str; 4] = [
    "x\r[Service]\rExecStartPre=/bin/true",
    "bell\u{7}",
    "escape\u{1b}[2J",
    "c1\u{85}line",
];

#[test]
fn values_arrive_byte_for_byte() {
    let _machine = Idle::now();
    let mut options = Vec::new();
    for (number, value) in VALUES.iter().enumerate() {
        options.extend(["--env".to_owned(), format!("HOSTILE_{number}={value}")]);
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let everything = Server::add_with("everything", "everything", &options);
    let environment = everything.call("get-env", "{}").ok().result_text();
    let environment: serde_json::Value = serde_json::from_str(&environment).unwrap();
    for (number, value) in VALUES.iter().enumerate() {
        assert_eq!(environment[format!("HOSTILE_{number}")], *value);
    }
    drop(everything);
}

#[test]
fn values_that_no_unit_can_hold_are_refused() {
    let _machine = Idle::now();
    for value in REFUSED {
        mcpod(&[
            "add",
            MISBEHAVE,
            "--name",
            "echo",
            "--env",
            &format!("KEY={value}"),
        ])
        .code(2)
        .complains(&["KEY"]);
    }
    for key in ["", "A B", "A\nB", "A%B", "-A", "A\"B"] {
        mcpod(&[
            "add",
            MISBEHAVE,
            "--name",
            "echo",
            "--env",
            &format!("{key}=value"),
        ])
        .code(2);
    }
}

#[test]
fn references_are_no_options_and_no_lines() {
    let _machine = Idle::now();
    for reference in [
        "docker://mcp/time\n[Service]\nExecStartPre=/bin/true",
        "docker://--privileged",
        "docker://mcp/time --privileged",
        "docker://mcp/%h",
        "docker://mcp/\"time\"",
        "docker://",
        "docker:///etc/passwd",
        "docker://mcp/time:",
        "docker://mcp/time@sha256:short",
        "docker://../time",
    ] {
        let ran = mcpod(&["add", "--name", "echo", "--", reference]);
        assert!(matches!(ran.code, Some(2 | 3)), "{ran:#?}");
    }
    let done = sh("ls /tmp/x /tmp/mcpod-was-here 2>/dev/null", &[]);
    assert_eq!(done.stdout, "");
}
