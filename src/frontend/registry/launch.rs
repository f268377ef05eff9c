//! `registry-launch-stdio`: a command of this host becomes a server.

use rmcp::service::{RequestContext, RoleServer};
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{Answer, Failure};
use super::{Registry, add};
use crate::activation::choices::Choices;
use crate::activation::command::HostCommand;
use crate::orchestrator::Error;
use crate::orchestrator::add::{Consent, Request};
use crate::orchestrator::reference::COMMAND;

/// What the model reads.
pub(super) const DESCRIPTION: &str = "Run a command of this host as an MCP server, in a sandbox: it sees no file of the user's and no network. Off unless the \
    settings allow it, and the user is asked besides. Prefer registry-find and registry-add.";

/// Which command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The name the server gets.
    name: String,
    /// The program, by its name or its absolute path, and its arguments.
    command: Vec<String>,
}

/// Runs it, if the settings and the user allow that.
pub(super) async fn run(
    registry: &Registry,
    arguments: Arguments,
    context: &RequestContext<RoleServer>,
) -> Result<Answer, Failure> {
    let policy = &registry.frontend.orchestrator.settings().policy;
    if !policy.allow_host_commands {
        return Err(Failure::new("the settings do not let agents run commands of this host")
            .next("the user can allow it: allow_host_commands = true under [policy] in mcpod's config.toml"));
    }
    let name = arguments.name.parse().map_err(Error::Name)?;
    let command = HostCommand::of_words(arguments.command).map_err(Error::Command)?;
    let request = Request {
        reference: format!("{COMMAND}{command}"),
        name: Some(name),
        choices: Choices::default(),
        probe: true,
        consent: Consent::Nothing,
        agreed: None,
    };
    Box::pin(add::carry_out(registry, request, context)).await
}
