//! `add` and `remove` may end at any moment: the same command again gets it right.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::changes::{afterwards, cut_proxy};
use crate::failures::forget_image;
use crate::idle::{Idle, nothing_half_done};
use crate::machine::{SOON, mcpod, run, wait_until};
use crate::running::start;
use crate::server::{MISBEHAVE, Server};

const ADD: [&str; 5] = ["mcpod", "add", MISBEHAVE, "--name", "echo"];
const REMOVE: [&str; 3] = ["mcpod", "remove", "echo"];

/// In how many places of a command's time it is killed.
const PLACES: u32 = 8;

/// Runs a command that a signal ends after some time, unless it has ended before.
fn run_until(after: Duration, signal: &str, words: &[&str]) -> Option<i32> {
    let (after, signal) = (
        format!("{:.4}", after.as_secs_f64()),
        format!("--signal={signal}"),
    );
    run(&[&["timeout", "--foreground", &signal, &after], words].concat()).code
}

/// How long `add` and `remove` take.
fn durations() -> [Duration; 2] {
    // The first `add` of an image takes its time; it is not what is measured.
    drop(Server::add(MISBEHAVE, "echo"));
    [&ADD[..], &REMOVE].map(|words| {
        let started = Instant::now();
        run(words).ok();
        started.elapsed()
    })
}

/// Runs a command until something has happened, and kills it in that moment. Exit code 9: it was over first.
const KILL_WHEN: &str = r#"
units=~/.config/systemd/user quadlets=~/.config/containers/systemd runtime=$XDG_RUNTIME_DIR
record=$units/mcpod-echo.socket
happened=$1
shift
"$@" >/dev/null 2>&1 &
while kill -0 $! 2>/dev/null; do
    eval "$happened" || continue
    kill -KILL $!
    exit 0
done
exit 9
"#;

/// What happens in an `add`, in this order.
const ADDED: [(&str, &str); 11] = [
    ("the record is written", "[ -e $record ]"),
    (
        "the guard's unit is written",
        "[ -e $units/mcpod-guard.service ]",
    ),
    (
        "the template is written",
        "[ -e $quadlets/mcpod-echo@.container ]",
    ),
    (
        "the drop-in is written",
        "[ -e $units/mcpod-echo@.service.d/mcpod.conf ]",
    ),
    (
        "the socket is enabled",
        "[ -L $units/sockets.target.wants/mcpod-echo.socket ]",
    ),
    (
        "Quadlet has read it",
        "[ -e $runtime/systemd/generator/mcpod-echo@.service ]",
    ),
    ("the socket listens", "[ -S $runtime/mcpod/echo.sock ]"),
    (
        "an instance begins",
        "compgen -G \"$runtime/mcpod/echo@*.log\"",
    ),
    (
        "its container runs",
        "compgen -G \"$runtime/mcpod/mcpod-echo@*.pid\"",
    ),
    (
        "what it offers is kept",
        "[ -e ~/.cache/mcpod/lists/echo.json ]",
    ),
    (
        "the record is complete",
        "[[ -e $record && $(<$record) == *State=verified* ]]",
    ),
];

/// What happens in a `remove`, in this order; last of all the record goes.
const REMOVED: [(&str, &str); 8] = [
    (
        "the record is marked",
        "[[ $(<$record) == *State=adding* ]]",
    ),
    ("the socket is gone", "[ ! -e $runtime/mcpod/echo.sock ]"),
    (
        "the socket is not enabled",
        "[ ! -L $units/sockets.target.wants/mcpod-echo.socket ]",
    ),
    (
        "the template is gone",
        "[ ! -e $quadlets/mcpod-echo@.container ]",
    ),
    (
        "the drop-in is gone",
        "[ ! -e $units/mcpod-echo@.service.d ]",
    ),
    (
        "Quadlet has read that",
        "[ ! -e $runtime/systemd/generator/mcpod-echo@.service ]",
    ),
    (
        "what it offers is forgotten",
        "[ ! -e ~/.cache/mcpod/lists/echo.json ]",
    ),
    (
        "the guard's unit is gone",
        "[ ! -e $units/mcpod-guard.service ]",
    ),
];

/// Kills a command when something has happened.
#[track_caller]
fn kill_when(happened: &(&str, &str), words: &[&str]) {
    let (name, condition) = happened;
    let ran = run(&[&["bash", "-c", KILL_WHEN, "bash", condition], words].concat());
    assert_eq!(ran.code, Some(0), "{name}: {ran:#?}");
}

/// Adds the server anew after an `add` that was killed; it works, whether that one had come to its end or not.
#[track_caller]
fn added_again() {
    let again = run(&ADD);
    // It was done but for its last words.
    if again.code != Some(0) {
        again.code(1).complains(&["echo", "--name"]);
    }
    works();
}

