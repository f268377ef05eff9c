//! `mcpod serve` with twenty active servers and a large catalog: its start, its memory, calls through it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use crate::active::Active;
use crate::http::{self, Era, Http};
use crate::image::MANY_TOOLS;
use crate::peer::{Peer, call};
use crate::place::Place;
use crate::process::memory;
use crate::table::{Bound, Line, Samples, Table, Unit};

/// How many servers are active; each offers twenty tools.
const SERVERS: usize = 20;
const TOOLS: usize = 400;

/// How many entries the catalog has besides mcpod's own.
const ENTRIES: usize = 12_000;

/// From its start to the answer of `initialize`, in seconds.
const START: [Bound; 2] = [Bound::Most(5e-3), Bound::Slowest(15e-3)];

/// The memory after the tools were listed, in bytes.
const MEMORY: Bound = Bound::Most(20e6);

/// What it may cost a call, in seconds.
const STDIO: [Bound; 2] = [Bound::More(60e-6), Bound::SlowestMore(250e-6)];
const HTTP: Bound = Bound::More(150e-6);

/// A search, in seconds.
const FIND: Bound = Bound::Most(2e-3);

/// The messages, in bytes, and what they may take at most.
const SMALL: usize = 1 << 10;
const LARGE: usize = 10_000_000;
const LARGE_MEMORY: Bound = Bound::Most(30e6);

/// A call takes next to no time, so there are more of them: as warm-up, and measured.
const CALLS: usize = 10;

/// Large messages take longer.
const PART: usize = 10;

/// What agents ask for.
const QUERIES: [&str; 6] = [
    "postgres",
    "query a postgres database",
    "send slack message",
    "kuberntes",
    "read and write local files",
    "search github issues",
];

pub(crate) fn measure(place: &Place, table: &mut Table) {
    let catalog = Catalog::make(place);
    let servers: Vec<Active<'_>> = (0..SERVERS)
        .map(|number| Active::add(place, MANY_TOOLS, &format!("serve-{number:02}")))
        .collect();
    starts(place, table);
    let first = servers.first().unwrap();
    calls(place, first, table);
    let (mut child, mut stdio) = start(place);
    finds(place, &mut stdio, table);
    drop(stdio);
    child.wait().unwrap();
    drop(servers);
    drop(catalog);
}

