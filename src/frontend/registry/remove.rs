//! `registry-remove`: an active server is taken away.

use rmcp::service::{RequestContext, RoleServer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Failure};
use super::{Registry, command, consent, wish};
use crate::orchestrator::remove::Extent;
use crate::settings::AgentAdd;

/// What the model reads.
pub(super) const DESCRIPTION: &str = "Take an active server away: its sessions end, for all agents, and its tools are gone. Its image, what it keeps in \
    volumes and its secrets stay, so adding it again is quick.";

/// Which server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// Its name, from registry-active.
    name: String,
}

/// A server that was taken away.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Removed {
    /// The name it had.
    name: String,
    /// The id under which it can be added again.
    id: String,
}

/// Takes it away.
pub(super) async fn run(
    registry: &Registry,
    arguments: Arguments,
    context: &RequestContext<RoleServer>,
) -> Result<Answer, Failure> {
    let orchestrator = &registry.frontend.orchestrator;
    let active = orchestrator.find(&arguments.name)?;
    let command = command::remove(&active.name);
    match orchestrator.settings().policy.agent_add {
        AgentAdd::Deny => {
            return Err(
                Failure::new("the settings do not let agents remove servers")
                    .next(format!("the user can run it: {command}")),
            );
        }
        policy => {
            let question = format!("An agent wants to remove the MCP server {}", active.name);
            let asks = (policy == AgentAdd::Ask).then(|| consent::SETTINGS_ASK.to_owned());
            // What is added anew is accepted as it is then.
            let held = wish::accepted(&orchestrator.held(&active));
            let reasons: Vec<String> = asks.into_iter().chain(held).collect();
            if !reasons.is_empty() {
                consent::ask(context, &question, &reasons, &command).await?;
            }
        }
    }
    registry.turn(context).await?;
    // One that was edited by hand is the user's to remove.
    let removed = orchestrator
        .remove(&arguments.name, false, Extent::default(), || {})
        .await?;
    registry.frontend.refresh().await?;
    let removed = Removed {
        name: removed.name.to_string(),
        id: removed.id.unwrap_or_default(),
    };
    let text = format!("{} ({}) is not active any more.", removed.name, removed.id);
    Answer::new(&removed, text)
}
