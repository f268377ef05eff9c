//! Calls of a tool through `mcpod attach` against the bare socket, and the memory of `attach` meanwhile.

use std::io::{Read, Write};
use std::process::Child;
use std::thread;
use std::time::Instant;

use crate::active::Active;
use crate::image::ECHO;
use crate::peer::Peer;
use crate::place::Place;
use crate::process::memory;
use crate::table::{Bound, Line, Samples, Table, Unit};
use crate::through::PAUSE;

/// What `attach` may cost a call at most, in seconds, right after another one. After a pause it is told, and has no bound: what the
/// kernel takes to wake one process more, and a processor to have its caches back, is most of it.
const MORE: Bound = Bound::More(40e-6);

/// The memory that `attach` may have at most, in bytes.
const MEMORY: Bound = Bound::Most(8e6);

/// The messages, in bytes.
const SMALL: usize = 1 << 10;
const LARGE: usize = 10_000_000;

/// A call takes next to no time, so there are more of them: as warm-up, which servers need that compile themselves, and measured.
const CALLS: usize = 10;

/// Pauses take longer, and so do large messages.
const PAUSED_CALLS: usize = 2;
const PART: usize = 10;

pub(crate) fn measure(place: &Place, table: &mut Table) {
    for (name, reference) in [("echo", ECHO), ("everything", "builtin:everything")] {
        let server = Active::add(place, reference, name);
        let mut bare = server.connect();
        let (mut pipes_child, mut pipes) = server.attach_by_pipes();
        let (mut sockets_child, mut sockets) = server.attach_by_sockets();
        open(&mut bare);
        open(&mut pipes);
        open(&mut sockets);
        let idle = resident(&pipes_child, &sockets_child, "VmRSS");

        let rounds = place.samples * CALLS;
        let mut small = Times::default();
        for round in 0..2 * rounds {
            let times = [
                call(&mut bare, SMALL),
                call(&mut pipes, SMALL),
                call(&mut sockets, SMALL),
            ];
            if round >= rounds {
                small.push(times);
            }
        }
        small.lines(name, "1 KB", &[MORE], table);

        let mut paused = Times::default();
        for _ in 0..place.samples * PAUSED_CALLS {
            let after = |call: &mut dyn FnMut() -> f64| {
                thread::sleep(PAUSE);
                call()
            };
            paused.push([
                after(&mut || call(&mut bare, SMALL)),
                after(&mut || call(&mut pipes, SMALL)),
                after(&mut || call(&mut sockets, SMALL)),
            ]);
        }
        paused.lines(name, "1 KB after 10 ms", &[], table);

        let mut large = Times::default();
        for _ in 0..place.samples_by(PART) {
            large.push([
                call(&mut bare, LARGE),
                call(&mut pipes, LARGE),
                call(&mut sockets, LARGE),
            ]);
        }
        large.lines(name, "10 MB", &[], table);

        let bytes = |what: &str, samples| {
            Line::new(format!("attach {name}: {what}"), Unit::Bytes, samples).bounds([MEMORY])
        };
        table.push(bytes("memory when just opened", idle));
        table.push(bytes(
            "most memory after all these",
            resident(&pipes_child, &sockets_child, "VmHWM"),
        ));
        drop((bare, pipes, sockets));
        pipes_child.wait().unwrap();
        sockets_child.wait().unwrap();
        server.stop_sessions();
        place.quiet(0);
    }
}

fn open<R: Read, W: Write>(peer: &mut Peer<R, W>) {
    peer.initialize();
    peer.initialized();
}

/// The seconds of one call, there and back.
fn call<R: Read, W: Write>(peer: &mut Peer<R, W>, bytes: usize) -> f64 {
    let request = peer.echo(&"x".repeat(bytes));
    let started = Instant::now();
    let answered = peer.ask(&request);
    let seconds = started.elapsed().as_secs_f64();
    assert!(answered > bytes, "{answered}");
    seconds
}

fn resident(pipes: &Child, sockets: &Child, field: &str) -> Samples {
    Samples::new(vec![memory(pipes.id(), field), memory(sockets.id(), field)])
}

/// The times of calls over the bare socket, through `attach` by pipes, and by sockets.
#[derive(Default)]
struct Times([Vec<f64>; 3]);

impl Times {
    fn push(&mut self, round: [f64; 3]) {
        for (times, time) in self.0.iter_mut().zip(round) {
            times.push(time);
        }
    }

    fn lines(self, server: &str, size: &str, bounds: &[Bound], table: &mut Table) {
        let [bare, pipes, sockets] = self.0.map(Samples::new);
        let line = |way: &str, samples| {
            Line::new(
                format!("call {server}, {size}: {way}"),
                Unit::Seconds,
                samples,
            )
        };
        table.push(line("the bare socket", bare.clone()));
        table.push(
            line("attach, by pipes", pipes)
                .against(&bare)
                .bounds(bounds),
        );
        table.push(
            line("attach, by sockets", sockets)
                .against(&bare)
                .bounds(bounds),
        );
    }
}
