//! Nothing is left of a session whose client is gone, however it went and whatever its server makes of that.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::Signal;

use crate::changes::afterwards;
use crate::idle::{Idle, no_orphans};
use crate::machine::{SOON, machine, mcpod, root, run, sh, stays_so, wait_until};
use crate::running::{Running, start};
use crate::server::Server;

/// A client that knows nothing of mcpod; see there.
pub(crate) const CLIENT: &str = include_str!("client.py");

/// The beginning of a session.
pub(crate) const HELLO: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#;

/// server-everything ends with its input, unless it has something to do.
const LONG_CALL: &str = r#"{"jsonrpc":"2.0","id":"long","method":"tools/call","params":{"name":"trigger-long-running-operation","arguments":{"duration":600,"steps":1}}}"#;

/// Longer than a guard that has just started needs to see that a client is gone, and to stop its instance.
const LONG_ENOUGH_TO_BE_STOPPED: Duration = Duration::from_secs(6);

/// Servers that stay when their connection is closed: one that others wrote, and one that ignores SIGTERM as well.
fn servers_that_ignore_the_end() -> [Server; 2] {
    [
        Server::add("everything", "everything"),
        Server::misbehaving("ignore-eof"),
    ]
}

/// A foreign client with an open session.
#[track_caller]
pub(crate) fn open(server: &Server) -> Running {
    open_by(&[], server)
}

/// A foreign client, started by another command, with an open session.
#[track_caller]
fn open_by(starter: &[&str], server: &Server) -> Running {
    let mut client = start(&[starter, &["python3", "-c", CLIENT, &server.socket()]].concat());
    client.says("open");
    if server.0 == "everything" {
        client.say(&format!("send {LONG_CALL}"));
    }
    client
}

/// An `attach` with an open session.
#[track_caller]
fn attach(server: &Server) -> Running {
    let mut attached = start(&["mcpod", "attach", server.0]);
    attached.say(HELLO);
    while !attached.line().contains("serverInfo") {}
    attached.say(LONG_CALL);
    attached
}

/// The guard's main process.
#[track_caller]
fn guard() -> Option<String> {
    let shown = run(&[
        "systemctl",
        "--user",
        "show",
        "--property=MainPID",
        "--value",
        "mcpod-guard.service",
    ])
    .ok();
    Some(shown.stdout.trim().to_owned()).filter(|pid| pid != "0")
}

/// Kills the guard and waits until systemd has started another.
#[track_caller]
fn kill_guard() {
    let old = guard().expect("the guard runs while there is a session");
    run(&["kill", "-KILL", &old]).ok();
    wait_until("systemd restarts the guard", SOON, || match guard() {
        Some(new) if new != old => Ok(()),
        other => Err(other),
    });
}

#[test]
fn after_clients_that_were_killed_or_closed() {
    let _machine = Idle::now();
    let servers = servers_that_ignore_the_end();
    // All at once, since each may take the guard's time.
    let mut live_on = Vec::new();
    for server in &servers {
        let attached = attach(server);
        let killed = open(server);
        let mut closed = open(server);
        let elsewhere = connect_from_elsewhere(server);
        assert_eq!(server.instances().len(), 4);

        attached.signal(Signal::KILL);
        killed.signal(Signal::KILL);
        closed.say("close");
        closed.says("closed");
        live_on.push(closed);
        drop(elsewhere);
    }
    no_orphans();
    for client in live_on {
        client.finish().ok();
    }
}

#[test]
fn after_a_call_was_killed() {
    let _machine = Idle::now();
    let everything = Server::add("everything", "everything");
    let call = start(&[
        "mcpod",
        "call",
        "everything",
        "trigger-long-running-operation",
        "duration=600",
        "steps=1",
    ]);
    wait_until("the call has its instance", SOON, || {
        match everything.instances().len() {
            1 => Ok(()),
            other => Err(other),
        }
    });
    call.signal(Signal::KILL);
    no_orphans();
}

/// A client that waits for the end of its connection.
const LISTENER: &str = "import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.recv(1)";

/// Changes how an instance of server-everything runs, by a drop-in.
const LIVES_OTHERWISE: &str = r#"
set -e
printf '[Service]\n%s\n' "$1" > ~/.config/systemd/user/mcpod-everything@.service.d/otherwise.conf
systemctl --user daemon-reload
"#;

