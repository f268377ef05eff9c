//! `mcpod tools`: what active servers can do.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::Value;

use super::output::{Failure, Output};
use crate::orchestrator::Orchestrator;
use crate::orchestrator::error::accept_hint;
use crate::orchestrator::trust::Offered;
use crate::session::lists::Lists;
use crate::text;

/// List the tools of an active server
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The server's name; all active servers where none is given
    name: Option<String>,
    /// Print the server's own tool objects as a JSON list (without NAME: an object of such lists, by server, of those that answer)
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    if let Some(name) = &arguments.name {
        let lists = accepted(name, orchestrator, output).await?;
        if output.is_json() {
            output.json(&lists.tools)?;
        } else {
            output.table(&["TOOL", "DESCRIPTION"], &rows(None, &lists.tools));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut all = BTreeMap::new();
    let mut code = ExitCode::SUCCESS;
    for server in orchestrator.list().await? {
        match accepted(server.name.as_str(), orchestrator, output).await {
            Ok(lists) => {
                all.insert(server.name.to_string(), lists.tools);
            }
            // One that cannot be asked does not take the others' away.
            Err(failure) => code = output.failure_aside(&failure),
        }
    }
    if output.is_json() {
        output.json(&all)?;
    } else {
        let rows: Vec<_> = all
            .iter()
            .flat_map(|(server, tools)| rows(Some(server), tools))
            .collect();
        output.table(&["SERVER", "TOOL", "DESCRIPTION"], &rows);
    }
    Ok(code)
}

/// What a server offers without what is held back, which is told beside it.
async fn accepted(
    name: &str,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<Lists, Failure> {
    let lists = orchestrator.lists(name).await?;
    let active = orchestrator.find(name)?;
    let Some(Offered { lists, held }) = orchestrator.offered(&active) else {
        return Ok(lists);
    };
    if !held.is_empty() {
        let held: Vec<String> = held.into_iter().collect();
        let hint = accept_hint(&active.name);
        output.note(&format!(
            "held back: {}; {hint}",
            text::one_line(&held.join(", "))
        ));
    }
    Ok(lists)
}

fn rows(server: Option<&str>, tools: &[Box<serde_json::value::RawValue>]) -> Vec<Vec<String>> {
    tools
        .iter()
        .map(|tool| {
            let tool: Value = serde_json::from_str(tool.get()).unwrap_or_default();
            let word = |key: &str| {
                text::one_line(tool.get(key).and_then(Value::as_str).unwrap_or_default())
            };
            server
                .map(str::to_owned)
                .into_iter()
                .chain([word("name"), word("description")])
                .collect()
        })
        .collect()
}
