//! What a server wrote to its standard error, wherever that goes on this host.

use tokio::process::Command;

use super::{Error, Orchestrator};
use crate::activation::units::{Log, log_file};
use crate::quadlet::name::ServerName;
use crate::systemd::journal;
use crate::text;

impl Orchestrator {
    /// The command that shows the logs of a server: the last `lines`, or all; with `follow`, also what comes.
    pub fn logs(&self, typed: &str, lines: Option<u32>, follow: bool) -> Result<Command, Error> {
        let active = self.find(typed)?;
        Ok(self.log_command(&active.name, lines, follow))
    }

    /// The last lines of a server's log.
    pub async fn log_end(&self, name: &ServerName, lines: u32) -> String {
        let output = self.log_command(name, Some(lines), false).output().await;
        // What cannot be shown here, `mcpod logs` says why.
        let text = output
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        text::for_terminal(&text)
    }

    fn log_command(&self, name: &ServerName, lines: Option<u32>, follow: bool) -> Command {
        match self.log() {
            Log::Journal => journal::show(name, lines, follow),
            Log::File => {
                let mut command = Command::new("tail");
                match lines {
                    Some(lines) => command.arg(format!("--lines={lines}")),
                    None => command.arg("--lines=+1"),
                };
                if follow {
                    command.arg("--follow=name").arg("--retry");
                }
                command
                    .arg("--")
                    .arg(self.host.runtime.mcpod().join(log_file(name)));
                command
            }
        }
    }
}
