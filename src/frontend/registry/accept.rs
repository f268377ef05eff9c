//! `registry-accept`: the user is asked whether tools that are held back may be used.

use rmcp::service::{RequestContext, RoleServer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Failure};
use super::{Registry, command, consent};
use crate::session::definitions::Change;
use crate::settings::AgentAdd;

/// What the model reads.
pub(super) const DESCRIPTION: &str = "Ask the user to accept tools of an active server that are held back because their definitions are not those that were \
    accepted before. Until then they cannot be called.";

/// Which server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// Its name, from registry-active.
    name: String,
}

/// What was accepted.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Accepted {
    /// The server's name.
    name: String,
    /// The tools that can be used now, by the server's own names.
    tools: Vec<String>,
}

/// How much of what changed is shown in a question, in bytes.
const SHOWN: usize = 6_000;

/// Asks, and accepts what was shown.
pub(super) async fn run(
    registry: &Registry,
    arguments: Arguments,
    context: &RequestContext<RoleServer>,
) -> Result<Answer, Failure> {
    let orchestrator = &registry.frontend.orchestrator;
    let active = orchestrator.find(&arguments.name)?;
    let (name, tools) = (active.name.clone(), active.record.tools);
    let held = orchestrator.held(&active);
    if !held.is_empty() {
        let command = command::accept(&name);
        if orchestrator.settings().policy.agent_add == AgentAdd::Deny {
            let refusal = "the settings do not let agents change servers";
            return Err(Failure::new(refusal).next(format!("the user can run it: {command}")));
        }
        let wanted = format!("An agent wants to use tools of the MCP server {name}");
        // However the rest is set: whether a tool is what it was is for nobody else to say.
        let reasons: Vec<String> = std::iter::once(
            "they are new (+) or defined otherwise (~) than what was accepted".to_owned(),
        )
        .chain(held.iter().map(Change::whole))
        .collect();
        if reasons.iter().map(String::len).sum::<usize>() > SHOWN {
            // What is not shown is not consented to.
            return Err(Failure::new(format!(
                "what changed in the tools of {name} is too long for a question to the user"
            ))
            .next(format!(
                "the user can look at it and accept it: mcpod status {name} --json, then {command}"
            )));
        }
        consent::ask(context, &wanted, &reasons, &command).await?;
        registry.turn(context).await?;
        orchestrator
            .accept(name.as_str(), &held, tools, || {})
            .await?;
        registry.frontend.refresh().await?;
    }
    let accepted = Accepted {
        name: name.to_string(),
        tools: held.into_iter().map(|change| change.tool).collect(),
    };
    let text = match accepted.tools.as_slice() {
        [] => format!("Nothing of {name} is held back."),
        tools => format!("Accepted of {name}: {}.", tools.join(", ")),
    };
    Answer::new(&accepted, text)
}
