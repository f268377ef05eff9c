//! Measures mcpod where it runs: started by `tests/bench` in the test machine, as a user of its own.
//!
//! One table on standard output; what is going on, on standard error. What is compared was measured in turns, in one run.
//! Called as `speed echo` it is something else: the MCP server whose image it makes, since hardly any server of the world
//! starts quickly enough to leave anything but its own start to be seen.
//!
//! It needs nothing but the standard library, so that rustc makes it in a moment.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a program for developers: what cannot be measured ends it, with where and why"
)]

mod active;
mod adding;
mod agents;
mod calling;
mod chaos;
mod commands;
mod echo;
mod empty;
mod http;
mod image;
mod instances;
mod kills;
mod load;
mod many;
mod opening;
mod peer;
mod place;
mod process;
mod serving;
mod survivor;
mod table;
mod through;

use std::process::ExitCode;

use place::Place;
use table::Table;

/// Measures something and adds its lines to the table.
type Measure = fn(&Place, &mut Table);

/// The groups of lines, in the order of the table.
const GROUPS: [(&str, Measure); 6] = [
    ("open", opening::measure),
    ("call", calling::measure),
    ("serve", serving::measure),
    ("add", adding::measure),
    ("commands", commands::measure),
    ("many", many::measure),
];

/// What is run when it is asked for, by `tests/soak`: it takes long, or is no measurement.
const SOAK: [(&str, Measure); 2] = [("load", load::measure), ("chaos", chaos::measure)];

/// How many samples a line has that says nothing else.
const SAMPLES: usize = 200;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if words.next_if(|word| word == "echo").is_some() {
        let listed = words.next().map_or(0, |number| number.parse().unwrap());
        return match echo::serve(std::io::stdin().lock(), std::io::stdout().lock(), listed) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let samples = words
        .next_if(|word| word == "--samples")
        .map_or(SAMPLES, |_| words.next().unwrap().parse().unwrap());
    let chosen: Vec<String> = words.collect();
    let groups = GROUPS.iter().chain(&SOAK);
    for word in &chosen {
        let mut groups = groups.clone();
        assert!(groups.any(|(name, _)| name == word), "no group {word:?}");
    }

    let place = Place::here(samples);
    image::make();
    let mut table = Table::default();
    let of_bench = GROUPS.len();
    for (at, (name, measure)) in groups.enumerate() {
        let is_wanted = chosen.is_empty() && at < of_bench;
        if is_wanted || chosen.iter().any(|word| word == name) {
            eprintln!("measuring: {name}");
            measure(&place, &mut table);
        }
    }
    print!("{table}");
    if table.is_all_within() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
