//! A hundred active servers: what runs, and how quick commands are then.

use std::process::Command;

use crate::active::Active;
use crate::image::ECHO;
use crate::place::Place;
use crate::process::time;
use crate::table::{Bound, Line, Samples, Table, Unit};

const SERVERS: usize = 100;

/// What `mcpod list` may take, in seconds.
const LIST: Bound = Bound::Most(0.020);

/// An add and its removal take seconds, and `status` asks about each server.
const PART: usize = 20;

pub(crate) fn measure(place: &Place, table: &mut Table) {
    // Once with a container, so that what Podman leaves running for good is there already.
    drop(Active::add(place, ECHO, "first"));
    place.quiet(0);
    let before = place.processes();

    let mcpod = |words: &[&str]| time(Command::new(&place.mcpod).args(words));
    let names: Vec<String> = (0..SERVERS)
        .map(|number| format!("many-{number}"))
        .collect();
    let adds: Vec<f64> = names
        .iter()
        .map(|name| mcpod(&["add", ECHO, "--no-probe", "--name", name]))
        .collect();
    let line = |what: &str, times| {
        Line::new(
            format!("100 servers: {what}"),
            Unit::Seconds,
            Samples::new(times),
        )
    };
    table.push(line(
        "mcpod add --no-probe, all of them",
        vec![adds.iter().sum()],
    ));
    table.push(line("mcpod add --no-probe, each", adds));

    place.quiet(0);
    let running = place.processes().len() - before.len();
    table.push(
        Line::new(
            "100 servers: processes, without clients",
            Unit::Number,
            Samples::new(vec![u32::try_from(running).unwrap().into()]),
        )
        .bounds([Bound::Most(0.0)]),
    );

    let mut systemctl = Vec::new();
    let mut list = Vec::new();
    let mut json = Vec::new();
    let mut status = Vec::new();
    for round in 0..place.samples {
        let units = [
            "--user",
            "list-units",
            "--all",
            "mcpod-*.socket",
            "mcpod-*@*.service",
        ];
        systemctl.push(time(Command::new("systemctl").args(units)));
        list.push(mcpod(&["list"]));
        json.push(mcpod(&["list", "--json"]));
        if round < place.samples_by(PART) {
            status.push(mcpod(&["status"]));
        }
    }
    let systemctl = Samples::new(systemctl);
    table.push(Line::new(
        "100 servers: systemctl --user list-units",
        Unit::Seconds,
        systemctl.clone(),
    ));
    table.push(line("mcpod list", list).against(&systemctl).bounds([LIST]));
    table.push(line("mcpod list --json", json).bounds([LIST]));
    table.push(line("mcpod status", status));

    let one_more: Vec<f64> = (0..place.samples_by(PART))
        .map(|_| {
            let seconds = mcpod(&["add", ECHO, "--name", "one-more"]);
            mcpod(&["remove", "one-more"]);
            place.quiet(0);
            seconds
        })
        .collect();
    table.push(line("mcpod add of one more", one_more));
    let removes = names.iter().map(|name| mcpod(&["remove", name])).collect();
    table.push(line("mcpod remove, each", removes));
}
