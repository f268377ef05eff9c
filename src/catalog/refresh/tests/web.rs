//! What servers do wrong, and what they need not send again.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::server::{Act, Server, item, json, list, say};
use super::*;

#[tokio::test]
async fn what_a_server_does_wrong_is_an_error_that_says_so() {
    let bomb = {
        let unpacked = vec![b'a'; 50_000_000];
        let mut gzip = Command::new("gzip")
            .arg("-c")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = gzip.stdin.take().unwrap();
        let writer = std::thread::spawn(move || input.write_all(&unpacked).unwrap());
        let packed = gzip.wait_with_output().unwrap().stdout;
        writer.join().unwrap();
        packed
    };
    assert!(bomb.len() < 100_000);
    let busy = || say("429 Too Many Requests", "Retry-After: 100000\r\n", b"");
    for (acts, error) in [
        (
            vec![say(
                "302 Found",
                "Location: http://elsewhere.example/x\r\n",
                b"",
            )],
            "which is another host",
        ),
        (
            vec![say("302 Found", "Location: /v0.1/servers\r\n", b""); 6],
            "in circles",
        ),
        (
            vec![Act::Flood(vec![b' '; 10_000])],
            "more than 100000 bytes",
        ),
        (
            vec![say("200 OK", "Content-Encoding: gzip\r\n", &bomb)],
            "more than 100000 bytes",
        ),
        (vec![busy()], "answers 429"),
        (vec![say("500 Internal", "", b""); 3], "answers 500"),
        (vec![say("404 Not Found", "", b"{}")], "answers 404"),
        (vec![json("{\"error\": \"no\"}")], "no list of servers"),
        (vec![list(&[], Some("x")), list(&[], Some("x"))], "circles"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let count = acts.len();
        let server = Server::start(acts).await;
        let refresh = refresh(
            cache.path(),
            &format!("official = {{ url = '{}', enabled = true }}", server.url),
        );
        let reports = run(&refresh, false).await;
        let said = report(&reports, "official")
            .last_error
            .clone()
            .unwrap_or_default();
        assert!(said.contains(error), "{error}: {said}");
        assert_eq!(server.asked().len(), count, "{error}");
        // The builtin servers are there all the same.
        assert!(!names(&refresh.store, "builtin").is_empty());
    }
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again_when_it_says() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![
        say("429 Too Many Requests", "Retry-After: 0\r\n", b""),
        say("503 Unavailable", "", b""),
        list(&[item("one", "1.0.0", 1, "active")], None),
    ])
    .await;
    let refresh = refresh(
        cache.path(),
        &format!("official = {{ url = '{}', enabled = true }}", server.url),
    );
    run(&refresh, false).await;
    assert_eq!(names(&refresh.store, "official"), ["one"]);
}

#[tokio::test]
async fn a_source_that_failed_is_left_alone_for_a_while_and_as_long_as_it_asks() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![
        say("404 Not Found", "", b""),
        say("429 Too Many Requests", "Retry-After: 100000\r\n", b""),
        say("404 Not Found", "", b""),
    ])
    .await;
    let mut refresh = refresh(
        cache.path(),
        &format!("official = {{ url = '{}', enabled = true }}", server.url),
    );
    refresh.limits.retry = Duration::from_hours(1);
    for (force, asked) in [(false, 1), (false, 1), (true, 2), (true, 2), (false, 2)] {
        let reports = run(&refresh, force).await;
        let official = report(&reports, "official");
        assert_eq!(server.asked().len(), asked);
        assert!(official.last_error.is_some() && official.again_at > Some(Timestamp::now()));
    }
    let reports = refresh.reports();
    let said = report(&reports, "official").last_error.clone().unwrap();
    assert!(
        said.contains("429") && said.contains("for 100000 s"),
        "{said}"
    );
}

#[tokio::test]
async fn where_there_is_no_tag_the_date_tells_what_changed() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![
        say(
            "200 OK",
            "Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT\r\n",
            b"[[server]]\nname = 'mine'",
        ),
        say("304 Not Modified", "", b""),
    ])
    .await;
    let source = format!(
        "[[extra]]\nname = 'ours'\nkind = 'toml'\nurl = '{}/c.toml'",
        server.url
    );
    let refresh = refresh(cache.path(), &source);
    for _ in 0..2 {
        run(&refresh, true).await;
        assert_eq!(names(&refresh.store, "ours"), ["mine"]);
    }
    let asked = server.asked.lock().unwrap()[1].clone();
    assert!(
        asked.contains("if-modified-since: Wed, 21 Oct 2026 07:28:00 GMT"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_file_is_sent_only_when_it_changed() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![
        say(
            "200 OK",
            "ETag: \"a\"\r\n",
            b"[[server]]\nname = 'mine'\n[[server]]\nname = 'bad'\ncolour = 1",
        ),
        say("304 Not Modified", "", b""),
    ])
    .await;
    let refresh = refresh(
        cache.path(),
        &format!(
            "[[extra]]\nname = 'ours'\nkind = 'toml'\nurl = '{}/c.toml'",
            server.url
        ),
    );
    for _ in 0..2 {
        let reports = run(&refresh, true).await;
        let ours = report(&reports, "ours");
        assert_eq!(
            (ours.entries, ours.refused.len(), &ours.last_error),
            (1, 1, &None)
        );
        assert_eq!(names(&refresh.store, "ours"), ["mine"]);
    }
    assert!(server.asked.lock().unwrap()[1].contains("if-none-match: \"a\""));
}
