//! Sources that are really fetched: repositories over git's own protocol, an API and files over HTTP from a server that
//! misbehaves on demand.

use std::collections::VecDeque;
use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::catalog::{Catalog, Query, Resolution, shared_data};

/// What the server does with a request.
#[derive(Clone)]
enum Act {
    /// Sends this as it is.
    Say(Vec<u8>),
    /// Sends this and then the same bytes again and again.
    Flood(Vec<u8>),
}

fn say(status: &str, headers: &str, body: &[u8]) -> Act {
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    Act::Say([head.as_bytes(), body].concat())
}

fn json(body: &str) -> Act {
    say("200 OK", "", body.as_bytes())
}

/// A server that answers one request after the other as it was told, and keeps what it was asked.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let mut acts = VecDeque::from(acts);
        tokio::spawn(async move {
            while let Some(act) = acts.pop_front() {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                        break;
                    }
                    request.push(byte[0]);
                }
                log.lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&request).into_owned());
                match act {
                    Act::Say(bytes) => {
                        stream.write_all(&bytes).await.ok();
                    }
                    Act::Flood(bytes) => {
                        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok();
                        while stream.write_all(&bytes).await.is_ok() {}
                    }
                }
                stream.shutdown().await.ok();
            }
        });
        Self { url, asked }
    }

    /// The first lines of the requests.
    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter_map(|request| request.lines().next().map(str::to_owned))
            .collect()
    }
}

fn limits() -> Limits {
    Limits {
        answer: 100_000,
        backoff: Duration::from_millis(1),
        pause: Duration::ZERO,
        attempts: 3,
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

fn item(name: &str, version: &str, day: u32, status: &str) -> String {
    format!(
        r#"{{"server": {{"name": "a.b/{name}", "version": "{version}"}}, "_meta": {{"io.modelcontextprotocol.registry/official": {{"status": "{status}", "publishedAt": "2025-01-{day:02}T00:00:00Z", "updatedAt": "2025-01-{day:02}T00:00:00Z"}}}}}}"#
    )
}

fn list(items: &[String], next: Option<&str>) -> Act {
    let next = next.map_or("null".to_owned(), |next| format!("{next:?}"));
    json(&format!(
        r#"{{"servers": [{}], "metadata": {{"nextCursor": {next}}}}}"#,
        items.join(",")
    ))
}

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

#[tokio::test]
async fn a_site_is_visited_as_its_robots_say() {
    let cache = tempfile::tempdir().unwrap();
    // The sitemap must name the server, whose address is known only once it listens.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sitemap = format!(
        "<urlset><url><loc>{url}/servers/a/b</loc><lastmod>1</lastmod></url><url><loc>{url}/servers/c</loc></url></urlset>"
    );
    let pages = [
        say("200 OK", "", b"User-agent: *\nDisallow: /api/"),
        say("200 OK", "", sitemap.as_bytes()),
        say("200 OK", "", b"<main><h1>B</h1><p>Does b.</p></main>"),
        say("200 OK", "", b"<title>Just a moment...</title>"),
    ];
    tokio::spawn(async move {
        for page in pages {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _read = stream.read(&mut request).await.unwrap();
            if let Act::Say(bytes) = page {
                stream.write_all(&bytes).await.unwrap();
            }
            stream.shutdown().await.ok();
        }
    });
    let refresh = refresh(
        cache.path(),
        &format!("mcpservers = {{ url = '{url}', enabled = true }}"),
    );
    let reports = run(&refresh, false).await;
    let site = report(&reports, "mcpservers");
    assert!(
        site.last_error
            .as_deref()
            .is_some_and(|error| error.contains("challenge")),
        "{site:?}"
    );
    assert_eq!(
        names(&refresh.store, "mcpservers"),
        ["B"],
        "what was read before the challenge counts"
    );
}

/// A repository that `git daemon` serves, until it is dropped.
struct Repository {
    folder: tempfile::TempDir,
    daemon: Child,
    url: String,
}

impl Drop for Repository {
    fn drop(&mut self) {
        self.daemon.kill().ok();
        self.daemon.wait().ok();
    }
}

impl Repository {
    fn serve(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("repo");
        fs::create_dir(&work).unwrap();
        git(&work, &["init", "-q", "-b", "main"]);
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let daemon = Command::new(Path::new(&git(&work, &["--exec-path"])).join("git-daemon"))
            .args(["--export-all", "--listen=127.0.0.1", "--reuseaddr"])
            .arg(format!("--base-path={}", folder.path().display()))
            .arg(format!("--port={port}"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut repository = Self {
            url: format!("git://127.0.0.1:{port}/repo"),
            daemon,
            folder,
        };
        repository.commit(files);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(
                repository.daemon.try_wait().unwrap(),
                None,
                "git daemon ended"
            );
            std::thread::yield_now();
        }
        repository
    }

    fn commit(&self, files: &[(&str, &str)]) {
        let work = self.folder.path().join("repo");
        for (path, text) in files {
            fs::create_dir_all(work.join(path).parent().unwrap()).unwrap();
            fs::write(work.join(path), text).unwrap();
        }
        git(&work, &["add", "-A"]);
        git(
            &work,
            &[
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@t",
                "commit",
                "-qm",
                "x",
            ],
        );
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn yaml(name: &str) -> String {
    format!("name: {name}\ntype: server\nimage: mcp/{name}\n")
}

#[tokio::test]
async fn a_repository_is_mirrored_and_followed() {
    let cache = tempfile::tempdir().unwrap();
    let repository = Repository::serve(&[
        ("servers/one/server.yaml", &yaml("one")),
        ("servers/one/README.md", "# One"),
        ("servers/bad/server.yaml", "x: ["),
    ]);
    let refresh = refresh(
        cache.path(),
        &format!("docker = {{ url = '{}', enabled = true }}", repository.url),
    );
    let reports = run(&refresh, false).await;
    let docker = report(&reports, "docker");
    assert_eq!(
        (docker.entries, docker.refused.len(), &docker.last_error),
        (1, 1, &None)
    );
    assert_eq!(docker.refused[0].record.as_str(), "servers/bad/server.yaml");
    let Resolution::Found(one) = refresh.store.open().unwrap().find("docker:one").unwrap() else {
        panic!("docker:one")
    };
    assert!(one.entry.readme.is_some());

    // Nothing new: the index is left alone.
    let link = cache.path().join("mcpod/catalog/index/current");
    let before = fs::read_link(&link).unwrap();
    run(&refresh, true).await;
    assert_eq!(fs::read_link(&link).unwrap(), before);

    repository.commit(&[
        ("servers/two/server.yaml", &yaml("two")),
        ("servers/bad/server.yaml", &yaml("bad")),
    ]);
    let reports = run(&refresh, true).await;
    assert_eq!(
        (
            report(&reports, "docker").entries,
            report(&reports, "docker").refused.len()
        ),
        (3, 0)
    );
    assert_ne!(fs::read_link(&link).unwrap(), before);

    // The repository is gone: what it sent stays, and the report says what happened.
    drop(repository);
    let reports = run(&refresh, true).await;
    assert!(report(&reports, "docker").last_error.is_some());
    assert_eq!(names(&refresh.store, "docker"), ["bad", "one", "two"]);
}

/// All of the real data from folders; counts are those of the sources' own tests.
#[tokio::test]
async fn the_real_sources_fill_the_catalog() {
    let Some(unpacked) = shared_data::unpacked() else {
        return;
    };
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