const LIVES_AGAIN: &str = "rm -f ~/.config/systemd/user/mcpod-everything@.service.d/otherwise.conf && systemctl --user daemon-reload";

/// What is left of a start when conmon is killed as soon as it has written its number: the server, until it sees that its client is gone.
/// systemd does not fail a unit whose last process ends while it waits for one that the PID file names.
const DIES_AS_IT_STARTS: &str = r#"ExecStart=
ExecStart=sh -c 'true & echo $! > "$0"; wait; sleep 1 &' %t/mcpod/%N.pid"#;

/// What is left where everything of an instance is killed, the commands included that remove its container.
const REMOVES_NOTHING: &str = "ExecStop=\nExecStopPost=";

#[test]
fn after_everything_of_an_instance_was_killed() {
    let _machine = Idle::now();
    let everything = Server::add("everything", "everything");
    let _alive = afterwards(|| sh(LIVES_AGAIN, &[]));
    sh(LIVES_OTHERWISE, &[REMOVES_NOTHING]).ok();
    let client = open(&everything);
    let instances = everything.instances();
    let [instance] = instances.as_slice() else {
        panic!("{instances:?}");
    };
    run(&["systemctl", "--user", "kill", "--signal=KILL", instance]).ok();
    // The container and the file of its id.
    no_orphans();
    client.finish();
}

#[test]
fn after_all_of_the_last_instance_and_the_guard_were_killed() {
    let _machine = Idle::now();
    let everything = Server::add("everything", "everything");
    let _alive = afterwards(|| sh(LIVES_AGAIN, &[]));
    sh(LIVES_OTHERWISE, &[REMOVES_NOTHING]).ok();
    for dies_first in ["the guard", "the instance"] {
        let client = open(&everything);
        let instances = everything.instances();
        let [instance] = instances.as_slice() else {
            panic!("{instances:?}");
        };
        // Nobody needs a guard any more, but there is work for one.
        let kill_both = r#"
            guard() { kill -KILL "$1"; }
            instance() { systemctl --user kill --signal=KILL "$2"; }
            case $0 in *guard) guard "$@"; instance "$@" ;; *) instance "$@"; guard "$@" ;; esac"#;
        run(&[
            "sh",
            "-c",
            kill_both,
            dies_first,
            &guard().unwrap(),
            instance,
        ])
        .ok();
        no_orphans();
        client.finish();
    }
}

#[test]
fn after_conmon_was_killed_as_it_started() {
    let _machine = Idle::now();
    let everything = Server::add("everything", "everything");
    let _alive = afterwards(|| sh(LIVES_AGAIN, &[]));
    sh(LIVES_OTHERWISE, &[DIES_AS_IT_STARTS]).ok();
    let client = start(&["python3", "-c", LISTENER, &everything.socket()]);
    wait_until("systemd waits for a process that is gone", SOON, || {
        let instances = everything.instances();
        let [instance] = instances.as_slice() else {
            return Err(instances);
        };
        let shown = run(&[
            "systemctl",
            "--user",
            "show",
            "--property=ActiveState,MainPID,ControlPID",
            instance,
        ]);
        let waits = shown.ok().stdout == "MainPID=0\nControlPID=0\nActiveState=activating\n";
        if waits { Ok(()) } else { Err(instances) }
    });
    no_orphans();
    client.finish().ok();
}

/// Connects from a process that has no process id in the machine: this one.
#[track_caller]
fn connect_from_elsewhere(server: &Server) -> UnixStream {
    let status = machine(&["status"]).ok().stdout;
    let leader = status
        .trim_start_matches("up: process ")
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    let connection =
        UnixStream::connect(format!("/proc/{leader}/root{}", server.socket())).unwrap();
    connection.set_read_timeout(Some(SOON)).unwrap();
    writeln!(&connection, "{HELLO}").unwrap();
    let mut answer = String::new();
    BufReader::new(&connection).read_line(&mut answer).unwrap();
    assert!(answer.contains("serverInfo"), "{answer}");
    writeln!(&connection, "{LONG_CALL}").unwrap();
    let instances = server.instances();
    assert!(
        instances
            .iter()
            .any(|instance| instance.contains("unknown")),
        "{instances:?}"
    );
    connection
}

