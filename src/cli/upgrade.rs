//! `mcpod upgrade` and `mcpod rollback`: a server becomes a newer version of itself, or the one before.

use std::process::ExitCode;

use super::ask;
use super::output::{Failure, Output};
use super::progress::Progress;
use crate::activation::record::Tools;
use crate::orchestrator::add::Consent;
use crate::orchestrator::upgrade::{self, Outcome, Upgrade, Version};
use crate::orchestrator::{Error, Orchestrator};
use crate::session::definitions::Change;

/// Bring servers to what their registries have now, showing what changes; their sessions end
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod upgrade --check
  mcpod upgrade time
  mcpod upgrade time --yes
A remote server is addressed as the catalog says by now, and its tools are looked at anew.
Tools that are new or other than before are held back until they are accepted: by --yes, or by `mcpod accept NAME`.
`mcpod rollback NAME` goes back.")]
pub(super) struct Arguments {
    /// The server's name; all active servers where none is given
    name: Option<String>,
    /// Only show what would change: the newer one is tried beside the older
    #[arg(long)]
    check: bool,
    /// Do it without asking, and accept the tools
    #[arg(long, conflicts_with = "check")]
    yes: bool,
    /// Print what changes as JSON: one object, or a list of them where no NAME is given
    #[arg(long)]
    pub(super) json: bool,
}

/// Go back to what a server was before its last upgrade; its sessions end
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Its units are put back as they were, its inputs included. A second rollback leads forward again.

Examples:
  mcpod rollback time"
)]
pub(super) struct RollbackArguments {
    /// The server's name
    name: String,
    /// Print what changes as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    if let Some(name) = &arguments.name {
        let upgrade = upgrade_asking(name, arguments, orchestrator, output).await?;
        if output.is_json() {
            output.json(&upgrade)?;
        } else {
            output.text(&describe(&upgrade));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut all = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for server in orchestrator.list().await? {
        match upgrade_asking(server.name.as_str(), arguments, orchestrator, output).await {
            Ok(upgrade) if output.is_json() => all.push(upgrade),
            Ok(upgrade) => output.text(&describe(&upgrade)),
            // One that cannot be upgraded does not keep the others from it.
            Err(failure) => code = output.failure_aside(&failure),
        }
    }
    if output.is_json() {
        output.json(&all)?;
    }
    Ok(code)
}

pub(super) async fn rollback(
    arguments: &RollbackArguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let waiting = || output.note("waiting for another mcpod that changes units");
    let busy = output.busy(format!("rolling {} back", arguments.name));
    let upgrade = orchestrator.rollback(&arguments.name, waiting).await?;
    drop(busy);
    if output.is_json() {
        output.json(&upgrade)?;
    } else {
        output.text(&describe(&upgrade));
    }
    Ok(ExitCode::SUCCESS)
}

/// Upgrades a server, and asks for what wants an answer, where there is somebody to be asked.
async fn upgrade_asking(
    name: &str,
    arguments: &Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<Upgrade, Failure> {
    let mut request = upgrade::Request {
        check: arguments.check,
        consent: if arguments.yes {
            Consent::Anything
        } else {
            Consent::Nothing
        },
        seen: Vec::new(),
        accept: arguments.yes,
    };
    let mut upgrade = loop {
        let progress = Progress::new();
        let upgraded = orchestrator
            .upgrade(name, &request, &|step| progress.show(&step, output))
            .await;
        drop(progress);
        match upgraded {
            Ok(upgrade) => break upgrade,
            Err(Error::NeedsConsent { what, how }) if ask::can_ask() => {
                if !ask::yes(&format!("{how}?"))? {
                    return Err(Error::NeedsConsent { what, how }.into());
                }
                request.consent = Consent::Seen(what);
            }
            Err(error @ Error::RunsOtherwise { .. }) if ask::can_ask() => {
                output.note(&error.to_string());
                if !ask::yes("run it so?")? {
                    return Err(error.into());
                }
                if let Error::RunsOtherwise { lines, .. } = error {
                    request.seen = lines;
                }
            }
            Err(error) => return Err(error.into()),
        }
    };
    if !upgrade.held.is_empty() && ask::can_ask() {
        let active = orchestrator.find(name)?;
        let held = orchestrator.held(&active);
        let lines: Vec<String> = held.iter().map(Change::line).collect();
        output.note(&lines.join("\n"));
        if ask::yes("accept these tools?")? {
            let tools: Tools = active.record.tools;
            let _busy = output.busy(format!("changing {name}"));
            orchestrator.accept(name, &held, tools, || {}).await?;
            upgrade.held.clear();
        }
    }
    Ok(upgrade)
}

/// What changes, in lines.
fn describe(upgrade: &Upgrade) -> String {
    let Upgrade {
        name,
        outcome,
        from,
        to,
        tools,
        units,
        held,
    } = upgrade;
    let head = match outcome {
        Outcome::Current => return format!("{name} is up to date: {}", shown(from)),
        Outcome::Available => "can be upgraded",
        Outcome::Upgraded => "is upgraded",
        Outcome::RolledBack => "is what it was before",
    };
    let is_addressed_as_before = from == to && units.is_empty() && *outcome != Outcome::RolledBack;
    let mut lines = if is_addressed_as_before {
        // A remote server that is addressed as before: nothing of it changed but what it offers.
        vec![format!("{name} has other tools: {}", shown(from))]
    } else {
        vec![
            format!("{name} {head}"),
            format!("  from {}", shown(from)),
            format!("  to   {}", shown(to)),
        ]
    };
    match tools {
        Some(tools) if tools.is_empty() => lines.push("  its tools are the same".to_owned()),
        Some(tools) => lines.extend(tools.iter().map(|change| format!("  {}", change.line()))),
        None => lines.push("  its tools were not looked at".to_owned()),
    }
    if !units.is_empty() {
        lines.push("  it is run in another way:".to_owned());
        lines.extend(
            units
                .iter()
                .map(|line| format!("    {}", crate::text::one_line(line))),
        );
    }
    if !held.is_empty() {
        lines.push(format!(
            "  held back until they are accepted: {}; next: mcpod accept {name}",
            crate::text::one_line(&held.join(", "))
        ));
    }
    lines.join("\n")
}

/// A version on one line.
fn shown(version: &Version) -> String {
    let Version {
        image,
        digest,
        version,
        size,
    } = version;
    let mut words = vec![image.clone()];
    words.extend(version.as_ref().map(|version| format!("version {version}")));
    words.extend(size.map(|size| format!("{} MB", size / 1_000_000)));
    // Enough of it to be told from another.
    words.extend((!digest.is_empty()).then(|| digest.chars().take(19).collect()));
    words.join(", ")
}
