//! The site: visited page by page, as its robots say.

use super::server::{Act, Server, say};
use super::*;

const ROBOTS: &[u8] = b"User-agent: *\nDisallow: /api/\nDisallow: /servers/secret";

fn robots() -> Act {
    say("200 OK", "", ROBOTS)
}

/// A sitemap of paths, each with when it was changed, if that is said.
fn sitemap(url: &str, pages: &[(&str, &str)]) -> Act {
    let pages = pages.iter().map(|(path, changed)| {
        let changed = match *changed {
            "" => String::new(),
            changed => format!("<lastmod>{changed}</lastmod>"),
        };
        let path = match path.strip_prefix('/') {
            Some(path) => format!("{url}/{path}"),
            None => (*path).to_owned(),
        };
        format!("<url><loc>{path}</loc>{changed}</url>")
    });
    let text = format!("<urlset>{}</urlset>", pages.collect::<String>());
    say("200 OK", "", text.as_bytes())
}

fn page(name: &str) -> Act {
    let html = format!("<main><h1>{name}</h1><p>Does {name}.</p></main>");
    say("200 OK", "", html.as_bytes())
}

fn of(cache: &Path, server: &Server) -> Refresh {
    let url = &server.url;
    refresh(
        cache,
        &format!("mcpservers = {{ url = '{url}', enabled = true }}"),
    )
}

async fn error(refresh: &Refresh) -> Option<String> {
    let reports = run(refresh, true).await;
    report(&reports, "mcpservers").last_error.clone()
}

/// The paths that were asked for.
fn paths(server: &Server) -> Vec<String> {
    let asked = server.asked().into_iter();
    let path = |line: String| line.split(' ').nth(1).map(str::to_owned);
    asked.filter_map(path).collect()
}

#[tokio::test]
async fn a_challenge_ends_a_visit_and_what_was_read_before_counts() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start_with(|url| {
        vec![
            robots(),
            sitemap(
                url,
                &[
                    ("/servers/a/b", "1"),
                    ("/servers/c", ""),
                    ("/servers/d", ""),
                ],
            ),
            page("B"),
            say("200 OK", "", b"<title>Just a moment...</title>"),
        ]
    })
    .await;
    let refresh = of(cache.path(), &server);
    let said = error(&refresh).await.unwrap();
    assert!(said.contains("challenge"), "{said}");
    assert_eq!(names(&refresh.store, "mcpservers"), ["B"]);
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_page_that_cannot_be_had_holds_up_no_other() {
    let cache = tempfile::tempdir().unwrap();
    let list = [
        ("/servers/a", "1"),
        ("/servers/b", "1"),
        ("/servers/c", "1"),
        ("/servers/secret", "1"),
        ("/api/servers/x", "1"),
        ("https://elsewhere.example/servers/y", "1"),
        ("/servers/z", "1"),
    ];
    let server = Server::start_with(|url| {
        vec![
            robots(),
            sitemap(url, &list),
            say("404 Not Found", "", b""),
            say("200 OK", "", b"<p>nothing that is known</p>"),
            page("C"),
            page("Z"),
            // The second time nothing of it is asked for again, and what is new is read.
            robots(),
            sitemap(url, &[&list[..], &[("/servers/new", "1")]].concat()),
            page("New"),
        ]
    })
    .await;
    let refresh = of(cache.path(), &server);
    assert_eq!(error(&refresh).await, None);
    assert_eq!(names(&refresh.store, "mcpservers"), ["C", "Z"]);
    let reports = refresh.reports();
    let refused: Vec<String> = report(&reports, "mcpservers")
        .refused
        .iter()
        .map(ToString::to_string)
        .collect();
    let reasons = [
        ("servers/a: ", "404"),
        ("servers/b: ", "main"),
        ("servers/secret: ", "robots.txt"),
        ("servers/y: ", "another host"),
    ];
    assert_eq!(refused.len(), reasons.len(), "{refused:?}");
    for ((record, reason), refused) in reasons.iter().zip(&refused) {
        assert!(
            refused.starts_with(record) && refused.contains(reason),
            "{refused}"
        );
    }
    assert_eq!(error(&refresh).await, None);
    assert_eq!(names(&refresh.store, "mcpservers"), ["C", "New", "Z"]);
    assert!(
        !paths(&server)
            .iter()
            .any(|path| path.contains("secret") || path.contains("api"))
    );
}

