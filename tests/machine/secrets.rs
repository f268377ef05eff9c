//! Secrets: nowhere but in the server that needs them.

use crate::changes::{afterwards, moved_aside};
use crate::idle::{Idle, no_orphans};
use crate::machine::{
    SOON, machine, mcpod, root, root_with_input, run, run_as, run_with_input, sh, wait_until,
};
use crate::orphans::CLIENT;
use crate::running::start;
use crate::server::Server;
use crate::shared::session;

/// What no other text of the machine contains. Given to the machine on standard input only.
const VALUE: &str = "sesame-6f1d0c9b8e7a-opens";

/// A server of which a tool prints its environment.
const EVERYTHING: &str = "docker://docker.io/mcp/everything";

pub(crate) fn forget_secrets() -> impl Drop {
    let script = "podman secret ls --format {{.Name}} | grep ^mcpod- | xargs -r podman secret rm";
    afterwards(move || sh(script, &[]))
}

fn add(value: &str) -> Server {
    let words = [
        "mcpod",
        "add",
        EVERYTHING,
        "--name",
        "vault",
        "--secret",
        "MY_TOKEN=-",
    ];
    run_with_input(&words, value.as_bytes()).ok();
    Server("vault")
}

/// Finds the text as it is and in base64 and prints, a line each, where: on disk, in the journal, in command lines, in what Podman
/// and systemd tell. The text is read from standard input, so that it is in no command line itself. Files in memory of other
/// processes' private folders count as well.
const GREP: &str = r#"
read -r value
base=$(printf %s "$value" | base64 | cut -c1-20)
hex=$(printf %s "$value" | od -An -tx1 | tr -d ' \n')
cd /
for needle in "$value" "$base" "$hex"; do
    printf %s "$needle" >/dev/shm/needle
    grep -rlaF --exclude-dir=registry -f /dev/shm/needle /home /root /etc /tmp /var/tmp /var/log /var/lib/systemd /run/systemd /run/log 2>/dev/null | sed "s/^/disk: /"
    journalctl --all --no-pager -o cat --output-fields=_CMDLINE,MESSAGE 2>/dev/null | grep -aqF -f /dev/shm/needle && echo journal
    for cmdline in /proc/[0-9]*/cmdline; do
        tr '\0' ' ' <"$cmdline" 2>/dev/null | grep -qaF -f /dev/shm/needle && echo "$cmdline"
    done
done
rm -f /dev/shm/needle
true
"#;

/// What the user's own Podman and systemd tell of everything.
const TOLD: &str = r#"
podman --transient-store ps -aq | xargs -r podman --transient-store inspect
podman ps -aq | xargs -r podman inspect
podman secret ls -q | xargs -r podman secret inspect
systemctl --user list-units --all --plain --no-legend "mcpod-*" | cut -d' ' -f1 | xargs -r systemctl --user show --all
systemctl --user show-environment
systemctl --user cat "mcpod-*" 2>/dev/null
ps -eo args
"#;

/// Where a value is found.
#[track_caller]
fn places(value: &str) -> String {
    root_with_input(&["sh", "-c", GREP], format!("{value}\n").as_bytes())
        .ok()
        .stdout
}

#[track_caller]
fn nowhere() {
    assert_eq!(places(VALUE), "");
    let told = sh(TOLD, &[]).stdout;
    assert!(
        told.contains("mcpod-vault"),
        "nothing was looked at: {told}"
    );
    assert!(!told.contains(VALUE), "it is told");
}

#[test]
fn a_value_that_is_somewhere_is_found() {
    // Of this moment, since the journal forgets nothing.
    let value = sh("date +planted-%s%N", &[]).ok().stdout.trim().to_owned();
    let plant =
        "printf %s \"$1\" | base64 >~/planted; systemd-cat printf %s \"$1\"; read -r _; true";
    let _file = afterwards(|| run(&["rm", "-f", "/home/tester/planted"]));
    let _sleeping = start(&["sh", "-c", plant, "sh", &value]);
    wait_until("it is found everywhere", SOON, || {
        let found = places(&value);
        let all = ["disk: /home/tester/planted", "journal", "/cmdline"];
        if all.iter().all(|place| found.contains(place)) {
            Ok(())
        } else {
            Err(found)
        }
    });
}

