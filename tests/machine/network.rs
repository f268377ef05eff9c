//! Networks: a server reaches what its list says and nothing else, whatever it tries; and where that cannot be kept, it does not start.
//!
//! The hosts are all in the machine, on addresses that are kept for documentation and that the test gave to it.

use serde_json::{Value, json};

use crate::changes::{afterwards, moved_aside, root_until_the_end, settings};
use crate::idle::Idle;
use crate::machine::{SOON, mcpod, run, sh, wait_until};
use crate::orphans::open;
use crate::server::Server;
use crate::shared;

/// What the name server says. `fetched.example` has an address that mcp-server-fetch takes for one of the internet's, which those for
/// documentation are not.
const ZONE: &str = "
allowed.example A 203.0.113.10 300
allowed.example AAAA 2001:db8::10 300
short.example A 203.0.113.10 1
a.wild.example A 203.0.113.11 300
alias.example CNAME other.example 300
other.example A 203.0.113.12 300
rebind.example A 10.99.0.1 300
half.example A 10.99.0.1 300
half.example A 203.0.113.11 300
mapped.example AAAA ::ffff:203.0.113.12 300
fetched.example A 192.31.196.10 300
";

const ADDRESSES: &str = "203.0.113.10/32 203.0.113.11/32 203.0.113.12/32 203.0.113.53/32 10.99.0.1/32 169.254.169.254/32 192.31.196.10/32 \
    2001:db8::10/128 2001:db8::12/128";

/// The hosts, until the end of the test; they are put back in this order.
fn far_hosts() -> (impl Drop, impl Drop, impl Drop) {
    let addresses =
        |verb: &str| format!("for address in {ADDRESSES}; do ip addr {verb} $address dev lo; done");
    let addresses = root_until_the_end(
        &["sh", "-ec", &addresses("add")],
        &["sh", "-c", &addresses("del")],
    );
    let service = root_until_the_end(
        &[
            "systemd-run",
            "--quiet",
            "--collect",
            "--unit=far-hosts",
            "--service-type=notify",
            "python3",
            "-c",
            include_str!("far_hosts.py"),
            ZONE,
        ],
        &["systemctl", "stop", "far-hosts"],
    );
    let names = root_until_the_end(
        &[
            "sh",
            "-ec",
            "cp /etc/resolv.conf /etc/resolv.conf.aside; echo nameserver 203.0.113.53 >/etc/resolv.conf",
        ],
        &[
            "sh",
            "-c",
            "cat /etc/resolv.conf.aside >/etc/resolv.conf; rm /etc/resolv.conf.aside",
        ],
    );
    (names, service, addresses)
}

/// Tries to reach hosts from within the one container that runs, as its server would.
#[track_caller]
fn probe(targets: &[&str]) -> Value {
    let script =
        r#"podman --transient-store exec "$(podman --transient-store ps --quiet)" python3 -c "$@""#;
    sh(script, &[&[include_str!("probe.py")], targets].concat())
        .ok()
        .json()
}

#[track_caller]
fn is_open(probed: &Value, targets: &[&str]) {
    for target in targets {
        assert_eq!(probed[target], "open", "{target} in {probed:#}");
    }
}

#[track_caller]
fn is_closed(probed: &Value, targets: &[&str]) {
    for target in targets {
        let how = probed[target].as_str().unwrap_or_default();
        assert!(
            how.starts_with("closed: ") || how == "no such name",
            "{target} in {probed:#}"
        );
    }
}

