//! `mcpod doctor`: what this host lacks, and what mends it.

use std::cell::RefCell;
use std::process::ExitCode;

use super::completions;
use super::output::{Failure, Outcome, Output, Tone};
use crate::doctor::look::Look;
use crate::doctor::{Finding, State, mend};
use crate::host::Host;

/// Say what this host lacks for mcpod, what that means, and what mends it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It ends with 6 where the host lacks something, with 1 where something of mcpod's own does not work, else with 0.

Examples:
  mcpod doctor
  mcpod doctor --fix
  mcpod doctor --json | jq '.[] | select(.state != \"ok\")'"
)]
pub(super) struct Arguments {
    /// Do what needs no root, and install units and completions for you where no package did
    #[arg(long)]
    fix: bool,
    /// Print a JSON list
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    host: Host,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let completions = completions::all()?;
    let busy = output.busy("looking");
    let look = Look::at(host.clone(), completions.clone()).await;
    let mut findings = look.facts().await.findings();
    drop(busy);
    if arguments.fix {
        let busy = RefCell::new(None);
        let done = mend::mend(&findings, &look, |what| {
            drop(busy.take());
            output.note(&format!("fixing: {what}"));
            busy.replace(Some(output.busy(what)));
        })
        .await;
        drop(busy);
        if !done.is_empty() {
            // What was mended may have changed anything.
            let look = Look::at(host, completions).await;
            findings = mend::outcome(look.facts().await.findings(), &done);
        }
    }
    if output.is_json() {
        output.json(&findings)?;
    } else {
        for finding in &findings {
            show(finding, output);
        }
        output.note(&summary(&findings, arguments.fix));
    }
    Ok(code(&findings))
}

fn code(findings: &[Finding]) -> ExitCode {
    let problems = || {
        findings
            .iter()
            .filter(|finding| finding.state == State::Problem)
    };
    if problems().any(|finding| finding.check.is_host()) {
        Outcome::HostLacks.into()
    } else if problems().next().is_some() {
        Outcome::Failed.into()
    } else {
        ExitCode::SUCCESS
    }
}

fn show(finding: &Finding, output: &Output) {
    let Finding {
        check: _,
        state,
        what,
        means,
        mend,
        fixed,
        error,
    } = finding;
    let (word, tone) = match state {
        State::Ok if *fixed => ("fixed", Tone::Good),
        State::Ok => ("ok", Tone::Good),
        State::Note => ("note", Tone::Plain),
        State::Warning => ("warning", Tone::Warning),
        State::Problem => ("problem", Tone::Bad),
    };
    output.marked(word, tone, what);
    if *state == State::Ok {
        return;
    }
    if let Some(means) = means {
        output.marked("", Tone::Plain, means);
    }
    if let Some(command) = mend.command() {
        // To be copied: it stays in one line.
        output.text(&format!("{:10}mend: {command}", ""));
    }
    if let Some(error) = error {
        output.marked("", Tone::Plain, &format!("could not be fixed: {error}"));
    }
}

fn summary(findings: &[Finding], fixing: bool) -> String {
    let count = |state| {
        findings
            .iter()
            .filter(|finding| finding.state == state)
            .count()
    };
    let ours = findings
        .iter()
        .filter(|finding| finding.state != State::Ok && finding.mend.is_ours())
        .count();
    let counts = [
        (count(State::Problem), "problem", "problems"),
        (count(State::Warning), "warning", "warnings"),
        (count(State::Note), "note", "notes"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
        .collect();
    match (counts.is_empty(), ours, fixing) {
        (true, ..) => "nothing to mend".to_owned(),
        (false, 1.., false) => format!(
            "{}; mcpod doctor --fix does what needs no root",
            counts.join(", ")
        ),
        (false, ..) => counts.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Check, Mend};

    #[test]
    fn the_exit_code_says_whether_it_is_the_host() {
        let ok = Finding::ok(Check::Podman, "x");
        let warning = Finding::warning(Check::Linger, "x", "y");
        let own = Finding::problem(Check::Server, "x", "y");
        let host = Finding::problem(Check::Podman, "x", "y");
        for (findings, expected) in [
            (vec![ok.clone()], ExitCode::SUCCESS),
            (vec![ok, warning], ExitCode::SUCCESS),
            (vec![own.clone()], ExitCode::from(1)),
            (vec![own, host], ExitCode::from(6)),
        ] {
            assert_eq!(code(&findings), expected, "{findings:?}");
        }
    }

    #[test]
    fn the_last_line_counts_what_is_left() {
        let warning = Finding::warning(Check::Linger, "x", "y").mend(Mend::run(&["z"]));
        let problem = Finding::problem(Check::Podman, "x", "y");
        assert_eq!(
            summary(&[Finding::ok(Check::Keys, "x")], false),
            "nothing to mend"
        );
        let findings = [warning.clone(), warning, problem];
        assert_eq!(
            summary(&findings, false),
            "1 problem, 2 warnings; mcpod doctor --fix does what needs no root"
        );
        assert_eq!(summary(&findings, true), "1 problem, 2 warnings");
    }
}
