//! What keeps secrets from others, and servers from the host.

use super::finding::Part;
use super::{Check, Distribution, Finding, Mend};
use crate::credentials::Protection;

/// What was seen of it.
#[derive(Debug, Clone)]
pub struct Security {
    /// Whether systemd's credential service answers.
    pub credentials: bool,
    /// Whether there is a TPM 2.
    pub tpm: bool,
    /// By what secrets are protected that are stored now.
    pub protection: Protection,
    /// The stored secrets; why they cannot be listed.
    pub secrets: Result<Vec<StoredSecret>, String>,
    /// The program that Podman starts for a secret's value; nothing where no secret was encrypted here.
    pub secret_link: Option<SecretLink>,
    /// SELinux, where the kernel has it on.
    pub selinux: Option<Selinux>,
    /// Whether AppArmor is on.
    pub apparmor: bool,
}

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// Its name.
    pub name: String,
    /// Whether it is encrypted where it is stored.
    pub encrypted: bool,
}

/// The link by which Podman finds this program, and the values behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretLink {
    /// Whether there is a program at its end.
    pub leads_somewhere: bool,
    /// How many stored values cannot be decrypted, and why the first of them.
    pub sealed: Option<(usize, String)>,
}

/// SELinux, which is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selinux {
    /// Whether what it forbids does not happen.
    pub enforcing: bool,
    /// Whether the policy of containers is there.
    pub has_policy: bool,
}

impl Security {
    /// What it means.
    pub fn findings(&self, distribution: Distribution) -> Vec<Finding> {
        let mut findings = self.keeping(distribution);
        match self.selinux {
            None => findings.push(Finding::ok(Check::Selinux, "SELinux is not on")),
            Some(Selinux {
                enforcing,
                has_policy: true,
            }) => findings.push(Finding::ok(
                Check::Selinux,
                if enforcing {
                    "SELinux is enforcing, with the policy of containers"
                } else {
                    "SELinux is permissive"
                },
            )),
            Some(Selinux { enforcing, .. }) => {
                let what = "SELinux is on without the policy of containers";
                let means = "servers are denied their connections, or run unconfined";
                let finding = if enforcing {
                    Finding::problem(Check::Selinux, what, means)
                } else {
                    Finding::warning(Check::Selinux, what, means)
                };
                findings.push(
                    finding.mend(distribution.install("container-selinux", "container-selinux")),
                );
            }
        }
        findings.push(Finding::ok(
            Check::Apparmor,
            if self.apparmor {
                "AppArmor is on"
            } else {
                "AppArmor is not on"
            },
        ));
        findings
    }

    /// What keeps secrets.
    fn keeping(&self, distribution: Distribution) -> Vec<Finding> {
        let mut findings = vec![
            if self.credentials {
                Finding::ok(
                    Check::Credentials,
                    "systemd's credential service answers: secrets are encrypted",
                )
            } else {
                Finding::warning(
                    Check::Credentials,
                    "systemd's credential service does not answer (systemd 256 and later has one)",
                    "Podman keeps secrets in clear, in a file that you alone can read",
                )
                .mend(Mend::root(
                    "sudo systemctl enable --now systemd-creds.socket",
                ))
            },
            match self.protection {
                Protection::Tpm2 => Finding::ok(
                    Check::Tpm,
                    "secrets are bound to the TPM 2 of this host: they open on it alone",
                ),
                Protection::HostKey if self.tpm => Finding::warning(
                    Check::Tpm,
                    "there is a TPM 2, and systemd does not use it for secrets",
                    "their key is a file of root's (/var/lib/systemd/credential.secret): who has the disk can open them, until systemd has \
                     the libraries for the TPM, the host is booted by UEFI, and the secrets are stored anew",
                )
                .mend(distribution.install("tpm2-tools", "tpm2-tools")),
                Protection::HostKey => Finding::ok(
                    Check::Tpm,
                    "there is no TPM 2: the key of secrets is a file of root's (/var/lib/systemd/credential.secret)",
                ),
                Protection::None => Finding::ok(Check::Tpm, "no key protects secrets here"),
            },
        ];
        match &self.secrets {
            Err(why) => findings.push(Finding::warning(
                Check::Secrets,
                format!("the secrets cannot be listed: {why}"),
                "whether they are encrypted is not known",
            )),
            Ok(secrets) => findings.extend(secrets_finding(secrets)),
        }
        findings.extend(self.secret_link.as_ref().and_then(SecretLink::finding));
        findings
    }
}