/// What every list of `LIST` opens, and what it does not.
fn the_list_is_kept(server: &Server) {
    let mut client = open(server);
    // Nothing was asked for yet, so nothing is open but what is listed by its address.
    is_closed(&probe(&["203.0.113.10 8080"]), &["203.0.113.10 8080"]);
    let opened = [
        "allowed.example 8080",
        "a.wild.example 8080",
        "203.0.113.10 8080",
        "half.example 8080",
        "2001:db8::10 8080",
    ];
    is_open(&probe(&opened), &opened);
    let closed = [
        // Its other port, names that are not listed, the wildcard itself, addresses as they are.
        "allowed.example 8081",
        "203.0.113.10 8081",
        "other.example 8080",
        "wild.example 8080",
        "203.0.113.12 8080",
        "2001:db8::12 8080",
        // Names that stand for what they must not.
        "rebind.example 8080",
        "mapped.example 8080",
        "10.99.0.1 8080",
        // This host, its link, and what clouds tell there.
        "169.254.1.2 8080",
        "host.containers.internal 8080",
        "169.254.169.254 8080",
    ];
    is_closed(&probe(&closed), &closed);
    let asked = probe(&[
        "dns 127.0.0.1 allowed.example",
        "dns 127.0.0.1 other.example",
        "dns 203.0.113.53 other.example",
        "dns 169.254.1.1 other.example",
    ]);
    assert_eq!(asked["dns 127.0.0.1 allowed.example"], "rcode 0, 1 records");
    assert_eq!(asked["dns 127.0.0.1 other.example"], "rcode 3, 0 records");
    is_closed(
        &asked,
        &[
            "dns 203.0.113.53 other.example",
            "dns 169.254.1.1 other.example",
        ],
    );

    // An address closes when the answer no longer counts, and some seconds.
    is_open(&probe(&["short.example 8081"]), &["short.example 8081"]);
    is_open(&probe(&["203.0.113.10 8081"]), &["203.0.113.10 8081"]);
    wait_until("the address closes", SOON, || {
        let probed = probe(&["203.0.113.10 8081"]);
        if probed["203.0.113.10 8081"] == "open" {
            Err(probed)
        } else {
            Ok(())
        }
    });
    is_open(&probe(&["short.example 8081"]), &["short.example 8081"]);

    // The resolver is one process of the session's own, and without it nothing opens any more.
    let resolver = sh(
        "ps -eo pid=,args= | grep '[m]cpod egress' | awk '{print $1}'",
        &[],
    )
    .ok()
    .stdout;
    assert_eq!(resolver.lines().count(), 1, "{resolver}");
    let cgroup = run(&["cat", &format!("/proc/{}/cgroup", resolver.trim())])
        .ok()
        .stdout;
    assert!(cgroup.contains(&server.instances()[0]), "{cgroup}");
    run(&["kill", "-KILL", resolver.trim()]).ok();
    is_closed(
        &probe(&["a.wild.example 8081", "203.0.113.12 8080"]),
        &["a.wild.example 8081", "203.0.113.12 8080"],
    );
    client.say("close");
    client.says("closed");
}

const LIST: &str = "allow:allowed.example:8080,*.wild.example,short.example:8081,rebind.example,half.example,mapped.example";

#[test]
fn a_list_of_hosts_is_all_that_a_server_reaches() {
    let _machine = Idle::now();
    let _hosts = far_hosts();
    // They are there for who may reach them.
    let reached = [
        "203.0.113.10 8081",
        "203.0.113.12 8080",
        "10.99.0.1 8080",
        "169.254.169.254 8080",
        "2001:db8::12 8080",
        "169.254.1.2 8080",
        "dns 203.0.113.53 other.example",
    ];
    let script = r#"podman --transient-store run --rm --userns=nomap --network=pasta --entrypoint= docker.io/mcp/fetch python3 -c "$@""#;
    let free = sh(
        script,
        &[&[include_str!("probe.py")], &reached[..]].concat(),
    )
    .ok()
    .json();
    is_open(&free, &reached[..6]);
    assert_eq!(free[reached[6]], "rcode 0, 1 records");

    let server = Server::add_with("docker://mcp/fetch", "fetch", &["--network", LIST]);
    the_list_is_kept(&server);
}

#[test]
fn and_so_it_is_where_the_users_folders_are_seen() {
    let _machine = Idle::now();
    let _hosts = far_hosts();
    sh(
        "mkdir -p ~/repository && git -C ~/repository init --quiet",
        &[],
    )
    .ok();
    let _gone = afterwards(|| sh("rm -rf ~/repository", &[]));
    let options = ["--set", "paths=/home/tester/repository", "--network", LIST];
    let server = Server::add_with("builtin:git", "git", &options);
    let unit = sh("cat ~/.config/containers/systemd/mcpod-git@.container", &[]).ok();
    unit.prints(&["UserNS=keep-id"]);
    the_list_is_kept(&server);
}

