//! `registry-exec`, as far as it comes here: calls that lead to no tool. The others are made by [`crate::frontend`]
//! under the tool's own name, so that nothing of them is lost.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Registry;
use super::answer::Failure;
use super::tool::Tool;
use crate::frontend::offer::{Names, Offer};
use crate::orchestrator::near;
use crate::session::lists::List;

/// What the model reads.
pub(super) const DESCRIPTION: &str = "Call any tool of any active server, also one that your list of tools does not show yet, for example right after \
    registry-add. registry-find with what=tools shows the arguments it takes. The answer is the tool's own.";

/// Which tool, with what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "the fields are the tool's schema; a call that fits is made elsewhere"
)]
pub(super) struct Call {
    /// The tool's full name (SERVER__TOOL), or with `server` its name there.
    tool: String,
    /// The server's name, from registry-active.
    server: Option<String>,
    /// The tool's own arguments.
    #[serde(default)]
    arguments: Map<String, Value>,
}

/// Says why no tool was called.
pub(super) fn not_called(registry: &Registry, call: &Call) -> Failure {
    if Tool::named(&call.tool).is_some() {
        return Failure::new(format!("{} is a tool of this registry", call.tool))
            .next("call it directly, under its own name");
    }
    let offer = Offer::of(&registry.frontend.sources(), Names::Prefixed);
    let server = call.server.as_ref().filter(|server| !server.is_empty());
    if let Some(server) = server {
        let names: Vec<String> = registry
            .frontend
            .actives()
            .iter()
            .map(|active| active.name.to_string())
            .collect();
        return Failure::new(format!("no server named {server:?} is active"))
            .next(format!("active are: {}", names.join(", ")));
    }
    let alike = near(&call.tool, offer.items(List::Tools).map(|(name, _)| name));
    let next = if alike.is_empty() {
        "registry-active lists all tools; registry-find with what=tools searches them".to_owned()
    } else {
        format!("did you mean {}?", alike.join(" or "))
    };
    Failure::new(format!("no active server has a tool {:?}", call.tool)).next(next)
}
