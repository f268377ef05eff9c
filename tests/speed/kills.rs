//! Kills: processes of instances, frontends and the guard, at random.

use std::collections::HashSet;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::http;
use crate::place::Place;

/// What was killed.
#[derive(Debug, Default)]
pub(crate) struct Kills {
    /// Processes of instances.
    pub(crate) processes: usize,
    /// The units of the instances that had them.
    units: HashSet<String>,
    /// Frontends that agents started.
    pub(crate) frontends: usize,
    /// The frontend that listens.
    pub(crate) faces: usize,
    pub(crate) guards: usize,
}

/// The frontends that were killed, for agents that lost theirs.
#[derive(Debug, Default)]
pub(crate) struct Killed {
    frontends: Mutex<HashSet<u32>>,
    /// How often the one that listens was about to be killed, and how often another one listened.
    faces: AtomicUsize,
}

impl Kills {
    /// Kills something: a process of an instance, a frontend, the guard.
    pub(crate) fn one(
        &mut self,
        place: &Place,
        face: &mut Child,
        killed: &Killed,
        random: &mut Random,
    ) {
        match random.below(20) {
            0 => {
                killed.faces.fetch_add(1, Ordering::SeqCst);
                face.kill().unwrap();
                face.wait().unwrap();
                *face = http::start(place).0;
                killed.faces.fetch_add(1, Ordering::SeqCst);
                self.faces += 1;
            }
            1..=3 => {
                // Those of standard streams; the other one is started again by whoever kills it.
                if let Some(pid) = random.of(&that_say(place, b"serve\0")) {
                    killed.frontends.lock().unwrap().insert(*pid);
                    self.frontends += usize::from(kill(*pid));
                }
            }
            4 => {
                let guard = random.of(&that_say(place, b"guard\0")).copied();
                self.guards += usize::from(guard.is_some_and(kill));
            }
            _ => {
                if let Some((unit, pid)) = random.of(&place.processes_of_instances())
                    && kill(*pid)
                {
                    self.processes += 1;
                    self.units.insert(unit.clone());
                }
            }
        }
    }

    /// How many instances of a server were hit.
    pub(crate) fn instances_of(&self, server: &str) -> usize {
        let begin = format!("mcpod-{server}@");
        let units = self.units.iter();
        units.filter(|unit| unit.starts_with(&begin)).count()
    }
}

impl Killed {
    /// Whether a frontend that an agent started was one of them.
    pub(crate) fn has(&self, pid: u32) -> bool {
        self.frontends.lock().unwrap().contains(&pid)
    }

    /// Which of the frontends that listen there is now; none while there is none.
    pub(crate) fn face(&self) -> Option<usize> {
        let faces = self.faces.load(Ordering::SeqCst);
        faces.is_multiple_of(2).then_some(faces)
    }
}

/// The processes of `mcpod` whose command ends like this.
fn that_say(place: &Place, word: &[u8]) -> Vec<u32> {
    let mut pids = place.pids_of("mcpod");
    pids.retain(|pid| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.ends_with(word)
    });
    pids
}

/// Kills a process; says whether it was still there.
fn kill(pid: u32) -> bool {
    let killed = Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .output();
    killed.unwrap().status.success()
}

/// Numbers that look random (xorshift).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// One of these, if there are any.
    fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(usize::try_from(self.below(all.len().max(1) as u64)).unwrap())
    }
}