fn secrets_finding(secrets: &[StoredSecret]) -> Option<Finding> {
    let clear: Vec<&str> = secrets
        .iter()
        .filter(|secret| !secret.encrypted)
        .map(|secret| secret.name.as_str())
        .collect();
    match (clear.as_slice(), secrets.len()) {
        ([], 0) => None,
        ([], count) => Some(Finding::ok(
            Check::Secrets,
            format!("all secrets are encrypted ({count})"),
        )),
        ([first, ..], _) => Some(
            Finding::warning(
                Check::Secrets,
                format!("in clear: {}", clear.join(", ")),
                "who can read your files can read them",
            )
            .mend(Mend::hand(format!(
                "once the credential service answers: mcpod secret set {first}"
            ))),
        ),
    }
}

impl SecretLink {
    fn finding(&self) -> Option<Finding> {
        if !self.leads_somewhere {
            return Some(
                Finding::problem(
                    Check::Secrets,
                    "the program that Podman and units find by ~/.local/share/mcpod/mcpod is gone",
                    "servers with secrets and remote servers do not start",
                )
                .mend(Mend::Install(Part::SecretLink)),
            );
        }
        let (count, why) = self.sealed.as_ref()?;
        Some(
            Finding::problem(
                Check::Secrets,
                format!("{count} of the stored values cannot be decrypted: {why}"),
                "servers that need them do not start; the key of this host may have changed",
            )
            .mend(Mend::hand(
                "mcpod secret list shows them, mcpod secret set NAME stores one anew",
            )),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn sound() -> Security {
        Security {
            credentials: true,
            tpm: false,
            protection: Protection::HostKey,
            secrets: Ok(Vec::new()),
            secret_link: None,
            selinux: None,
            apparmor: false,
        }
    }

    fn worst(security: &Security, check: Check) -> Finding {
        let findings = security.findings(Distribution::Fedora);
        let of = findings
            .into_iter()
            .filter(|finding| finding.check == check);
        of.max_by_key(|finding| finding.state).unwrap()
    }

    #[test]
    fn what_protects_secrets_is_what_was_seen_to() {
        for (tpm, protection, state, words) in [
            (true, Protection::Tpm2, State::Ok, "bound to the TPM 2"),
            (true, Protection::HostKey, State::Warning, "does not use it"),
            (false, Protection::HostKey, State::Ok, "there is no TPM 2"),
            (true, Protection::None, State::Ok, "no key"),
        ] {
            let security = Security {
                tpm,
                protection,
                ..sound()
            };
            let finding = worst(&security, Check::Tpm);
            assert_eq!(finding.state, state, "{protection:?}");
            assert!(finding.what.contains(words), "{}", finding.what);
        }
    }

    #[test]
    fn a_host_without_any_of_it_is_no_problem() {
        assert!(
            sound()
                .findings(Distribution::Debian)
                .iter()
                .all(|finding| finding.state == State::Ok)
        );
    }

    #[test]
    fn secrets_in_clear_are_named() {
        let secret = |name: &str, encrypted| StoredSecret {
            name: name.to_owned(),
            encrypted,
        };
        let security = Security {
            credentials: false,
            secrets: Ok(vec![secret("a_x", true), secret("b_y", false)]),
            ..sound()
        };
        assert_eq!(worst(&security, Check::Credentials).state, State::Warning);
        let finding = worst(&security, Check::Secrets);
        assert_eq!(
            (finding.state, finding.what.as_str()),
            (State::Warning, "in clear: b_y")
        );
    }

    #[test]
    fn values_that_nobody_can_read_are_a_problem() {
        let link = |leads_somewhere, sealed| Security {
            secret_link: Some(SecretLink {
                leads_somewhere,
                sealed,
            }),
            secrets: Err("no Podman".to_owned()),
            ..sound()
        };
        let gone = worst(&link(false, None), Check::Secrets);
        assert_eq!(
            (gone.state, gone.mend),
            (State::Problem, Mend::Install(Part::SecretLink))
        );
        let sealed = worst(&link(true, Some((2, "refused".to_owned()))), Check::Secrets);
        assert!(
            sealed.state == State::Problem && sealed.what.starts_with("2 of the stored values")
        );
        assert_eq!(
            worst(&link(true, None), Check::Secrets).state,
            State::Warning
        );
    }

    #[test]
    fn selinux_without_the_policy_of_containers() {
        for (enforcing, has_policy, state) in [
            (true, true, State::Ok),
            (false, true, State::Ok),
            (true, false, State::Problem),
            (false, false, State::Warning),
        ] {
            let selinux = Some(Selinux {
                enforcing,
                has_policy,
            });
            assert_eq!(
                worst(&Security { selinux, ..sound() }, Check::Selinux).state,
                state
            );
        }
    }
}
