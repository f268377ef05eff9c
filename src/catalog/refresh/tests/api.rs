//! The API of the official registry, followed from page to page and from time to time.

use super::server::{Act, Server, item, list};
use super::*;

#[tokio::test]
async fn an_api_is_followed_from_page_to_page_and_then_by_what_changed() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![
        list(
            &[
                item("one", "1.0.0", 1, "active"),
                item("one", "1.1.0", 2, "active"),
            ],
            Some("a.b/one:1.1.0"),
        ),
        list(&[item("two", "1.0.0", 3, "active")], None),
        list(
            &[
                item("one", "1.1.0", 4, "deleted"),
                item("two", "1.0.0", 5, "deleted"),
                item("three", "1.0.0", 6, "active"),
            ],
            None,
        ),
    ])
    .await;
    let refresh = refresh(
        cache.path(),
        &format!("official = {{ url = '{}', enabled = true }}", server.url),
    );
    let reports = run(&refresh, false).await;
    assert_eq!(
        (
            report(&reports, "official").entries,
            &report(&reports, "official").last_error
        ),
        (2, &None)
    );
    assert_eq!(names(&refresh.store, "official"), ["one", "two"]);
    // Nothing is asked before its time.
    run(&refresh, false).await;
    assert_eq!(server.asked().len(), 2);
    run(&refresh, true).await;
    let asked = server.asked();
    assert_eq!(asked[0], "GET /v0.1/servers?limit=100 HTTP/1.1");
    assert!(asked[1].contains("cursor=a.b%2Fone%3A1.1.0"), "{asked:?}");
    assert!(
        asked[2].contains("updated_since=2025-01-02T23%3A50%3A00Z"),
        "{asked:?}"
    );
    // What was deleted is gone at once, and the version before is back.
    assert_eq!(names(&refresh.store, "official"), ["one", "three"]);
    let Resolution::Found(one) = refresh
        .store
        .open()
        .unwrap()
        .find("official:a.b/one")
        .unwrap()
    else {
        panic!("a.b/one")
    };
    assert_eq!(one.entry.version.as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn a_walk_that_was_cut_off_goes_on_where_it_ended() {
    let cache = tempfile::tempdir().unwrap();
    let cut = Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"servers\": [".to_vec());
    let server = Server::start(vec![
        list(&[item("one", "1.0.0", 1, "active")], Some("first")),
        cut.clone(),
        cut.clone(),
        cut,
        list(&[item("two", "1.0.0", 2, "active")], None),
    ])
    .await;
    let refresh = refresh(
        cache.path(),
        &format!("official = {{ url = '{}', enabled = true }}", server.url),
    );
    let reports = run(&refresh, false).await;
    assert!(
        report(&reports, "official")
            .last_error
            .as_deref()
            .is_some_and(|error| error.contains("does not answer")),
        "{reports:?}"
    );
    let reports = run(&refresh, false).await;
    assert_eq!(report(&reports, "official").entries, 2, "{reports:?}");
    assert!(server.asked()[4].contains("cursor=first"));
}

#[tokio::test]
async fn what_was_deleted_stays_so() {
    let cache = tempfile::tempdir().unwrap();
    let gone = || item("gone", "1.0.0", 3, "deleted");
    let server = Server::start(vec![
        list(
            &[
                item("gone", "1.0.0", 1, "active"),
                item("left", "1.0.0", 2, "active"),
            ],
            None,
        ),
        list(&[gone()], None),
        // Nothing but what is asked for again to be on the safe side.
        list(&[gone()], None),
        list(&[item("new", "1.0.0", 4, "active")], None),
        list(&[], None),
    ])
    .await;
    let refresh = refresh(
        cache.path(),
        &format!("official = {{ url = '{}', enabled = true }}", server.url),
    );
    run(&refresh, true).await;
    assert_eq!(names(&refresh.store, "official"), ["gone", "left"]);
    for _ in 0..2 {
        run(&refresh, true).await;
        assert_eq!(names(&refresh.store, "official"), ["left"]);
        let found = refresh.store.open().unwrap().find("official:a.b/gone");
        assert!(matches!(found.unwrap(), Resolution::Unknown(_)));
    }
    for _ in 0..2 {
        run(&refresh, true).await;
        assert_eq!(names(&refresh.store, "official"), ["left", "new"]);
    }
    assert!(server.asked()[3].contains("updated_since=2025-01-02T23%3A50"));
}

#[tokio::test]
async fn what_changes_while_pages_are_read_is_not_missed() {
    let cache = tempfile::tempdir().unwrap();
    // The last page has something that was published after the first one was read.
    let later = item("later", "1.0.0", 1, "active").replace("2025-01-01", "2099-01-01");
    let server = Server::start(vec![
        list(&[item("one", "1.0.0", 1, "active")], Some("x")),
        list(&[later], None),
        list(&[item("one", "1.0.0", 1, "deleted")], None),
    ])
    .await;
    let refresh = refresh(
        cache.path(),
        &format!("official = {{ url = '{}', enabled = true }}", server.url),
    );
    let begun = Timestamp::now();
    run(&refresh, true).await;
    run(&refresh, true).await;
    assert_eq!(names(&refresh.store, "official"), ["later"]);
    let asked = server.asked();
    let since = asked[2].split("updated_since=").nth(1).unwrap();
    let since = since.split([' ', '&']).next().unwrap().replace("%3A", ":");
    let since: Timestamp = since.parse().unwrap();
    assert!(since < begun, "{since}");
}