/// The starts of `serve`, and its memory when the tools are listed.
fn starts(place: &Place, table: &mut Table) {
    let (mut started, mut listed, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..place.samples {
        let start_of_it = Instant::now();
        let (mut child, mut peer) = start(place);
        started.push(start_of_it.elapsed().as_secs_f64());
        let list = peer.request("tools/list", "{}");
        let list_of_it = Instant::now();
        peer.ask(&list);
        listed.push(list_of_it.elapsed().as_secs_f64());
        let answer = String::from_utf8_lossy(peer.answer());
        let tools = answer.matches("\"name\":\"serve-").count();
        assert_eq!(tools, TOOLS, "{answer}");
        resident.push(memory(child.id(), "VmRSS"));
        drop(peer);
        assert!(child.wait().unwrap().success());
    }
    let line = |what: &str, unit, samples| {
        Line::new(
            format!("serve, 20 servers, 12,000 entries: {what}"),
            unit,
            Samples::new(samples),
        )
    };
    table.push(line("start to initialize answered", Unit::Seconds, started).bounds(START));
    table.push(line("tools/list of 400 tools", Unit::Seconds, listed));
    table.push(line("memory after it", Unit::Bytes, resident).bounds([MEMORY]));
}

/// Calls through `serve` by both faces against the bare socket, and what large results take.
fn calls(place: &Place, server: &Active<'_>, table: &mut Table) {
    let mut bare = server.connect();
    bare.initialize();
    bare.initialized();
    let (mut child, mut stdio) = start(place);
    let (mut face, token) = http::start(place);
    let mut legacy = Http::connect(&token, Era::Legacy(None)).unwrap();
    legacy.initialize().unwrap();
    let mut modern = Http::connect(&token, Era::Modern("speed".to_owned())).unwrap();
    let through = |tool: &str| format!("{}__{tool}", server.name);
    let (echo, large) = (through("echo"), through("large"));

    let message = "x".repeat(SMALL);
    let by_socket = |bare: &mut _| by_peer(bare, "echo", &message, SMALL);
    in_turns(
        place,
        table,
        ("stdio", &STDIO),
        || by_socket(&mut bare),
        || by_peer(&mut stdio, &echo, &message, SMALL),
    );
    in_turns(
        place,
        table,
        ("HTTP, 2025-11-25", &[HTTP]),
        || by_socket(&mut bare),
        || by_http(&mut legacy, &echo, &message, SMALL),
    );
    in_turns(
        place,
        table,
        ("HTTP, 2026-07-28", &[HTTP]),
        || by_socket(&mut bare),
        || by_http(&mut modern, &echo, &message, SMALL),
    );

    let bytes = LARGE.to_string();
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..place.samples_by(PART) {
        let of_it = [
            by_peer(&mut bare, "large", &bytes, LARGE),
            by_peer(&mut stdio, &large, &bytes, LARGE),
            by_http(&mut modern, &large, &bytes, LARGE),
        ];
        for (times, time) in times.iter_mut().zip(of_it) {
            times.push(time);
        }
    }
    let [by_socket, by_stdio, by_modern] = times.map(Samples::new);
    let line = |way: &str, samples| {
        Line::new(
            format!("serve, result of 10 MB: {way}"),
            Unit::Seconds,
            samples,
        )
    };
    table.push(line("the bare socket", by_socket.clone()));
    table.push(line("stdio", by_stdio).against(&by_socket));
    table.push(line("HTTP", by_modern).against(&by_socket));
    for (face, pid) in [("stdio", child.id()), ("HTTP", face.id())] {
        let most = Samples::new(vec![memory(pid, "VmHWM")]);
        let name = format!("serve, result of 10 MB: most memory, {face}");
        table.push(Line::new(name, Unit::Bytes, most).bounds([LARGE_MEMORY]));
    }
    drop((bare, stdio, legacy, modern));
    child.wait().unwrap();
    face.kill().unwrap();
    face.wait().unwrap();
    server.stop_sessions();
    place.quiet(0);
}

/// Calls by one way and by the bare socket, in turns. Each way has its turns alone: between two of its calls none but the server runs, as
/// for the bare socket.
fn in_turns(
    place: &Place,
    table: &mut Table,
    (way, bounds): (&str, &[Bound]),
    mut bare: impl FnMut() -> f64,
    mut through: impl FnMut() -> f64,
) {
    let rounds = place.samples * CALLS;
    let (mut by_socket, mut by_way) = (Vec::new(), Vec::new());
    for round in 0..2 * rounds {
        let (one, other) = (bare(), through());
        if round >= rounds {
            by_socket.push(one);
            by_way.push(other);
        }
    }
    let line = |way: &str, samples| {
        Line::new(
            format!("serve, call of 1 KB: {way}"),
            Unit::Seconds,
            samples,
        )
    };
    let by_socket = Samples::new(by_socket);
    table.push(line(
        &format!("the bare socket, beside {way}"),
        by_socket.clone(),
    ));
    let by_way = line(way, Samples::new(by_way)).against(&by_socket);
    table.push(by_way.bounds(bounds));
}

/// Searches of the catalog.
fn finds(place: &Place, peer: &mut Peer<ChildStdout, ChildStdin>, table: &mut Table) {
    let mut times = Vec::new();
    for round in 0..=place.samples {
        for query in QUERIES {
            let request = peer.call("registry-find", "query", query);
            let asked = Instant::now();
            let answered = peer.ask(&request);
            assert!(answered > 500, "{query}");
            // The first are slower: the index is read into memory.
            if round > 0 {
                times.push(asked.elapsed().as_secs_f64());
            }
        }
    }
    let line = Line::new(
        "serve, registry-find of 12,000",
        Unit::Seconds,
        Samples::new(times),
    );
    table.push(line.bounds([FIND]));
}

/// Starts `serve`, up to the answer of `initialize`.
fn start(place: &Place) -> (Child, Peer<ChildStdout, ChildStdin>) {
    let mut child = Command::new(&place.mcpod)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut peer = Peer::new(child.stdout.take().unwrap(), child.stdin.take().unwrap());
    peer.initialize();
    (child, peer)
}

/// The seconds of one call; its answer has at least so many bytes.
fn by_peer<R: std::io::Read, W: Write>(
    peer: &mut Peer<R, W>,
    tool: &str,
    message: &str,
    bytes: usize,
) -> f64 {
    let request = peer.call(tool, "message", message);
    let asked = Instant::now();
    let answered = peer.ask(&request);
    let seconds = asked.elapsed().as_secs_f64();
    assert!(answered > bytes, "{answered}");
    seconds
}

fn by_http(http: &mut Http, tool: &str, message: &str, bytes: usize) -> f64 {
    let params = call(tool, "message", message);
    let asked = Instant::now();
    http.send("tools/call", tool, &params, 1).unwrap();
    let received = http.receive().unwrap();
    let seconds = asked.elapsed().as_secs_f64();
    assert!(
        received.body.len() > bytes,
        "{}",
        String::from_utf8_lossy(received.body)
    );
    assert_eq!(received.status, 200);
    seconds
}

/// A catalog that is made here, in place of those that would be fetched. The words are few and the texts alike, so that each
/// query has many hits.
struct Catalog {
    settings: PathBuf,
}

impl Catalog {
    fn make(place: &Place) -> Self {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        let (file, folder) = (home.join("catalog.toml"), home.join(".config/mcpod"));
        let mut text = String::new();
        for number in 0..ENTRIES {
            let word = |nth: usize| {
                WORDS[(number / WORDS.len().pow(u32::try_from(nth % 3).unwrap()) + nth * 7)
                    % WORDS.len()]
            };
            let about: Vec<&str> = (0..16).map(word).collect();
            text.push_str(&format!(
                "[[server]]\nname = \"{}-{number}\"\ndescription = \"Lets agents {}.\"\n[[server.launch]]\nimage = \"docker.io/made/up-{number}\"\n",
                word(0),
                about.join(" "),
            ));
        }
        std::fs::write(&file, text).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        let settings = folder.join("config.toml");
        let only = format!(
            "sources.docker.enabled = false\nsources.official.enabled = false\nsources.awesome.enabled = false\n\
             sources.mcpservers.enabled = false\n[[sources.extra]]\nname = \"made\"\nkind = \"toml\"\nurl = \"{}\"\n",
            file.display()
        );
        std::fs::write(&settings, only).unwrap();
        place.mcpod(&["refresh", "made"]);
        Self { settings }
    }
}

impl Drop for Catalog {
    fn drop(&mut self) {
        std::fs::remove_file(&self.settings).unwrap();
    }
}

/// What the entries of the catalog are about.
const WORDS: [&str; 48] = [
    "postgres",
    "database",
    "query",
    "send",
    "slack",
    "message",
    "kubernetes",
    "cluster",
    "read",
    "write",
    "local",
    "files",
    "search",
    "github",
    "issues",
    "browser",
    "automation",
    "weather",
    "forecast",
    "calendar",
    "email",
    "invoice",
    "payment",
    "vector",
    "embedding",
    "index",
    "video",
    "transcript",
    "image",
    "resize",
    "stock",
    "price",
    "crypto",
    "wallet",
    "map",
    "route",
    "flight",
    "hotel",
    "recipe",
    "translate",
    "document",
    "spreadsheet",
    "chart",
    "deploy",
    "container",
    "log",
    "trace",
    "alert",
];
