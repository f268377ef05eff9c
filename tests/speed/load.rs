//! Load: seventy agents at once, each with instances of its own of two servers.

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;

use crate::active::Active;
use crate::agents::Agent;
use crate::http;
use crate::instances::Outcome;
use crate::place::Place;
use crate::process::{memory, run};
use crate::table::{Bound, Line, Samples, Table, Unit};

/// How many servers there are, and agents over each face. Each agent uses two servers, so there are 140 instances.
const SERVERS: usize = 10;
const BY_HTTP: usize = 50;
const BY_STDIO: usize = 20;
const AGENTS: usize = BY_HTTP + BY_STDIO;

const INSTANCES: f64 = 140.0;

/// How many calls there are in each quarter for each sample that is asked for: 20,000.
const CALLS: usize = 100;

/// How many quarters go before the one in which memory is watched: allocators take some 40,000 calls to have all that they keep.
const BEFORE: usize = 3;

/// How many bytes a message has. Over HTTP every second agent is of the earlier era, for which 256 KiB of what it heard on streams are
/// kept, in case that its connection breaks: that much it has heard after [`WARM`] rounds, and from then on nothing may grow.
const MESSAGE: usize = 4 << 10;

/// How many rounds go before it at least, where fewer samples are asked for.
const WARM: usize = 40;

/// How much more memory a frontend may have at the end than before the last quarter of the calls, in bytes: the one that listens, each of
/// the others (of twenty, the 99th percentile is the greatest), and all of those together. How many requests are under way at once
/// differs, by a megabyte on a busy host; what one of the 14,300 calls over HTTP leaves is seen from 140 bytes on.
const GROWTH_HTTP: Bound = Bound::Most(2e6);
const GROWTH_STDIO: Bound = Bound::Slowest(0.25e6);
const GROWTH_ALL_STDIO: Bound = Bound::Most(1e6);

/// How many sessions a server has that says nothing else.
const SESSIONS: usize = 16;

/// How many sessions are opened at most to reach the user's limit, which is 200 kernel keys.
const MORE: usize = 120;

const NONE: [Bound; 1] = [Bound::Most(0.0)];

pub(crate) fn measure(place: &Place, table: &mut Table) {
    let servers: Vec<Active<'_>> = (0..SERVERS)
        .map(|number| Active::add_named(place, &format!("load-{number}"), &[]))
        .collect();
    let full = Active::add_named(place, "load-full", &["--sessions", "200"]);
    let (mut face, token) = http::start(place);
    let seen = agents(place, &token, face.id());
    let Seen {
        mut agents,
        outcomes,
        growth,
        keys,
    } = seen;

    let sent = outcomes.len();
    let of = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count();
    let right = of(|outcome| *outcome == Outcome::Right);
    let crossed = of(|outcome| matches!(outcome, Outcome::Wrong(_) | Outcome::Anew));
    for outcome in outcomes
        .iter()
        .filter(|outcome| **outcome != Outcome::Right)
        .take(3)
    {
        eprintln!("{outcome:?}");
    }
    table.push(number("calls", sent));
    table.push(number("calls without their answer", sent - right).bounds(NONE));
    table.push(number("answers to other calls or by others' instances", crossed).bounds(NONE));
    let answered: HashSet<&str> = agents.iter().flat_map(Agent::instances).collect();
    for (what, instances) in [
        ("instances", place.instances()),
        ("instances that answered", answered.len()),
    ] {
        table.push(number(what, instances).bounds([Bound::Exactly(INSTANCES)]));
    }
    table.push(number("kernel keys of the user's, of 200", keys));
    let bytes = |what: &str, samples| {
        Line::new(format!("load: {what}"), Unit::Bytes, Samples::new(samples))
    };
    let (of_http, of_stdio) = growth;
    let of_all = of_stdio.iter().sum();
    table.push(bytes("more memory in the last quarter, HTTP", vec![of_http]).bounds([GROWTH_HTTP]));
    table.push(bytes("more memory in the last quarter, stdio", of_stdio).bounds([GROWTH_STDIO]));
    table.push(bytes("the same of all by stdio together", vec![of_all]).bounds([GROWTH_ALL_STDIO]));

    past_a_servers_limit(place, &mut agents);
    past_the_users_limit(&token);
    for agent in agents {
        agent.leave();
    }
    run(std::process::Command::new("kill").arg(face.id().to_string()));
    assert!(face.wait().unwrap().success());
    place.quiet(0);
    drop((servers, full));
}

/// What was seen of all agents.
struct Seen {
    agents: Vec<Agent>,
    outcomes: Vec<Outcome>,
    /// The memory that came to the frontends.
    growth: (f64, Vec<f64>),
    keys: usize,
}