#[test]
fn a_real_server_fetches_what_is_listed_and_says_what_was_refused() {
    let _machine = Idle::now();
    let _hosts = far_hosts();
    let network = "allow:fetched.example:8080";
    let server = Server::add_with("builtin:fetch", "fetch", &["--network", network]);
    let fetch = |host: &str| {
        let arguments = json!({"url": format!("http://{host}:8080/"), "raw": true}).to_string();
        server.call("fetch", &arguments)
    };
    fetch("fetched.example").ok().prints(&["buy milk"]);
    fetch("other.example").code(5);
    let listed = mcpod(&["list", "--json"]).ok().json();
    assert_eq!(listed[0]["network"], network);
    wait_until("the refusal is in the log", SOON, || {
        let log = mcpod(&["logs", "fetch"]).ok();
        if log.stdout.contains("refused other.example") {
            Ok(())
        } else {
            Err(log)
        }
    });

    let mut client = open(&server);
    is_closed(
        &probe(&["203.0.113.12 8080", "other.example 8080"]),
        &["203.0.113.12 8080", "other.example 8080"],
    );
    wait_until("status counts what was refused", SOON, || {
        let status = mcpod(&["status", "fetch", "--json"]).ok().json();
        let refused = &status["running"][0]["refused"];
        let last = refused["last"].to_string();
        let all = last.contains("203.0.113.12 port 8080 (TCP)") && last.contains("other.example");
        if all && refused["count"].as_u64() >= Some(2) {
            Ok(())
        } else {
            Err(status)
        }
    });
    mcpod(&["status", "fetch"])
        .ok()
        .prints(&[network, "203.0.113.12 port 8080 (TCP)"]);
    client.say("close");
    client.says("closed");
}

/// Tries to reach hosts from within the one container that runs, and says of each how that went: `HOST PORT: WORD`.
const REACH: &str = r#"podman --transient-store exec "$(podman --transient-store ps --quiet)" node -e '
for (const target of process.argv.slice(1)) {
    const [host, port] = target.split(" ");
    const said = (word) => { console.log(`${target}: ${word}`); connection.destroy(); };
    const connection = require("net").connect({ host, port: Number(port) });
    connection.on("connect", () => said("open")).on("error", (error) => said(error.code)).setTimeout(5000, () => said("late"));
}' -- "$@""#;

#[test]
fn what_is_refused_to_a_container_of_all_sessions_is_in_its_log_and_its_status() {
    let _machine = Idle::now();
    let _hosts = far_hosts();
    let _catalog = shared::catalog();
    let network = "allow:fetched.example:8080";
    let _web = Server::add_with("mine:web", "web", &["--network", network]);
    let client = shared::session("web");
    let reached = sh(
        REACH,
        &[
            "fetched.example 8080",
            "other.example 8080",
            "203.0.113.12 8080",
        ],
    );
    let reached = reached.ok().prints(&[
        "fetched.example 8080: open\n",
        "other.example 8080: ENOTFOUND\n",
        "203.0.113.12 8080: ",
    ]);
    assert!(!reached.stdout.contains("12 8080: open"), "{reached:?}");
    wait_until("status counts what was refused", SOON, || {
        let status = mcpod(&["status", "web", "--json"]).ok().json();
        let last = status["container"]["refused"]["last"].to_string();
        if last.contains("203.0.113.12 port 8080 (TCP)") && last.contains("other.example") {
            Ok(())
        } else {
            Err(status)
        }
    });
    mcpod(&["status", "web"])
        .ok()
        .prints(&["mcpod-web.service", "203.0.113.12 port 8080 (TCP)"]);
    wait_until("the refusals are in the log", SOON, || {
        let log = mcpod(&["logs", "web"]).ok();
        let told = ["other.example", "203.0.113.12 port 8080 (TCP)"];
        let is_told = |what: &&str| log.stdout.contains(&format!("refused {what}: "));
        if told.iter().all(is_told) {
            Ok(())
        } else {
            Err(log)
        }
    });
    // A resolver that is killed leaves what it kept, until the container is gone.
    sh(
        "ps -eo pid=,args= | grep '[m]cpod egress' | awk '{print $1}' | xargs kill -KILL",
        &[],
    )
    .ok();
    sh("test -s /run/user/1000/mcpod/mcpod-web.refused", &[]).ok();
    client.finish().ok();
    shared::await_state("web", "inactive");
    sh("! test -e /run/user/1000/mcpod/mcpod-web.refused", &[]).ok();
}

