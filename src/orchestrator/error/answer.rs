//! What whoever asked does about an error: by its kind, by its code, by its hint.

use super::Error;
use crate::activation::build::BuildError;
use crate::activation::inputs::InputError;
use crate::activation::plan::PlanError;
use crate::bundle::BundleError;
use crate::quadlet::name::ServerName;

/// What a caller does about an error; the numbers are the program's exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing but to read it.
    Failed,
    /// Ask in another way.
    Usage,
    /// Ask for something that is there.
    NotFound,
    /// Give the inputs that are missing.
    InputsMissing,
    /// Mend the host.
    HostLacks,
}

impl Error {
    /// What a caller does about it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Plan(PlanError::Input(InputError::Missing { .. })) => Kind::InputsMissing,
            Self::NoSuchServer { .. }
            | Self::NoSuchEntry { .. }
            | Self::NoSuchSecret { .. }
            | Self::Build(BuildError::NoSuchPackage { .. } | BuildError::NoSuchVersion { .. }) => {
                Kind::NotFound
            }
            Self::Ambiguous { .. }
            | Self::UnknownReference { .. }
            | Self::NotRemote { .. }
            | Self::Name(_)
            | Self::Reference(_)
            | Self::Value(_)
            | Self::Bind(_)
            | Self::BadSecretName { .. }
            | Self::SecretInUse { .. }
            | Self::NeedsConsent { .. }
            | Self::RunsOtherwise { .. }
            | Self::KeptForAnother { .. }
            | Self::Build(BuildError::Package(_))
            | Self::Command(_)
            | Self::Bundle(BundleError::Named { .. })
            | Self::Plan(
                PlanError::NoSuchLaunch { .. }
                | PlanError::Build(_)
                | PlanError::ReadsAsOption { .. }
                | PlanError::NoPath { .. }
                | PlanError::Address(_)
                | PlanError::NoHeader { .. }
                | PlanError::Input(_),
            ) => Kind::Usage,
            Self::SystemdTooOld { .. }
            | Self::Unsupported(_)
            | Self::Host(_)
            | Self::JournalUnreadable
            | Self::Journal(_)
            | Self::Unenforceable { .. } => Kind::HostLacks,
            Self::Systemd(error) if error.is_host() => Kind::HostLacks,
            Self::Podman(error) if error.is_host() => Kind::HostLacks,
            _ => Kind::Failed,
        }
    }

    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchServer { .. } => "no_such_server",
            Self::NoSuchEntry { .. } => "no_such_entry",
            Self::Ambiguous { .. } => "ambiguous",
            Self::UnknownReference { .. } | Self::Reference(_) => "bad_reference",
            Self::NotRemote { .. } => "not_remote",
            Self::Login(_) => "login",
            Self::NameTaken { .. } => "name_taken",
            Self::EntryChanged { .. } | Self::NotAsAgreed { .. } => "entry_changed",
            Self::KeptForAnother { .. } => "kept_for_another",
            Self::Edited { .. } => "edited_by_hand",
            Self::NothingAlone { .. } => "nothing_alone",
            Self::BuildFailed { .. } => "build_failed",
            Self::Build(BuildError::NoSuchPackage { .. } | BuildError::NoSuchVersion { .. }) => {
                "no_such_package"
            }
            Self::Repository(_) => "repository",
            Self::Bundle(_) => "bundle",
            Self::NeedsConsent { .. } | Self::RunsOtherwise { .. } => "needs_consent",
            Self::Command(_) => "bad_command",
            Self::NoProgram { .. } => "no_such_program",
            Self::SystemdTooOld { .. } => "systemd_too_old",
            Self::Build(_) => "cannot_build",
            Self::NotGenerated { .. } => "not_generated",
            Self::NotListening { .. } => "not_listening",
            Self::JournalUnreadable | Self::Journal(_) => "journal_unreadable",
            Self::Unenforceable { .. } => "network_unenforceable",
            Self::Interrupted => "interrupted",
            Self::NotRemoved { .. } => "not_removed",
            Self::Name(_) => "bad_name",
            Self::Plan(PlanError::Input(InputError::Missing { .. })) => "inputs_missing",
            Self::Plan(_) => "cannot_run",
            Self::Value(_) => "bad_value",
            Self::Bind(_) => "cannot_mount",
            Self::NoSuchSecret { .. } => "no_such_secret",
            Self::BadSecretName { .. } => "bad_secret_name",
            Self::SecretInUse { .. } => "secret_in_use",
            Self::Link { .. } => "link",
            Self::NoPolicy { .. } | Self::SignatureNotDemanded { .. } => "signature",
            Self::HalfThere { .. } => "half_there",
            Self::ChangedMeanwhile { .. } => "changed_meanwhile",
            Self::NoPrevious { .. } => "no_previous",
            Self::PreviousGone { .. } => "previous_gone",
            Self::Kept { .. } => "file",
            Self::ToolHeld { .. } => "tool_held",
            Self::Unsupported(_) => "podman_too_old",
            Self::Catalog(_) => "catalog",
            Self::Settings(_) => "bad_settings",
            Self::Host(_) => "host",
            Self::UnitDir(_) => "unit_directory",
            Self::Systemd(_) => "systemd",
            Self::Podman(_) => "podman",
            Self::Session(_) => "session",
        }
    }

    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchServer { near, .. } if near.is_empty() => {
                Some("mcpod list shows the active ones".to_owned())
            }
            Self::NoSuchEntry { near, .. } if near.is_empty() => {
                Some("mcpod search WORDS finds servers".to_owned())
            }
            Self::NoSuchSecret { near, .. } if near.is_empty() => {
                Some("mcpod secret list shows them".to_owned())
            }
            Self::NoSuchServer { near, .. }
            | Self::NoSuchEntry { near, .. }
            | Self::NoSuchSecret { near, .. } => {
                Some(format!("did you mean {}?", near.join(" or ")))
            }
            Self::Ambiguous { .. } => Some("give the whole id".to_owned()),
            Self::UnknownReference { .. } => {
                Some("mcpod search WORDS finds what is in the catalog".to_owned())
            }
            Self::NameTaken { name, .. } => Some(format!(
                "choose another with --name, or first: mcpod remove {name}"
            )),
            Self::EntryChanged { name, id } => Some(format!(
                "look at it with mcpod show {id}; mcpod upgrade {name} takes what is said now"
            )),
            Self::NotAsAgreed { id } => Some(format!("look at it again with mcpod show {id}")),
            Self::KeptForAnother { .. } => Some(
                "choose another name with --name, or let it have them with --reuse".to_owned(),
            ),
            Self::Edited { name, .. } => Some(format!(
                "put changes into a drop-in (mcpod-{name}@.container.d/NAME.conf) and take them out of the file; or: mcpod remove {name} --force"
            )),
            Self::NothingAlone { name, line } => Some(alone_hint(name, line)),
            Self::NotGenerated { .. } => Some(
                "journalctl --user -b -t quadlet-user-generator -t podman-user-generator says why"
                    .to_owned(),
            ),
            Self::NotListening { name } => {
                Some(format!("systemctl --user start {}", name.socket_unit()))
            }
            Self::JournalUnreadable => Some(
                "sudo mkdir -p /var/log/journal && sudo systemctl restart systemd-journald keeps it on disk".to_owned(),
            ),
            Self::Unenforceable { network: None, why } => Some(why.hint().to_owned()),
            Self::Unenforceable { why, .. } => {
                Some(format!("{}, or choose --network none", why.hint()))
            }
            Self::NotRemoved { name, .. } => Some(format!("mcpod remove {name} tries again")),
            Self::Repository(error) => error.hint(),
            Self::Bundle(error) => error.hint(),
            Self::NeedsConsent { .. } | Self::RunsOtherwise { .. } => {
                Some("look at it; with --yes it is done".to_owned())
            }
            Self::NoProgram { .. } => {
                Some("install it, or give its absolute path: command:/PATH/PROGRAM".to_owned())
            }
            Self::SystemdTooOld { .. } => Some(
                "run the server from an image, a package or a repository instead".to_owned(),
            ),
            Self::BuildFailed { output, .. } => crate::orchestrator::build::hint(output),
            Self::Plan(error) => error.hint(),
            Self::UnitDir(error) => error.hint(),
            Self::Systemd(error) => error.hint(),
            Self::Podman(error) => error.hint(),
            Self::Session(error) => error.hint(),
            Self::Host(error) => error.hint(),
            Self::Unsupported(_) => Some("install a newer Podman".to_owned()),
            Self::Catalog(_) => Some("mcpod refresh --force makes it anew".to_owned()),
            Self::Interrupted
            | Self::NotRemote { .. }
            | Self::Login(_)
            | Self::Journal(_)
            | Self::Build(_)
            | Self::Command(_)
            | Self::Name(_)
            | Self::Reference(_)
            | Self::Value(_)
            | Self::BadSecretName { .. }
            | Self::Link { .. }
            | Self::Kept { .. }
            | Self::Settings(_) => None,
            Self::ToolHeld { name, .. } => Some(accept_hint(name)),
            Self::NoPolicy { .. } => Some("see containers-policy.json(5)".to_owned()),
            Self::SignatureNotDemanded { prefix, path, .. } => Some(format!(
                "under transports.docker of {} add: \"{prefix}\": [{{\"type\": \"sigstoreSigned\", \"keyPath\": \"/PATH/OF/KEY.pub\"}}], and in registries.d say where signatures are: docker: {{{prefix}: {{use-sigstore-attachments: true}}}} (containers-policy.json(5), containers-registries.d(5))",
                path.display()
            )),
            Self::HalfThere { name } => Some(format!("mcpod remove {name}, or add it again")),
            Self::ChangedMeanwhile { .. } => Some("try again".to_owned()),
            Self::NoPrevious { name } => Some(format!("mcpod upgrade {name} looks for a newer one")),
            Self::PreviousGone { name, .. } => Some(format!(
                "mcpod remove {name}, then add it in that version"
            )),
            Self::Bind(error) => error.hint(),
            Self::SecretInUse { server, .. } => Some(format!("first: mcpod remove {server}")),
        }
    }
}

/// What is to be done about tools that are held back.
pub(crate) fn accept_hint(name: &ServerName) -> String {
    format!("mcpod status {name} shows what changed; mcpod accept {name} takes it")
}

/// What is to be done about a server that is nothing without mcpod, by the line that starts it: a path alone is the hook's.
fn alone_hint(name: &ServerName, line: &str) -> String {
    let with_mcpod = "--format json takes it to another host that has mcpod";
    if line.starts_with('"') {
        format!(
            "it keeps a list of hosts: with the open network (mcpod config {name} --network open) or none it needs no mcpod; {with_mcpod}"
        )
    } else {
        with_mcpod.to_owned()
    }
}