#[test]
fn a_secret_is_found_nowhere_during_a_session_and_after_it() {
    let _machine = Idle::now();
    let _secrets = forget_secrets();
    let vault = add(VALUE);
    let environment = vault.call("get-env", "{}").ok().result_text();
    assert!(environment.contains(VALUE), "the server does not have it");

    let attached = start(&["mcpod", "attach", "vault"]);
    wait_until("a session is there", SOON, || {
        let running = sh("podman --transient-store ps -q", &[]).stdout;
        if running.is_empty() {
            Err("no container")
        } else {
            Ok(())
        }
    });
    nowhere();
    drop(attached);
    nowhere();
    run(&[
        "grep",
        "-q",
        "^Secret=mcpod-vault_MY_TOKEN,type=env,target=MY_TOKEN$",
        "/home/tester/.config/containers/systemd/mcpod-vault@.container",
    ])
    .ok();
    for (path, mode) in [("secrets", "700"), ("secrets/*", "600")] {
        let modes = sh(
            &format!("stat --format=%a ~/.local/share/mcpod/{path} | sort -u"),
            &[],
        );
        assert_eq!(modes.ok().stdout.trim(), mode, "{path}");
    }
}

#[test]
fn another_user_finds_nothing_readable() {
    const OTHER: &str = "other";
    let _machine = Idle::now();
    let _secrets = forget_secrets();
    let _vault = add(VALUE);
    let _other = afterwards(|| machine(&["user", "--remove", OTHER]));
    machine(&["user", OTHER]).ok();
    let _attached = start(&["mcpod", "attach", "vault"]);
    let readable = "cat /home/tester/.local/share/mcpod/secrets/*; find /home/tester /run/user/1000 -readable -path '*mcpod*' 2>/dev/null; cat /proc/[0-9]*/environ 2>/dev/null";
    let seen = run_as(OTHER, &["sh", "-c", readable]);
    assert!(
        !seen.stdout.contains(VALUE) && !seen.stdout.contains("/home/tester/"),
        "{seen:#?}"
    );
    // Not even with the encrypted file in hand.
    let file = sh("cat ~/.local/share/mcpod/secrets/*", &[]).ok().stdout;
    let id = sh("ls ~/.local/share/mcpod/secrets", &[]).ok().stdout;
    let steal = format!(
        "mkdir -p /tmp/stolen && echo '{file}' >/tmp/stolen/{id} && SECRET_ID={id} mcpod credential lookup --folder /tmp/stolen; rm -rf /tmp/stolen",
        file = file.trim(),
        id = id.trim()
    );
    let stolen = run_as(OTHER, &["sh", "-c", &steal]);
    assert!(!stolen.stdout.contains(VALUE), "{stolen:#?}");
    assert!(
        stolen.stderr.contains("io.systemd.Credentials"),
        "{stolen:#?}"
    );
}

