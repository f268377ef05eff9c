//! `mcpod doctor` on a host that lacks something: each finding is seen where the machine is broken in that way, and is gone where it
//! is mended. What this machine cannot lack or have (SELinux, AppArmor, a TPM, cgroups of the first version) unit tests show instead.

mod host;
mod own;

use serde_json::Value;

use crate::changes::{afterwards, settings};
use crate::machine::{Ran, mcpod, sh};
use crate::shapes::has_shape;

/// What `doctor` found, and how it ended.
struct Found {
    ran: Ran,
    findings: Vec<Value>,
}

/// Has `doctor` look.
#[track_caller]
fn look() -> Found {
    Found::new(mcpod(&["doctor", "--json"]))
}

/// Lets a test have `doctor` mend what it can: without sources that it would fetch, and what it installs is removed in the end.
fn fixing() -> (impl Drop, impl Drop) {
    let off = |source| format!("[sources.{source}]\nenabled = false\n");
    let removed = afterwards(|| {
        sh(
            "rm -f ~/.config/systemd/user/mcpod*; rm -rf ~/.local/share/bash-completion; systemctl --user daemon-reload",
            &[],
        )
    });
    (
        settings(&["docker", "official", "awesome"].map(off).concat()),
        removed,
    )
}

/// Has `doctor` mend what it can.
#[track_caller]
fn fix() -> Found {
    Found::new(mcpod(&["doctor", "--fix", "--json"]))
}

impl Found {
    #[track_caller]
    fn new(ran: Ran) -> Self {
        let document = ran.json();
        has_shape(&document, "doctor");
        assert!(!ran.stderr.contains("panicked"), "{ran:#?}");
        let findings = document.as_array().unwrap().clone();
        Self { ran, findings }
    }

    /// The findings of one check.
    fn of(&self, check: &str) -> Vec<&Value> {
        let findings = self.findings.iter();
        findings
            .filter(|finding| finding["check"] == check)
            .collect()
    }

    /// Fails the test unless a check has a finding of that state whose words contain some, with a command that mends it.
    #[track_caller]
    fn has(&self, check: &str, state: &str, words: &str) -> &Value {
        let found = self.of(check).into_iter().find(|finding| {
            finding["state"] == state && finding["what"].as_str().unwrap().contains(words)
        });
        let Some(finding) = found else {
            panic!(
                "no {check} that is {state} and says {words:?}: {:#?}",
                self.of(check)
            );
        };
        if state != "ok" {
            assert!(
                finding["means"].is_string() && finding["command"].is_string(),
                "{finding:#}"
            );
        }
        finding
    }

    /// Fails the test unless everything that a check found is as it should be.
    #[track_caller]
    fn is_sound(&self, check: &str) {
        let found = self.of(check);
        let is_ok = found.iter().all(|finding| finding["state"] == "ok");
        assert!(is_ok && !found.is_empty(), "{check}: {found:#?}");
    }

    /// Fails the test unless `doctor` ended with this.
    #[track_caller]
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.ran.code, Some(code), "{:#?}", self.ran);
        self
    }
}
