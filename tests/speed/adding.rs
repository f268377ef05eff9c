//! `mcpod add` of an image that is here and was run before, against opening a session with the same server.

use std::process::Command;
use std::time::Instant;

use crate::active::Active;
use crate::image::ECHO;
use crate::place::Place;
use crate::process::time;
use crate::table::{Bound, Line, Samples, Table, Unit};

/// What `add` may take besides the session with which it tries the server, in seconds.
const MORE: Bound = Bound::More(1.0);

pub(crate) fn measure(place: &Place, table: &mut Table) {
    for (name, reference) in [("echo", ECHO), ("everything", "builtin:everything")] {
        let server = Active::add(place, reference, name);
        let mut open = Vec::new();
        let mut add = Vec::new();
        let mut remove = Vec::new();
        for _ in 0..place.samples {
            let started = Instant::now();
            let mut peer = server.connect();
            peer.initialize();
            open.push(started.elapsed().as_secs_f64());
            drop(peer);
            server.stop_sessions();
            place.quiet(0);

            let mcpod = |words: &[&str]| time(Command::new(&place.mcpod).args(words));
            add.push(mcpod(&["add", reference, "--name", "again"]));
            place.quiet(0);
            remove.push(mcpod(&["remove", "again"]));
        }
        let open = Samples::new(open);
        let seconds =
            |what: &str, samples| Line::new(format!("add {name}: {what}"), Unit::Seconds, samples);
        table.push(seconds("one session opening", open.clone()));
        table.push(
            seconds("mcpod add", Samples::new(add))
                .against(&open)
                .bounds([MORE]),
        );
        table.push(seconds("mcpod remove", Samples::new(remove)));
    }
}
