//! How good the search is: queries as an agent would write them, over the real data of docker, awesome and builtin.
//!
//! The data lies beside the project's folder, in `shared/data`; tests/run measures where it is there. `QUERIES=FILE`
//! measures another list of the same form. `cargo test --test search_quality -- --ignored --nocapture` shows every query.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failing unwrap is a failing test, and its report is what this one is for"
)]

#[path = "../shared_data/mod.rs"]
mod shared_data;

use std::fs;
use std::path::PathBuf;

use mcpod::catalog::source::docker::Folder;
use mcpod::catalog::source::list::File;
use mcpod::catalog::source::{builtin, docker, list};
use mcpod::catalog::{Catalog, Query};
use regex_lite::Regex;
use serde::Deserialize;

/// How deep a result may lie and still be found.
const DEPTH: usize = 5;

#[derive(Deserialize)]
struct Questions {
    queries: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    query: String,
    kind: String,
    expect: Vec<String>,
}

/// Where an expected result lies in the answer, from 1.
fn place(catalog: &Catalog, question: &Question) -> (Option<usize>, Vec<String>) {
    let query = Query {
        text: &question.query,
        limit: DEPTH,
        ..Query::default()
    };
    let hits = catalog.search(&query).unwrap().hits;
    let names: Vec<String> = hits
        .iter()
        .map(|hit| format!("{}/{}", hit.id.source(), hit.id.native()).to_lowercase())
        .collect();
    let patterns: Vec<Regex> = question
        .expect
        .iter()
        .map(|pattern| Regex::new(pattern).unwrap())
        .collect();
    let is_expected = |name: &String| patterns.iter().any(|pattern| pattern.is_match(name));
    (names.iter().position(is_expected).map(|at| at + 1), names)
}

#[test]
#[ignore = "reads ../shared/data"]
fn what_is_meant_is_found_in_shared_data() {
    let catalog = catalog();
    let file = std::env::var_os("QUERIES").map_or_else(
        || shared_data::folder().join("search-queries.json"),
        PathBuf::from,
    );
    let Questions { queries } = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let mut found = 0;
    let mut first = 0;
    let mut reciprocal = 0.0;
    let mut missed_typos = Vec::new();
    for question in &queries {
        let (place, names) = place(&catalog, question);
        let shown = place.map_or("-".to_owned(), |place| place.to_string());
        println!("{shown:>2}  {:<50} {}", question.query, names.join("  "));
        found += usize::from(place.is_some());
        first += usize::from(place == Some(1));
        reciprocal += place.map_or(0.0, |place| 1.0 / f64::from(u32::try_from(place).unwrap()));
        if question.kind == "typo" && place.is_none() {
            missed_typos.push(&question.query);
        }
    }
    let all = queries.len();
    let share = |part: usize| {
        f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(all).unwrap())
    };
    println!(
        "recall@5 {:.2} ({found}/{all})  hit@1 {:.2} ({first}/{all})  MRR@5 {:.2}",
        share(found),
        share(first),
        reciprocal / f64::from(u32::try_from(all).unwrap())
    );
    if std::env::var_os("QUERIES").is_none() {
        assert!(
            found >= 17 && first >= 14,
            "{found} found, {first} first, of {all}"
        );
        assert!(missed_typos.is_empty(), "{missed_typos:?}");
    }
}

fn catalog() -> Catalog {
    let unpacked = shared_data::unpacked();
    let root = unpacked.path();
    let folders = shared_data::docker_folders(root);
    let mut pages = shared_data::files(&root.join("awesome-mcp-servers/docs"), "md");
    pages.extend(shared_data::files(&root.join("mcpservers.org"), "md"));
    let sidecars = shared_data::files(
        &root.join("awesome-mcp-servers/data/server-metadata"),
        "json",
    );
    Catalog::of(vec![
        docker::parse("docker", &folders).entries,
        builtin::parse().entries,
        list::parse("awesome", &pages, &sidecars).entries,
    ])
    .unwrap()
}
