//! Commands from their start to their end, and the memory of the guard.

use std::process::Command;

use crate::active::Active;
use crate::image::ECHO;
use crate::place::Place;
use crate::process::{memory, time};
use crate::table::{Line, Samples, Table, Unit};

/// A call opens a session, which takes longer.
const PART: usize = 4;

pub(crate) fn measure(place: &Place, table: &mut Table) {
    let server = Active::add(place, ECHO, "echo");
    let mcpod = |words: &[&str]| time(Command::new(&place.mcpod).args(words));
    for words in [
        &["--version"][..],
        &["search", "time"],
        &["list"],
        &["status", "echo"],
        &["tools", "echo"],
    ] {
        let times = (0..place.samples).map(|_| mcpod(words)).collect();
        table.push(line(words, times));
    }
    let words = ["call", "echo", "echo", "message=hello"];
    let times = (0..place.samples_by(PART)).map(|_| {
        let seconds = mcpod(&words);
        place.quiet(0);
        seconds
    });
    table.push(line(&words, times.collect()));

    let mut peer = server.connect();
    peer.initialize();
    place.quiet(1);
    let guard = place.pid_of("mcpod");
    table.push(Line::new(
        "guard: memory",
        Unit::Bytes,
        Samples::new(vec![memory(guard, "VmRSS")]),
    ));
    drop(peer);
    place.quiet(0);
}

fn line(words: &[&str], times: Vec<f64>) -> Line {
    Line::new(
        format!("mcpod {}", words.join(" ")),
        Unit::Seconds,
        Samples::new(times),
    )
}
