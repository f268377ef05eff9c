//! Chaos: servers and frontends are killed at random while agents work. What they are told is right or an error, and in the
//! end nothing is left.

use std::collections::HashMap;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::active::Active;
use crate::agents::Agent;
use crate::http;
use crate::instances::Outcome;
use crate::place::Place;
use crate::table::{Bound, Line, Samples, Table, Unit};

const SERVERS: usize = 5;
const BY_HTTP: usize = 4;
const BY_STDIO: usize = 4;

/// How long it goes on for each sample that is asked for: five minutes.
const FOR_EACH: Duration = Duration::from_millis(1500);

/// How long to wait between two kills, in milliseconds: at least, and how much more at most.
const PAUSE: (u64, u64) = (100, 900);

/// How long a new frontend may take.
const AGAIN: Duration = Duration::from_millis(50);

const NONE: [Bound; 1] = [Bound::Most(0.0)];

/// What is told apart of what agents were told.
#[derive(Debug, Default)]
struct Told {
    right: AtomicUsize,
    refused: AtomicUsize,
    lost: AtomicUsize,
    silent: AtomicUsize,
    wrong: Mutex<Vec<String>>,
    /// How often which error came, by its beginning.
    errors: Mutex<HashMap<String, usize>>,
}

pub(crate) fn measure(place: &Place, table: &mut Table) {
    let servers: Vec<Active<'_>> = (0..SERVERS)
        .map(|number| Active::add_named(place, &format!("chaos-{number}"), &[]))
        .collect();
    let seed = std::process::id().into();
    eprintln!("  the seed is {seed}");
    let told = Told::default();
    let over = AtomicBool::new(false);
    let (face, token) = http::start(place);
    let face = Mutex::new(face);
    let mut kills = Kills::default();
    thread::scope(|scope| {
        for number in 0..BY_HTTP + BY_STDIO {
            let (told, over, token) = (&told, &over, &token);
            scope.spawn(move || work(place, token, number, told, over));
        }
        let _over = Over(&over);
        let started = Instant::now();
        let lasts = FOR_EACH * u32::try_from(place.samples).unwrap();
        let mut random = Random(seed);
        while started.elapsed() < lasts {
            thread::sleep(Duration::from_millis(PAUSE.0 + random.below(PAUSE.1)));
            kills.one(place, &face, &mut random);
        }
    });
    // In the middle of nothing, which the guard has to see as well.
    let mut face = face.into_inner().unwrap();
    face.kill().unwrap();
    face.wait().unwrap();
    place.quiet(0);
    let containers = place.containers();
    for container in &containers {
        eprintln!("left: {container}");
    }

    let wrong = told.wrong.into_inner().unwrap();
    for answer in wrong.iter().take(3) {
        eprintln!("wrong: {answer}");
    }
    for (error, times) in told.errors.into_inner().unwrap() {
        eprintln!("  {times} x {error}");
    }
    table.push(number("servers' processes killed", kills.servers));
    table.push(number("frontends killed", kills.frontends));
    table.push(number("guards killed", kills.guards));
    table.push(number("right answers", told.right.into_inner()));
    table.push(number("errors", told.refused.into_inner()));
    table.push(number("calls of killed frontends", told.lost.into_inner()));
    table.push(number("wrong answers", wrong.len()).bounds(NONE));
    table.push(number("calls never answered", told.silent.into_inner()).bounds(NONE));
    table.push(number("containers left", containers.len()).bounds(NONE));

    // All of it works as before.
    let mut agent = Agent::by_stdio(place).unwrap();
    for server in &servers {
        let calls = [0, 1].map(|call| (server.name.clone(), format!("afterwards-{call}")));
        assert_eq!(agent.ask(&calls).unwrap(), [Outcome::Right, Outcome::Right]);
    }
    agent.leave();
    place.quiet(0);
}

/// Ends the work of the agents, also where what kills fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// An agent, and another one whenever its frontend is gone.
fn work(place: &Place, token: &str, number: usize, told: &Told, over: &AtomicBool) {
    let mut calls = 0;
    while !over.load(Ordering::Relaxed) {
        let agent = if number < BY_HTTP {
            Agent::by_http(token, number)
        } else {
            Agent::by_stdio(place)
        };
        let Ok(mut agent) = agent else {
            thread::sleep(AGAIN);
            continue;
        };
        while !over.load(Ordering::Relaxed) {
            calls += 1;
            let asked = [0, 1].map(|which| {
                let server = (number + calls + which) % SERVERS;
                (
                    format!("chaos-{server}"),
                    format!("agent-{number}-call-{calls}-server-{server}"),
                )
            });
            match agent.ask(&asked) {
                Ok(outcomes) => outcomes.into_iter().for_each(|outcome| told.note(outcome)),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    told.silent.fetch_add(2, Ordering::Relaxed);
                    break;
                }
                Err(_) => {
                    told.lost.fetch_add(2, Ordering::Relaxed);
                    break;
                }
            }
        }
        agent.kill();
    }
}

impl Told {
    fn note(&self, outcome: Outcome) {
        match outcome {
            Outcome::Right | Outcome::Anew => {
                self.right.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Refused(error) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                let (_, message) = error.split_once("\"message\":").unwrap_or(("", &error));
                // Which server it was, and what followed, does not matter.
                let message = message
                    .split_once(": ")
                    .map_or(message, |(_, message)| message);
                let kind: String = message.chars().take(90).collect();
                *self.errors.lock().unwrap().entry(kind).or_default() += 1;
            }
            Outcome::Wrong(answer) => self.wrong.lock().unwrap().push(answer),
        }
    }
}

/// What was killed.
#[derive(Debug, Default)]
struct Kills {
    servers: usize,
    frontends: usize,
    guards: usize,
}

impl Kills {
    /// Kills something: a process of an instance, a frontend, the guard.
    fn one(&mut self, place: &Place, face: &Mutex<Child>, random: &mut Random) {
        match random.below(20) {
            0 => {
                let mut face = face.lock().unwrap();
                face.kill().unwrap();
                face.wait().unwrap();
                *face = http::start(place).0;
                self.frontends += 1;
            }
            1..=3 => {
                let frontends = place
                    .pids_of("mcpod")
                    .into_iter()
                    .filter(|pid| is_frontend(*pid));
                self.frontends += usize::from(kill(&frontends.collect::<Vec<_>>(), random));
            }
            4 => {
                let guards = place
                    .pids_of("mcpod")
                    .into_iter()
                    .filter(|pid| says(*pid, b"guard\0"));
                self.guards += usize::from(kill(&guards.collect::<Vec<_>>(), random));
            }
            _ => self.servers += usize::from(kill(&place.processes_of_instances(), random)),
        }
    }
}

/// Whether a process is a `mcpod serve` over its standard streams; the other is started again by whoever kills it.
fn is_frontend(pid: u32) -> bool {
    says(pid, b"serve\0")
}

fn says(pid: u32, word: &[u8]) -> bool {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.ends_with(word)
}

/// Kills one of these; says whether there was any.
fn kill(pids: &[u32], random: &mut Random) -> bool {
    let Some(pid) = pids.get(usize::try_from(random.below(pids.len().max(1) as u64)).unwrap())
    else {
        return false;
    };
    // It may be gone by itself.
    let killed = Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .output();
    killed.unwrap().status.success()
}

/// Numbers that look random (xorshift).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn number(what: &str, count: usize) -> Line {
    let count = f64::from(u32::try_from(count).unwrap());
    Line::new(
        format!("chaos: {what}"),
        Unit::Number,
        Samples::new(vec![count]),
    )
}
