//! The catalog is refreshed from mirrors of its sources, by hand and by the timer, and can be killed at it.
//!
//! The mirrors lie in the machine: Docker's registry behind a `git daemon`, the list behind git's smart HTTP protocol, the
//! official registry behind an HTTP server with pages.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::changes::{afterwards, settings};
use crate::idle::Idle;
use crate::machine::{SOON, mcpod, run, sh, wait_until, write_file};
use crate::running::{Running, start};

const MIRRORS: &str = include_str!("mirrors.py");

/// Where the mirrors lie.
const FOLDER: &str = "/home/tester/mirrors";

/// How many servers the official registry has: more than two of its pages.
const OFFICIAL: usize = 250;

/// In how many places of its time a refresh is killed.
const PLACES: u32 = 16;

/// Commits what lies in `$1/NAME` and puts it where the mirrors serve it from.
const PUBLISH: &str = r#"
cd "$1/$2"
[ -d .git ] || git init --quiet --initial-branch=main
git add --all
git -c user.name=t -c user.email=t@t commit --quiet --allow-empty --message=change
mkdir -p "$1/git"
[ -d "$1/git/$2" ] || git clone --quiet --bare . "$1/git/$2"
git push --quiet --force "$1/git/$2" main
"#;

/// The mirrors, served until the end of a test.
struct Mirrors {
    web: Running,
    port: String,
}

impl Mirrors {
    /// Serves what lies in the folder.
    #[track_caller]
    fn serve() -> Self {
        let mut web = start(&["python3", "-c", MIRRORS, FOLDER]);
        let port = web.line().strip_prefix("port ").unwrap().to_owned();
        Self { web, port }
    }

    /// The settings that make these the sources.
    fn settings(&self) -> String {
        let port = &self.port;
        format!(
            "[sources.docker]\nurl = \"git://127.0.0.1:9418/docker\"\n\
             [sources.awesome]\nurl = \"http://127.0.0.1:{port}/git/awesome\"\n\
             [sources.official]\nurl = \"http://127.0.0.1:{port}\"\n"
        )
    }

    #[track_caller]
    fn tell(&mut self, order: &str) -> Vec<String> {
        self.web.say(order);
        let mut lines = Vec::new();
        loop {
            match self.web.line() {
                line if line == "ready" => return lines,
                line => lines.push(line),
            }
        }
    }

    /// What was asked for since this was last called.
    fn asked(&mut self) -> Vec<String> {
        self.tell("log")
    }

    /// How many pages of the API were asked for since this was last called.
    fn pages(&mut self) -> usize {
        let asked = self.asked();
        let is_page = |request: &&String| request.starts_with("GET /v0.1/");
        asked.iter().filter(is_page).count()
    }

    /// Waits for the request that was to be held.
    #[track_caller]
    fn holds(&mut self) {
        self.web.says("held");
    }
}

/// Writes the mirrors' contents, and serves the repository of Docker's registry until the test ends.
#[track_caller]
fn published() -> impl Drop {
    sh(
        r#"rm -rf "$1" ~/.cache/mcpod; mkdir -p "$1/docker/servers/one" "$1/awesome/docs" "$1/api""#,
        &[FOLDER],
    )
    .ok();
    write_docker("one");
    write_file(
        &format!("{FOLDER}/awesome/docs/things.md"),
        b"## Things\n\n- [acme/anvil](https://github.com/acme/anvil): Forges anvils.\n",
    );
    let items: Vec<String> = (0..OFFICIAL)
        .map(|number| {
            // What changed since the last change is asked for again, which is all that happened on that day.
            let day = if number + 1 == OFFICIAL {
                "2025-03-01"
            } else {
                "2025-01-01"
            };
            item(&format!("server-{number}"), day, "active")
        })
        .collect();
    write_api("all", &items);
    publish("awesome");
    daemon()
}

/// A `git daemon` of its own user's, until the test ends.
#[track_caller]
fn daemon() -> impl Drop {
    sh(
        r#"systemd-run --user --quiet --collect --unit=test-git-daemon \
            "$(git --exec-path)/git-daemon" --export-all --listen=127.0.0.1 --reuseaddr --base-path="$1/git""#,
        &[FOLDER],
    )
    .ok();
    wait_until("git daemon listens", SOON, || {
        let asked = sh("git ls-remote git://127.0.0.1:9418/docker", &[]);
        if asked.code == Some(0) {
            Ok(())
        } else {
            Err(asked)
        }
    });
    afterwards(|| {
        sh(
            r#"systemctl --user stop test-git-daemon; rm -rf "$1" ~/.cache/mcpod"#,
            &[FOLDER],
        )
    })
}