#[tokio::test]
async fn only_what_changed_is_read_again_and_what_is_gone_is_dropped() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start_with(|url| {
        vec![
            robots(),
            sitemap(
                url,
                &[
                    ("/servers/a", "1"),
                    ("/servers/b", "1"),
                    ("/servers/c", "1"),
                ],
            ),
            page("A"),
            page("B"),
            page("C"),
            robots(),
            sitemap(url, &[("/servers/a", "1"), ("/servers/b", "2")]),
            page("Better"),
            robots(),
            sitemap(url, &[("/servers/a", "2"), ("/servers/b", "2")]),
            // It was changed, and is not what it should be: what it said before counts on.
            say("200 OK", "", b"<main></main>"),
        ]
    })
    .await;
    let refresh = of(cache.path(), &server);
    for expected in [&["A", "B", "C"][..], &["A", "Better"], &["A", "Better"]] {
        assert_eq!(error(&refresh).await, None);
        assert_eq!(names(&refresh.store, "mcpservers"), expected);
    }
    assert_eq!(server.asked().len(), 11);
}

#[tokio::test]
async fn a_visit_reads_so_many_pages_and_the_next_one_goes_on() {
    let cache = tempfile::tempdir().unwrap();
    let list = [
        ("/servers/a", "1"),
        ("/servers/b", "1"),
        ("/servers/c", "1"),
    ];
    let server = Server::start_with(|url| {
        vec![
            robots(),
            sitemap(url, &list),
            page("A"),
            page("B"),
            robots(),
            sitemap(url, &list),
            page("C"),
        ]
    })
    .await;
    let mut refresh = of(cache.path(), &server);
    refresh.limits.pages = 2;
    for expected in [&["A", "B"][..], &["A", "B", "C"]] {
        assert_eq!(error(&refresh).await, None);
        assert_eq!(names(&refresh.store, "mcpservers"), expected);
    }
}

#[tokio::test]
async fn pages_that_came_before_the_time_was_up_are_kept() {
    let cache = tempfile::tempdir().unwrap();
    let list = [("/servers/a", "1"), ("/servers/b", "1")];
    let server = Server::start_with(|url| {
        vec![
            robots(),
            sitemap(url, &list),
            page("A"),
            Act::Wait,
            robots(),
            sitemap(url, &list),
            page("B"),
        ]
    })
    .await;
    let mut refresh = of(cache.path(), &server);
    refresh.limits.time = Duration::from_millis(300);
    let said = error(&refresh).await.unwrap();
    assert!(said.contains("takes longer"), "{said}");
    assert_eq!(names(&refresh.store, "mcpservers"), ["A"]);
    refresh.limits.time = Duration::from_secs(20);
    assert_eq!(error(&refresh).await, None);
    assert_eq!(names(&refresh.store, "mcpservers"), ["A", "B"]);
}

#[tokio::test]
async fn a_sitemap_that_is_missing_takes_no_pages_away() {
    let cache = tempfile::tempdir().unwrap();
    let index = |url: &str| {
        let maps =
            ["one", "two"].map(|name| format!("<sitemap><loc>{url}/{name}.xml</loc></sitemap>"));
        let text = format!("<sitemapindex>{}</sitemapindex>", maps.concat());
        say("200 OK", "", text.as_bytes())
    };
    let server = Server::start_with(|url| {
        vec![
            robots(),
            index(url),
            sitemap(url, &[("/servers/b", "1")]),
            sitemap(url, &[("/servers/a", "1")]),
            page("A"),
            page("B"),
            robots(),
            index(url),
            say("404 Not Found", "", b""),
            sitemap(url, &[("/servers/a", "1")]),
        ]
    })
    .await;
    let refresh = of(cache.path(), &server);
    for refused in [0, 1] {
        assert_eq!(error(&refresh).await, None);
        assert_eq!(names(&refresh.store, "mcpservers"), ["A", "B"]);
        let reports = refresh.reports();
        assert_eq!(report(&reports, "mcpservers").refused_count, refused);
    }
}

#[tokio::test]
async fn a_site_that_has_changed_all_its_pages_is_an_error() {
    let cache = tempfile::tempdir().unwrap();
    let paths: Vec<String> = (0..20)
        .map(|number| format!("/servers/{number:02}"))
        .collect();
    let list: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "1")).collect();
    let strange = || say("200 OK", "", b"<div>all is new</div>");
    let server = Server::start_with(|url| {
        [vec![robots(), sitemap(url, &list)], vec![strange(); 20]].concat()
    })
    .await;
    let refresh = of(cache.path(), &server);
    let said = error(&refresh).await.unwrap();
    assert!(said.contains("main"), "{said}");
    assert_eq!(server.asked().len(), 12, "it is not gone on with for long");
}

#[tokio::test]
async fn what_refuses_programs_is_left_alone() {
    for (acts, said) in [
        (vec![say("403 Forbidden", "", b"")], "answers 403"),
        (
            vec![robots(), say("200 OK", "", b"<html></html>")],
            "no sitemap",
        ),
        (
            vec![say("200 OK", "", b"User-agent: mcpod\nDisallow: /")],
            "robots.txt",
        ),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server::start(acts).await;
        let refresh = of(cache.path(), &server);
        let error = error(&refresh).await.unwrap();
        assert!(error.contains(said), "{said}: {error}");
    }
}
