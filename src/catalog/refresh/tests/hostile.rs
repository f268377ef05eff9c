//! Repositories of somebody who means harm, and servers that fail half-way: a proxy in front of git's own daemon.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::time::Instant;

use super::repository::{Repository, yaml};
use super::*;

/// What the proxy does with a connection.
#[derive(Clone, Copy)]
enum Wrong {
    /// Nothing.
    Nothing,
    /// It closes it at once.
    Closed,
    /// It says nothing at all.
    Silent,
    /// It closes it within the objects.
    Cut,
    /// It falls silent within the objects.
    Stuck,
    /// It sends an object without an end.
    Endless,
}

/// A proxy in front of a repository; each connection fares as it was told.
struct Proxy {
    url: String,
    connections: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Proxy {
    fn start(repository: &Repository, wrongs: Vec<Wrong>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = repository.port;
        let url = format!("git://{}/repo", listener.local_addr().unwrap());
        let connections = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
        let counted = std::sync::Arc::clone(&connections);
        std::thread::spawn(move || {
            for wrong in wrongs {
                let (client, _) = listener.accept().unwrap();
                counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                relay(client, upstream, wrong);
            }
        });
        Self { url, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// Waits until whoever connected is gone.
fn wait(mut client: &TcpStream) {
    while client.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
}

fn relay(mut client: TcpStream, upstream: u16, wrong: Wrong) {
    match wrong {
        Wrong::Closed => return,
        Wrong::Silent => return wait(&client),
        _ => {}
    }
    let mut server = TcpStream::connect(("127.0.0.1", upstream)).unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let asking = std::thread::spawn(move || {
        std::io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Write).ok();
    });
    while let Some(passed) = next_line(&mut server) {
        let begins = passed[4..].starts_with(b"\x01PACK");
        if begins && !matches!(wrong, Wrong::Nothing) {
            match wrong {
                Wrong::Endless => endless(&mut client),
                Wrong::Stuck => {
                    line(&mut client, &pack_of_one(1 << 20)).unwrap();
                    wait(&client);
                }
                _ => line(&mut client, &pack_of_one(1 << 20)).unwrap(),
            }
            break;
        }
        client.write_all(&passed).unwrap();
    }
    client.shutdown(Shutdown::Both).ok();
    server.shutdown(Shutdown::Both).ok();
    asking.join().unwrap();
}

/// The next line that a server sends, with its length in front (gitprotocol-common(5)); a length below four is a mark without more.
fn next_line(server: &mut TcpStream) -> Option<Vec<u8>> {
    let mut line = vec![0; 4];
    server.read_exact(&mut line).ok()?;
    let length = usize::from_str_radix(str::from_utf8(&line).ok()?, 16).ok()?;
    line.resize(length.max(4), 0);
    server.read_exact(&mut line[4..]).ok()?;
    Some(line)
}

/// A line on the channel of objects (gitprotocol-pack(5)).
fn line(client: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    write!(client, "{:04x}\u{1}", bytes.len() + 5)?;
    client.write_all(bytes)
}

/// The beginning of a pack of one blob of so many bytes (gitformat-pack(5)), up to the first byte that is packed.
fn pack_of_one(size: u64) -> Vec<u8> {
    let mut pack = b"PACK\0\0\0\x02\0\0\0\x01".to_vec();
    pack.push(0xb0 | u8::try_from(size & 0xf).unwrap());
    let mut rest = size >> 4;
    while rest >= 0x80 {
        pack.push(0x80 | u8::try_from(rest & 0x7f).unwrap());
        rest >>= 7;
    }
    pack.push(u8::try_from(rest).unwrap());
    pack.extend(b"\x78\x01");
    pack
}

fn endless(client: &mut TcpStream) {
    line(client, &pack_of_one(1 << 40)).unwrap();
    // A block that is stored as it is, and not the last one (RFC 1951, section 3.2.4).
    let block = [&b"\0\xff\x7f\0\x80"[..], &vec![7; 0x7fff]].concat();
    while line(client, &block).is_ok() {}
}

fn files(count: usize) -> Vec<(String, String)> {
    (0..count)
        .map(|number| {
            let name = format!("n{number}");
            (format!("servers/{name}/server.yaml"), yaml(&name))
        })
        .collect()
}

fn serve(files: &[(String, String)]) -> Repository {
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    Repository::serve(&files)
}

fn of(cache: &Path, url: &str) -> Refresh {
    refresh(
        cache,
        &format!("docker = {{ url = '{url}', enabled = true }}"),
    )
}

/// What a source has in its folder, in bytes.
fn size(folder: &Path) -> u64 {
    let items = fs::read_dir(folder).into_iter().flatten().flatten();
    items
        .map(|item| {
            let metadata = item.metadata().unwrap();
            if metadata.is_dir() {
                size(&item.path())
            } else {
                metadata.len()
            }
        })
        .sum()
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again() {
    let cache = tempfile::tempdir().unwrap();
    let repository = serve(&files(3));
    let wrongs = [
        Wrong::Closed,
        Wrong::Cut,
        Wrong::Nothing,
        Wrong::Cut,
        Wrong::Nothing,
    ];
    let proxy = Proxy::start(&repository, wrongs.to_vec());
    let refresh = of(cache.path(), &proxy.url);
    // The first time, and an update of the mirror that is there then.
    for connections in [3, 5] {
        repository.commit(&[(&format!("file-{connections}"), "x")]);
        let reports = run(&refresh, true).await;
        assert_eq!(report(&reports, "docker").last_error, None);
        assert_eq!(report(&reports, "docker").entries, 3);
        assert_eq!(proxy.connections(), connections);
    }
}

#[tokio::test]
async fn a_connection_that_always_breaks_is_an_error_that_leaves_what_was_there() {
    let cache = tempfile::tempdir().unwrap();
    let repository = serve(&files(3));
    let wrongs = [
        vec![Wrong::Nothing],
        vec![Wrong::Cut; 3],
        vec![Wrong::Nothing],
    ]
    .concat();
    let proxy = Proxy::start(&repository, wrongs);
    let refresh = of(cache.path(), &proxy.url);
    run(&refresh, true).await;
    repository.commit(&[("servers/n9/server.yaml", &yaml("n9"))]);
    let reports = run(&refresh, true).await;
    assert!(report(&reports, "docker").last_error.is_some());
    assert_eq!(names(&refresh.store, "docker").len(), 3);
    assert_eq!(proxy.connections(), 4);
    let reports = run(&refresh, true).await;
    assert_eq!(report(&reports, "docker").last_error, None);
    assert_eq!(names(&refresh.store, "docker").len(), 4);
}

#[tokio::test]
async fn objects_without_an_end_are_cut_off() {
    let cache = tempfile::tempdir().unwrap();
    let repository = serve(&files(1));
    let proxy = Proxy::start(&repository, vec![Wrong::Endless]);
    let mut refresh = of(cache.path(), &proxy.url);
    refresh.limits.source = 1 << 20;
    let reports = run(&refresh, false).await;
    let error = report(&reports, "docker").last_error.clone().unwrap();
    assert!(error.contains("more than 1048576 bytes"), "{error}");
    assert!(
        size(&refresh.store.source("docker")) < 1 << 16,
        "nothing of it stays"
    );
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_when_its_time_is_up() {
    for wrong in [Wrong::Silent, Wrong::Stuck] {
        let cache = tempfile::tempdir().unwrap();
        let repository = serve(&files(1));
        let proxy = Proxy::start(&repository, vec![wrong]);
        let mut refresh = of(cache.path(), &proxy.url);
        refresh.limits.time = Duration::from_millis(500);
        refresh.limits.request = Duration::from_mins(5);
        let begun = Instant::now();
        let reports = run(&refresh, false).await;
        let error = report(&reports, "docker").last_error.clone().unwrap();
        assert!(error.contains("takes longer than 500ms"), "{error}");
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test]
async fn a_web_server_that_falls_silent_is_left_when_its_time_is_up() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(vec![server::Act::Wait; 3]).await;
    let mut refresh = of(cache.path(), &server.url);
    refresh.limits.time = Duration::from_millis(500);
    refresh.limits.request = Duration::from_mins(5);
    let begun = Instant::now();
    // The mirror is fetched on a thread of its own; the server runs on this one.
    let reports = run(&refresh, false).await;
    assert!(report(&reports, "docker").last_error.is_some());
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn links_huge_files_and_thousands_of_files_are_no_danger() {
    let cache = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    let outside = data.path().join("server.yaml");
    fs::write(&outside, yaml("outside")).unwrap();
    let mut many = files(3000);
    many.push((
        "servers/huge/server.yaml".to_owned(),
        "#".repeat(50_000_000),
    ));
    many.push(("servers/linked/README.md".to_owned(), "text".to_owned()));
    let repository = serve(&many);
    let work = repository.work();
    symlink(&outside, work.join("servers/linked/server.yaml")).unwrap();
    symlink(data.path(), work.join("servers/folder")).unwrap();
    symlink(
        "../../../../../../etc/passwd",
        work.join("servers/n1/README.md"),
    )
    .unwrap();
    repository.commit(&[]);
    let refresh = of(cache.path(), &repository.url);
    let reports = run(&refresh, false).await;
    let docker = report(&reports, "docker");
    assert_eq!((docker.entries, &docker.last_error), (3000, &None));
    let refused: Vec<String> = docker.refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        refused,
        [
            "servers/folder: file: it is a link",
            "servers/huge/server.yaml: file: it has 50000000 bytes; 4194304 are the most",
            "servers/linked/server.yaml: file: it is no file",
            "servers/n1/README.md: file: it is no file",
        ]
    );
    let Resolution::Found(one) = refresh.store.open().unwrap().find("docker:n1").unwrap() else {
        panic!("docker:n1")
    };
    assert_eq!(one.entry.readme, None);
}

#[tokio::test]
async fn what_a_fetch_that_was_killed_has_locked_is_unlocked() {
    let cache = tempfile::tempdir().unwrap();
    let repository = serve(&files(1));
    let refresh = of(cache.path(), &repository.url);
    run(&refresh, true).await;
    let mirror = refresh.store.source("docker").join("0.git");
    for file in [
        "refs/mcpod/tip.lock",
        "shallow.lock",
        "objects/pack/.tmpXYZ",
    ] {
        fs::write(mirror.join(file), "").unwrap();
    }
    repository.commit(&[("servers/n9/server.yaml", &yaml("n9"))]);
    let reports = run(&refresh, true).await;
    assert_eq!(report(&reports, "docker").last_error, None);
    assert_eq!(names(&refresh.store, "docker"), ["n0", "n9"]);
    assert!(!mirror.join("objects/pack/.tmpXYZ").exists());
}