/// Adds a server to Docker's registry and publishes it.
#[track_caller]
fn write_docker(name: &str) {
    let yaml = format!(
        "name: {name}\nimage: mcp/{name}\ntype: server\nmeta:\n  category: devops\n  tags: [anvil]\n\
         about:\n  title: {name}\n  description: Counts anvils.\n"
    );
    sh(r#"mkdir -p "$1/docker/servers/$2""#, &[FOLDER, name]).ok();
    write_file(
        &format!("{FOLDER}/docker/servers/{name}/server.yaml"),
        yaml.as_bytes(),
    );
    publish("docker");
}

#[track_caller]
fn publish(name: &str) {
    sh(PUBLISH, &[FOLDER, name]).ok();
}

/// Writes items of the API, in place of those of that name before.
#[track_caller]
fn write_api(name: &str, items: &[String]) {
    let json = format!(r#"{{"servers": [{}]}}"#, items.join(","));
    write_file(&format!("{FOLDER}/api/{name}.json"), json.as_bytes());
}

fn item(name: &str, day: &str, status: &str) -> String {
    format!(
        r#"{{"server": {{"name": "org.example/{name}", "version": "1.0.0", "description": "Melts anvils."}}, "_meta": {{"io.modelcontextprotocol.registry/official": {{"status": "{status}", "publishedAt": "{day}T00:00:00Z", "updatedAt": "{day}T00:00:00Z"}}}}}}"#
    )
}

/// What `sources --json` says of a source.
#[track_caller]
fn source(name: &str) -> Value {
    let sources = mcpod(&["sources", "--json"]).ok().json();
    let mut all = sources.as_array().unwrap().iter();
    all.find(|source| source["name"] == name).unwrap().clone()
}

/// How many servers a search for something that all of them mention finds in a source.
#[track_caller]
fn found(source: &str) -> usize {
    let words = [
        "search", "anvils", "--source", source, "--limit", "1000", "--json",
    ];
    mcpod(&words).ok().json().as_array().unwrap().len()
}

/// Fails the test unless the catalog is that of a refresh that was complete.
#[track_caller]
fn complete() {
    for (name, count) in [("docker", 1), ("official", OFFICIAL), ("awesome", 1)] {
        assert_eq!(found(name), count, "{name}");
    }
}

#[test]
fn mirrors_fill_the_catalog_and_are_left_alone_for_a_day() {
    let _machine = Idle::now();
    let _published = published();
    let mut mirrors = Mirrors::serve();
    let _settings = settings(&mirrors.settings());
    assert_eq!(found("official"), 0);
    let reports = mcpod(&["refresh", "--json"]).ok().json();
    for report in reports.as_array().unwrap() {
        assert_eq!(report["last_error"], Value::Null, "{report}");
    }
    complete();
    assert_eq!(source("official")["entries"], OFFICIAL);
    assert_eq!(mirrors.pages(), OFFICIAL.div_ceil(100));

    // Nothing is asked before its time, by another process either.
    mcpod(&["refresh"]).ok();
    assert_eq!(mirrors.asked(), Vec::<String>::new());

    // By force only what changed is sent, and what was deleted is gone.
    write_docker("two");
    write_api("more", &[item("late", "2025-06-01", "active")]);
    let gone = |day: &str| item("server-0", day, "deleted");
    write_api("zgone", &[gone("2025-06-02")]);
    mcpod(&["refresh", "--force"]).ok();
    assert_eq!(mirrors.pages(), 1);
    assert_eq!((found("docker"), found("official")), (2, OFFICIAL));
    mcpod(&["show", "official:org.example/late"]).ok();
    mcpod(&["show", "official:org.example/server-0"]).code(3);
    // It stays so.
    mcpod(&["refresh", "--force"]).ok();
    mcpod(&["show", "official:org.example/server-0"]).code(3);
}

#[test]
fn two_at_once_do_the_work_once() {
    let _machine = Idle::now();
    let _published = published();
    let mut mirrors = Mirrors::serve();
    let _settings = settings(&mirrors.settings());
    mirrors.tell("hold /v0.1/");
    let first = start(&["mcpod", "refresh", "--force"]);
    mirrors.holds();
    let second = start(&["mcpod", "refresh", "--force"]);
    wait_until("the second one waits", SOON, || {
        let locks = sh("cat /proc/locks", &[]).stdout;
        if locks.contains("-> FLOCK") {
            Ok(())
        } else {
            Err(locks)
        }
    });
    // Readers do not wait.
    assert_eq!(found("official"), 0);
    mirrors.tell("release");
    for ran in Running::finish_all([first, second]) {
        ran.ok();
    }
    complete();
    assert_eq!(mirrors.pages(), OFFICIAL.div_ceil(100));
}

#[test]
fn a_refresh_that_is_killed_leaves_the_catalog_as_it_was() {
    let _machine = Idle::now();
    let _published = published();
    let mut mirrors = Mirrors::serve();
    let _settings = settings(&mirrors.settings());
    mcpod(&["refresh"]).ok();
    complete();
    mirrors.asked();

    // While it waits for an answer: to the list of a repository's branches, to its objects, to a page of the API.
    for place in ["info/refs", "git-upload-pack", "/v0.1/", "cursor="] {
        sh("rm -rf ~/.cache/mcpod/catalog/sources/official/*", &[]).ok();
        publish("awesome");
        mirrors.tell(&format!("hold {place}"));
        let refresh = start(&["mcpod", "refresh", "--force"]);
        mirrors.holds();
        refresh.signal(Signal::KILL);
        drop(refresh);
        mirrors.tell("release");
        complete();
        mcpod(&["refresh", "--force"]).ok();
        complete();
    }

    // And in any other place: all of it is made anew each time.
    let anew = "rm -f ~/.cache/mcpod/catalog/sources/index.json";
    sh(anew, &[]).ok();
    let started = Instant::now();
    mcpod(&["refresh", "--force"]).ok();
    let whole = started.elapsed();
    for place in 0..PLACES {
        sh(anew, &[]).ok();
        let after = format!("{:.4}", (whole * place / (PLACES - 1)).as_secs_f64());
        let words = [
            "timeout",
            "--foreground",
            "--signal=KILL",
            &after,
            "mcpod",
            "refresh",
            "--force",
        ];
        run(&words);
        complete();
        // What it had is no hindrance to the next one, and does not pile up.
        mcpod(&["refresh", "--force"]).ok();
        complete();
        let indexes = sh("ls ~/.cache/mcpod/catalog/index", &[]).stdout;
        assert!(indexes.lines().count() <= 3, "{indexes}");
    }
}

#[test]
fn the_timer_refreshes_and_its_service_is_confined() {
    const UNITS: &str = "/home/tester/.config/systemd/user";
    let _machine = Idle::now();
    let _published = published();
    let mut mirrors = Mirrors::serve();
    let _settings = settings(&mirrors.settings());
    mirrors.tell("hold cursor=");
    mcpod(&["refresh", "--enable-timer"]).ok();
    let _disabled = afterwards(|| {
        sh(
            r#"rm -rf "$1/mcpod-refresh.timer.d"; mcpod refresh --disable-timer"#,
            &[UNITS],
        )
    });
    let verified = sh(
        r#"cd "$1" && systemd-analyze --user --man=no verify mcpod-refresh.service mcpod-refresh.timer"#,
        &[UNITS],
    )
    .ok();
    assert_eq!(verified.stderr, "", "{verified:?}");
    let timer = sh(
        "systemctl --user is-active mcpod-refresh.timer && systemctl --user is-enabled mcpod-refresh.timer",
        &[],
    );
    timer.ok().prints(&["active\nenabled\n"]);
    // Nobody waits for the night: a drop-in, which is how a user would set another time.
    sh(
        r#"mkdir -p "$1/mcpod-refresh.timer.d" && printf '[Timer]\nOnCalendar=*:*:0/2\nRandomizedDelaySec=0\nAccuracySec=100ms\n' >"$1/mcpod-refresh.timer.d/soon.conf"
           systemctl --user daemon-reload && systemctl --user restart mcpod-refresh.timer"#,
        &[UNITS],
    )
    .ok();
    // It runs, and this is what it runs as.
    mirrors.holds();
    let confined = sh(
        r#"pid=$(systemctl --user show --value --property=MainPID mcpod-refresh.service); grep -E "^(NoNewPrivs|Seccomp):" /proc/$pid/status; cat /proc/$pid/cmdline | tr '\0' ' '"#,
        &[],
    );
    confined
        .ok()
        .prints(&["NoNewPrivs:\t1", "Seccomp:\t2", "/mcpod refresh"]);
    let properties = sh(
        "systemctl --user show --property=MemoryDenyWriteExecute,RestrictNamespaces,LockPersonality,NoNewPrivileges mcpod-refresh.service",
        &[],
    );
    properties.ok().prints(&[
        "MemoryDenyWriteExecute=yes",
        "LockPersonality=yes",
        "NoNewPrivileges=yes",
    ]);
    mirrors.tell("release");
    wait_until("the service ends well", SOON, || {
        let shown = sh(
            "systemctl --user show --property=Result,ExecMainStatus,ExecMainExitTimestampMonotonic,ActiveState mcpod-refresh.service",
            &[],
        );
        let ended = shown.stdout.contains("ActiveState=inactive")
            && !shown.stdout.contains("Monotonic=0\n");
        if ended { Ok(()) } else { Err(shown) }
    });
    let result = sh(
        "systemctl --user show --property=Result,ExecMainStatus mcpod-refresh.service",
        &[],
    );
    result.ok().prints(&["Result=success", "ExecMainStatus=0"]);
    complete();
    assert_eq!(mirrors.pages(), OFFICIAL.div_ceil(100));
    // It goes off again and again, and finds that it is not time.
    sh(r#"rm -rf "$1/mcpod-refresh.timer.d""#, &[UNITS]).ok();
    mcpod(&["refresh", "--disable-timer"]).ok();
    sh("systemctl --user is-active mcpod-refresh.timer", &[]).code(4);
    assert_eq!(mirrors.pages(), 0);
}

/// The archive of real sources, beside the project's folder.
fn archive() -> std::path::PathBuf {
    let mut above = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = above.find_map(|folder| {
        let path = folder.join("shared/data/catalog-sources.tar.zst");
        path.exists().then_some(path)
    });
    found.expect("shared/data lies beside the project's folder")
}

#[test]
#[ignore = "reads ../shared/data"]
fn the_real_sources_of_shared_data_fill_the_catalog() {
    let archive = archive();
    let _machine = Idle::now();
    let unpacked = std::process::Command::new("zstd")
        .args(["-dc".as_ref(), archive.as_os_str()])
        .output()
        .unwrap();
    assert!(unpacked.status.success());
    sh(
        r#"rm -rf "$1" ~/.cache/mcpod; mkdir -p "$1/data""#,
        &[FOLDER],
    )
    .ok();
    crate::machine::run_with_input(
        &["tar", "-x", "-C", &format!("{FOLDER}/data")],
        &unpacked.stdout,
    )
    .ok();
    sh(
        r#"cd "$1" && mv data/docker-mcp-registry docker && mv data/awesome-mcp-servers awesome && mv data/official-registry/all api"#,
        &[FOLDER],
    )
    .ok();
    publish("docker");
    publish("awesome");
    let _daemon = daemon();
    let mirrors = Mirrors::serve();
    let _settings = settings(&mirrors.settings());
    let started = Instant::now();
    mcpod(&["refresh"]).ok();
    let took = started.elapsed();
    let entries = ["docker", "official", "awesome"].map(|name| {
        let source = source(name);
        assert_eq!(source["last_error"], Value::Null, "{source}");
        (
            source["entries"].as_u64().unwrap(),
            source["refused"].as_array().unwrap().len(),
        )
    });
    // Without wong2's list: the mirror is one of the other.
    assert_eq!(entries[0], (328, 0));
    assert_eq!(entries[1], (1108, 0));
    assert!(entries[2].0 > 7_700 && entries[2].1 <= 1, "{entries:?}");
    let hits = mcpod(&["search", "query a postgres database", "--json"])
        .ok()
        .json();
    assert!(!hits.as_array().unwrap().is_empty());
    // A debug build on two slow processors; it says that nothing waits for a time limit.
    assert!(took < Duration::from_mins(2), "{took:?}");
}