/// Removes the server after a command that was killed; nothing is left, whether there still was one or not.
#[track_caller]
fn removed_again() {
    let again = run(&REMOVE);
    if again.code != Some(0) {
        again.code(3);
    }
    nothing_half_done();
}

/// Calls the server.
#[track_caller]
fn works() {
    mcpod(&["call", "echo", "echo", "text=works"])
        .ok()
        .prints(&["works"]);
}

#[test]
fn killed_when_something_has_happened_and_run_again() {
    let _machine = Idle::now();
    drop(Server::add(MISBEHAVE, "echo"));
    for happened in &ADDED {
        kill_when(happened, &ADD);
        added_again();
        run(&REMOVE).ok();
        nothing_half_done();
        // Or taken away.
        kill_when(happened, &ADD);
        removed_again();
    }
    for happened in &REMOVED {
        run(&ADD).ok();
        kill_when(happened, &REMOVE);
        removed_again();
        // Or added again.
        run(&ADD).ok();
        kill_when(happened, &REMOVE);
        run(&ADD).ok();
        works();
        run(&REMOVE).ok();
        nothing_half_done();
    }
}

#[test]
fn killed_at_every_step_and_run_again() {
    let _machine = Idle::now();
    let [add, remove] = durations();
    for place in 0..PLACES {
        let part = |whole: Duration| whole * place / (PLACES - 1);
        run_until(part(add), "KILL", &ADD);
        added_again();

        run_until(part(remove), "KILL", &REMOVE);
        removed_again();
    }
}

#[test]
fn ctrl_c_undoes_all() {
    let _machine = Idle::now();
    let [add, _] = durations();
    for place in 1..PLACES / 2 {
        if run_until(add * place * 2 / PLACES, "INT", &ADD) == Some(0) {
            run(&REMOVE).ok();
        }
        nothing_half_done();
    }
}

/// The connections to the registry.
#[track_caller]
fn pulls() -> String {
    run(&[
        "ss",
        "--no-header",
        "--tcp",
        "state",
        "established",
        "dport = :5001",
    ])
    .ok()
    .stdout
}

#[test]
fn ctrl_c_in_a_pull_that_stalls() {
    let _machine = Idle::now();
    forget_image();
    let _stalls = cut_proxy("bytes = 100\nthen = stall\n");
    for signal in [Signal::INT, Signal::TERM] {
        let adding = start(&[
            "mcpod",
            "add",
            "docker://cut/sequentialthinking",
            "--name",
            "thinking",
        ]);
        wait_until("the pull has begun", SOON, || {
            let connected = pulls();
            if connected.is_empty() {
                Err("no connection to the registry")
            } else {
                Ok(())
            }
        });
        adding.signal(signal);
        let ran = adding.finish();
        assert_ne!(ran.code, Some(0), "{ran:#?}");
        nothing_half_done();
        wait_until("Podman gives the pull up", SOON, || {
            let connected = pulls();
            if connected.is_empty() {
                Ok(())
            } else {
                Err(connected)
            }
        });
    }
}

#[test]
fn what_a_server_keeps_survives_every_kill() {
    let _machine = Idle::now();
    let _volume = afterwards(|| run(&["podman", "volume", "rm", "--force", "mcpod-memory_data"]));
    let _secret = afterwards(|| mcpod(&["secret", "remove", "memory_MY_TOKEN"]));
    let add = [
        "mcpod",
        "add",
        "memory",
        "--secret",
        "MY_TOKEN=@/etc/hostname",
    ];
    let remove = ["mcpod", "remove", "memory"];
    run(&add).ok();
    let ann = r#"{"entities": [{"name": "Ann", "entityType": "person", "observations": []}]}"#;
    mcpod(&["call", "memory", "create_entities", ann]).ok();
    let started = Instant::now();
    run(&remove).ok();
    let removing = started.elapsed();
    let started = Instant::now();
    run(&add).ok();
    let adding = started.elapsed();
    run(&remove).ok();
    for place in 0..PLACES / 2 {
        let part = |whole: Duration| whole * place / (PLACES / 2 - 1);
        run_until(part(adding), "KILL", &add);
        let again = run(&add);
        if again.code != Some(0) {
            again.code(1).complains(&["--name"]);
        }
        mcpod(&["call", "memory", "read_graph"])
            .ok()
            .prints(&["Ann"]);
        run_until(part(removing), "KILL", &remove);
        let again = run(&remove);
        if again.code != Some(0) {
            again.code(3);
        }
        nothing_half_done();
    }
}
