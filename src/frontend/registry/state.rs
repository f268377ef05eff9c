//! `registry-active` and `registry-status`: what is active, and how it does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Registry;
use super::answer::{Answer, Failure};
use crate::frontend::offer::{Names, Offer, Origin};
use crate::session::lists::List;

/// How many lines of a server's log are shown.
const LOG_LINES: u32 = 20;

/// What the model reads.
pub(super) const ACTIVE: &str = "List the active servers with the full names of their tools, which registry-exec or a direct call takes.";

/// What the model reads.
pub(super) const STATUS: &str = "See how an active server does: whether it listens, its sessions with their memory and processor time, and the \
    end of what it wrote to its log. Use it when a server's tools fail.";

/// It takes nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ActiveArguments {}

/// What is active.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ActiveServers {
    /// The servers, by name.
    servers: Vec<ActiveServer>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ActiveServer {
    /// Its name.
    name: String,
    /// The entry's id in the catalog, or the reference it was added by.
    id: String,
    /// listening, unverified, held, stopped, failed or adding.
    state: String,
    /// How many sessions there are, of all agents.
    sessions: usize,
    /// The full names of its tools.
    tools: Vec<String>,
}

/// Lists what is active.
pub(super) async fn active(registry: &Registry, _: ActiveArguments) -> Result<Answer, Failure> {
    let listed = registry.frontend.orchestrator.list().await?;
    let offer = Offer::of(&registry.frontend.sources(), Names::Prefixed);
    let mut lines = vec![format!("{} servers are active.", listed.len())];
    let mut servers = Vec::new();
    for server in listed {
        let origin = Origin::Server(server.name.clone());
        let tools: Vec<String> = offer
            .items(List::Tools)
            .filter(|(_, item)| item.origin == origin)
            .map(|(name, _)| name.to_owned())
            .collect();
        let state = server.state.as_str();
        lines.push(format!(
            "{} ({}, {state}): {}",
            server.name,
            server.id,
            tools.join(", ")
        ));
        servers.push(ActiveServer {
            name: server.name.to_string(),
            id: server.id,
            state: state.to_owned(),
            sessions: server.sessions,
            tools,
        });
    }
    Answer::new(&ActiveServers { servers }, lines.join("\n"))
}

/// Which server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusArguments {
    /// Its name, from registry-active.
    name: String,
}

/// How a server does.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ServerStatus {
    /// Its name.
    name: String,
    /// listening, unverified, held, stopped, failed or adding.
    state: String,
    /// Whether it listens again after a reboot.
    enabled: bool,
    /// The network it sees.
    network: String,
    /// What one session may use.
    limits: String,
    /// The names of tools that are held back, since their definitions are not those that the user accepted; see registry-accept.
    held: Vec<String>,
    /// Connections refused for being too many.
    refused: u32,
    /// Its sessions.
    sessions: Vec<SessionStatus>,
    /// The end of its log.
    log: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SessionStatus {
    /// What systemd says of it.
    state: String,
    /// Bytes of memory in use, where the host counts them.
    memory: Option<u64>,
    /// Seconds of processor time used.
    cpu: Option<f64>,
}

/// Says how it does.
pub(super) async fn status(
    registry: &Registry,
    arguments: StatusArguments,
) -> Result<Answer, Failure> {
    let orchestrator = &registry.frontend.orchestrator;
    let status = orchestrator.status(&arguments.name).await?;
    let log = orchestrator.log_end(&status.listed, LOG_LINES).await;
    let sessions: Vec<SessionStatus> = status
        .running
        .iter()
        .map(|session| SessionStatus {
            state: session.state.clone(),
            memory: session.memory,
            cpu: session.cpu,
        })
        .collect();
    let state = status.listed.state.as_str();
    let limits = orchestrator
        .find(&arguments.name)?
        .record
        .limits
        .to_string();
    let mut lines = vec![format!(
        "{} is {state}, with {} sessions ({} refused). Network {}, limits {}.",
        status.listed.name,
        sessions.len(),
        status.refused,
        status.listed.network,
        limits
    )];
    if !status.listed.held.is_empty() {
        lines.push(format!(
            "Held back until the user accepts them: {}. registry-accept asks the user.",
            status.listed.held.join(", ")
        ));
    }
    if !log.trim().is_empty() {
        lines.push(format!("Its log ends:\n{log}"));
    }
    let status = ServerStatus {
        name: status.listed.name.to_string(),
        state: state.to_owned(),
        enabled: status.enabled,
        network: status.listed.network,
        limits,
        held: status.listed.held,
        refused: status.refused,
        sessions,
        log,
    };
    Answer::new(&status, lines.join("\n"))
}
