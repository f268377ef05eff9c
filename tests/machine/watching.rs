//! `mcpod top`.

use crate::idle::Idle;
use crate::machine::{mcpod, run};
use crate::running::start;
use crate::server::Server;

#[test]
fn sessions_are_watched_until_a_key_is_typed() {
    let _machine = Idle::now();
    mcpod(&["top"]).ok().complains(&["no server is active"]);
    let _echo = Server::misbehaving("echo");
    mcpod(&["top"])
        .ok()
        .prints(&["SERVER", "echo", "listening"]);

    let mut attached = start(&["mcpod", "attach", "echo"]);
    attached.say(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#);
    attached.line();
    mcpod(&["top"]).ok().prints(&["running", "mcpod ("]);
    let rows = mcpod(&["top", "--json"]).ok().json();
    assert_eq!(rows[0]["server"], "echo");
    assert_eq!(rows[0]["session"]["client_name"], "mcpod");

    // On a terminal it goes on until `q` or Ctrl-C, and leaves the terminal as it was.
    let terminal = |typed: &str| {
        run(&[
            "python3",
            "-c",
            include_str!("terminal.py"),
            "1 session,",
            typed,
            "mcpod",
            "top",
        ])
    };
    for typed in ["q", "\\x03"] {
        let shown = terminal(typed).ok();
        let (enter, leave) = ("\x1b[?1049h", "\x1b[?1049l");
        assert!(shown.stdout.contains(enter), "{shown:#?}");
        assert!(shown.stdout.trim_end().ends_with(leave), "{shown:#?}");
    }
    attached.finish().ok();
}