#[test]
fn the_open_network_leaves_out_this_host_and_its_link() {
    let _machine = Idle::now();
    let _hosts = far_hosts();
    let server = Server::add_with("docker://mcp/fetch", "fetch", &["--network", "open"]);
    let mut client = open(&server);
    let opened = [
        "other.example 8080",
        "203.0.113.12 8080",
        "2001:db8::12 8080",
        "10.99.0.1 8080",
    ];
    is_open(&probe(&opened), &opened);
    let closed = [
        "169.254.1.2 8080",
        "host.containers.internal 8080",
        "169.254.169.254 8080",
    ];
    is_closed(&probe(&closed), &closed);
    client.say("close");
    client.says("closed");

    // Who needs this host says so.
    mcpod(&[
        "config",
        "fetch",
        "--network",
        "allow:host.containers.internal:8080,*:8081",
    ])
    .ok();
    let mut client = open(&server);
    let opened = [
        "host.containers.internal 8080",
        "203.0.113.10 8081",
        "allowed.example 8081",
    ];
    is_open(&probe(&opened), &opened);
    let closed = [
        "host.containers.internal 22",
        "203.0.113.10 8080",
        "169.254.169.254 8080",
        "10.99.0.1 8080",
        "rebind.example 8081",
    ];
    is_closed(&probe(&closed), &closed);
    client.say("close");
    client.says("closed");

    // And none is none.
    mcpod(&["config", "fetch", "--network", "none"]).ok();
    let mut client = open(&server);
    let closed = [
        "203.0.113.10 8080",
        "allowed.example 8080",
        "169.254.1.2 8080",
    ];
    is_closed(&probe(&closed), &closed);
    sh("ls ~/.config/containers/systemd", &[])
        .ok()
        .prints(&["mcpod-fetch@.container"]);
    let files = sh("ls ~/.config/containers/systemd", &[]).ok().stdout;
    assert!(!files.contains("_network"), "{files}");
    client.say("close");
    client.says("closed");
}

#[test]
fn a_build_reaches_what_the_open_network_does() {
    let _machine = Idle::now();
    let script = r"
mkdir reach host
cat >reach/probe.py <<'END'
PROBE
END
printf 'FROM docker.io/library/python:3.12-slim\nCOPY probe.py /\nRUN python3 /probe.py TARGETS && exit 9\n' >reach/Containerfile
printf 'FROM docker.io/library/python:3.12-slim\nRUN --network=host true\n' >host/Containerfile
";
    let targets = [
        "203.0.113.12 8080",
        "2001:db8::12 8080",
        "10.99.0.1 8080",
        "169.254.1.2 8080",
        "host.containers.internal 8080",
        "169.254.169.254 8080",
    ];
    let script = script.replace("PROBE", include_str!("probe.py")).replace(
        "TARGETS",
        &targets.map(|target| format!("\"{target}\"")).join(" "),
    );
    let _git = crate::git::daemon_with(&script);
    let _hosts = far_hosts();
    let build = |folder: &str| {
        let reference = format!("{}#main:{folder}", crate::git::URL);
        let ran = mcpod(&["add", &reference, "--yes"]).code(1);
        crate::packages::nothing_built();
        ran
    };
    let reached = || {
        let ran = build("reach");
        let (_, from) = ran.stderr.split_once('{').expect("what it reached");
        let (probed, _) = from.split_once('}').unwrap();
        serde_json::from_str::<Value>(&format!("{{{probed}}}")).unwrap()
    };
    let [far @ .., this, same, metadata] = targets;
    let probed = reached();
    is_open(&probed, &far);
    is_closed(&probed, &[this, same, metadata]);

    // Who has a proxy on this host says so in the settings.
    let proxy = settings("[build]\nproxy = \"http://host.containers.internal:8080\"\n");
    let probed = reached();
    is_open(&probed, &[this, same]);
    is_closed(&probed, &[metadata]);
    drop(proxy);

    // Nor is there a way around: neither the network of the host, nor what has no network of its own.
    build("host").complains(&["hook"]);
    sh(
        "systemctl --user set-environment BUILDAH_ISOLATION=chroot",
        &[],
    )
    .ok();
    let _isolation = afterwards(|| sh("systemctl --user unset-environment BUILDAH_ISOLATION", &[]));
    is_closed(&reached(), &[this, metadata]);
    // What nft says is told.
    let _broken = root_until_the_end(
        &[
            "sh",
            "-ec",
            "mv /usr/sbin/nft /usr/sbin/nft.real; printf '#!/bin/sh\\n[ \"$2\" = - ] || { echo no such rule >&2; exit 1; }\\n' >/usr/sbin/nft; chmod 755 /usr/sbin/nft",
        ],
        &["mv", "/usr/sbin/nft.real", "/usr/sbin/nft"],
    );
    build("reach").complains(&["no such rule"]);
}

