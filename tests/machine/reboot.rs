//! Servers outlive a reboot, and mcpod itself: their units stand on their own.

use crate::changes::{afterwards, moved_aside};
use crate::idle::{Idle, no_orphans};
use crate::machine::{SOON, machine, mcpod, sh, wait_until};
use crate::orphans::open;
use crate::server::Server;

/// Where the binary under test lies.
const BINARY: &str = "/usr/local/bin/mcpod";

#[test]
fn a_server_answers_after_a_reboot_and_without_mcpod() {
    let _machine = Idle::now();
    let time = Server::add("time", "time");
    let everything = Server::add("everything", "everything");
    let noisy = Server::misbehaving("spam-stderr");
    let removed = moved_aside(&[BINARY]);
    // Whatever happens, the machine is up for the tests after this one.
    let _up = afterwards(|| machine(&["boot"]));
    machine(&["reboot"]).ok();

    for server in [&time, &everything] {
        let mut client = open(server);
        client.say("ping");
        assert!(client.line().ends_with("tools"));
    }

    // What mcpod keeps beside the units is gone as well.
    sh(
        "cd; rm -rf .cache/mcpod .local/share/mcpod .config/mcpod",
        &[],
    )
    .ok();
    let mut client = open(&time);
    client.say("ping");
    client.says("2 tools");
    client.finish().ok();

    // Nobody reads what servers write to their standard error, and still it has a bound.
    let listening = open(&noisy);
    let mut most = 0;
    wait_until(
        "the log of a server that writes without end is emptied",
        SOON,
        || {
            let size = sh("cat $XDG_RUNTIME_DIR/mcpod/spam-stderr@*.log | wc -c", &[]).ok();
            let size: u64 = size.stdout.trim().parse().expect("a number");
            most = most.max(size);
            if size < most { Ok(()) } else { Err(size) }
        },
    );
    listening.finish().ok();

    // Only mcpod's guard ends instances that ignore the end of their connection.
    drop(removed);
    let listed = mcpod(&["list", "--json"]).ok().json();
    assert_eq!(listed.as_array().map(Vec::len), Some(3), "{listed}");
    mcpod(&["call", "time", "get_current_time", "timezone=UTC"]).ok();
    no_orphans();
}
