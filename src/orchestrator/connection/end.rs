//! Ends: a session failed, and what is known of why.

use std::fmt;

use super::keys::Keys;
use crate::orchestrator::Active;
use crate::quadlet::name::ServerName;
use crate::session::SessionError;
use crate::systemd::{Death, UnitResult};

/// A session failed; with what is known of how the server ended.
#[derive(Debug)]
pub struct EndError {
    pub(super) name: ServerName,
    /// What the session saw of it.
    pub cause: SessionError,
    /// The number of sessions that the server may have, if it was refused for being one more.
    pub(super) full: Option<u32>,
    /// The user's kernel keys, if it was refused because there are none left.
    pub(super) keys: Option<Keys>,
    /// Who has the only session that there may be.
    pub(super) holder: Option<String>,
    /// What it was added by, where its image was built and is gone.
    pub(super) rebuild: Option<String>,
    /// Its secrets, where one of them does not open.
    pub(super) sealed: Vec<String>,
    /// Its files were unmounted before it ran; another may have better luck.
    pub(super) lost_mount: bool,
    pub(super) death: Option<Death>,
    pub(super) last_words: String,
}

impl fmt::Display for EndError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(holder) = &self.holder {
            return write!(
                f,
                "{} keeps data that one session at a time may use, and {holder} has it",
                self.name
            );
        }
        if let Some(sessions) = self.full {
            return write!(
                f,
                "{} has {sessions} sessions, as many as it may have",
                self.name
            );
        }
        if let Some(keys) = &self.keys {
            return write!(f, "{} cannot be started: {keys}", self.name);
        }
        write!(f, "{}: {}", self.name, AsChain(&self.cause))?;
        if let Some(death) = &self.death {
            write!(f, " ({}", death.result)?;
            if let Some(exit) = death.exit {
                write!(f, ", {exit}")?;
            }
            f.write_str(")")?;
        }
        if !self.last_words.is_empty() {
            f.write_str("\nits standard error ended with:")?;
            for line in self.last_words.lines() {
                write!(f, "\n  {line}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for EndError {}

impl EndError {
    /// A session that failed, of which nothing more is known yet.
    pub(super) fn new(name: ServerName, cause: SessionError) -> Self {
        Self {
            name,
            cause,
            full: None,
            keys: None,
            holder: None,
            rebuild: None,
            sealed: Vec::new(),
            lost_mount: false,
            death: None,
            last_words: String::new(),
        }
    }

    /// Takes what the instance said last, and what that tells of why it ended.
    pub(super) fn hear(&mut self, last_words: String, active: &Active) {
        self.keys = Keys::run_out(&last_words);
        // Podman's words, as it starts a container.
        if last_words.contains("image not known") {
            self.rebuild = Some(active.record.given.clone());
        }
        if is_sealed(&last_words) {
            self.sealed.clone_from(&active.record.secrets);
        }
        self.lost_mount = is_unmounted(&last_words);
        self.last_words = last_words;
    }

    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        if self.holder.is_some() {
            return Some(
                "end that session, or add the server again with --instances private if it can share its data"
                    .to_owned(),
            );
        }
        if self.full.is_some() {
            return Some(
                "end one of them, or remove it and add it again with more --sessions".to_owned(),
            );
        }
        if self.keys.is_some() {
            return Some(Keys::hint());
        }
        if let Some(given) = &self.rebuild {
            return Some(format!(
                "its image was built here and is gone; build it anew: mcpod remove {}, then mcpod add {given}",
                self.name
            ));
        }
        let sealed: Vec<String> = self
            .sealed
            .iter()
            .map(|key| format!("{}_{key}", self.name))
            .collect();
        if let [first, others @ ..] = sealed.as_slice() {
            let which = if others.is_empty() {
                format!("its secret {first} does not")
            } else {
                format!("one of its secrets ({}) does not", sealed.join(", "))
            };
            return Some(format!(
                "{which} open with the keys of this host, which may have changed; store it anew: mcpod secret set {first}"
            ));
        }
        if self.lost_mount {
            return Some(
                "if always, its image lacks the program that it is to run; if now and then, another Podman command that ended unmounted \
                 what containers are made of, which `skip_mount_home = \"true\"` below [storage.options.overlay] in \
                 ~/.config/containers/storage.conf forbids"
                    .to_owned(),
            );
        }
        if let Some(death) = &self.death
            && death.result == UnitResult::OomKill
        {
            return Some(
                "it used all the memory that it may; if it needs more, remove it and add it again with more --memory"
                    .to_owned(),
            );
        }
        if self.last_words.is_empty() {
            self.cause.hint()
        } else {
            None
        }
    }
}

/// Whether a secret did not open: what `mcpod credential` says of it, and Podman after that, as it starts a container.
fn is_sealed(last_words: &str) -> bool {
    last_words.contains("credential service refused") && last_words.contains("no such secret")
}

/// Whether a container lost its files between its making and its start.
///
/// Podman mounts its storage's home onto itself, and the last of its processes to end unmounts it, with what another one that is about to
/// start a container has mounted below it. Then the runtime does not find the container's files, or the container's init not its program.
fn is_unmounted(last_words: &str) -> bool {
    last_words.contains("failed to exec pid1")
        || (last_words.contains("/merged/") && last_words.contains("no such file or directory"))
}

/// An error with its causes, on one line.
struct AsChain<'a>(&'a dyn std::error::Error);

impl fmt::Display for AsChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::CredentialError;
    use crate::quadlet::name::UnitName;

    fn ended() -> EndError {
        let cause = SessionError::Ended {
            garbage: None,
            cause: None,
        };
        EndError {
            last_words: "said last".to_owned(),
            ..EndError::new("vault".parse().unwrap(), cause)
        }
    }

    #[test]
    fn a_secret_that_does_not_open_is_named_with_what_stores_it_anew() {
        let sealed = |names: &[&str]| {
            let sealed = names.iter().map(|&name| name.to_owned()).collect();
            EndError { sealed, ..ended() }.hint().unwrap()
        };
        assert_eq!(ended().hint(), None);
        let hint = sealed(&["TOKEN"]);
        assert!(hint.ends_with("mcpod secret set vault_TOKEN"), "{hint}");
        assert!(sealed(&["one", "two"]).contains("(vault_one, vault_two)"));
        let refused = CredentialError::Refused {
            error: "io.systemd.System".to_owned(),
        };
        assert!(is_sealed(&format!(
            "Error: {refused}\nError: bbb4a674: no such secret"
        )));
        assert!(!is_sealed("Error: bbb4a674: no such secret"));
    }

    #[test]
    fn one_that_lost_its_files_is_told_of_podman() {
        for (words, expected) in [
            (
                "ERROR (catatonit:2): failed to exec pid1: No such file or directory",
                true,
            ),
            (
                "Error: crun: open `/var/lib/overlay/5f/merged/etc/passwd`: no such file or directory",
                true,
            ),
            ("open config.json: no such file or directory", false),
            ("conflicts in git/merged/ found", false),
        ] {
            assert_eq!(is_unmounted(words), expected, "{words}");
        }
        let error = EndError {
            lost_mount: true,
            ..ended()
        };
        assert!(error.hint().unwrap().contains("skip_mount_home"));
    }

    #[test]
    fn one_that_was_killed_for_its_memory_is_told_so() {
        let death = Death {
            unit: UnitName::from_systemd("mcpod-vault@1-2-1000.service"),
            result: UnitResult::OomKill,
            exit: None,
            invocation: None,
        };
        let error = EndError {
            death: Some(death),
            ..ended()
        };
        assert!(error.to_string().contains("(oom-kill)"), "{error}");
        assert!(error.hint().unwrap().contains("--memory"));
    }
}
