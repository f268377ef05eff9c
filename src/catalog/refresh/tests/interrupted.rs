//! Refreshes that are killed or run out of time: what was fetched is not fetched again, and nothing is lost.
//!
//! What a kill leaves is made by putting back what lay in the source's folder at a moment before.

use std::fs;
use std::path::PathBuf;

use jiff::SignedDuration;

use super::server::{Act, Server, item, list};
use super::*;

/// Everything in a source's folder.
#[derive(Clone)]
struct Snapshot(Vec<(PathBuf, Vec<u8>)>);

impl Snapshot {
    fn of(folder: &Path) -> Self {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        let files = files.map(|file| (file.path(), fs::read(file.path()).unwrap()));
        Self(files.collect())
    }

    /// Adds the files that are not there yet.
    fn with(mut self, other: &Self) -> Self {
        for (path, bytes) in &other.0 {
            if !self.0.iter().any(|(own, _)| own == path) {
                self.0.push((path.clone(), bytes.clone()));
            }
        }
        self
    }

    fn restore(&self, folder: &Path) {
        fs::remove_dir_all(folder).unwrap();
        fs::create_dir(folder).unwrap();
        for (path, bytes) in &self.0 {
            fs::write(path, bytes).unwrap();
        }
    }
}

fn pages() -> Vec<Act> {
    vec![
        list(&[item("one", "1.0.0", 1, "active")], Some("x")),
        list(&[item("two", "1.0.0", 2, "active")], Some("y")),
        list(&[item("three", "1.0.0", 3, "active")], None),
    ]
}

const ALL: [&str; 3] = ["one", "three", "two"];

/// Walks through the pages of a server; how the source's folder was after each of them.
async fn walked(cache: &Path, server: &Server, folder: &Path) -> (Refresh, Vec<Snapshot>) {
    let refresh = refresh(
        cache,
        &format!("official = {{ url = '{}', enabled = true }}", server.url),
    );
    let mut moments = Vec::new();
    let told = |event: Event<'_>| {
        if matches!(event, Event::Received(..)) {
            moments.push(Snapshot::of(folder));
        }
    };
    refresh.run(&[], false, told).await.unwrap();
    (refresh, moments)
}

#[tokio::test]
async fn a_walk_that_is_killed_anywhere_loses_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let folder = Store::below(cache.path()).source("official");
    let index = Store::below(cache.path()).source("index.json");
    // Every page may be asked for again once for each of the kills below.
    let acts: Vec<Act> = pages();
    let last = acts[2].clone();
    let server = Server::start([acts, vec![last; 8]].concat()).await;
    let (refresh, moments) = walked(cache.path(), &server, &folder).await;
    let end = Snapshot::of(&folder);
    // The third page was written, and not yet remembered; then also the new items, but not what is remembered; then that,
    // but the walk was not cleared away.
    let page_read = moments[2].clone();
    let items_written = page_read.clone().with(&end);
    let not_cleared = end.with(&page_read);
    for (moment, pages) in [(page_read, 1), (items_written, 1), (not_cleared, 1)] {
        let asked = server.asked().len();
        moment.restore(&folder);
        fs::remove_file(&index).ok();
        let reports = run(&refresh, true).await;
        assert_eq!(report(&reports, "official").last_error, None);
        assert_eq!(names(&refresh.store, "official"), ALL);
        assert_eq!(server.asked().len() - asked, pages);
        let left: Vec<PathBuf> = Snapshot::of(&folder)
            .0
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(
            left.len(),
            2,
            "the items in use and what is remembered: {left:?}"
        );
    }
}

#[tokio::test]
async fn a_walk_whose_pages_are_gone_begins_anew() {
    let cache = tempfile::tempdir().unwrap();
    let folder = Store::below(cache.path()).source("official");
    let server = Server::start([pages(), pages()].concat()).await;
    let (refresh, moments) = walked(cache.path(), &server, &folder).await;
    moments[2].restore(&folder);
    fs::write(folder.join("walk.json-seq"), "").unwrap();
    run(&refresh, true).await;
    assert_eq!(names(&refresh.store, "official"), ALL);
    assert!(!server.asked()[3].contains("cursor"));
}

#[tokio::test]
async fn pages_that_came_before_the_time_was_up_are_kept() {
    let cache = tempfile::tempdir().unwrap();
    let [first, second, third] = <[Act; 3]>::try_from(pages()).ok().unwrap();
    let server = Server::start(vec![first, second, Act::Wait, third]).await;
    let mut refresh = refresh(
        cache.path(),
        &format!("official = {{ url = '{}', enabled = true }}", server.url),
    );
    refresh.limits.time = Duration::from_millis(300);
    let reports = run(&refresh, false).await;
    let error = report(&reports, "official").last_error.clone().unwrap();
    assert!(error.contains("takes longer than"), "{error}");
    assert_eq!(report(&reports, "official").entries, 0);
    refresh.limits.time = Duration::from_secs(20);
    run(&refresh, false).await;
    assert_eq!(names(&refresh.store, "official"), ALL);
    assert!(server.asked()[3].contains("cursor=y"));
}

#[tokio::test]
async fn a_walk_is_gone_on_with_for_as_long_as_a_whole_copy_would_last() {
    for (days, is_continued) in [(5, true), (8, false)] {
        let cache = tempfile::tempdir().unwrap();
        let store = Store::below(cache.path());
        let server = Server::start([pages(), pages()].concat()).await;
        let mut refresh = refresh(
            cache.path(),
            &format!("official = {{ url = '{}', enabled = true }}", server.url),
        );
        let folder = store.source("official");
        let mut moments = Vec::new();
        let told = |event: Event<'_>| {
            if matches!(event, Event::Received(..)) {
                moments.push(Snapshot::of(&folder));
            }
        };
        refresh.run(&[], false, told).await.unwrap();
        moments[2].restore(&folder);
        let mut state = state::State::load(&folder, &refresh.sources[1].origin());
        assert_eq!(refresh.sources[1].name, "official");
        let walk = state.api.walk.as_mut().unwrap();
        walk.begun_at -= SignedDuration::from_hours(24 * days);
        state.save(&folder).unwrap();
        refresh.limits.full_pass = Duration::from_hours(7 * 24);
        run(&refresh, true).await;
        assert_eq!(
            server.asked()[3].contains("cursor=y"),
            is_continued,
            "{days}"
        );
    }
}

#[tokio::test]
async fn a_place_that_the_server_does_not_know_any_more_is_given_up() {
    let cache = tempfile::tempdir().unwrap();
    let [first, ..] = <[Act; 3]>::try_from(pages()).ok().unwrap();
    let gone = server::say("400 Bad Request", "", b"");
    let server = Server::start([vec![first, gone], pages()].concat()).await;
    let refresh = refresh(
        cache.path(),
        &format!("official = {{ url = '{}', enabled = true }}", server.url),
    );
    for _ in 0..2 {
        run(&refresh, true).await;
    }
    assert!(!server.asked()[2].contains("cursor"));
    assert_eq!(names(&refresh.store, "official"), ALL);
}
