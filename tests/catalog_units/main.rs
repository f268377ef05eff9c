//! Every server of the real catalogs that can be run here, made into unit files and shown to Quadlet: all are taken, none is
//! dropped.
//!
//! The data lies beside the project's folder, in `shared/data`. Quadlet is that of the test machine, which need not be up; with
//! `QUADLET_TREES=DIR:DIR` it is that of other Debian trees. `tests/catalog_units/run` has a newer one too.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failing unwrap is a failing test, and its report is what this one is for"
)]

mod quadlet;
mod shared;
#[path = "../shared_data/mod.rs"]
mod shared_data;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mcpod::activation::build::{Build, Source};
use mcpod::activation::bundle::Manifest;
use mcpod::activation::choices::Choices;
use mcpod::activation::plan::{Origin, Plan, PlanError};
use mcpod::activation::units;
use mcpod::catalog::source::{docker::Folder, list::File};
use mcpod::catalog::{Artifact, Input, InputKind, LaunchOption, Run, Transport, Trust};
use mcpod::image::Pinned;
use mcpod::quadlet::error::ValueError;
use mcpod::quadlet::name::ServerName;
use mcpod::quadlet::value::Assignment;
use mcpod::quadlet::version::PodmanVersion;
use mcpod::secret::Secret;
use mcpod::settings::Settings;
use mcpod::unit_dir::Place;

use quadlet::{Files, Quadlet};

/// What became of the options of one kind.
type Counts = BTreeMap<String, usize>;

/// What came of all options, by kind, counted when this was written. Whoever adds a kind sees it here.
const EXPECTED: &str = include_str!("counts");

#[test]
#[ignore = "reads ../shared/data"]
fn quadlet_takes_every_server_of_shared_data() {
    let mut counts = Counts::new();
    let mut files = Files::new();
    for (number, (source, option)) in (1..).zip(shared::options()) {
        let kind = format!("{source} {}", kind(&option));
        for (variant, all) in [("all", true), ("few", false)] {
            let name: ServerName = format!("s{number}-{variant}").parse().unwrap();
            let outcome = match plan(&option, name, all) {
                Ok(plan) => match write(&plan, &mut files) {
                    Ok(()) => "taken".to_owned(),
                    Err(error) => format!("refused, {error}"),
                },
                Err(error) => refusal(&error),
            };
            *counts
                .entry(format!("{kind}, {variant} inputs: {outcome}"))
                .or_default() += 1;
        }
    }
    for quadlet in Quadlet::all() {
        let report = quadlet.dry_run(&files);
        println!(
            "Quadlet {}: {} files, {} services",
            quadlet.version,
            files.services.len(),
            report.services.len()
        );
        let dropped: Vec<&String> = files.services.difference(&report.services).collect();
        assert!(
            dropped.is_empty() && report.complaints.is_empty(),
            "dropped: {dropped:#?}, {:#?}",
            report.complaints
        );
        assert_eq!(report.services, files.services);
    }
    let mut text = String::new();
    for (what, count) in &counts {
        writeln!(text, "{count:5} {what}").unwrap();
    }
    println!("{text}");
    assert_eq!(text, EXPECTED, "tests/catalog_units/counts says otherwise");
}

/// What is run, how it is spoken to, and whether that was only guessed.
fn kind(option: &LaunchOption) -> String {
    let transport = match &option.run {
        Run::Local(local) if local.transport != Transport::Stdio => " over HTTP",
        _ => "",
    };
    let guessed = if option.trust == Trust::Declared {
        ""
    } else {
        " (guessed)"
    };
    format!("{}{transport}{guessed}", option.kind())
}

/// Why an option is none that can be run, in few words.
fn refusal(error: &PlanError) -> String {
    let text = match error {
        PlanError::NotRunnable { .. } => "no way to run it",
        PlanError::Needs { what, .. } => what.split(" with ").next().unwrap(),
        // Anything else is a mistake, ours or the entry's, and stands in the list by itself.
        other => return other.to_string(),
    };
    format!("refused, {text}")
}