/// Has all agents ask at once, and again until all calls were made.
fn agents(place: &Place, token: &str, face: u32) -> Seen {
    let quarter = (place.samples * CALLS).div_ceil(2 * AGENTS);
    let warm = (BEFORE * quarter).max(WARM);
    let rounds = warm + quarter;
    // All agents, and whoever looks at them.
    let barrier = Barrier::new(AGENTS + 1);
    thread::scope(|scope| {
        let running: Vec<_> = (0..AGENTS)
            .map(|number| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let mut agent = if number < BY_HTTP {
                        Agent::by_http(token, number).unwrap()
                    } else {
                        Agent::by_stdio(place).unwrap()
                    };
                    let mut own = Vec::new();
                    for round in 0..rounds {
                        if round == 1 {
                            // Servers start one after another. From here on all ask at once, which takes the most memory.
                            barrier.wait();
                        }
                        if round == warm {
                            barrier.wait();
                            barrier.wait();
                        }
                        let asked = [0, 1].map(|which| {
                            let server = (number + which * (1 + number % (SERVERS - 1))) % SERVERS;
                            (format!("load-{server}"), message(number, round, server))
                        });
                        own.extend(agent.ask(&asked).unwrap());
                    }
                    (agent, own)
                })
            })
            .collect();
        let resident = || {
            let by_stdio = place
                .pids_of("mcpod")
                .into_iter()
                .filter(|pid| is_by_stdio(*pid));
            (
                memory(face, "VmRSS"),
                by_stdio
                    .map(|pid| (pid, memory(pid, "VmRSS")))
                    .collect::<Vec<_>>(),
            )
        };
        barrier.wait();
        barrier.wait();
        let before = resident();
        let keys = place.kernel_keys();
        barrier.wait();
        let (agents, outcomes): (Vec<_>, Vec<_>) = running
            .into_iter()
            .map(|agent| agent.join().unwrap())
            .unzip();
        let after = resident();
        let by_stdio = before
            .1
            .iter()
            .zip(&after.1)
            .map(|((pid, before), (same, after))| {
                assert_eq!(pid, same);
                after - before
            });
        Seen {
            agents,
            outcomes: outcomes.into_iter().flatten().collect(),
            growth: (after.0 - before.0, by_stdio.collect()),
            keys,
        }
    })
}

/// A message that is sent once.
fn message(agent: usize, round: usize, server: usize) -> String {
    let text = format!("agent-{agent}-round-{round}-server-{server}-");
    format!("{text:x<MESSAGE$}")
}

/// Whether a process is a `mcpod serve` that speaks by its standard streams.
fn is_by_stdio(pid: u32) -> bool {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.ends_with(b"serve\0")
}

/// One session too many of a server: the error says so.
fn past_a_servers_limit(place: &Place, agents: &mut Vec<Agent>) {
    for _ in 0..=SESSIONS {
        let mut agent = Agent::by_stdio(place).unwrap();
        let calls = [0, 1].map(|call| ("load-0".to_owned(), format!("more-{call}")));
        let outcome = worst(agent.ask(&calls).unwrap());
        agents.push(agent);
        match outcome {
            Outcome::Right => {}
            Outcome::Refused(why) => {
                assert!(why.contains("as many as it may have"), "{why}");
                return eprintln!("  past a server's limit: {}", why.trim());
            }
            outcome => panic!("{outcome:?}"),
        }
    }
    panic!("a server has more sessions than it may have");
}

/// One session more than the user has kernel keys for: the error says so.
fn past_the_users_limit(token: &str) {
    let mut agents = Vec::new();
    for number in 0..MORE {
        // Of the modern era, each of which is told apart by its name.
        let mut agent = Agent::by_http(token, 2 * (BY_HTTP + number)).unwrap();
        let calls = [0, 1].map(|call| ("load-full".to_owned(), format!("more-{call}")));
        let outcome = worst(agent.ask(&calls).unwrap());
        agents.push(agent);
        match outcome {
            Outcome::Right => {}
            Outcome::Refused(why) => {
                assert!(why.contains("kernel keys"), "{why}");
                return eprintln!(
                    "  past the user's limit, with {number} more: {}",
                    why.trim()
                );
            }
            outcome => panic!("{outcome:?}"),
        }
    }
    panic!("{MORE} sessions more are within the user's limit");
}

/// The first of two outcomes that is not right, if any is.
fn worst([one, two]: [Outcome; 2]) -> Outcome {
    if one == Outcome::Right { two } else { one }
}

fn number(what: &str, count: usize) -> Line {
    let count = f64::from(u32::try_from(count).unwrap());
    Line::new(
        format!("load: {what}"),
        Unit::Number,
        Samples::new(vec![count]),
    )
}
