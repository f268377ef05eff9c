//! `mcpod config`: the inputs of an active server, shown or changed.

use std::process::ExitCode;

use super::add;
use super::output::{Failure, Output};
use crate::activation::choices::{self, Network};
use crate::activation::record::State;
use crate::catalog::InputValue;
use crate::orchestrator::Orchestrator;
use crate::orchestrator::config::{Change, Configured};
use crate::orchestrator::reference::COMMAND;
use crate::quadlet::value::Assignment;

/// Show or change the inputs or the network of an active server; its sessions end when they change
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod config filesystem
  mcpod config filesystem paths=/home/me/notes paths=/home/me/src
  mcpod config redis --unset port
  mcpod config fetch --network allow:example.com:443
Secrets are changed by `mcpod secret set`.")]
pub(super) struct Arguments {
    /// The server's name
    name: String,
    /// Values, in place of those that the inputs of these names have
    #[arg(value_name = "KEY=VALUE", value_parser = choices::assignment)]
    set: Vec<Assignment>,
    /// Set a variable of its environment beyond its inputs
    #[arg(long, value_name = "KEY=VALUE", value_parser = choices::assignment)]
    env: Vec<Assignment>,
    /// Take the value of an input or a variable away again
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// The network it is to see: none, open, or `allow:HOST[:PORT],...`
    #[arg(long, value_name = "NETWORK")]
    network: Option<Network>,
    /// Print the inputs as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Arguments {
        name,
        set,
        env,
        unset,
        network,
        json: _,
    } = arguments;
    if !set.is_empty() || !env.is_empty() || !unset.is_empty() || network.is_some() {
        let active = orchestrator.find(&name)?;
        if !active.record.given.starts_with(COMMAND) {
            add::note_localhost(set.iter().chain(&env), output);
        }
        let change = Change {
            set,
            environment: env,
            unset,
            network,
        };
        let waiting = || output.note("waiting for another mcpod that changes units");
        let _busy = output.busy(format!("changing {name}"));
        orchestrator.configure(&name, &change, waiting).await?;
        verify(&name, orchestrator, output).await?;
    }
    let inputs = orchestrator.config(&name)?;
    if output.is_json() {
        output.json(&inputs)?;
    } else if inputs.is_empty() {
        output.text(&format!("{name} takes no inputs"));
    } else {
        let rows: Vec<Vec<String>> = inputs.iter().map(row).collect();
        output.table(&["NAME", "VALUE", "WHAT"], &rows);
    }
    Ok(ExitCode::SUCCESS)
}

/// Tries the server with its new inputs, and accepts what tools it has with them. One that was never tried is left alone.
async fn verify(name: &str, orchestrator: &Orchestrator, output: &Output) -> Result<(), Failure> {
    if orchestrator.find(name)?.record.state != State::Verified {
        return Ok(());
    }
    match orchestrator.verify(name, || {}).await {
        Ok(changes) => {
            for change in changes {
                output.note(&format!("its tools changed with it: {}", change.line()));
            }
        }
        Err(error) => output.note(&format!("warning: it cannot be used so: {error}")),
    }
    Ok(())
}

fn row(input: &Configured) -> Vec<String> {
    let value = match (input.secret, input.set, &input.default) {
        (true, true, _) => "(a secret)".to_owned(),
        (true, false, _) => "(a secret, not set)".to_owned(),
        (false, true, _) => input.values.join(", "),
        (false, false, Some(InputValue::One(default))) => format!("({default})"),
        (false, false, Some(InputValue::Many(defaults))) => format!("({})", defaults.join(", ")),
        (false, false, None) => "-".to_owned(),
    };
    let what = input.description.clone().unwrap_or_default();
    vec![input.name.clone(), value, what]
}
