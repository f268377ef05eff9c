//! Opening a session, from connecting to the answer of `initialize`, against Podman alone from its start to that answer.

use std::process::{Child, Command};
use std::time::Instant;

use crate::active::Active;
use crate::empty::Empty;
use crate::image::{Cgroups, ECHO};
use crate::peer::Peer;
use crate::place::Place;
use crate::process::run;
use crate::table::{Bound, Line, Samples, Table, Unit};

/// What the socket may cost over Podman, in seconds.
const MORE: Bound = Bound::More(0.040);

/// What it may cost as a part. Not for the server that is made here, which starts in the time that Podman itself takes: to start an empty
/// unit costs systemd a tenth of that already, as the first line shows.
const RATIO: Bound = Bound::Ratio(1.10);

/// What has no bound is there to compare with: a part of the samples is enough.
const PART: usize = 10;

pub(crate) fn measure(place: &Place, table: &mut Table) {
    let few = place.samples_by(PART);
    let empty = Empty::make(place);
    let times = (0..few).map(|_| empty.open()).collect();
    table.push(Line::new(
        "open: systemd alone, no container",
        Unit::Seconds,
        Samples::new(times),
    ));
    drop(empty);
    for (name, reference, samples, bounds) in [
        ("echo", ECHO, few, &[][..]),
        ("time", "builtin:time", place.samples, &[MORE, RATIO]),
        (
            "everything",
            "builtin:everything",
            place.samples,
            &[MORE, RATIO],
        ),
    ] {
        let server = Active::add(place, reference, name);
        let mut podman = Vec::new();
        let mut typed = Vec::new();
        let mut socket = Vec::new();
        let mut gone = Vec::new();
        for round in 0..samples {
            podman.push(by_podman(place, &server, Cgroups::Split));
            let (opened, ended) = by_socket(place, &server, 0);
            socket.push(opened);
            gone.push(ended);
            if round < few {
                typed.push(by_podman(place, &server, Cgroups::Default));
            }
        }
        let podman = Samples::new(podman);
        let socket = Samples::new(socket);
        let seconds =
            |what: &str, samples| Line::new(format!("open {name}: {what}"), Unit::Seconds, samples);
        table.push(seconds("podman run -i, same options", podman.clone()));
        table.push(
            seconds("the socket", socket)
                .against(&podman)
                .bounds(bounds),
        );
        table.push(seconds("podman run -i, its own cgroup", Samples::new(typed)).against(&podman));
        table.push(Line::new(
            format!("close {name}: until nothing is left"),
            Unit::Seconds,
            Samples::new(gone),
        ));
        if name == "echo" {
            second_session(place, &server, table);
        }
    }
}

/// Opening while another session is there, so that the guard need not be started.
fn second_session(place: &Place, server: &Active<'_>, table: &mut Table) {
    let mut first = server.connect();
    first.initialize();
    place.quiet(1);
    let mut podman = Vec::new();
    let mut socket = Vec::new();
    for _ in 0..place.samples_by(PART) {
        podman.push(by_podman_beside(place, server));
        socket.push(by_socket(place, server, 1).0);
    }
    let podman = Samples::new(podman);
    let line = Line::new(
        "open echo: the socket, second session",
        Unit::Seconds,
        Samples::new(socket),
    );
    table.push(line.against(&podman));
    drop(first);
    place.quiet(0);
}

fn by_podman(place: &Place, server: &Active<'_>, cgroups: Cgroups) -> f64 {
    let seconds = start_podman(place, server, cgroups);
    place.quiet(0);
    seconds
}

fn by_podman_beside(place: &Place, server: &Active<'_>) -> f64 {
    let seconds = start_podman(place, server, Cgroups::Split);
    place.quiet(1);
    seconds
}

fn start_podman(place: &Place, server: &Active<'_>, cgroups: Cgroups) -> f64 {
    place.back_to_own_cgroup();
    let mut command = server.podman_run(cgroups);
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut peer = Peer::new(child.stdout.take().unwrap(), child.stdin.take().unwrap());
    peer.initialize();
    let seconds = started.elapsed().as_secs_f64();
    end(peer, &mut child);
    seconds
}

/// Ends a session that Podman alone runs, by a signal that Podman hands on: not every server ends with its input.
fn end<R, W>(peer: Peer<R, W>, child: &mut Child) {
    drop(peer);
    run(Command::new("kill").arg(child.id().to_string()));
    child.wait().unwrap();
}

/// The seconds it took to open a session, and those from its end until nothing of it was left.
fn by_socket(place: &Place, server: &Active<'_>, others: usize) -> (f64, f64) {
    let started = Instant::now();
    let mut peer = server.connect();
    peer.initialize();
    let opened = started.elapsed().as_secs_f64();
    let ended = Instant::now();
    drop(peer);
    if others == 0 {
        server.stop_sessions();
    }
    place.quiet(others);
    (opened, ended.elapsed().as_secs_f64())
}
