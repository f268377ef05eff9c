//! What the units of a server wrote to the journal, through journalctl(1): the journal's own format is not ours to read.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::quadlet::name::ServerName;

/// How long the journal may take to show what a process wrote before it died: journald reads its streams apart from
/// systemd's own messages, so the end of a unit can be known before its last line is.
const SETTLE: Duration = Duration::from_millis(400);

/// How often the journal is asked again within [`SETTLE`].
const POLL: Duration = Duration::from_millis(80);

/// How many lines of a dead session's standard error are shown.
const LAST_LINES: &str = "20";

/// The journalctl(1) that shows what all sessions of a server wrote to their standard error.
pub fn show(server: &ServerName, lines: Option<u32>, follow: bool) -> Command {
    let mut command = journalctl(&server.instance_pattern());
    if let Some(lines) = lines {
        command.arg(format!("--lines={lines}"));
    }
    if follow {
        command.arg("--follow");
    }
    command
}

/// The end of what one unit wrote itself, or nothing if it wrote nothing or nothing can be read.
///
/// `unit` may be a pattern (glob(7)), for a unit whose connection number is not known.
pub async fn last_words(unit: &str) -> io::Result<String> {
    let started = tokio::time::Instant::now();
    loop {
        let output = journalctl(unit)
            .args(["--output=cat", "--lines", LAST_LINES])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        if !output.stdout.is_empty() || started.elapsed() > SETTLE {
            return Ok(String::from_utf8_lossy(&output.stdout)
                .trim_end()
                .to_owned());
        }
        tokio::time::sleep(POLL).await;
    }
}

fn journalctl(unit: &str) -> Command {
    let mut command = Command::new("journalctl");
    command
        .args(["--user", "--quiet", "--no-pager"])
        .arg(format!("--unit={unit}"))
        // systemd's own messages about the unit come by another way.
        .arg("_TRANSPORT=stdout");
    command
}
