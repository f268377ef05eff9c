//! A tool whose other half this version of mcpod does not have: it says so, and what can be done instead.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Registry;
use super::answer::Failure;

/// What the model reads.
pub(super) const LAUNCH_STDIO: &str = "Run a command of this host as an MCP server, in a sandbox. Off unless the user allows it in the settings.";

/// Which command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are the tool's schema")]
pub(super) struct LaunchStdioArguments {
    /// The name the server gets.
    name: String,
    /// The program and its arguments.
    command: Vec<String>,
}

/// Says that commands are not run.
pub(super) fn launch_stdio(registry: &Registry, _: &LaunchStdioArguments) -> Failure {
    let policy = &registry.frontend.orchestrator.settings().policy;
    if !policy.allow_host_commands {
        return Failure::new("the settings do not let agents run commands of this host")
            .next("the user can allow it: allow_host_commands = true under [policy] in mcpod's config.toml");
    }
    Failure::new("this version of mcpod runs container images, no commands of the host")
        .next("look for an image of the server with registry-find, or add one by docker://IMAGE")
}
