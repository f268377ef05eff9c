//! A survivor: an agent in chaos, which goes on with another frontend whenever its own was killed.

use std::collections::HashMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::agents::Agent;
use crate::instances::Outcome;
use crate::kills::Killed;
use crate::place::Place;

/// How long to wait before another frontend is tried.
const AGAIN: Duration = Duration::from_millis(50);

/// The signal by which frontends are killed.
const SIGKILL: i32 = 9;

/// An agent that asks all servers in turn, two at a time.
#[derive(Debug)]
pub(crate) struct Survivor<'a> {
    pub(crate) place: &'a Place,
    /// For the frontend that listens; an agent without starts one of its own.
    pub(crate) token: Option<&'a str>,
    pub(crate) number: usize,
    pub(crate) servers: &'a [String],
    pub(crate) killed: &'a Killed,
    /// That nothing is killed any more.
    pub(crate) over: &'a AtomicBool,
}

/// What it was told, and what became of its frontends.
#[derive(Debug, Default)]
pub(crate) struct Told {
    calls: usize,
    pub(crate) right: usize,
    pub(crate) lost: usize,
    pub(crate) silent: usize,
    pub(crate) wrong: Vec<String>,
    /// How often which error came, by its beginning.
    pub(crate) errors: HashMap<String, usize>,
    /// How often which server's instance was another one than before.
    pub(crate) anew: HashMap<String, usize>,
    /// Frontends that were gone although nobody killed them.
    pub(crate) gone: Vec<String>,
    /// When each server's last right answer came, and the longest time between two.
    heard: HashMap<String, Instant>,
    pub(crate) longest: Duration,
    /// Whether all servers answered in the end.
    pub(crate) is_well: bool,
}

/// How the time with one frontend ended.
enum Life {
    /// Nothing is killed any more; whether all servers answered then.
    Whole { is_well: bool },
    /// The frontend is gone, or there is none yet.
    Cut,
}

impl Survivor<'_> {
    /// Asks until nothing is killed any more, and then whether all is well.
    pub(crate) fn survive(&self) -> Told {
        let mut told = Told::default();
        let now = Instant::now();
        told.heard = self
            .servers
            .iter()
            .map(|name| (name.clone(), now))
            .collect();
        loop {
            let was_over = self.over.load(Ordering::SeqCst);
            match self.live(&mut told) {
                Life::Whole { is_well } => {
                    told.is_well = is_well;
                    return told;
                }
                Life::Cut if was_over => return told,
                Life::Cut => thread::sleep(AGAIN),
            }
        }
    }

    /// Works with one frontend.
    fn live(&self, told: &mut Told) -> Life {
        let face = self.killed.face();
        if self.token.is_some() && face.is_none() {
            return Life::Cut;
        }
        let begun = match self.token {
            Some(token) => Agent::by_http(token, self.number),
            None => Agent::start(self.place),
        };
        let mut agent = match begun {
            Ok(agent) => agent,
            Err(error) => {
                self.lose(None, face, &error, told);
                return Life::Cut;
            }
        };
        if let Err(error) = agent.greet() {
            self.lose(Some(agent), face, &error, told);
            return Life::Cut;
        }
        // What was killed last may be noticed in a first turn through all servers; the second is right.
        let turn = self.servers.len();
        let (mut since, mut is_well) = (0, true);
        while since < 2 * turn {
            since += usize::from(self.over.load(Ordering::SeqCst));
            let asked = self.next(told);
            match agent.ask(&asked) {
                Ok(outcomes) => {
                    let is_right = told.note(&asked, outcomes);
                    is_well &= is_right || since <= turn;
                }
                Err(error) => {
                    told.miss(&error);
                    self.lose(Some(agent), face, &error, told);
                    return Life::Cut;
                }
            }
        }
        agent.kill();
        Life::Whole { is_well }
    }

    /// The next two calls.
    fn next(&self, told: &mut Told) -> [(String, String); 2] {
        told.calls += 1;
        let (number, calls) = (self.number, told.calls);
        [0, 1].map(|which| {
            let server = &self.servers[(number + calls + which) % self.servers.len()];
            (
                server.clone(),
                format!("agent-{number}-call-{calls}-server-{server}"),
            )
        })
    }

    /// Looks why a frontend is gone: it has to have been killed.
    fn lose(&self, agent: Option<Agent>, face: Option<usize>, error: &io::Error, told: &mut Told) {
        let why = match agent.map(|mut agent| (agent.pid(), agent.end(), agent.kill())) {
            Some((Some(pid), end, ())) => {
                let by_signal = end.and_then(|end| end.signal());
                if by_signal == Some(SIGKILL) && self.killed.has(pid) {
                    return;
                }
                end.map_or_else(|| "it still runs".to_owned(), |end| end.to_string())
            }
            _ if self.killed.face() != face => return,
            _ => "nobody killed the one that listens".to_owned(),
        };
        told.gone.push(format!("{error}: {why}"));
    }
}

impl Told {
    /// Notes what came of two calls; says whether both were answered.
    fn note(&mut self, asked: &[(String, String); 2], outcomes: [Outcome; 2]) -> bool {
        let before = self.right;
        for ((server, _), outcome) in asked.iter().zip(outcomes) {
            match outcome {
                Outcome::Right => self.heard(server),
                Outcome::Anew => {
                    *self.anew.entry(server.clone()).or_default() += 1;
                    self.heard(server);
                }
                Outcome::Refused(error) => {
                    let (_, message) = error.split_once("\"message\":").unwrap_or(("", &error));
                    // Which server it was, and what followed, does not matter.
                    let message = message
                        .split_once(": ")
                        .map_or(message, |(_, message)| message);
                    let kind: String = message.chars().take(90).collect();
                    *self.errors.entry(kind).or_default() += 1;
                }
                Outcome::Wrong(answer) => self.wrong.push(answer),
            }
        }
        self.right == before + 2
    }

    fn heard(&mut self, server: &str) {
        self.right += 1;
        if let Some(last) = self.heard.get_mut(server) {
            self.longest = self.longest.max(last.elapsed());
            *last = Instant::now();
        }
    }

    /// Notes two calls without answers: there is no more to come, or nothing came for too long.
    fn miss(&mut self, error: &io::Error) {
        if error.kind() == io::ErrorKind::WouldBlock {
            self.silent += 2;
        } else {
            self.lost += 2;
        }
    }
}