#[test]
fn after_our_own_clients_are_done_at_once() {
    let _machine = Idle::now();
    let servers = servers_that_ignore_the_end();
    let attached = servers.each_ref().map(attach);
    for server in &servers {
        assert_eq!(server.instances().len(), 1);
    }
    // Whoever closes a session stops its instance: that does not wait for the guard.
    for ended in Running::finish_all(attached) {
        ended.ok();
    }
    for server in &servers {
        assert_eq!(server.instances(), Vec::<String>::new());
    }
}

#[test]
fn while_the_guard_is_killed() {
    let _machine = Idle::now();
    let everything = Server::add("everything", "everything");
    let mut client = open(&everything);
    let lost = open(&everything);
    kill_guard();
    lost.signal(Signal::KILL);
    wait_until(
        "only the lost client's instance is stopped",
        SOON,
        || match everything.instances() {
            left if left.len() == 1 => Ok(()),
            other => Err(other),
        },
    );
    client.say("ping");
    assert!(client.line().ends_with("tools"));

    // It dies together with the client: the next guard's scan finds what is left.
    let old = guard().unwrap();
    client.signal(Signal::KILL);
    run(&["kill", "-KILL", &old]).ok();
    no_orphans();
}

#[test]
fn a_session_lives_as_long_as_a_child_that_has_its_socket() {
    let _machine = Idle::now();
    let servers = servers_that_ignore_the_end();
    let mut children = servers.each_ref().map(|server| {
        let mut client = open(server);
        client.say("child");
        client.says("child");
        client
    });
    // The process that connected is gone; whether the session was stopped shows only in time, and after a scan.
    kill_guard();
    stays_so(LONG_ENOUGH_TO_BE_STOPPED, || {
        for child in &mut children {
            child.say("ping");
            assert!(
                child.line().ends_with("tools"),
                "the session was stopped under the child"
            );
        }
    });
    for child in children {
        child.finish().ok();
    }
    no_orphans();
}

#[test]
fn after_its_process_id_was_given_to_another() {
    let _machine = Idle::now();
    let everything = Server::add("everything", "everything");
    // Its parent waits for it, so that its id is free as soon as it is gone.
    let _parent = open_by(&["sh", "-c", r#""$@"; :"#, "sh"], &everything);
    let instances = everything.instances();
    let pid = instances[0]
        .split(['-', '.'])
        .rev()
        .nth(2)
        .expect("the instance is named after its client")
        .to_owned();
    assert!(pid.parse::<u32>().is_ok(), "{instances:?}");

    // Held, the guard cannot see the client go; killed then, the next one finds the impostor in its place.
    let guard = guard().unwrap();
    run(&["kill", "-STOP", &guard]).ok();
    run(&["kill", "-KILL", &pid]).ok();
    wait_until("the client is gone", SOON, || {
        if run(&["kill", "-0", &pid]).code == Some(0) {
            Err(&pid)
        } else {
            Ok(())
        }
    });
    let impostor = root(&["python3", "-c", include_str!("impostor.py"), &pid]).ok();
    let _impostor = afterwards(|| root(&["kill", impostor.stdout.trim()]));
    assert_eq!(impostor.stdout.trim(), pid);
    run(&["kill", "-KILL", &guard]).ok();
    no_orphans();
    run(&["test", "-d", &format!("/proc/{pid}")]).ok();
}

#[test]
fn remove_ends_open_sessions() {
    let _machine = Idle::now();
    for server in servers_that_ignore_the_end() {
        let mut client = open(&server);
        drop(server);
        client.say("ping");
        client.says("closed");
        no_orphans();
    }
}

#[test]
fn nothing_runs_while_nobody_is_connected() {
    let _machine = Idle::now();
    let server = Server::misbehaving("echo");
    mcpod(&["tools", server.0]).ok();
    no_orphans();
    wait_until("the guard ends", SOON, || guard().map_or(Ok(()), Err));
    let ours = sh(
        "systemctl --user list-units --plain --no-legend --state=active 'mcpod-*.service'",
        &[],
    )
    .ok();
    assert_eq!(ours.stdout, "");
}
