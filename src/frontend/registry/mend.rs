//! `registry-remove` and `registry-config-set`: an active server is taken away or changed.

use std::collections::BTreeMap;

use rmcp::service::{RequestContext, RoleServer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::add::quoted;
use super::answer::{Answer, Failure};
use super::{Registry, consent};
use crate::orchestrator::reference;
use crate::orchestrator::remove::Extent;
use crate::settings::AgentAdd;

/// What the model reads.
pub(super) const REMOVE: &str = "Take an active server away: its sessions end, for all agents, and its tools are gone. Its image stays, so adding it \
    again is quick.";

/// What the model reads.
pub(super) const CONFIG_SET: &str = "Change options and environment variables, but no secrets, of an active server and restart its sessions.";

/// Which server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveArguments {
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
pub(super) async fn remove(
    registry: &Registry,
    arguments: RemoveArguments,
    context: &RequestContext<RoleServer>,
) -> Result<Answer, Failure> {
    let orchestrator = &registry.frontend.orchestrator;
    let active = orchestrator.find(&arguments.name)?;
    let command = format!("mcpod remove {}", quoted(active.name.as_str()));
    match orchestrator.settings().policy.agent_add {
        AgentAdd::Deny => {
            return Err(
                Failure::new("the settings do not let agents remove servers")
                    .next(format!("the user can run it: {command}")),
            );
        }
        AgentAdd::Ask => {
            let question = format!("An agent wants to remove the MCP server {}.", active.name);
            consent::ask(context, &question, &command).await?;
        }
        AgentAdd::Curated | AgentAdd::Catalog => {}
    }
    // One that was edited by hand is the user's to remove.
    let removed = orchestrator
        .remove(&arguments.name, false, Extent::default(), || {})
        .await?;
    registry.frontend.refresh().await?;
    let text = format!(
        "{} ({}) is not active any more.",
        removed.name, removed.record.id
    );
    let removed = Removed {
        name: removed.name.to_string(),
        id: removed.record.id,
    };
    Answer::new(&removed, text)
}

/// What is to be changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigSetArguments {
    /// The server's name, from registry-active.
    name: String,
    /// Values of its inputs by name.
    #[serde(default)]
    options: BTreeMap<String, Value>,
    /// Environment variables by name.
    #[serde(default)]
    environment: BTreeMap<String, Value>,
    /// Whether names that the server does not declare are taken.
    #[serde(default)]
    force: bool,
}

/// Checks the names, then says that the server cannot be changed in place yet, and what to do instead.
pub(super) fn config_set(
    registry: &Registry,
    arguments: &ConfigSetArguments,
) -> Result<Answer, Failure> {
    let ConfigSetArguments {
        name,
        options,
        environment,
        force,
    } = arguments;
    let active = registry.frontend.orchestrator.find(name)?;
    let catalog = registry.frontend.orchestrator.catalog()?;
    if !force && let Ok(listing) = reference::listing(&catalog, &active.record.given) {
        let known: Vec<String> = listing
            .entry
            .launch
            .iter()
            .flat_map(|option| &option.inputs)
            .map(|input| input.path.to_string())
            .collect();
        if let Some(unknown) = options.keys().find(|option| !known.contains(option)) {
            return Err(
                Failure::new(format!("{name} has no option {unknown:?}")).next(format!(
                    "it takes {}; force takes any name",
                    known.join(", ")
                )),
            );
        }
    }
    let changed: Vec<&str> = options
        .keys()
        .chain(environment.keys())
        .map(String::as_str)
        .collect();
    let message = format!(
        "this version of mcpod cannot change {} of {name} in place",
        changed.join(", ")
    );
    let next = format!(
        "registry-remove it, then registry-add {} with the name {name} and all its options",
        active.record.given
    );
    Err(Failure::new(message).next(next))
}
