//! The answer to an agent's `initialize` that waits for nobody.
//!
//! Who answers is known, and what all servers together can do lies in the cache, so an agent that starts us need not wait until systemd
//! has said which of them listen. It learns of nothing else this way: all other answers wait.

use serde_json::value::RawValue;

use super::Shape;
use super::identity;
use super::offer::Offer;
use crate::orchestrator::Orchestrator;
use crate::session::{Frame, Kind};

/// An agent that said who it is.
#[derive(Debug)]
pub(super) struct Greeting {
    /// What it said.
    pub(super) met: Frame,
    /// What it is answered.
    pub(super) answer: Frame,
}

/// Answers a line if it is an `initialize` that can be answered so; else it comes back.
pub(super) fn greet(
    line: Vec<u8>,
    shape: &Shape,
    orchestrator: &Orchestrator,
) -> Result<Greeting, Vec<u8>> {
    // One server alone answers in its own words, which may have to be asked for.
    if matches!(shape, Shape::Server(_)) {
        return Err(line);
    }
    let met = std::str::from_utf8(&line)
        .ok()
        .and_then(|text| Frame::parse(text).ok())
        .filter(|frame| frame.kind() == Kind::Request && frame.method() == "initialize");
    let Some(met) = met else {
        return Err(line);
    };
    let mut offer = Offer::default();
    for server in orchestrator.known_words() {
        offer.add_capabilities(&server);
    }
    let result = identity::initialized(&identity::version_for(&met), &offer);
    let result = RawValue::from_string(result).ok();
    let answer = met
        .id()
        .zip(result)
        .map(|(id, result)| Frame::result(id, &result));
    match answer {
        Some(answer) => Ok(Greeting { met, answer }),
        None => Err(line),
    }
}
