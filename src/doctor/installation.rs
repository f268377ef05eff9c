//! What of mcpod is installed: its units, completions of the shells, settings.

use super::finding::Part;
use super::{Check, Finding, Mend};
use crate::orchestrator::own_units::{OwnUnit, Place};

/// What was seen of it.
#[derive(Debug, Clone)]
pub struct Installation {
    /// mcpod's own units.
    pub units: Vec<OwnUnit>,
    /// The shells of this host, and whether each completes mcpod's commands.
    pub completions: Vec<(Shell, Completion)>,
    /// Why the settings cannot be used, if they cannot.
    pub settings: Option<String>,
}

/// A shell that can complete commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shell {
    /// bash(1), with bash-completion.
    Bash,
    /// zsh(1).
    Zsh,
    /// fish(1).
    Fish,
}

/// Whether a shell completes mcpod's commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// A package or `doctor --fix` saw to it.
    Installed,
    /// The user's file is another version's.
    Outdated,
    /// There is none.
    Missing,
}

impl Shell {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    /// Its program.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    /// Where it looks for completions of one user's, below `$XDG_DATA_HOME`. zsh does so only where `fpath` names the folder.
    pub fn user_file(self) -> &'static str {
        match self {
            Self::Bash => "bash-completion/completions/mcpod",
            Self::Zsh => "zsh/site-functions/_mcpod",
            Self::Fish => "fish/vendor_completions.d/mcpod.fish",
        }
    }

    /// Where packages put completions, below `/usr/share`.
    pub fn package_files(self) -> &'static [&'static str] {
        match self {
            Self::Bash => &["bash-completion/completions/mcpod"],
            Self::Zsh => &["zsh/vendor-completions/_mcpod", "zsh/site-functions/_mcpod"],
            Self::Fish => &["fish/vendor_completions.d/mcpod.fish"],
        }
    }
}

impl Installation {
    /// What it means.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = units_findings(&self.units);
        findings.extend(completions_finding(&self.completions));
        findings.push(match &self.settings {
            None => Finding::ok(Check::Settings, "the settings can be read"),
            Some(why) => Finding::problem(
                Check::Settings,
                format!("the settings cannot be used: {why}"),
                "no command works but this one",
            )
            .mend(Mend::hand("correct that file")),
        });
        findings
    }
}

fn units_findings(units: &[OwnUnit]) -> Vec<Finding> {
    let named = |wanted: fn(&Place) -> bool| -> Vec<&str> {
        let found = units.iter().filter(|unit| wanted(&unit.place));
        found.map(|unit| unit.name).collect()
    };
    let mut findings = Vec::new();
    let edited = named(|place| *place == Place::EditedCopy);
    if !edited.is_empty() {
        findings.push(
            Finding::warning(
                Check::Units,
                format!("files of yours hide the package's: {}", edited.join(", ")),
                "what an upgrade changes in those units has no effect; drop-ins would keep your changes",
            )
            .mend(Mend::hand(format!(
                "in ~/.config/systemd/user: rm {}; systemctl --user daemon-reload",
                edited.join(" ")
            ))),
        );
    }
    let hiding = named(|place| *place == Place::Copy);
    if !hiding.is_empty() {
        findings.push(
            Finding::warning(
                Check::Units,
                format!(
                    "units of an installation without a package hide the package's: {}",
                    hiding.join(", ")
                ),
                "what an upgrade changes in those units has no effect",
            )
            .mend(Mend::Install(Part::Units)),
        );
    }
    let outdated = named(|place| *place == Place::Outdated);
    if !outdated.is_empty() {
        findings.push(
            Finding::warning(
                Check::Units,
                format!(
                    "units of another version or place of mcpod: {}",
                    outdated.join(", ")
                ),
                "they may start a program that is not there any more",
            )
            .mend(Mend::Install(Part::Units)),
        );
    }
    let missing = named(|place| *place == Place::Missing);
    if !missing.is_empty() {
        findings.push(
            Finding::note(
                Check::Units,
                format!("not installed yet: {}", missing.join(", ")),
                "the commands that need them write them",
            )
            .mend(Mend::Install(Part::Units)),
        );
    }
    if findings.is_empty() && !units.is_empty() {
        findings.push(Finding::ok(Check::Units, "mcpod's own units are installed"));
    }
    findings
}

fn completions_finding(completions: &[(Shell, Completion)]) -> Option<Finding> {
    let named = |wanted| -> Vec<&str> {
        let found = completions
            .iter()
            .filter(|(_, completion)| *completion == wanted);
        found.map(|(shell, _)| shell.as_str()).collect()
    };
    let (missing, outdated) = (named(Completion::Missing), named(Completion::Outdated));
    if missing.is_empty() && outdated.is_empty() {
        let shells = named(Completion::Installed);
        return (!shells.is_empty()).then(|| {
            Finding::ok(
                Check::Completions,
                format!("completions are installed: {}", shells.join(", ")),
            )
        });
    }
    let what = if missing.is_empty() {
        format!("completions of another version: {}", outdated.join(", "))
    } else {
        format!("no completions are installed: {}", missing.join(", "))
    };
    let means = if missing.contains(&"zsh") {
        "Tab does not complete commands of mcpod; zsh finds them with fpath+=(~/.local/share/zsh/site-functions) before compinit in ~/.zshrc"
    } else {
        "Tab does not complete commands of mcpod as they are now"
    };
    Some(Finding::note(Check::Completions, what, means).mend(Mend::Install(Part::Completions)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn units(places: &[Place]) -> Vec<Finding> {
        let names = ["a.service", "b.timer", "c.socket"];
        let units: Vec<OwnUnit> = names
            .into_iter()
            .zip(places)
            .map(|(name, &place)| OwnUnit { name, place })
            .collect();
        units_findings(&units)
    }

    #[test]
    fn units_are_told_by_what_is_to_be_done_with_them() {
        assert_eq!(units(&[Place::Package, Place::User])[0].state, State::Ok);
        let findings = units(&[Place::Missing, Place::Outdated, Place::Copy]);
        assert_eq!(findings.len(), 3);
        for finding in &findings {
            assert_eq!(finding.mend, Mend::Install(Part::Units));
        }
        let findings = units(&[Place::EditedCopy]);
        assert!(
            matches!(&findings[..], [one] if one.state == State::Warning && !one.mend.is_ours())
        );
    }

    #[test]
    fn shells_without_completions_are_named() {
        let found = |completions: &[(Shell, Completion)]| completions_finding(completions);
        assert_eq!(found(&[]), None);
        assert_eq!(
            found(&[(Shell::Bash, Completion::Installed)])
                .unwrap()
                .state,
            State::Ok
        );
        let missing = found(&[
            (Shell::Bash, Completion::Installed),
            (Shell::Zsh, Completion::Missing),
        ])
        .unwrap();
        assert_eq!(missing.what, "no completions are installed: zsh");
        assert!(missing.means.unwrap().contains("fpath"));
        let outdated = found(&[(Shell::Fish, Completion::Outdated)]).unwrap();
        assert_eq!(
            (outdated.state, outdated.mend),
            (State::Note, Mend::Install(Part::Completions))
        );
    }
}
