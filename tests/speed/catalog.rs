//! How fast the catalog is, on the real data and on it multiplied: the group `catalog` of `tests/bench`.
//!
//! It needs the library and the data that lies beside the project's folder, but no machine; the other groups need the
//! machine, and nothing else. The table is the same.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a program for developers: what cannot be measured ends it, with where and why"
)]

mod copies;
#[allow(dead_code, reason = "the other groups compare")]
mod table;

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use mcpod::catalog::refresh::{Limits, Refresh};
use mcpod::catalog::{Query, Store};
use rustix::event::{PollFd, PollFlags, poll};
use table::{Bound, Line, Samples, Table, Unit};

/// What people and agents ask.
const QUERIES: [&str; 12] = [
    "postgres",
    "query a postgres database",
    "send slack message",
    "browser automation",
    "kuberntes",
    "get the weather forecast",
    "read and write local files",
    "ela",
    "search github issues and pull requests",
    "data",
    "scan code for security vulnerabilities",
    "find cheap flights and book a hotel",
];

/// How many samples a line has that says nothing else.
const SAMPLES: usize = 200;

/// What is promised of a size of the catalog.
struct Size {
    /// How many times the data, which is 9,300 servers.
    copies: usize,
    /// How often all of it is read and indexed.
    samples: usize,
    whole: Vec<Bound>,
    unchanged: Vec<Bound>,
    query: Vec<Bound>,
    cold: Vec<Bound>,
}

/// What a search has in memory at most, in bytes.
const MEMORY: f64 = 16e6;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let samples = samples();
    let data = copies::unpacked();
    let mut table = Table::default();
    for size in [
        Size {
            copies: 1,
            samples: 10,
            whole: vec![Bound::Most(1.5)],
            unchanged: vec![Bound::Most(0.3)],
            query: vec![Bound::Most(0.5e-3), Bound::Slowest(2e-3)],
            cold: vec![Bound::Most(4e-3)],
        },
        Size {
            copies: 11,
            samples: 2,
            whole: Vec::new(),
            unchanged: Vec::new(),
            query: vec![Bound::Slowest(8e-3)],
            cold: vec![Bound::Most(6e-3)],
        },
    ] {
        measure(data.path(), &size, samples, &mut table).await;
    }
    print!("{table}");
    if table.is_all_within() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// How many samples are asked for with `--samples N`. Cargo adds words of its own.
fn samples() -> usize {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|word| word == "--samples");
    at.map_or(SAMPLES, |at| words.get(at + 1).unwrap().parse().unwrap())
}

async fn measure(data: &Path, size: &Size, samples: usize, table: &mut Table) {
    eprintln!("measuring: catalog, {} times the data", size.copies);
    copies::multiply(data, size.copies);
    let home = tempfile::tempdir().unwrap();
    let cache = home.path().join(".cache");
    let refresh = Refresh {
        store: Store::below(&cache),
        sources: copies::sources(data, size.copies).sources(),
        limits: Limits::default(),
    };
    // The first time files are fetched, too.
    let mut whole = Vec::new();
    for time in 0..=size.samples {
        let fingerprint = cache.join("mcpod/catalog/sources/index.json");
        std::fs::remove_file(fingerprint).ok();
        let start = Instant::now();
        let reports = refresh.run(&[], true, |_| {}).await.unwrap();
        if time > 0 {
            whole.push(start.elapsed());
        }
        let failed = reports.iter().any(|report| report.last_error.is_some());
        assert!(!failed, "{reports:?}");
    }
    let mut unchanged = Vec::new();
    for _ in 0..size.samples * 2 {
        let start = Instant::now();
        refresh.run(&[], true, |_| {}).await.unwrap();
        unchanged.push(start.elapsed());
    }
    let catalog = Store::below(&cache).open().unwrap();
    let count = catalog.size();
    let mut line = |name: String, times: Vec<Duration>, bounds: &[Bound]| {
        let seconds = times.iter().map(Duration::as_secs_f64).collect();
        table.push(Line::new(name, Unit::Seconds, Samples::new(seconds)).bounds(bounds));
    };
    line(
        format!("refresh of {count}: all read and indexed"),
        whole,
        &size.whole,
    );
    line(
        format!("refresh of {count}: nothing new"),
        unchanged,
        &size.unchanged,
    );
    let mut times = Vec::new();
    for _ in 0..samples {
        for text in QUERIES {
            let query = Query {
                text,
                ..Query::default()
            };
            let start = Instant::now();
            let answer = catalog.search(&query).unwrap();
            times.push(start.elapsed());
            assert!(!answer.hits.is_empty(), "{text}");
        }
    }
    line(format!("query of {count}, in process"), times, &size.query);
    let times = (0..samples).map(|_| start(home.path())).collect();
    line(
        format!("mcpod search postgres --json of {count}"),
        times,
        &size.cold,
    );
    let memory = (0..5).map(|_| memory(home.path())).collect();
    let memory = Line::new("  its memory", Unit::Bytes, Samples::new(memory));
    table.push(memory.bounds([Bound::Most(MEMORY)]));
}

fn search(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpod"));
    command
        .args(["search", "postgres", "--json"])
        .env_clear()
        .env("HOME", home)
        .stdin(Stdio::null());
    command
}

/// How long one search takes as a user starts it.
fn start(home: &Path) -> Duration {
    let mut command = search(home);
    command.stdout(Stdio::null());
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed()
}

/// The most memory that such a search has resident, in bytes.
///
/// It is looked at while the search waits to get rid of its answer, which is longer than its pipe: the kernel's own record for
/// a child that has ended (getrusage(2)) begins with what its parent had.
fn memory(home: &Path) -> f64 {
    let (mut answer, written) = std::io::pipe().unwrap();
    // Before anything is in it, which might be more than that.
    rustix::pipe::fcntl_setpipe_size(&answer, 4096).unwrap();
    let mut child = search(home).stdout(written).spawn().unwrap();
    poll(&mut [PollFd::new(&answer, PollFlags::IN)], None).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kilobytes: u32 = line.trim().trim_end_matches(" kB").parse().unwrap();
    let mut text = String::new();
    answer.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success() && text.len() > 4096);
    f64::from(kilobytes) * 1024.0
}
