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
