//! Chaos: servers and frontends are killed at random while agents work. What they are told is right or an error, no more is lost than
//! was on its way to what was killed, and in the end all is well and nothing is left.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::active::Active;
use crate::agents::Agent;
use crate::http;
use crate::instances::Outcome;
use crate::kills::{Killed, Kills, Random};
use crate::place::Place;
use crate::survivor::{Survivor, Told};
use crate::table::{Bound, Line, Samples, Table, Unit};

const SERVERS: usize = 5;
const BY_HTTP: usize = 4;
const BY_STDIO: usize = 4;

/// How long it goes on for each sample that is asked for: five minutes.
const FOR_EACH: Duration = Duration::from_millis(1500);

/// How long to wait between two kills, in milliseconds: at least, and how much more at most.
const PAUSE: (u64, u64) = (100, 900);

/// How many right answers each agent gets at least for each sample that is asked for: one in a second. It gets a thousand where it is
/// not one of many that want the processor.
const RIGHT: f64 = 1.5;

/// How many errors the kill of a server's process may lead to: for the one call that is on its way to it, as each agent has one to each
/// server, and for the next one, if what was killed was about to start.
const ERRORS: usize = 2;

/// How many calls an agent has on its way. Over HTTP as many again may go to what is about to die already.
const ON_THE_WAY: usize = 2;

/// The longest that one server may not answer one agent, in seconds. To find that a container's monitor was killed in the moment of its
/// start takes three looks of the guard's; and where many want the processor, the user's systemd was seen to start nothing for a minute.
const LONGEST: Bound = Bound::Slowest(180.0);

/// Of how many samples there is a kill of each kind at least.
const FOR_A_KILL: usize = 40;

const NONE: [Bound; 1] = [Bound::Most(0.0)];

pub(crate) fn measure(place: &Place, table: &mut Table) {
    let servers: Vec<Active<'_>> = (0..SERVERS)
        .map(|number| Active::add_named(place, &format!("chaos-{number}"), &[]))
        .collect();
    let names: Vec<String> = servers.iter().map(|server| server.name.clone()).collect();
    let seed = std::process::id().into();
    eprintln!("  the seed is {seed}");
    let over = AtomicBool::new(false);
    let (mut face, token) = http::start(place);
    let (mut kills, killed) = (Kills::default(), Killed::default());
    let told: Vec<Told> = thread::scope(|scope| {
        let agents: Vec<_> = (0..BY_HTTP + BY_STDIO)
            .map(|number| Survivor {
                place,
                token: (number < BY_HTTP).then_some(&token),
                number,
                servers: &names,
                killed: &killed,
                over: &over,
            })
            .map(|agent| scope.spawn(move || agent.survive()))
            .collect();
        let is_over = Over(&over);
        let started = Instant::now();
        let lasts = FOR_EACH * u32::try_from(place.samples).unwrap();
        let mut random = Random(seed);
        while started.elapsed() < lasts {
            thread::sleep(Duration::from_millis(PAUSE.0 + random.below(PAUSE.1)));
            kills.one(place, &mut face, &killed, &mut random);
        }
        drop(is_over);
        agents
            .into_iter()
            .map(|agent| agent.join().unwrap())
            .collect()
    });
    // In the middle of nothing, which the guard has to see as well.
    face.kill().unwrap();
    face.wait().unwrap();
    place.quiet(0);
    let containers = place.containers();
    for container in &containers {
        eprintln!("left: {container}");
    }
    were_killed(&kills, place.samples, table);
    were_told(told, &kills, &names, place.samples, table);
    table.push(number("containers left", containers.len()).bounds(NONE));

    // All of it works as before.
    let mut agent = Agent::by_stdio(place).unwrap();
    for server in &names {
        let calls = [0, 1].map(|call| (server.clone(), format!("afterwards-{call}")));
        assert_eq!(agent.ask(&calls).unwrap(), [Outcome::Right, Outcome::Right]);
    }
    agent.leave();
    place.quiet(0);
}

/// The lines of what was killed: without that, nothing is shown.
fn were_killed(kills: &Kills, samples: usize, table: &mut Table) {
    for (what, killed) in [
        ("servers' processes", kills.processes),
        ("frontends of standard streams", kills.frontends),
        ("frontends that listen", kills.faces),
        ("guards", kills.guards),
    ] {
        let line = number(&format!("{what} killed"), killed);
        table.push(line.bounds([Bound::Least(float(samples / FOR_A_KILL))]));
    }
}

/// The lines of what agents were told.
fn were_told(
    told: Vec<Told>,
    kills: &Kills,
    servers: &[String],
    samples: usize,
    table: &mut Table,
) {
    let all = |of: fn(&Told) -> usize| told.iter().map(of).sum::<usize>();
    let mut errors: HashMap<&str, usize> = HashMap::new();
    for (error, times) in told.iter().flat_map(|told| &told.errors) {
        *errors.entry(error).or_default() += times;
    }
    for (error, times) in &errors {
        eprintln!("  {times} x {error}");
    }
    for (what, said) in told.iter().flat_map(|told| {
        let wrong = told.wrong.iter().take(3).map(|answer| ("wrong", answer));
        wrong.chain(told.gone.iter().take(3).map(|why| ("gone", why)))
    }) {
        eprintln!("{what}: {said}");
    }
    // Of each server there may be no more new instances than were hit.
    let anew =
        |server: &str| -> usize { told.iter().filter_map(|told| told.anew.get(server)).sum() };
    let unhit = servers
        .iter()
        .map(|server| anew(server).saturating_sub(kills.instances_of(server)));

    let right = told.iter().map(|told| float(told.right)).collect();
    table.push(
        numbers("right answers, each agent", right).bounds([Bound::Least(RIGHT * float(samples))]),
    );
    let bound = |most: usize| [Bound::Most(float(most))];
    table.push(number("errors", errors.values().sum()).bounds(bound(ERRORS * kills.processes)));
    table.push(number(
        "new instances",
        servers.iter().map(|server| anew(server)).sum(),
    ));
    table.push(number("new instances where none was hit", unhit.sum()).bounds(NONE));
    let lost = ON_THE_WAY * (kills.frontends + 2 * BY_HTTP * kills.faces);
    table.push(number("calls of killed frontends", all(|told| told.lost)).bounds(bound(lost)));
    table.push(
        number(
            "frontends gone that were not killed",
            all(|told| told.gone.len()),
        )
        .bounds(NONE),
    );
    let longest = told.iter().map(|told| told.longest.as_secs_f64()).collect();
    table.push(
        Line::new(
            "chaos: longest without an answer of a server",
            Unit::Seconds,
            Samples::new(longest),
        )
        .bounds([LONGEST]),
    );
    table.push(
        number(
            "agents without all servers in the end",
            all(|told| usize::from(!told.is_well)),
        )
        .bounds(NONE),
    );
    table.push(number("wrong answers", all(|told| told.wrong.len())).bounds(NONE));
    table.push(number("calls never answered", all(|told| told.silent)).bounds(NONE));
}

/// Ends the work of the agents, also where what kills fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn number(what: &str, count: usize) -> Line {
    numbers(what, vec![float(count)])
}

fn numbers(what: &str, counts: Vec<f64>) -> Line {
    Line::new(format!("chaos: {what}"), Unit::Number, Samples::new(counts))
}

fn float(count: usize) -> f64 {
    u32::try_from(count).unwrap().into()
}
