//! What of the host may be missing.

use super::{Found, fixing, look};
use crate::changes::{afterwards, moved_aside, root_until_the_end};
use crate::idle::Idle;
use crate::machine::{mcpod, run, run_as, sh};

/// What is always to be found here.
const SOUND: [&str; 16] = [
    "podman",
    "podman-socket",
    "quadlet",
    "user-manager",
    "linger",
    "subids",
    "namespaces",
    "journal",
    "pasta",
    "nftables",
    "oci-runtime",
    "credentials",
    "tpm",
    "keys",
    "space",
    "server",
];

#[test]
fn a_sound_host_is_sound_and_each_line_says_what_it_is() {
    let _machine = Idle::now();
    let found = look().ends(0);
    for check in SOUND {
        found.is_sound(check);
    }
    // The host's controllers do not reach this machine.
    found.has("controllers", "warning", "cpu, memory, pids");
    found.has("short-names", "note", "short names");
    let shown = mcpod(&["doctor"]).ok();
    shown.prints(&[
        "ok        Podman 5",
        "warning   of the cgroup controllers",
        "mend: ",
    ]);
}

/// Breaks the machine, looks, mends it again, and looks again.
#[track_caller]
fn broken<T>(breaking: impl FnOnce() -> T, check: &str, state: &str, words: &str) {
    let broken = breaking();
    let found = look().ends(if state == "problem" { 6 } else { 0 });
    found.has(check, state, words);
    drop(broken);
    let found = look();
    let found = found.of(check);
    assert!(
        !found.iter().any(|finding| finding["state"] == state),
        "{check} is mended and still {state}: {found:#?}"
    );
}

#[test]
fn programs_that_are_missing() {
    let _machine = Idle::now();
    broken(
        || {
            let moved = moved_aside(&["/usr/bin/podman"]);
            // Its socket fails with a service that cannot be started.
            let again = "systemctl --user reset-failed podman.service; systemctl --user restart podman.socket";
            (moved, afterwards(|| sh(again, &[])))
        },
        "podman",
        "problem",
        "not on the path",
    );
    broken(
        || moved_aside(&["/usr/bin/pasta"]),
        "pasta",
        "problem",
        "missing",
    );
    broken(
        || moved_aside(&["/usr/sbin/nft"]),
        "nftables",
        "warning",
        "missing",
    );
    broken(
        || {
            sh(
                r#"printf '[engine]\nruntime = "other"\n[engine.runtimes]\nother = ["/usr/bin/crun"]\n' >~/.config/containers/containers.conf"#,
                &[],
            )
            .ok();
            afterwards(|| sh("rm ~/.config/containers/containers.conf", &[]))
        },
        "oci-runtime",
        "problem",
        "other",
    );
    broken(
        || moved_aside(&["/usr/bin/newgidmap"]),
        "subids",
        "problem",
        "newgidmap",
    );
}

#[test]
fn a_podman_that_is_too_old_or_silent() {
    let _machine = Idle::now();
    let _fixing = fixing();
    broken(
        || {
            sh("systemctl --user stop podman.socket podman.service", &[]).ok();
            let old = root_until_the_end(
                &[
                    "sh",
                    "-c",
                    "printf '#!/bin/sh\\necho podman version 4.9.3\\n' >/usr/local/bin/podman && chmod 755 /usr/local/bin/podman",
                ],
                &["rm", "/usr/local/bin/podman"],
            );
            (
                old,
                afterwards(|| sh("systemctl --user start podman.socket", &[])),
            )
        },
        "podman",
        "problem",
        "4.9.3 is too old: 5.4",
    );
    // The unit is up, and nobody is behind the socket: `--fix` sees to that itself.
    sh(
        "systemctl --user start podman.socket && rm $XDG_RUNTIME_DIR/podman/podman.sock",
        &[],
    )
    .ok();
    look()
        .ends(6)
        .has("podman", "problem", "does not say its version");
    let fixed = super::fix().ends(0);
    assert_eq!(fixed.has("podman", "ok", "Podman 5")["fixed"], true);
}

#[test]
fn units_of_podman_that_are_missing_or_forbidden() {
    let _machine = Idle::now();
    let _fixing = fixing();
    let again = || {
        afterwards(|| {
            sh(
                "systemctl --user daemon-reload; systemctl --user start podman.socket",
                &[],
            )
        })
    };
    broken(
        || {
            sh("systemctl --user stop podman.socket podman.service", &[]).ok();
            let again = again();
            let gone = moved_aside(&["/usr/lib/systemd/user/podman.socket"]);
            sh("systemctl --user daemon-reload", &[]).ok();
            (gone, again)
        },
        "podman-socket",
        "problem",
        "no unit",
    );
    sh(
        "systemctl --user stop podman.socket && systemctl --user mask podman.socket",
        &[],
    )
    .ok();
    look().ends(6).has("podman-socket", "problem", "masked");
    let fixed = super::fix().ends(0);
    assert_eq!(
        fixed.has("podman-socket", "ok", "podman.socket")["fixed"],
        true
    );
    sh("systemctl --user start podman.socket", &[]).ok();

    let generator = "/usr/lib/systemd/user-generators/podman-user-generator";
    broken(
        || moved_aside(&[generator]),
        "quadlet",
        "problem",
        "missing",
    );
    broken(
        || {
            root_until_the_end(
                &[
                    "sh",
                    "-c",
                    "mkdir -p /etc/systemd/user-generators && ln -s /dev/null /etc/systemd/user-generators/podman-user-generator",
                ],
                &["rm", "-r", "/etc/systemd/user-generators"],
            )
        },
        "quadlet",
        "problem",
        "masked",
    );
}

