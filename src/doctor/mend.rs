//! Mending: what findings say is carried out, as far as it needs no root.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::finding::Part;
use super::look::Look;
use super::{Finding, Mend, State};
use crate::host;

/// How much of what a command wrote to its standard error is told, in characters.
const SAID: usize = 300;

/// What was done for a finding.
#[derive(Debug, Clone)]
pub struct Done {
    /// The finding as it was.
    pub finding: Finding,
    /// Why it did not work.
    pub error: Option<String>,
}

/// Does for each finding what it says, the same thing once; `tell` hears of each.
pub async fn mend(findings: &[Finding], look: &Look, tell: impl Fn(&str)) -> Vec<Done> {
    let mut done: Vec<Done> = Vec::new();
    for finding in findings {
        if finding.state == State::Ok || !finding.mend.is_ours() {
            continue;
        }
        let same = done.iter().find(|other| other.finding.mend == finding.mend);
        let error = if let Some(same) = same {
            same.error.clone()
        } else {
            tell(&match &finding.mend {
                Mend::Install(part) => format!("installing {}", part.in_words()),
                mend => mend.command().unwrap_or_default(),
            });
            carry_out(&finding.mend, look).await.err()
        };
        done.push(Done {
            finding: finding.clone(),
            error,
        });
    }
    done
}

/// What is found after mending, with what came of it: what is no longer found is fixed, and what still is says why.
pub fn outcome(mut after: Vec<Finding>, done: &[Done]) -> Vec<Finding> {
    let is = |a: &Finding, b: &Finding| a.check == b.check && a.what == b.what;
    for Done { finding, error } in done {
        if let Some(still) = after.iter_mut().find(|other| is(other, finding)) {
            let vain = "it was done, and did not help".to_owned();
            still.error = Some(error.clone().unwrap_or(vain));
        } else if let Some(fine) = after
            .iter_mut()
            .find(|other| other.check == finding.check && other.state == State::Ok)
        {
            fine.fixed = true;
        }
    }
    after
}

async fn carry_out(mend: &Mend, look: &Look) -> Result<(), String> {
    match mend {
        Mend::Nothing | Mend::Hand { .. } => Ok(()),
        Mend::Run(words) => run(words).await,
        Mend::Install(Part::Completions) => install_completions(look),
        Mend::Install(part) => {
            let Some(orchestrator) = look.orchestrator() else {
                return Err("your systemd does not answer".to_owned());
            };
            let installed = match part {
                Part::SecretLink => orchestrator.link().map(drop),
                Part::Units | Part::Completions => {
                    orchestrator.install_own_units(Path::new("/")).await
                }
            };
            installed.map_err(|error| format!("{:#}", anyhow::Error::new(error)))
        }
    }
}

impl Part {
    fn in_words(self) -> &'static str {
        match self {
            Self::Units => "mcpod's own units",
            Self::Completions => "completions",
            Self::SecretLink => "the link by which Podman finds mcpod",
        }
    }
}

/// Runs a command that a finding names. mcpod itself is this program, whatever the path has.
async fn run(words: &[String]) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else {
        return Ok(());
    };
    let program = match program.as_str() {
        "mcpod" => host::program().map_err(|error| error.to_string())?,
        other => other.to_owned(),
    };
    let output = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = crate::text::one_line(&String::from_utf8_lossy(&output.stderr));
    Err(match said.as_str() {
        "" => format!("{program}: {}", output.status),
        said => crate::text::shortened(said, SAID),
    })
}

/// Writes what shells are to read, for those of this host and where no package did.
fn install_completions(look: &Look) -> Result<(), String> {
    let Some(dirs) = look.dirs() else {
        return Err("HOME is not known".to_owned());
    };
    for (shell, text) in look.missing_completions() {
        let file = dirs.data.join(shell.user_file());
        let folder = file.parent().unwrap_or(&dirs.data);
        let written = || -> std::io::Result<()> {
            std::fs::create_dir_all(folder)?;
            let fresh = tempfile::NamedTempFile::new_in(folder)?;
            std::fs::write(fresh.path(), text)?;
            fresh.persist(&file).map_err(|error| error.error)?;
            Ok(())
        };
        written().map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Check;

    #[test]
    fn what_is_found_no_more_is_fixed_and_the_rest_says_why() {
        let bad =
            |what: &str| Finding::warning(Check::Linger, what, "x").mend(Mend::run(&["true"]));
        let done = |what: &str, error: Option<&str>| Done {
            finding: bad(what),
            error: error.map(str::to_owned),
        };
        let fixed = outcome(vec![Finding::ok(Check::Linger, "fine")], &[done("a", None)]);
        assert!(fixed[0].fixed);
        let failed = outcome(vec![bad("a")], &[done("a", Some("denied"))]);
        assert_eq!(failed[0].error.as_deref(), Some("denied"));
        let vain = outcome(vec![bad("a")], &[done("a", None)]);
        assert!(!vain[0].fixed && vain[0].error.is_some());
        let other = outcome(vec![Finding::ok(Check::Keys, "fine")], &[done("a", None)]);
        assert!(!other[0].fixed);
    }

    #[tokio::test]
    async fn a_command_that_fails_says_what_it_said() {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(run(&words(&["true"])).await, Ok(()));
        let said = run(&words(&["sh", "-c", "echo no >&2; exit 3"])).await;
        assert_eq!(said, Err("no".to_owned()));
        assert!(run(&words(&["/no/such/program"])).await.is_err());
    }
}
