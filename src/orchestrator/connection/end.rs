//! Ends: a session failed, and what is known of why.

use std::fmt;

use super::keys::Keys;
use crate::quadlet::name::ServerName;
use crate::session::SessionError;
use crate::systemd::Death;

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
        if self.last_words.is_empty() {
            self.cause.hint()
        } else {
            None
        }
    }
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
