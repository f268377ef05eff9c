//! The machine as a test finds it and leaves it: nothing of mcpod's is there, and nothing of it runs.

use std::time::Duration;

use crate::machine::{Ran, sh, wait_until};

/// The longest a client that is gone may leave an instance behind.
const NO_ORPHANS_WITHIN: Duration = Duration::from_secs(15);

/// Prints, a line each, what of a running or once active server is still there. Containers of rootless users run with
/// subordinate ids, which begin at 100000.
const FIND_SESSIONS: &str = r#"
set -eu
podman --transient-store ps --all --format "container {{.ID}} {{.Names}} {{.Status}}"
podman ps --all --format "container in the home folder {{.ID}} {{.Names}} {{.Status}}"
systemctl --user list-units --all --plain --no-legend "mcpod-*@*.service"
ps -eo uid=,pid=,args= | while read -r uid pid args; do
    case $args in */conmon\ *) echo "process $pid $args" ;; *) [ "$uid" -lt 100000 ] || echo "process $pid $args" ;; esac
done
find "$XDG_RUNTIME_DIR" -maxdepth 1 -name "mcpod-*"
"#;

/// Prints, a line each, what of mcpod is in the unit directories, in the user manager and in the runtime directory.
const FIND_UNITS: &str = r#"
set -eu
for folder in ~/.config/systemd ~/.config/containers/systemd; do
    [ ! -d "$folder" ] || find "$folder" -name "*mcpod*"
done
[ ! -d "$XDG_RUNTIME_DIR/mcpod" ] || find "$XDG_RUNTIME_DIR/mcpod" -mindepth 1
systemctl --user list-units --all --plain --no-legend "mcpod-*.socket"
[ ! -d ~/.config/systemd/user ] || flock --nonblock ~/.config/systemd/user true || echo "the lock of the unit directory is held"
"#;

/// Stops and removes all that the two scripts above look for, whoever left it.
const SCRUB: &str = r#"
systemctl --user stop "mcpod-*.socket" "mcpod-*@*.service" mcpod-guard.service
systemctl --user kill --signal=KILL "mcpod-*@*.service"
podman --transient-store rm --all --force --time=0 || podman --transient-store rm --all --force --time=0
podman rm --all --force --time=0
find ~/.config/systemd ~/.config/containers/systemd -name "*mcpod*" -exec rm -rf {} +
rm -rf "$XDG_RUNTIME_DIR/mcpod" "$XDG_RUNTIME_DIR"/mcpod-*
systemctl --user daemon-reload
systemctl --user reset-failed "mcpod-*"
"#;

/// What of a running or once active server is still there, in words.
fn leftovers() -> Vec<String> {
    lines(&sh(FIND_SESSIONS, &[]).ok())
}

/// What of an active server is there that does not run.
fn units() -> Vec<String> {
    lines(&sh(FIND_UNITS, &[]).ok())
}

fn lines(ran: &Ran) -> Vec<String> {
    ran.stdout.lines().map(str::to_owned).collect()
}

/// Waits until no instance of any server, no container and no process of one is left.
#[track_caller]
pub(crate) fn no_orphans() {
    wait_until("no orphan is left", NO_ORPHANS_WITHIN, || {
        let left = leftovers();
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}

/// Fails the test if anything of mcpod's is left running, in the unit directories or in the user manager.
#[track_caller]
pub(crate) fn nothing_half_done() {
    let found = units();
    assert!(found.is_empty(), "left half done: {found:#?}");
    no_orphans();
}

/// The machine as a test finds it and leaves it: without any server. Begin a test with `let _machine = Idle::now();`.
///
/// When the test ends it fails if anything is left. When it has failed, what is left is removed, so that the tests after
/// it begin as they should.
#[must_use]
pub(crate) struct Idle;

impl Idle {
    #[track_caller]
    pub(crate) fn now() -> Self {
        // A machine that somebody tried things in, or whose tests were ended from without.
        if !units().is_empty() || !leftovers().is_empty() {
            sh(SCRUB, &[]);
        }
        nothing_half_done();
        Self
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        if std::thread::panicking() {
            sh(SCRUB, &[]);
            return;
        }
        let left = std::panic::catch_unwind(nothing_half_done);
        if let Err(why) = left {
            sh(SCRUB, &[]);
            std::panic::resume_unwind(why);
        }
    }
}
