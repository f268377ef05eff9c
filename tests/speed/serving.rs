//! `mcpod serve` with twenty active servers and a large catalog: its start, its memory, calls through it.

use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use crate::active::Active;
use crate::image::MANY_TOOLS;
use crate::peer::Peer;
use crate::place::Place;
use crate::process::memory;
use crate::table::{Bound, Line, Samples, Table, Unit};
use crate::through;

/// How many servers are active; each offers twenty tools.
const SERVERS: usize = 20;
const TOOLS: usize = 400;

/// How many entries the catalog has besides mcpod's own.
const ENTRIES: usize = 12_000;

/// From its start to the answer of `initialize`, in seconds.
const START: [Bound; 2] = [Bound::Most(5e-3), Bound::Slowest(15e-3)];

/// The memory after the tools were listed, in bytes.
const MEMORY: Bound = Bound::Most(20e6);

/// A search, in seconds.
const FIND: Bound = Bound::Most(2e-3);

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
    through::measure(place, first, table);
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
pub(crate) fn start(place: &Place) -> (Child, Peer<ChildStdout, ChildStdin>) {
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