#[test]
fn without_what_closes_its_network_no_server_starts() {
    let _machine = Idle::now();
    let _hosts = far_hosts();
    let server = Server::add_with(
        "docker://mcp/fetch",
        "fetch",
        &["--network", "allow:fetched.example"],
    );
    let open_one = Server::add_with("docker://mcp/fetch", "free", &["--network", "open"]);
    let fetch = |server: &Server| {
        server.call(
            "fetch",
            r#"{"url": "http://fetched.example:8080/", "raw": true}"#,
        )
    };
    let hook = |name: &str| format!("/home/tester/.config/containers/systemd/mcpod-{name}_network");
    for (gone, stops_open) in [
        (
            vec![
                format!("{}/hook.json", hook("fetch")),
                format!("{}/hook.json", hook("free")),
            ],
            true,
        ),
        (vec![hook("fetch"), hook("free")], true),
        (vec!["/usr/sbin/nft".to_owned()], true),
        (
            vec!["/home/tester/.local/share/mcpod/mcpod".to_owned()],
            false,
        ),
    ] {
        let aside: Vec<&str> = gone.iter().map(String::as_str).collect();
        let aside = moved_aside(&aside);
        let refused = fetch(&server).code(1);
        assert!(!refused.stdout.contains("milk"), "{refused:#?}");
        if stops_open {
            fetch(&open_one).code(1);
        } else {
            fetch(&open_one).ok();
        }
        drop(aside);
        crate::idle::no_orphans();
        fetch(&server).ok().prints(&["buy milk"]);
    }
    // One that is killed half-way leaves nothing open either: the rules come first, and the hook's end is what lets the server start.
    let slow = root_until_the_end(
        &[
            "sh",
            "-ec",
            "mv /usr/sbin/nft /usr/sbin/nft.real; printf '#!/bin/sh\\nkill -KILL $PPID\\n' >/usr/sbin/nft; chmod 755 /usr/sbin/nft",
        ],
        &["mv", "/usr/sbin/nft.real", "/usr/sbin/nft"],
    );
    fetch(&server).code(1);
    drop(slow);
    crate::idle::no_orphans();
}

#[test]
fn what_cannot_be_enforced_is_not_added() {
    let _machine = Idle::now();
    let gone = moved_aside(&["/usr/sbin/nft"]);
    for network in ["open", "allow:a.example"] {
        mcpod(&["add", "docker://mcp/fetch", "--network", network])
            .code(6)
            .complains(&["nft", "hint: ", "nftables"]);
    }
    // A build has a network, whatever its server has.
    mcpod(&["add", "npm:mcp-x", "--network", "none"])
        .code(6)
        .complains(&["builds", "nft", "hint: ", "nftables"]);
    drop(gone);
    // One that the kernel does not follow.
    let _broken = root_until_the_end(
        &[
            "sh",
            "-ec",
            "mv /usr/sbin/nft /usr/sbin/nft.real; printf '#!/bin/sh\\necho no such rule >&2; exit 1\\n' >/usr/sbin/nft; chmod 755 /usr/sbin/nft",
        ],
        &["mv", "/usr/sbin/nft.real", "/usr/sbin/nft"],
    );
    mcpod(&["add", "docker://mcp/fetch", "--network", "allow:a.example"])
        .code(6)
        .complains(&["no such rule", "hint: "]);
    mcpod(&["add", "docker://mcp/fetch", "--network", "allow:a example"])
        .code(2)
        .complains(&["a example"]);
}
