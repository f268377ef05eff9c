//! What a server wrote to its standard error.

use tokio::process::Command;

use super::{Error, Orchestrator};
use crate::quadlet::name::ServerName;
use crate::systemd::journal;
use crate::text;

impl Orchestrator {
    /// The command that shows the logs of a server: the last `lines`, or all; with `follow`, also what comes.
    pub fn logs(&self, typed: &str, lines: Option<u32>, follow: bool) -> Result<Command, Error> {
        let active = self.find(typed)?;
        if !self.host.journal_readable() {
            return Err(Error::JournalUnreadable);
        }
        Ok(journal::show(&active.name, lines, follow))
    }

    /// The last lines of a server's log, as far as they can be read.
    pub async fn log_end(&self, name: &ServerName, lines: u32) -> String {
        let output = journal::show(name, Some(lines), false).output().await;
        let text = output
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        text::for_terminal(&text)
    }
}
