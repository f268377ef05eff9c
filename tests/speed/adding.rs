//! `mcpod add` of an image that is here and was run before, against opening a session with the same server.

use std::process::Command;
use std::time::Instant;

use crate::active::Active;
use crate::place::Place;
use crate::process::time;
use crate::table::{Bound, Line, Samples, Table, Unit};

/// What `add` may take besides the session with which it tries the server, in seconds.
const MORE: Bound = Bound::More(1.0);

/// The session is there to compare with: a part of the samples is enough.
const PART: usize = 4;

/// A server that others wrote, and that starts quickly.
const SERVER: &str = "builtin:everything";

pub(crate) fn measure(place: &Place, table: &mut Table) {
    let server = Active::add(place, SERVER, "everything");
    let mcpod = |words: &[&str]| time(Command::new(&place.mcpod).args(words));
    let mut open = Vec::new();
    let mut add = Vec::new();
    let mut remove = Vec::new();
    for round in 0..place.samples {
        if round % PART == 0 {
            let started = Instant::now();
            let mut peer = server.connect();
            peer.initialize();
            open.push(started.elapsed().as_secs_f64());
            drop(peer);
            server.stop_sessions();
            place.quiet(0);
        }
        add.push(mcpod(&["add", SERVER, "--name", "again"]));
        place.quiet(0);
        remove.push(mcpod(&["remove", "again"]));
    }
    let open = Samples::new(open);
    let seconds =
        |what: &str, samples| Line::new(format!("add everything: {what}"), Unit::Seconds, samples);
    table.push(seconds("one session opening", open.clone()));
    let add = seconds("mcpod add", Samples::new(add));
    table.push(add.against(&open).bounds([MORE]));
    table.push(seconds("mcpod remove", Samples::new(remove)));
}
