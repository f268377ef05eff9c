//! `mcpod top`: the sessions of active servers, as they are now and again each second.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde::Serialize;
use tokio::io::AsyncReadExt as _;

use super::output::{Failure, Output, Screen};
use super::stop::Stop;
use crate::orchestrator::Orchestrator;
use crate::orchestrator::status::{Running, Status};
use crate::text::counted;

/// How often it looks again.
const INTERVAL: Duration = Duration::from_secs(1);

/// What ends it when it is typed, beside the signals: what ends `top` and `less`, and Ctrl-C where it comes as a character.
const QUIT: [u8; 3] = [b'q', b'Q', 3];

/// Watch the sessions of active servers
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod top
  mcpod top | head

`q` or Ctrl-C ends it. Without a terminal it prints one table.")]
pub(super) struct Arguments {
    /// Print one JSON list
    #[arg(long)]
    pub(super) json: bool,
}

/// A session, or a server without any.
#[derive(Debug, Serialize)]
struct Row {
    /// The server.
    server: String,
    /// How the server is.
    state: &'static str,
    /// How many sessions the server had since its socket was started.
    accepted: u32,
    /// The session; nothing for a server that has none.
    session: Option<Session>,
}

#[derive(Debug, Serialize)]
struct Session {
    #[serde(flatten)]
    running: Running,
    /// Percent of one processor since the last look.
    load: Option<f64>,
}

/// What was used of processors by each session, in seconds, and when that was seen.
#[derive(Default)]
struct Before {
    used: HashMap<String, f64>,
    at: Option<Instant>,
}

pub(super) async fn run(
    _arguments: &Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let mut before = Before::default();
    let is_live = !output.is_json() && std::io::stdout().is_terminal();
    let busy = output.busy("looking");
    let mut rows = look(orchestrator, &mut before).await?;
    drop(busy);
    if !is_live {
        if output.is_json() {
            output.json(&rows)?;
        } else if rows.is_empty() {
            output.note("no server is active");
        } else {
            output.text(&text(&rows, output));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut stop = Stop::listen().context("cannot wait for signals")?;
    let _keys = Keys::new();
    let screen = Screen::enter();
    let mut input = tokio::io::stdin();
    let mut ticks = tokio::time::interval(INTERVAL);
    // What comes at the end of the input is nothing, again and again.
    let mut reads = std::io::stdin().is_terminal();
    loop {
        // The terminal may have another size by now.
        let page = Output::new(false);
        screen.draw(&format!("{}\n\n{}", summary(&rows), text(&rows, &page)));
        let mut key = [0];
        tokio::select! {
            _ = ticks.tick() => rows = look(orchestrator, &mut before).await?,
            () = stop.told() => break,
            read = input.read(&mut key), if reads => match read {
                Ok(1) if QUIT.contains(&key[0]) => break,
                Ok(1) => {}
                _ => reads = false,
            },
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn look(orchestrator: &Orchestrator, before: &mut Before) -> Result<Vec<Row>, Failure> {
    let now = Instant::now();
    let since = before.at.map(|at| now.duration_since(at).as_secs_f64());
    let mut used = HashMap::new();
    let mut rows = Vec::new();
    // One that was removed meanwhile is not there any more.
    for status in orchestrator.statuses().await?.into_iter().flatten() {
        let Status {
            listed,
            accepted,
            running,
            ..
        } = status;
        let row = |session| Row {
            server: listed.name.to_string(),
            state: listed.state.as_str(),
            accepted,
            session,
        };
        if running.is_empty() {
            rows.push(row(None));
        }
        for running in running {
            let load = running.cpu.and_then(|cpu| {
                let earlier = before.used.get(&running.unit)?;
                Some((cpu - earlier).max(0.0) / since?.max(f64::EPSILON) * 100.0)
            });
            if let Some(cpu) = running.cpu {
                used.insert(running.unit.clone(), cpu);
            }
            rows.push(row(Some(Session { running, load })));
        }
    }
    *before = Before {
        used,
        at: Some(now),
    };
    Ok(rows)
}

/// All in a line.
fn summary(rows: &[Row]) -> String {
    let mut servers: Vec<&str> = rows.iter().map(|row| row.server.as_str()).collect();
    servers.dedup();
    let sessions: Vec<&Session> = rows.iter().filter_map(|row| row.session.as_ref()).collect();
    let memory: u64 = sessions
        .iter()
        .filter_map(|session| session.running.memory)
        .sum();
    let load: f64 = sessions.iter().filter_map(|session| session.load).sum();
    format!(
        "{}, {}, {}, {load:.0} % of a processor; q ends",
        counted(servers.len(), "server"),
        counted(sessions.len(), "session"),
        megabytes(memory),
    )
}

fn text(rows: &[Row], output: &Output) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
    output.table_text(
        &[
            "SERVER", "STATE", "TOTAL", "MEMORY", "CPU %", "CPU", "TASKS", "FOR", "CLIENT",
        ],
        &rows,
    )
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.server.clone()];
        let Some(Session { running, load }) = &self.session else {
            cells.extend([self.state.to_owned(), self.accepted.to_string()]);
            cells.extend(std::iter::repeat_n("-".to_owned(), 6));
            return cells;
        };
        let known = |value: Option<String>| value.unwrap_or_else(|| "?".to_owned());
        let client = match (running.client, &running.client_name) {
            (Some(pid), Some(name)) => format!("{name} ({pid})"),
            (Some(pid), None) => format!("gone ({pid})"),
            (None, _) => "?".to_owned(),
        };
        cells.extend([
            running.state.clone(),
            self.accepted.to_string(),
            known(running.memory.map(megabytes)),
            known(load.map(|load| format!("{load:.0}"))),
            known(running.cpu.map(|seconds| format!("{seconds:.1} s"))),
            known(running.tasks.map(|tasks| tasks.to_string())),
            known(running.since.map(age)),
            client,
        ]);
        cells
    }
}

/// How long ago a time is, in its largest unit.
fn age(since: Timestamp) -> String {
    let seconds = Timestamp::now()
        .as_second()
        .saturating_sub(since.as_second());
    match seconds.max(0) {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds @ 7200..=172_799 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shown with one digit behind the point"
)]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Has keys arrive as they are typed, unseen, for as long as it lives.
struct Keys(Option<Termios>);

impl Keys {
    fn new() -> Self {
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut now = before.clone();
            now.local_modes
                .remove(LocalModes::ICANON | LocalModes::ECHO);
            // A terminal that takes no other modes still shows the table.
            tcsetattr(std::io::stdin(), OptionalActions::Now, &now).ok();
        }
        Self(before)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            tcsetattr(std::io::stdin(), OptionalActions::Now, before).ok();
        }
    }
}
