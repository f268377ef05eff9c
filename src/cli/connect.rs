//! `mcpod connect` and `mcpod disconnect`: mcpod in an agent's own configuration.

use std::process::ExitCode;

use anyhow::Context as _;

use super::output::{Failure, Output};
use crate::client_config::{
    AGENTS, Agent, Change, ClientConfigError, Done, Manner, Reach, Scope, Surroundings,
    TOKEN_VARIABLE,
};
use crate::frontend::http::Address;
use crate::frontend::http::token::TokenFile;
use crate::host::{Dirs, Host};
use crate::orchestrator;
use crate::settings::Settings;

/// The name by which a project's file starts mcpod, since it lies elsewhere for each who works on it.
const BY_NAME: &str = "mcpod";

/// Write mcpod into an agent's own configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod connect claude-code
  mcpod connect vscode --project
  mcpod connect codex --http
  mcpod connect zed --dry-run

`mcpod agents` lists the agents that are known.")]
pub(super) struct Arguments {
    /// The agent, as `mcpod agents --all` lists it
    #[arg(value_name = "AGENT")]
    agent: String,
    /// For this folder, in a file that belongs to the project, instead of for the user
    #[arg(long)]
    project: bool,
    /// Over HTTP, at the address of `mcpod serve --http`, instead of being started by the agent
    #[arg(long)]
    http: bool,
    /// Also if something else stands there under the name mcpod
    #[arg(long)]
    force: bool,
    /// Print what would be written, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

/// Take mcpod out of an agent's own configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod disconnect claude-code
  mcpod disconnect vscode --project")]
pub(super) struct DisconnectArguments {
    /// The agent, as `mcpod agents --all` lists it
    #[arg(value_name = "AGENT")]
    agent: String,
    /// For this folder instead of for the user
    #[arg(long)]
    project: bool,
    /// Also if what stands there under the name mcpod is something else
    #[arg(long)]
    force: bool,
    /// Print which file would be changed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    host: &Host,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Arguments {
        agent,
        project,
        http,
        force,
        dry_run,
        json: _,
    } = arguments;
    let agent = find(agent)?;
    let dirs = super::dirs::of(host).await?;
    let address = address(&dirs)?;
    let scope = scope(*project);
    let around = surroundings(host, &dirs, &address)?;
    let reach = if *http {
        if let Address::Unix(path) = &address {
            return Err(Failure::usage(format!(
                "agents cannot connect to a unix socket, and `[http] address` is {}",
                path.display()
            ))
            .with_hint("leave --http out, or set an address such as 127.0.0.1:8931"));
        }
        Reach::Http {
            token: TokenFile::below(&dirs.data).read_or_make()?,
        }
    } else {
        Reach::Stdio {
            program: match scope {
                Scope::User => crate::host::program().map_err(orchestrator::Error::from)?,
                Scope::Project => BY_NAME.to_owned(),
            },
        }
    };
    let manner = Manner {
        force: *force,
        dry_run: *dry_run,
    };
    let done = agent.connect(scope, &reach, &around, manner)?;
    tell(agent, &done, scope, manner, output)?;
    if output.is_json() {
        return Ok(ExitCode::SUCCESS);
    }
    if !agent.is_installed(&around) {
        output.note(&format!("note: {} was not found on this host", agent.title));
    }
    if done.wants_variable {
        output.note(&format!(
            "next: let {} find the token where it is started: export {TOKEN_VARIABLE}=\"$(mcpod token)\"",
            agent.title
        ));
    }
    if *http {
        output.note("next: mcpod serve --http --enable-socket, if that is not done yet");
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn disconnect(
    arguments: &DisconnectArguments,
    host: &Host,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let DisconnectArguments {
        agent,
        project,
        force,
        dry_run,
        json: _,
    } = arguments;
    let agent = find(agent)?;
    let dirs = super::dirs::of(host).await?;
    let scope = scope(*project);
    let around = surroundings(host, &dirs, &address(&dirs)?)?;
    let manner = Manner {
        force: *force,
        dry_run: *dry_run,
    };
    let done = agent.disconnect(scope, &around, manner)?;
    tell(agent, &done, scope, manner, output)?;
    Ok(ExitCode::SUCCESS)
}

/// Says what was done.
fn tell(
    agent: &Agent,
    done: &Done,
    scope: Scope,
    manner: Manner,
    output: &Output,
) -> Result<(), Failure> {
    let Done {
        file,
        change,
        shown,
        wants_variable: _,
    } = done;
    if output.is_json() {
        return output.json(&serde_json::json!({
            "agent": agent.id, "scope": scope, "file": file, "change": change,
        }));
    }
    let (title, file) = (agent.title, file.display());
    let line = match (change, manner.dry_run) {
        (Change::Added | Change::Updated, true) => {
            format!("would be written into {file}:\n{shown}")
        }
        (Change::Removed, true) => format!("mcpod would be taken out of {file}"),
        (Change::Added, false) => format!("{title} is connected: {file}"),
        (Change::Updated, false) => format!("{title} is connected anew: {file}"),
        (Change::Removed, false) => format!("{title} is not connected any more: {file}"),
        // Nothing is shown by what found nothing to take out.
        (Change::None, _) if shown.is_empty() => format!("{title} was not connected: {file}"),
        (Change::None, _) => format!("{title} was connected already: {file}"),
    };
    output.text(&line);
    Ok(())
}

/// The agent that was typed.
fn find(typed: &str) -> Result<&'static Agent, Failure> {
    Agent::find(typed).ok_or_else(|| {
        let near = orchestrator::near(typed, AGENTS.iter().map(|agent| agent.id));
        let hint = if near.is_empty() {
            "`mcpod agents --all` lists those that are known; any other takes mcpod as the command `mcpod serve`".to_owned()
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        Failure::usage(format!("no agent {typed:?} is known")).with_hint(hint)
    })
}

fn scope(project: bool) -> Scope {
    if project { Scope::Project } else { Scope::User }
}

/// Where the HTTP face listens, by the settings.
pub(super) fn address(dirs: &Dirs) -> Result<Address, Failure> {
    let settings = Settings::load(&dirs.config).map_err(orchestrator::Error::from)?;
    Ok(settings.http.address)
}

/// Where agents keep their files.
pub(super) fn surroundings(
    host: &Host,
    dirs: &Dirs,
    address: &Address,
) -> Result<Surroundings, Failure> {
    let project = std::env::current_dir().context("cannot find out which folder this is")?;
    Ok(Surroundings::of(host, dirs, project, address))
}

impl From<ClientConfigError> for Failure {
    fn from(error: ClientConfigError) -> Self {
        let hint = error.hint();
        let failure = Self::from(anyhow::Error::new(error));
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
