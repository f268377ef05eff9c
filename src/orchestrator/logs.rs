//! What a server wrote to its standard error, wherever that goes on this host.

use tokio::process::Command;

use super::{Active, Error, Orchestrator};
use crate::activation::units::{Log, log_file};
use crate::systemd::journal;
use crate::text;

impl Orchestrator {
    /// The command that shows the logs of a server: the last `lines`, or all; with `follow`, also what comes.
    pub async fn logs(&self, typed: &str, lines: Option<u32>, follow: bool) -> Result<Command, Error> {
        let systemd = self.systemd().await?;
        let units = self.unit_dir(&systemd).await?;
        let active = self.find(&units, typed)?;
        Ok(self.log_command(&active, lines, follow))
    }

    /// The last lines of a server's log.
    pub async fn log_end(&self, active: &Active, lines: u32) -> String {
        let output = self.log_command(active, Some(lines), false).output().await;
        // What cannot be shown here, `mcpod logs` says why.
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        text::for_terminal(&text)
    }

    fn log_command(&self, active: &Active, lines: Option<u32>, follow: bool) -> Command {
        match self.log() {
            Log::Journal => journal::show(&active.name, lines, follow),
            Log::File => {
                let mut command = Command::new("tail");
                match lines {
                    Some(lines) => command.arg(format!("--lines={lines}")),
                    None => command.arg("--lines=+1"),
                };
                if follow {
                    command.arg("--follow=name").arg("--retry");
                }
                command.arg("--").arg(self.host.socket_dir().join(log_file(&active.name)));
                command
            }
        }
    }
}