#[test]
fn a_user_who_does_not_linger() {
    let _machine = Idle::now();
    let _fixing = fixing();
    broken(
        || moved_aside(&["/var/lib/systemd/linger/tester"]),
        "linger",
        "warning",
        "do not linger",
    );
    let _aside = moved_aside(&["/var/lib/systemd/linger/tester"]);
    // Here root alone may change that, which is said.
    let fixed = super::fix().ends(0);
    let finding = fixed.has("linger", "warning", "do not linger");
    assert!(
        finding["error"].as_str().unwrap().contains("denied"),
        "{finding:#}"
    );
    assert!(
        finding["means"]
            .as_str()
            .unwrap()
            .contains("sudo loginctl enable-linger tester")
    );
}

#[test]
fn ids_that_are_missing() {
    let _machine = Idle::now();
    broken(
        || moved_aside(&["/etc/subuid"]),
        "subids",
        "problem",
        "0 subordinate user ids",
    );
    broken(
        || {
            root_until_the_end(
                &["chmod", "u-s", "/usr/bin/newuidmap"],
                &["chmod", "u+s", "/usr/bin/newuidmap"],
            )
        },
        "subids",
        "problem",
        "setuid",
    );
    broken(
        || {
            root_until_the_end(
                &["sed", "-i.aside", "s/65536/1000/", "/etc/subgid"],
                &["mv", "/etc/subgid.aside", "/etc/subgid"],
            )
        },
        "subids",
        "warning",
        "1000 group ids",
    );
}

#[test]
fn user_namespaces_that_are_forbidden() {
    let _machine = Idle::now();
    // The limit is set in a namespace of this test's own, since that of the host holds for everybody.
    let forbidden = "echo 0 >/proc/sys/user/max_user_namespaces && exec mcpod doctor --json";
    let ran = run(&[
        "unshare",
        "--user",
        "--map-root-user",
        "sh",
        "-c",
        forbidden,
    ]);
    Found::new(ran).has("namespaces", "problem", "max_user_namespaces is 0");
}

#[test]
fn a_journal_that_cannot_be_read() {
    let _machine = Idle::now();
    broken(
        || moved_aside(&["/var/log/journal"]),
        "journal",
        "warning",
        "cannot read it",
    );
}

#[test]
fn a_credential_service_that_does_not_answer() {
    let _machine = Idle::now();
    let socket = "systemd-creds.socket";
    broken(
        || {
            root_until_the_end(
                &["systemctl", "stop", socket],
                &["systemctl", "start", socket],
            )
        },
        "credentials",
        "warning",
        "does not answer",
    );
}

#[test]
fn short_names_that_stand_for_nothing_or_for_something() {
    let _machine = Idle::now();
    broken(
        || moved_aside(&["/etc/containers/registries.conf.d/shortnames.conf"]),
        "short-names",
        "warning",
        "stand for nothing",
    );
    let file = "/etc/containers/registries.conf.d/search.conf";
    let write = format!("echo 'unqualified-search-registries = [\"docker.io\"]' >{file}");
    let _search = root_until_the_end(&["sh", "-c", &write], &["rm", file]);
    look().has("short-names", "ok", "docker.io");
}

#[test]
fn a_user_without_a_systemd_and_with_few_keys() {
    let _machine = Idle::now();
    // Keys are counted by user on the whole kernel: this user's are nobody else's.
    let _gone = root_until_the_end(
        &["useradd", "--create-home", "--uid", "47110", "nobus"],
        &["userdel", "--remove", "nobus"],
    );
    let found = Found::new(run_as("nobus", &["mcpod", "doctor", "--json"])).ends(6);
    found.has("user-manager", "problem", "does not answer");
    found.has("linger", "warning", "do not linger");
    found.is_sound("keys");

    // add_key(2), as often as it is let: into a session keyring that lives as long as this process.
    let hog = "import ctypes, os, subprocess, sys\n\
        libc = ctypes.CDLL(None, use_errno=True)\n\
        assert libc.syscall(250, 1, None) > 0, os.strerror(ctypes.get_errno())\n\
        n = 0\n\
        while libc.syscall(248, b'user', b'k%d' % n, b'x', 1, -3) > 0: n += 1\n\
        sys.exit(subprocess.run(['mcpod', 'doctor', '--json']).returncode)";
    let found = Found::new(run_as("nobus", &["python3", "-c", hog])).ends(6);
    found.has("keys", "problem", "0 of your 200 kernel keys");
}

#[test]
fn disks_that_are_full_or_read_only() {
    let _machine = Idle::now();
    let cache = "/home/tester/.cache";
    sh("mkdir -p ~/.cache", &[]).ok();
    for (options, state, words) in [
        ("size=64m", "warning", "free"),
        ("size=1m", "problem", "free"),
        ("ro", "problem", "read-only"),
        ("size=1g,nr_inodes=1", "problem", "no more files"),
    ] {
        let options = format!("mode=0755,uid=1000,gid=1000,{options}");
        broken(
            || {
                root_until_the_end(
                    &["mount", "-t", "tmpfs", "-o", &options, "tmpfs", cache],
                    &["umount", cache],
                )
            },
            "space",
            state,
            words,
        );
    }
}