#[test]
fn a_secret_is_given_by_prompt_pipe_or_file_and_never_in_clear() {
    let _machine = Idle::now();
    let _secrets = forget_secrets();
    for words in [
        ["--secret", "MY_TOKEN=literal"],
        ["--env", "MY_TOKEN=literal"],
    ] {
        mcpod(&[&["add", EVERYTHING, "--name", "vault"][..], &words].concat())
            .code(2)
            .complains(&[
                "must not be given on the command line",
                "--secret MY_TOKEN=@FILE",
            ]);
    }
    mcpod(&["add", "github", "--network", "open"])
        .code(4)
        .complains(&["token (a secret)"]);
    mcpod(&["add", "github", "--network", "open", "--set", "token=x"])
        .code(2)
        .complains(&["is a secret"]);
    mcpod(&["secret", "set", "vault_MY_TOKEN", "literal"]).code(2);
    mcpod(&["add", EVERYTHING, "--name", "vault", "--secret", "MY_TOKEN"]).code(4);

    // Stored before the server is there, it is found.
    run_with_input(&["mcpod", "secret", "set", "vault_MY_TOKEN"], b"first\n").ok();
    let vault = Server::add_with(EVERYTHING, "vault", &["--secret", "MY_TOKEN"]);
    let has = |value: &str| {
        let environment = vault.call("get-env", "{}").ok().result_text();
        assert!(
            environment.contains(&format!("\"MY_TOKEN\": \"{value}\"")),
            "{environment}"
        );
    };
    has("first");
    let mut running = session("vault");
    let mut goes_on_with = |value: &str| {
        running.say(r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get-env","arguments":{}}}"#);
        let answer = loop {
            let line = running.line();
            if line.contains(r#""id":2"#) {
                break line;
            }
        };
        let variable = format!(r#"\"MY_TOKEN\": \"{value}\""#);
        assert!(answer.contains(&variable), "{answer}");
    };
    goes_on_with("first");
    // New sessions get a new value; one that runs goes on with what it began with.
    let _file = afterwards(|| run(&["rm", "-f", "/home/tester/secret"]));
    sh("printf second >~/secret", &[]).ok();
    mcpod(&[
        "secret",
        "set",
        "vault_MY_TOKEN",
        "--file",
        "/home/tester/secret",
    ])
    .ok();
    has("second");
    goes_on_with("first");
    drop(running);
    let listed = mcpod(&["secret", "list", "--json"]).ok().json();
    assert_eq!(listed[0]["name"], "vault_MY_TOKEN");
    assert_eq!(listed[0]["encrypted"], true);
    mcpod(&["secret", "remove", "vault_MY_TOKEN"])
        .code(2)
        .complains(&["needs the secret"]);
    mcpod(&["secret", "remove", "vault_NONE"]).code(3);
    mcpod(&["secret", "remove", "../x"]).code(2);
    mcpod(&["config", "vault"]).ok().prints(&["(a secret)"]);
}

#[test]
fn without_mcpod_a_server_with_a_secret_fails_and_never_starts_without_it() {
    let _machine = Idle::now();
    let _secrets = forget_secrets();
    let vault = add(VALUE);
    // Its log is read here, and not by a guard.
    sh("systemctl --user stop mcpod-guard.service", &[]).ok();
    let gone = moved_aside(&["/usr/local/bin/mcpod"]);
    let client = start(&["python3", "-c", CLIENT, &vault.socket()]);
    let ended = client.finish();
    // It never came to an answer.
    assert!(
        ended.code == Some(1) && ended.stdout.is_empty(),
        "{ended:#?}"
    );
    let said = sh("cat /run/user/1000/mcpod/vault@*.log", &[]).ok().stdout;
    assert!(said.contains("secret"), "{said}");
    no_orphans();
    drop(gone);
    let environment = vault.call("get-env", "{}").ok().result_text();
    assert!(environment.contains(VALUE), "{environment}");
}

#[test]
fn another_entry_does_not_get_what_is_kept_under_its_name() {
    let _machine = Idle::now();
    let _secrets = forget_secrets();
    let _volume = afterwards(|| run(&["podman", "volume", "rm", "--force", "mcpod-vault_data"]));
    drop(add(VALUE));
    let other = "docker://docker.io/mcp/memory";
    let refused = mcpod(&["add", other, "--name", "vault", "--secret", "MY_TOKEN"]);
    refused.code(2).complains(&[
        "the secret vault_MY_TOKEN is kept for docker://docker.io/mcp/everything",
        "--reuse",
        "--name",
    ]);
    // With a value of its own it takes nothing, and what it replaces is its own then.
    let own = [
        "mcpod",
        "add",
        other,
        "--name",
        "vault",
        "--secret",
        "MY_TOKEN=-",
    ];
    run_with_input(&own, b"other").ok();
    mcpod(&["remove", "vault"]).ok();
    mcpod(&["add", EVERYTHING, "--name", "vault", "--secret", "MY_TOKEN"])
        .code(2)
        .complains(&["is kept for docker://docker.io/mcp/memory"]);
    mcpod(&[
        "add", EVERYTHING, "--name", "vault", "--secret", "MY_TOKEN", "--reuse",
    ])
    .ok();
    let vault = Server("vault");
    let environment = vault.call("get-env", "{}").ok().result_text();
    assert!(
        environment.contains("\"MY_TOKEN\": \"other\""),
        "{environment}"
    );
    // Its own again.
    mcpod(&["config", "vault", "--env", "COLOUR=red"]).ok();
    drop(vault);
    drop(Server::add_with(
        EVERYTHING,
        "vault",
        &["--secret", "MY_TOKEN"],
    ));

    // A volume, too, is its entry's.
    drop(Server::add("memory", "vault"));
    sh(
        "podman volume rm mcpod-vault_data && podman volume create --label io.mcpod.entry=docker:other mcpod-vault_data",
        &[],
    )
    .ok();
    mcpod(&["add", "memory", "--name", "vault"])
        .code(2)
        .complains(&[
            "the volume mcpod-vault_data is kept for docker:other",
            "--reuse",
        ]);
    mcpod(&["add", "memory", "--name", "vault", "--reuse"]).ok();
    mcpod(&["remove", "vault", "--volumes"]).ok();
    mcpod(&["add", "memory", "--name", "vault"]).ok();
    drop(Server("vault"));
}

#[test]
fn secrets_stay_unless_they_are_to_go() {
    let _machine = Idle::now();
    let _secrets = forget_secrets();
    let stored = || {
        sh("ls ~/.local/share/mcpod/secrets", &[])
            .ok()
            .stdout
            .lines()
            .count()
    };
    drop(add(VALUE));
    assert_eq!(stored(), 1);
    let vault = add("other");
    assert_eq!(stored(), 1);
    // One that fails puts back what was there.
    mcpod(&["remove", "vault"]).ok();
    let words = [
        "mcpod",
        "add",
        EVERYTHING,
        "--name",
        "vault",
        "--secret",
        "MY_TOKEN=-",
        "--secret",
        "NEW_KEY=@/etc/hostname",
        "--env",
        "NODE_OPTIONS=--no-such-option",
    ];
    run_with_input(&words, b"third").code(1);
    assert_eq!(stored(), 1);
    mcpod(&["add", EVERYTHING, "--name", "vault", "--secret", "MY_TOKEN"]).ok();
    assert!(
        vault
            .call("get-env", "{}")
            .ok()
            .result_text()
            .contains("other")
    );
    mcpod(&["remove", "vault", "--secrets"]).ok();
    assert_eq!(stored(), 0);
    mcpod(&["add", EVERYTHING, "--name", "vault"]).ok();
}

#[test]
fn without_the_service_podman_keeps_them_and_it_is_said_once() {
    let _machine = Idle::now();
    let _secrets = forget_secrets();
    let service = "systemd-creds.socket";
    root(&["systemctl", "stop", service]).ok();
    let _back = afterwards(move || root(&["systemctl", "start", service]));
    let set = |name: &str| run_with_input(&["mcpod", "secret", "set", name], b"x").ok();
    set("vault_A").complains(&["unencrypted"]);
    let second = set("vault_B");
    assert!(!second.stderr.contains("unencrypted"), "{second:#?}");
    let listed = mcpod(&["secret", "list", "--json"]).ok().json();
    assert_eq!(listed[0]["encrypted"], false);
}
