//! `mcpod export`: active servers as files that live without mcpod, or that another host takes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::output::{Failure, Output};
use crate::orchestrator::Orchestrator;

/// Write active servers as files for elsewhere
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod export --all > servers.json; on the other host: mcpod add --from servers.json
  mcpod export time --format quadlet --output ~/time; cp -r ~/time/. ~/.config/
  mcpod export time --format kube | kubectl create -f -

No secret is ever in the result; JSON and manifests name those that are needed.")]
pub(super) struct Arguments {
    /// The servers' names
    #[arg(value_name = "NAME", required_unless_present = "all")]
    names: Vec<String>,
    /// All active servers
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// What they are written as
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// The folder to write Quadlet files into, or the file to write the others into, instead of standard output
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
}

/// What servers are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A document that `mcpod add --from` takes
    Json,
    /// Unit files that work without mcpod
    Quadlet,
    /// A manifest of Kubernetes
    Kube,
}

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Arguments {
        names,
        all: _,
        format,
        output: to,
    } = arguments;
    let text = match format {
        Format::Json => {
            let set = orchestrator.export(names)?;
            let secrets: Vec<String> = set
                .servers
                .iter()
                .flat_map(|server| {
                    let keys = server.secret.iter();
                    keys.map(|key| format!("mcpod secret set {}_{key}", server.name))
                })
                .collect();
            if !secrets.is_empty() {
                output.note(&format!(
                    "note: secrets are left out; on the other host first: {}",
                    secrets.join("; ")
                ));
            }
            serde_json::to_string_pretty(&set).context("cannot write JSON")? + "\n"
        }
        Format::Kube => {
            let _busy = output.busy("writing manifests");
            orchestrator.export_manifests(names).await?
        }
        Format::Quadlet => {
            let files = orchestrator.export_units(names)?;
            if let Some(folder) = to {
                for (path, text) in &files {
                    write(&folder.join(path), text)?;
                    output.note(&format!("{}", folder.join(path).display()));
                }
                return Ok(ExitCode::SUCCESS);
            }
            let shown: Vec<String> = files
                .iter()
                .map(|(path, text)| format!("# ~/.config/{}\n{text}", path.display()))
                .collect();
            shown.join("\n")
        }
    };
    match to {
        Some(file) => write(file, &text)?,
        None => output.text(&text),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a new file; one that is there is not written over.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = std::fs::File::create_new(path)?;
        std::io::Write::write_all(&mut file, text.as_bytes())
    };
    written().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}
