//! `mcpod secret`: the secrets of servers are stored, listed and removed.

use std::path::PathBuf;
use std::process::ExitCode;

use super::ask;
use super::output::{Failure, Output};
use crate::orchestrator::Orchestrator;

/// What is said once where systemd encrypts nothing.
pub(super) const UNENCRYPTED: &str = "warning: this host has no credential service (systemd 256 and later has), so Podman keeps secrets unencrypted in your home folder";

/// Store, list and remove the secrets of servers
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod secret set github_token              asks for it
  pass show github | mcpod secret set github_token
  mcpod secret set github_token --file token.txt")]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Store a secret, from a prompt, a pipe or a file; new sessions get it
    Set {
        /// The server's name, `_`, and the name of an input or a variable
        name: String,
        /// Read the value from this file
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The entry that the server is to be added from: no other gets it by having the name
        #[arg(long = "for", value_name = "ID")]
        entry: Option<String>,
    },
    /// List the secrets that are stored, without their values
    List,
    /// Remove a secret that no active server needs
    Remove {
        /// The secret's name
        name: String,
    },
}

pub(super) async fn run(
    arguments: Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let waiting = || output.note("waiting for another mcpod that changes units");
    match arguments.what {
        What::Set { name, file, entry } => {
            let value = match file {
                Some(file) => ask::secret_from_file(&file)?,
                None => ask::secret_from_input()?,
            };
            let unencrypted = || output.note(UNENCRYPTED);
            let busy = output.busy("encrypting");
            orchestrator
                .set_secret(&name, value, entry.as_deref(), waiting, &unencrypted)
                .await?;
            drop(busy);
            done(&name, "is stored", output)?;
        }
        What::List => {
            let busy = output.busy("asking Podman");
            let secrets = orchestrator.list_secrets().await?;
            drop(busy);
            if output.is_json() {
                output.json(&secrets)?;
            } else {
                let rows: Vec<Vec<String>> = secrets
                    .iter()
                    .map(|secret| {
                        let kept = if secret.encrypted {
                            "encrypted"
                        } else {
                            "in clear"
                        };
                        vec![secret.name.clone(), kept.to_owned(), secret.updated.clone()]
                    })
                    .collect();
                output.table(&["NAME", "STORED", "SET"], &rows);
            }
        }
        What::Remove { name } => {
            let busy = output.busy(format!("removing {name}"));
            orchestrator.remove_secret(&name, waiting).await?;
            drop(busy);
            done(&name, "is removed", output)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn done(name: &str, what: &str, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        output.json(&serde_json::json!({"name": name}))
    } else {
        output.text(&format!("the secret {name} {what}"));
        Ok(())
    }
}
