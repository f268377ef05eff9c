//! Calls through `mcpod serve` by each of its ways against the bare socket, and what large results take.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::active::Active;
use crate::http::{self, Era, Http};
use crate::peer::{Peer, call};
use crate::place::Place;
use crate::process::memory;
use crate::serving;
use crate::table::{Bound, Line, Samples, Table, Unit};

/// What it may cost a call, in seconds, right after another one. After a pause it is told, and has no bound, as for `attach`.
const STDIO: [Bound; 2] = [Bound::More(60e-6), Bound::SlowestMore(250e-6)];
const HTTP: [Bound; 1] = [Bound::More(150e-6)];

/// The pause: for so long nothing keeps looking for what comes next, so that all on the way have to be woken.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

/// The messages, in bytes, and the memory they may take at most.
const SMALL: usize = 1 << 10;
const LARGE: usize = 10_000_000;
const LARGE_MEMORY: Bound = Bound::Most(30e6);

/// A call takes next to no time, so there are more of them: as warm-up, and measured.
const CALLS: usize = 10;

/// Pauses take longer, and so do large messages.
const PAUSED_CALLS: usize = 5;
const PART: usize = 10;

/// Measures all ways to one server, each alone: between two of its calls none but the server runs, as for the bare socket.
pub(crate) fn measure(place: &Place, server: &Active<'_>, table: &mut Table) {
    let mut peer = server.connect();
    peer.initialize();
    peer.initialized();
    let mut bare = |message: &Message| by_peer(&mut peer, message.tool, message);
    let through = |message: &Message| format!("{}__{}", server.name, message.tool);

    let (mut child, mut stdio) = serving::start(place);
    let mut by_stdio = |message: &Message| by_peer(&mut stdio, &through(message), message);
    let mut turns = Turns {
        place,
        way: "stdio",
        bare: &mut bare,
        through: &mut by_stdio,
    };
    turns.small(&STDIO, table);
    turns.paused(table);
    turns.large(child.id(), table);
    drop(stdio);
    child.wait().unwrap();

    for (way, era) in [
        ("HTTP, 2025-11-25", Era::Legacy(None)),
        ("HTTP, 2026-07-28", Era::Modern("speed".to_owned())),
    ] {
        let (mut face, token) = http::start(place);
        let mut http = Http::connect(&token, era).unwrap();
        if http.era == Era::Legacy(None) {
            http.initialize().unwrap();
        }
        let mut turns = Turns {
            place,
            way,
            bare: &mut bare,
            through: &mut |message| by_http(&mut http, &through(message), message),
        };
        turns.small(&HTTP, table);
        turns.large(face.id(), table);
        face.kill().unwrap();
        face.wait().unwrap();
    }
    drop(peer);
    server.stop_sessions();
    place.quiet(0);
}

/// What is sent to a tool.
struct Message {
    tool: &'static str,
    text: String,
    /// How many bytes the answer has at least.
    answer: usize,
}

/// Takes the seconds of a call.
type Call<'a> = &'a mut dyn FnMut(&Message) -> f64;

/// Calls by the bare socket and by a way through `serve`, in turns.
struct Turns<'a> {
    place: &'a Place,
    way: &'a str,
    bare: Call<'a>,
    through: Call<'a>,
}

impl Turns<'_> {
    /// Calls one right after another.
    fn small(&mut self, bounds: &[Bound], table: &mut Table) {
        let rounds = self.place.samples * CALLS;
        let message = Message::small();
        self.take(rounds, Duration::ZERO, &message);
        let times = self.take(rounds, Duration::ZERO, &message);
        self.lines("call of 1 KB", times, bounds, table);
    }

    /// Calls after a pause each.
    fn paused(&mut self, table: &mut Table) {
        let times = self.take(self.place.samples * PAUSED_CALLS, PAUSE, &Message::small());
        self.lines("call of 1 KB after 10 ms", times, &[], table);
    }

    /// Calls with large results, and the most memory that `serve` had up to then.
    fn large(&mut self, serve: u32, table: &mut Table) {
        let message = Message {
            tool: "large",
            text: LARGE.to_string(),
            answer: LARGE,
        };
        let times = self.take(self.place.samples_by(PART), Duration::ZERO, &message);
        self.lines("result of 10 MB", times, &[], table);
        let most = Samples::new(vec![memory(serve, "VmHWM")]);
        let name = format!("serve, result of 10 MB: most memory, {}", self.way);
        table.push(Line::new(name, Unit::Bytes, most).bounds([LARGE_MEMORY]));
    }

    /// The times by the bare socket and by the other way.
    fn take(&mut self, rounds: usize, pause: Duration, message: &Message) -> [Samples; 2] {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (times, call) in times.iter_mut().zip([&mut self.bare, &mut self.through]) {
                if !pause.is_zero() {
                    thread::sleep(pause);
                }
                times.push(call(message));
            }
        }
        times.map(Samples::new)
    }

    fn lines(
        &self,
        what: &str,
        [bare, through]: [Samples; 2],
        bounds: &[Bound],
        table: &mut Table,
    ) {
        let way = self.way;
        let line =
            |way: &str, samples| Line::new(format!("serve, {what}: {way}"), Unit::Seconds, samples);
        table.push(line(
            &format!("the bare socket, beside {way}"),
            bare.clone(),
        ));
        table.push(line(way, through).against(&bare).bounds(bounds));
    }
}

impl Message {
    fn small() -> Self {
        Self {
            tool: "echo",
            text: "x".repeat(SMALL),
            answer: SMALL,
        }
    }
}

fn by_peer<R: Read, W: Write>(peer: &mut Peer<R, W>, tool: &str, message: &Message) -> f64 {
    let request = peer.call(tool, "message", &message.text);
    let asked = Instant::now();
    let answered = peer.ask(&request);
    let seconds = asked.elapsed().as_secs_f64();
    assert!(answered > message.answer, "{answered}");
    seconds
}

fn by_http(http: &mut Http, tool: &str, message: &Message) -> f64 {
    let params = call(tool, "message", &message.text);
    let asked = Instant::now();
    http.send("tools/call", tool, &params, 1).unwrap();
    let received = http.receive().unwrap();
    let seconds = asked.elapsed().as_secs_f64();
    assert!(
        received.body.len() > message.answer,
        "{}",
        String::from_utf8_lossy(received.body)
    );
    assert_eq!(received.status, 200);
    seconds
}
