//! How fast the catalog is, on the real data and on it multiplied.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mcpod::catalog::refresh::{Limits, Refresh};
use mcpod::catalog::{Query, Store};
use rustix::event::{PollFd, PollFlags, poll};

use super::data;
use super::table::Table;

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

/// How often the program is started.
const STARTS: usize = 300;

/// What may be at most.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    /// From files that were fetched to the index in use.
    pub(super) whole: Option<Duration>,
    /// A refresh that finds nothing new.
    pub(super) unchanged: Option<Duration>,
    /// One query, at the median.
    pub(super) query: Option<Duration>,
    /// One query, at the 99th percentile.
    pub(super) slow_query: Option<Duration>,
    /// The program from its start to its end, with one query.
    pub(super) cold: Option<Duration>,
    /// What it has in memory then, in bytes.
    pub(super) memory: u64,
}

/// Measures the catalog with so many copies of the data in a folder.
pub(super) async fn measure(data: &Path, copies: usize, bounds: Bounds, table: &mut Table) {
    data::multiply(data, copies);
    let home = tempfile::tempdir().unwrap();
    let cache = home.path().join(".cache");
    let refresh = Refresh {
        store: Store::below(&cache),
        sources: data::sources(data, copies).sources(),
        limits: Limits::default(),
    };
    let mut whole = Vec::new();
    for time in 0..if copies == 1 { 6 } else { 2 } {
        let fingerprint = cache.join("mcpod/catalog/sources/index.json");
        std::fs::remove_file(fingerprint).ok();
        let start = Instant::now();
        let reports = refresh.run(&[], true, |_| {}).await.unwrap();
        // The first time files are fetched, too.
        if time > 0 {
            whole.push(start.elapsed());
        }
        let failed = reports.iter().any(|report| report.last_error.is_some());
        assert!(!failed, "{reports:?}");
    }
    let mut unchanged = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        refresh.run(&[], true, |_| {}).await.unwrap();
        unchanged.push(start.elapsed());
    }
    let catalog = Store::below(&cache).open().unwrap();
    let size = catalog.size();
    table.times(
        &format!("refresh of {size}, all read and indexed"),
        whole,
        bounds.whole,
        None,
    );
    table.times(
        &format!("refresh of {size}, nothing new"),
        unchanged,
        bounds.unchanged,
        None,
    );
    let mut times = Vec::new();
    for _ in 0..50 {
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
    table.times(
        &format!("query of {size}, in process"),
        times,
        bounds.query,
        bounds.slow_query,
    );
    let times = (0..STARTS).map(|_| start(home.path())).collect();
    table.times(
        &format!("mcpod search postgres --json, of {size}"),
        times,
        bounds.cold,
        None,
    );
    table.memory("  its memory", memory(home.path()), bounds.memory);
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
fn memory(home: &Path) -> u64 {
    let mut child = search(home).stdout(Stdio::piped()).spawn().unwrap();
    let mut answer = child.stdout.take().unwrap();
    rustix::pipe::fcntl_setpipe_size(&answer, 4096).unwrap();
    poll(&mut [PollFd::new(&answer, PollFlags::IN)], None).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    let mut text = String::new();
    answer.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success() && text.len() > 4096);
    kilobytes * 1024
}
