//! How fast the catalog is, on the real data and on it multiplied.
//!
//! `measure(copies)` builds an index of the real catalogs, as often as said, and asks it real questions. Its numbers mean
//! something in a release build only.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use mcpod::catalog::refresh::{Limits, Refresh, SourcesFile};
use mcpod::catalog::{Query, Store};

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

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// Servers in the index.
    pub(super) servers: usize,
    /// From files that were fetched to the index in use.
    pub(super) refresh: Duration,
    /// A refresh that finds nothing new.
    pub(super) unchanged: Duration,
    /// One query, in the middle.
    pub(super) median: Duration,
    /// One query, of a hundred the slowest but one.
    pub(super) slow: Duration,
}

/// Measures the catalog with each source as often as said, from folders below `data` (the unpacked archive of sources).
pub(super) async fn measure(data: &Path, copies: usize) -> Measured {
    let cache = tempfile::tempdir().unwrap();
    let refresh = Refresh {
        store: Store::below(cache.path()),
        sources: sources(data, copies).sources(),
        limits: Limits::default(),
    };
    let start = Instant::now();
    let reports = refresh.run(&[], true, |_| {}).await.unwrap();
    let whole = start.elapsed();
    assert!(
        reports.iter().all(|report| report.last_error.is_none()),
        "{reports:?}"
    );
    let start = Instant::now();
    refresh.run(&[], true, |_| {}).await.unwrap();
    let unchanged = start.elapsed();
    let catalog = Store::below(cache.path()).open().unwrap();
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
    times.sort();
    Measured {
        servers: catalog.size(),
        refresh: whole,
        unchanged,
        median: times[times.len() / 2],
        slow: times[times.len() * 99 / 100],
    }
}

/// The real sources from folders; further copies are sources of the user's own.
fn sources(data: &Path, copies: usize) -> SourcesFile {
    let at = |folder: &str| data.join(folder).display().to_string();
    let (docker, official, awesome) = (
        at("docker-mcp-registry"),
        at("official-registry/all"),
        at("awesome-mcp-servers"),
    );
    let mut text = format!(
        "docker.url = '{docker}'\nofficial.url = '{official}'\nawesome.url = '{awesome}'\n"
    );
    for copy in 1..copies {
        for (kind, url) in [
            ("docker", &docker),
            ("official", &official),
            ("list", &awesome),
        ] {
            text = format!(
                "{text}[[extra]]\nname = '{kind}-{copy}'\nkind = '{kind}'\nurl = '{url}'\n"
            );
        }
    }
    toml::from_str(&text).unwrap()
}

/// Unpacks the archive of sources, if it is there.
pub(super) fn unpacked() -> Option<tempfile::TempDir> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|above| above.join("shared/data/catalog-sources.tar.zst"))
        .find(|path| path.exists())?;
    let folder = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("tar")
        .arg("--zstd")
        .arg("-xf")
        .arg(fs::canonicalize(archive).unwrap())
        .arg("-C")
        .arg(folder.path())
        .status();
    assert!(
        status.unwrap().success(),
        "tar cannot read the archive: is zstd installed?"
    );
    Some(folder)
}
