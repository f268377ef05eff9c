//! Sources that are really fetched: repositories over git's own protocol, an API and files over HTTP from a server that
//! misbehaves on demand.

mod address;
mod api;
mod folders;
mod hostile;
mod interrupted;
mod repository;
mod server;
mod site;
mod web;

use std::time::Duration;

use self::server::{Server, item, list};
use super::*;
use crate::catalog::{Catalog, Query, Resolution, shared_data};

fn limits() -> Limits {
    Limits {
        answer: 100_000,
        backoff: Duration::from_millis(1),
        pause: Duration::ZERO,
        attempts: 3,
        retry: Duration::ZERO,
        request: Duration::from_secs(10),
        ..Limits::default()
    }
}

/// A refresh of sources given as TOML, below a folder.
fn refresh(cache: &Path, sources: &str) -> Refresh {
    let mut file: SourcesFile = ::toml::from_str(
        "docker.enabled = false\nofficial.enabled = false\nawesome.enabled = false",
    )
    .unwrap();
    file.merge(::toml::from_str(sources).unwrap());
    Refresh {
        store: Store::below(cache),
        sources: file.sources(),
        limits: limits(),
    }
}

async fn run(refresh: &Refresh, force: bool) -> Vec<Report> {
    refresh.run(&[], force, |_| {}).await.unwrap()
}

#[track_caller]
fn report<'a>(reports: &'a [Report], name: &str) -> &'a Report {
    reports.iter().find(|report| report.name == name).unwrap()
}

fn names(store: &Store, source: &str) -> Vec<String> {
    let query = Query {
        filters: crate::catalog::Filters {
            sources: vec![source.to_owned()],
            ..Default::default()
        },
        limit: 100,
        ..Query::default()
    };
    let hits = store.open().unwrap().search(&query).unwrap().hits;
    let mut names: Vec<String> = hits.iter().map(|hit| hit.name.to_string()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn two_refreshes_at_once_do_the_work_once() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![list(&[item("one", "1.0.0", 1, "active")], None)]).await;
    let refresh = refresh(
        cache.path(),
        &format!("official = {{ url = '{}', enabled = true }}", server.url),
    );
    let (first, second) = tokio::join!(run(&refresh, true), run(&refresh, true));
    assert_eq!(
        (
            report(&first, "official").entries,
            report(&second, "official").entries
        ),
        (1, 1)
    );
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn names_must_be_those_of_sources_in_force() {
    let cache = tempfile::tempdir().unwrap();
    let refresh = refresh(cache.path(), "");
    let ask = |name: &str| vec![name.to_owned()];
    assert!(matches!(
        refresh.run(&ask("nothing"), false, |_| {}).await,
        Err(RefreshError::NoSuchSource { .. })
    ));
    assert!(matches!(
        refresh.run(&ask("docker"), false, |_| {}).await,
        Err(RefreshError::Disabled { .. })
    ));
}

/// All of the real data from folders; counts are those of the sources' own tests.
#[tokio::test]
#[ignore = "reads ../shared/data"]
async fn the_real_sources_of_shared_data_fill_the_catalog() {
    let unpacked = shared_data::unpacked();
    let cache = tempfile::tempdir().unwrap();
    let folder = |path: &str| unpacked.path().join(path).display().to_string();
    let sources = format!(
        "docker = {{ url = '{}', enabled = true }}\nofficial = {{ url = '{}', enabled = true }}\nawesome = {{ url = '{}', enabled = true }}",
        folder("docker-mcp-registry"),
        folder("official-registry/all"),
        folder("awesome-mcp-servers"),
    );
    let refresh = refresh(cache.path(), &sources);
    let reports = run(&refresh, false).await;
    let entries: Vec<_> = reports
        .iter()
        .map(|report| (report.name.as_str(), report.entries, report.refused.len()))
        .collect();
    assert_eq!(
        entries[1..4],
        [
            ("docker", 328, 0),
            ("official", 1108, 0),
            ("awesome", 7798, 1)
        ]
    );
    let catalog: Catalog = refresh.store.open().unwrap();
    assert!(
        catalog.size() > 8_800 && catalog.size() < 9_278,
        "{}",
        catalog.size()
    );
    for id in [
        "docker:time",
        "builtin:time",
        "awesome:makenotion/notion-mcp-server",
    ] {
        assert!(
            matches!(catalog.find(id).unwrap(), Resolution::Found(_)),
            "{id}"
        );
    }
}
