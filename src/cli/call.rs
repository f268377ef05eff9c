//! `mcpod call`: one tool, once.

use std::io::IsTerminal;
use std::process::ExitCode;

use serde_json::{Map, Value};

use super::output::{Failure, Outcome, Output};
use crate::orchestrator::Orchestrator;
use crate::text;

/// Call a tool of an active server
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod call time get_current_time timezone=UTC
  mcpod call everything get-sum a=1 b=2
  mcpod call memory create_entities '{\"entities\": []}'
  echo '{\"timezone\": \"UTC\"}' | mcpod call time get_current_time -")]
pub(super) struct Arguments {
    /// The server's name
    name: String,
    /// The tool's name, as the server has it
    tool: String,
    /// The tool's arguments: one JSON object, key=value words, or - to read an object from standard input
    #[arg(value_name = "JSON | KEY=VALUE")]
    arguments: Vec<String>,
    /// Print the server's result object as it sent it
    #[arg(long)]
    pub(super) json: bool,
}
