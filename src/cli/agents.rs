//! `mcpod agents`: which agents are known, installed and connected.

use std::process::ExitCode;

use serde::Serialize;

use super::connect::{address, surroundings};
use super::output::{Failure, Output};
use crate::client_config::{AGENTS, Scope, State, Surroundings, Verified};
use crate::host::Host;

/// List the agents that are known, and which of them are connected
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod agents
  mcpod agents --all
  mcpod agents --json | jq -r '.[] | select(.user.state == \"stdio\") | .agent'")]
pub(super) struct Arguments {
    /// Also those that are neither installed nor connected
    #[arg(long)]
    all: bool,
    /// Print a JSON list of all
    #[arg(long)]
    pub(super) json: bool,
}

/// An agent in the list.
#[derive(Debug, Serialize)]
struct Listed {
    agent: &'static str,
    title: &'static str,
    installed: bool,
    /// What holds for the user.
    user: Option<File>,
    /// What holds for the folder that this is.
    project: Option<File>,
    /// How it is known where and how it keeps its servers.
    verified: Verified,
}

#[derive(Debug, Serialize)]
struct File {
    file: String,
    state: State,
}

impl Listed {
    fn is_connected(&self) -> bool {
        let mut files = self.user.iter().chain(&self.project);
        files.any(|file| file.state != State::Absent)
    }
}

pub(super) async fn run(
    arguments: &Arguments,
    host: &Host,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Arguments { all, json: _ } = arguments;
    let dirs = super::dirs::of(host).await?;
    let around = surroundings(host, &dirs, &address(&dirs)?)?;
    let mut agents = listed(&around);
    if output.is_json() {
        output.json(&agents)?;
        return Ok(ExitCode::SUCCESS);
    }
    let known = agents.len();
    if !all {
        agents.retain(|agent| agent.installed || agent.is_connected());
    }
    if agents.is_empty() {
        output.note(&format!(
            "none of the {known} agents that are known is installed; mcpod agents --all lists them"
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = agents
        .iter()
        .map(|agent| {
            let state = |file: &Option<File>| file.as_ref().map_or("-", |file| word(file.state));
            vec![
                agent.agent.to_owned(),
                agent.title.to_owned(),
                if agent.installed { "yes" } else { "no" }.to_owned(),
                state(&agent.user).to_owned(),
                state(&agent.project).to_owned(),
                agent
                    .user
                    .as_ref()
                    .map_or_else(String::new, |file| file.file.clone()),
            ]
        })
        .collect();
    output.table(
        &["AGENT", "NAME", "INSTALLED", "USER", "PROJECT", "FILE"],
        &rows,
    );
    Ok(ExitCode::SUCCESS)
}

fn listed(around: &Surroundings) -> Vec<Listed> {
    let file = |found: Option<(std::path::PathBuf, State)>| {
        found.map(|(path, state)| File {
            file: path.display().to_string(),
            state,
        })
    };
    let agents = AGENTS.iter();
    agents
        .map(|agent| Listed {
            agent: agent.id,
            title: agent.title,
            installed: agent.is_installed(around),
            user: file(agent.state(Scope::User, around)),
            project: file(agent.state(Scope::Project, around)),
            verified: agent.verified,
        })
        .collect()
}

/// The word for a state.
fn word(state: State) -> &'static str {
    match state {
        State::Absent => "no",
        State::Stdio => "yes",
        State::Http => "over HTTP",
        State::Stale => "program gone",
        State::Foreign => "another",
        State::Unreadable => "unreadable",
    }
}
