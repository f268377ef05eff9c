//! What is one user's is not another's.

use crate::changes::afterwards;
use crate::idle::Idle;
use crate::machine::{machine, root, run, run_as};
use crate::server::Server;

const OTHER: &str = "other";

#[test]
fn another_user_can_neither_connect_nor_read() {
    let _machine = Idle::now();
    let echo = Server::misbehaving("echo");
    let _other = afterwards(|| machine(&["user", "--remove", OTHER]));
    machine(&["user", OTHER]).ok();

    let connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])";
    run(&["python3", "-c", connect, &echo.socket()]).ok();
    run_as(OTHER, &["python3", "-c", connect, &echo.socket()])
        .code(1)
        .complains(&["PermissionError"]);
    // Also where the folders above it were open, which a user may choose.
    for (path, mode) in [("/run/user/1000/mcpod", "700"), (&echo.socket(), "600")] {
        assert_eq!(
            root(&["stat", "--format=%a", path]).ok().stdout.trim(),
            mode,
            "{path}"
        );
    }

    // The other one's mcpod sees nothing of it, and may have a server of the same name.
    let listed = run_as(OTHER, &["mcpod", "list", "--json"]).ok().json();
    assert_eq!(listed, serde_json::json!([]));
    run_as(OTHER, &["mcpod", "call", "echo", "echo", "text=x"]).code(3);
    run_as(OTHER, &["mcpod", "remove", "echo"]).code(3);
    run_as(
        OTHER,
        &["cat", "/home/tester/.config/systemd/user/mcpod-echo.socket"],
    )
    .code(1)
    .complains(&["Permission denied"]);
    run(&["mcpod", "call", "echo", "echo", "text=x"])
        .ok()
        .prints(&["x"]);
}