/// How an option would run with made-up values of its inputs: of all, or of those that it cannot do without.
fn plan(option: &LaunchOption, name: ServerName, all: bool) -> Result<Plan, PlanError> {
    let mut choices = Choices::default();
    let wanted = option
        .inputs
        .iter()
        .filter(|input| all || input.required || input.kind == InputKind::Path);
    for input in wanted {
        let path = input.path.to_string();
        if input.secret {
            choices
                .secrets
                .insert(path, Some(Secret::from("s e'c\"r\\e%t$")));
            continue;
        }
        let count = if input.many { 2 } else { 1 };
        for number in 1..=count {
            let value = value(input, number);
            choices.inputs.push(Assignment::new(&path, value));
        }
    }
    let mut settings = Settings::default();
    settings.build.ca_bundle = Some("/etc/ssl/certs/ca-certificates.crt".to_owned());
    let options = std::slice::from_ref(option);
    let mut plan = Plan::new("a:server", options, name, &choices, &settings)?;
    if let Origin::Build(build) = &mut plan.origin {
        settle(build, option, &settings)?;
    }
    Ok(plan)
}

/// Decides what is known of a build when its repository or its bundle was looked at, as if it were as its entry says.
fn settle(build: &mut Build, option: &LaunchOption, settings: &Settings) -> Result<(), PlanError> {
    match &build.source {
        Source::Package(_) => Ok(()),
        Source::Bundle(_) => {
            let manifest = br#"{"server": {"type": "node", "entry_point": "index.js"}}"#;
            let manifest = Manifest::parse(manifest).unwrap();
            let settled = build.settle_on_bundle(&manifest, "/x/bundle", &settings.build);
            Ok(settled?)
        }
        Source::Repository(repository) => {
            let named = match &option.run {
                Run::Local(local) => match &local.artifact {
                    Artifact::Git(git) => git.dockerfile.clone(),
                    _ => None,
                },
                Run::Remote(_) => None,
            };
            let own = named.map_or("Dockerfile".to_owned(), |named| named.to_string());
            let commit = "0123456789abcdef0123456789abcdef01234567";
            let found = repository.found(commit, &[own.trim_start_matches("./").to_owned()]);
            build.settle_on(found?, &settings.build);
            Ok(())
        }
    }
}

/// A value that an input takes; where it takes any text, one that is hard to write down.
fn value(input: &Input, number: usize) -> String {
    if let Some(choice) = input.choices.get(number - 1).or(input.choices.first()) {
        return choice.clone();
    }
    match input.kind {
        InputKind::Text => {
            let text = format!("a \"b\" 'c' \\ %d $e é #{number}");
            match &input.pattern {
                Some(pattern) if !pattern.fits(&text) => format!("https://{text}"),
                _ => text,
            }
        }
        InputKind::Number => format!("{number}.5"),
        InputKind::Integer => number.to_string(),
        InputKind::Boolean => "true".to_owned(),
        InputKind::Path => format!("/srv/a b%c$d/{number}"),
    }
}

/// Writes the files that Quadlet reads of a plan, and notes the services that are to come of them.
fn write(plan: &Plan, files: &mut Files) -> Result<(), ValueError> {
    let name = &plan.name;
    let pinned = match &plan.origin {
        Origin::Image(image) => {
            let digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
            Some(Pinned::Fetched(image.pinned(&digest)))
        }
        Origin::Build(build) => {
            let recipe = format!("/x/{}", name.recipe_file());
            let settings = &Settings::default().build;
            let unit = units::build(name, build, &recipe, settings)?;
            unit.check(PodmanVersion::FLOOR).unwrap();
            files.add(
                &name.build_file(),
                &unit.to_string(),
                name.build_unit().as_str(),
            );
            build.containerfile().unwrap();
            None
        }
        Origin::Tools(_) | Origin::Command(_) | Origin::Remote(_) => None,
    };
    for (path, unit) in units::behind(plan, pinned.as_ref(), "/usr/bin/mcpod")? {
        unit.check(PodmanVersion::FLOOR).unwrap();
        // The others are systemd's own.
        if path.place == Place::Quadlet {
            let service = match path.file.rsplit_once('.').unwrap() {
                (stem, "container") => format!("{stem}.service"),
                (stem, kind) => format!("{stem}-{kind}.service"),
            };
            files.add(&path.file, &unit.to_string(), &service);
        }
    }
    Ok(())
}
