//! Why a command failed: every module's errors, told apart by what a caller does about them.

use std::path::PathBuf;

use crate::activation::build::BuildError;
use crate::activation::command::CommandError;
use crate::activation::inputs::InputError;
use crate::activation::plan::PlanError;
use crate::bundle::BundleError;
use crate::catalog::IndexError;
use crate::host::HostError;
use crate::image::ReferenceError;
use crate::login::LoginError;
use crate::podman::PodmanError;
use crate::quadlet::error::{Unsupported, ValueError};
use crate::quadlet::name::{NameError, ServerName};
use crate::repository::RepositoryError;
use crate::settings::SettingsError;
use crate::systemd::SystemdError;
use crate::unit_dir::UnitDirError;

use super::binds::BindError;
use super::connection::EndError;
use super::network::Unenforceable;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No active server has that name.
    #[error("no server named {name:?} is active")]
    NoSuchServer {
        /// What was asked for.
        name: String,
        /// Active servers with similar names.
        near: Vec<String>,
    },
    /// The catalog has no such entry.
    #[error("the catalog has no server {reference:?}")]
    NoSuchEntry {
        /// What was asked for.
        reference: String,
        /// Entries with similar names.
        near: Vec<String>,
    },
    /// Several entries have the name.
    #[error("{reference:?} may be any of {}", ids.join(", "))]
    Ambiguous {
        /// What was asked for.
        reference: String,
        /// The entries.
        ids: Vec<String>,
    },
    /// A reference of a kind that cannot be run.
    #[error(
        "{reference:?} is neither in the catalog nor docker://IMAGE nor a package such as npm:NAME, pypi:NAME, nuget:NAME or cargo:NAME nor git+https://HOST/REPOSITORY nor mcpb+https://HOST/FILE nor https://HOST/PATH nor command:PROGRAM"
    )]
    UnknownReference {
        /// What was asked for.
        reference: String,
    },
    /// One logs in to remote servers alone.
    #[error("{name} is no remote server whose address may be shown: there is nothing to log in to")]
    NotRemote {
        /// The server.
        name: ServerName,
    },
    /// There is no login.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// Another server has the name.
    #[error("the name {name} is taken by {id}")]
    NameTaken {
        /// The name.
        name: ServerName,
        /// Whose it is.
        id: String,
    },
    /// What the catalog says of a server is not what it was added by.
    #[error("the catalog says something else of {id} by now than when {name} was added")]
    EntryChanged {
        /// The server.
        name: ServerName,
        /// The entry.
        id: String,
    },
    /// What the catalog says of an entry is not what was agreed to.
    #[error("the catalog says something else of {id} by now than what was agreed to")]
    NotAsAgreed {
        /// The entry.
        id: String,
    },
    /// A server that is nothing without mcpod.
    #[error("{name} is started by mcpod itself, and is nothing without it: {line}")]
    NothingAlone {
        /// The server.
        name: ServerName,
        /// The line of its units that starts mcpod.
        line: String,
    },
    /// Secrets or volumes under a name are another entry's.
    #[error("{} {} kept for {owner}, which had the name {name} before", kept.join(", "), if kept.len() == 1 { "is" } else { "are" })]
    KeptForAnother {
        /// The name.
        name: ServerName,
        /// The entry that they were kept for.
        owner: String,
        /// What is kept, in words.
        kept: Vec<String>,
    },
    /// A unit of ours is no longer as we wrote it.
    #[error("{file} was edited or removed by hand since mcpod wrote it")]
    Edited {
        /// The server.
        name: ServerName,
        /// The file.
        file: String,
    },
    /// An image was not built.
    #[error("the image of {what} could not be built; the build ended with:\n{output}")]
    BuildFailed {
        /// What it is built from.
        what: String,
        /// The last lines that the build wrote, fit to be shown.
        output: String,
    },
    /// A bundle is of no use.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A repository cannot be looked at.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The user is to see first what would be built.
    #[error("this would {how}")]
    NeedsConsent {
        /// The repository with its commit, or the command.
        what: String,
        /// What would be done, in words: build and run code from ..., by its own Dockerfile.
        how: String,
    },
    /// A text is no command.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A program of this host is not there.
    #[error("this host has no program {program}")]
    NoProgram {
        /// The program.
        program: String,
    },
    /// systemd here cannot keep a command of the host from the user's other processes.
    #[error(
        "commands of this host run under systemd {} and later; this is {found}",
        crate::activation::units::SYSTEMD_FLOOR
    )]
    SystemdTooOld {
        /// Its version.
        found: String,
    },
    /// Nothing can be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Quadlet made no service of a container unit.
    #[error("Quadlet made no service of {file}")]
    NotGenerated {
        /// The file.
        file: String,
    },
    /// Nobody listens on the socket of an active server.
    #[error("the socket of {name} is not listening")]
    NotListening {
        /// The server.
        name: ServerName,
    },
    /// The journal is kept where this user cannot read it.
    #[error("the journal of this host is kept in memory, where only root can read it")]
    JournalUnreadable,
    /// Nobody would keep a server to its network here.
    #[error(
        "{} cannot be enforced on this host: {why}",
        network.as_ref().map_or("what builds are kept from".to_owned(), |network| format!("the network {network}"))
    )]
    Unenforceable {
        /// The network; none where it is that of the server's build.
        network: Option<String>,
        /// Why not.
        why: Unenforceable,
    },
    /// The journal cannot be asked.
    #[error("journalctl cannot be run")]
    Journal(#[source] std::io::Error),
    /// The user interrupted it.
    #[error("interrupted; what was done is undone")]
    Interrupted,
    /// Some steps of taking a server away failed; the others were done.
    #[error("{name} could not be removed whole: {}", failures.join("; "))]
    NotRemoved {
        /// The server.
        name: ServerName,
        /// What failed, in words.
        failures: Vec<String>,
    },
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] IndexError),
    /// A name is not legal.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An image's name is not legal.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The entry cannot be run so.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A value cannot stand in a unit file.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Podman here is too old for a key.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Folders or the user are not known.
    #[error(transparent)]
    Host(#[from] HostError),
    /// No secret has that name.
    #[error("there is no secret {name:?}")]
    NoSuchSecret {
        /// What was asked for.
        name: String,
        /// Secrets with similar names.
        near: Vec<String>,
    },
    /// The text names no secret.
    #[error(
        "{name:?} names no secret: it is a server's name, `_`, and the name of an input or a variable"
    )]
    BadSecretName {
        /// What was given.
        name: String,
    },
    /// A server needs the secret.
    #[error("the server {server} needs the secret {name}")]
    SecretInUse {
        /// The secret.
        name: String,
        /// The server.
        server: ServerName,
    },
    /// The link to this program, by which Podman finds it, cannot be made.
    #[error("cannot make the link {}", path.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A server was not added, changed or removed to its end.
    #[error("{name} was not added, changed or removed to its end")]
    HalfThere {
        /// The server.
        name: ServerName,
    },
    /// Somebody else changed a server while it was worked on.
    #[error("{name} was changed by somebody else meanwhile")]
    ChangedMeanwhile {
        /// The server.
        name: ServerName,
    },
    /// The user is to see first what would be other in how a server is run.
    #[error("{name} would be run in another way:\n{}", lines.join("\n"))]
    RunsOtherwise {
        /// The server.
        name: ServerName,
        /// The lines of its units that would go and come.
        lines: Vec<String>,
    },
    /// A server was never upgraded.
    #[error("{name} was never upgraded: there is nothing to go back to")]
    NoPrevious {
        /// The server.
        name: ServerName,
    },
    /// The image that a server had before is gone.
    #[error("the image that {name} had before was built here and is gone: {image}")]
    PreviousGone {
        /// The server.
        name: ServerName,
        /// What the image was built from.
        image: String,
    },
    /// Podman's policy cannot be read, and the settings demand a signature.
    #[error("cannot read Podman's policy of signatures, {}: {reason}", path.display())]
    NoPolicy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The settings demand a signature that Podman's policy does not.
    #[error(
        "[trust] require_signature demands a sigstore signature of what is in {prefix}, and Podman's policy, {}, demands none of {image}",
        path.display()
    )]
    SignatureNotDemanded {
        /// The image.
        image: String,
        /// The registry, or a part of it, in the settings.
        prefix: String,
        /// The file of the policy.
        path: PathBuf,
    },
    /// A file of what the user accepted cannot be used.
    #[error("cannot {action} {}", path.display())]
    Kept {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A tool is held back.
    #[error("{tool} of {name} is held back: its definition is not one that was accepted")]
    ToolHeld {
        /// The server.
        name: ServerName,
        /// The tool.
        tool: String,
    },
    /// A path of the host must not be mounted.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The unit directories.
    #[error(transparent)]
    UnitDir(#[from] UnitDirError),
    /// systemd.
    #[error(transparent)]
    Systemd(#[from] SystemdError),
    /// Podman.
    #[error(transparent)]
    Podman(#[from] PodmanError),
    /// A session with a server, and what is known of how the server ended.
    #[error(transparent)]
    Session(#[from] Box<EndError>),
}

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
            Self::NothingAlone { .. } => Some("--format json takes it to another host that has mcpod".to_owned()),
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
            Self::BuildFailed { output, .. } => super::build::hint(output),
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
