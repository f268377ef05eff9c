//! A session with an active server, and what systemd knows of the instance behind it: how it died, what it said last.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::net::UnixStream;

use super::lists::Lists;
use super::{Active, Error, Orchestrator};
use crate::activation::units::{Log, log_file};
use crate::quadlet::name::ServerName;
use crate::session::{self, Session, SessionError};
use crate::systemd::{Death, Deaths, Instance, Systemd, journal};
use crate::text;

/// How long to wait for systemd to tell how an instance died after its connection ended.
const DEATH_NEWS: Duration = Duration::from_secs(5);

/// How long an instance may take to stop.
const STOP: Duration = Duration::from_secs(30);

/// How much of a file of last words is read, in bytes, and shown, in lines.
const LAST_BYTES: u64 = 8 << 10;
const LAST_LINES: usize = 20;

/// A session, and a hold on the instance behind it.
#[derive(Debug)]
pub struct Connection {
    /// The session.
    pub session: Session,
    hold: Hold,
}

/// What is known of the instances that one process of ours connected to.
#[derive(Debug)]
pub struct Hold {
    name: ServerName,
    systemd: Systemd,
    deaths: Deaths,
    log: Log,
    log_path: std::path::PathBuf,
}

/// A session failed; with what is known of how the server ended.
#[derive(Debug)]
pub struct EndError {
    name: ServerName,
    /// What the session saw of it.
    pub cause: SessionError,
    death: Option<Death>,
    last_words: String,
}

impl fmt::Display for EndError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:#}", self.name, AsChain(&self.cause))?;
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
        if self.last_words.is_empty() { self.cause.hint() } else { None }
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

impl Hold {
    /// How the instance behind our connection died and what it said last; waits for the news.
    pub async fn obituary(&self) -> (Option<Death>, String) {
        let death = self.deaths.of_client(std::process::id(), DEATH_NEWS).await;
        let unit = death.as_ref().map(|death| death.unit.to_string());
        let words = match self.log {
            Log::Journal => {
                let unit = unit.unwrap_or_else(|| own_instances(&self.name));
                journal::last_words(&unit).await
            }
            Log::File => file_end(&self.log_path),
        };
        let words = words.unwrap_or_else(|error| format!("(cannot be read: {error})"));
        (death, text::for_terminal(&words))
    }

    /// Stops the instances that this process connected to. With `wait`, returns when they are gone.
    pub async fn stop(&self, wait: bool) -> Result<(), Error> {
        for instance in own(self.systemd.instances(&self.name).await?) {
            if wait {
                self.systemd.stop(&instance.unit, STOP).await?;
            } else {
                self.systemd.queue_stop(&instance.unit).await?;
            }
        }
        Ok(())
    }
}

/// The instances to which this process connected.
fn own(instances: Vec<Instance>) -> impl Iterator<Item = Instance> {
    let pid = std::process::id();
    instances.into_iter().filter(move |instance| instance.pid == Some(pid))
}

/// A pattern (glob(7)) for the instances to which this process connected, whose connection numbers are not known.
fn own_instances(name: &ServerName) -> String {
    format!("mcpod-{name}@*-{}[-_]*.service", std::process::id())
}

fn file_end(path: &std::path::Path) -> io::Result<String> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES)))?;
    let mut end = Vec::new();
    file.take(LAST_BYTES).read_to_end(&mut end)?;
    let text = String::from_utf8_lossy(&end);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LAST_LINES);
    Ok(lines.get(from..).unwrap_or_default().join("\n"))
}
