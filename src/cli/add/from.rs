//! `mcpod add --from FILE`: servers as `mcpod export` wrote them.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use super::add_asking;
use crate::cli::output::{Failure, Output};
use crate::orchestrator::add::Consent;
use crate::orchestrator::export::{Exported, ServerSet};
use crate::orchestrator::{Error, Orchestrator};

/// The longest file that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// Adds all servers of a set, each for itself: one that fails does not keep the others.
pub(super) async fn run(
    path: &Path,
    consent: &Consent,
    probe: bool,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let ServerSet { servers } = read(path)?;
    let mut code = ExitCode::SUCCESS;
    let mut added = Vec::new();
    for server in &servers {
        match add(server, consent.clone(), probe, orchestrator, output).await {
            Ok(Some(listed)) => added.push(listed),
            Ok(None) => {}
            Err(failure) => code = output.failure_aside(&failure),
        }
    }
    if output.is_json() {
        output.json(&added)?;
    }
    Ok(code)
}

fn read(path: &Path) -> Result<ServerSet, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(LONGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("{} holds no servers: {error}", path.display()))
            .with_hint("mcpod export --all writes such a file")
    })
}

/// Adds one; nothing comes of one that is there already.
async fn add(
    server: &Exported,
    consent: Consent,
    probe: bool,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<Option<crate::orchestrator::status::Listed>, Failure> {
    let name = &server.name;
    let request = server
        .request(consent, probe)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let added = match add_asking(request, orchestrator, output).await {
        Ok(added) => added,
        Err(failure) if failure.code == "name_taken" && is_there(server, orchestrator) => {
            output.note(&format!("{name} is active already"));
            return Ok(None);
        }
        Err(failure) => {
            let changed = failure.code == "entry_changed";
            let hint = failure.hint.clone().filter(|_| !changed);
            let hint = hint.unwrap_or_else(|| {
                format!("look at it with mcpod show {}; without its launch_hash it is added as it is now", server.reference)
            });
            return Err(Failure {
                message: format!("{name}: {}", failure.message),
                ..failure
            }
            .with_hint(hint));
        }
    };
    let digest = &added.active.record.digest;
    if !server.digest.is_empty() && *digest != server.digest {
        output.note(&format!(
            "note: the image of {name} is another one by now: {digest}, where it was {}",
            server.digest
        ));
    }
    if !output.is_json() {
        output.text(&format!("{name} is active"));
    }
    Ok(Some(orchestrator.listed_one(&added.active).await?))
}

/// Whether the server of that name was added from the same.
fn is_there(server: &Exported, orchestrator: &Orchestrator) -> bool {
    let found: Result<_, Error> = orchestrator.find(server.name.as_str());
    found.is_ok_and(|active| {
        active.record.id == server.reference || active.record.given == server.reference
    })
}
