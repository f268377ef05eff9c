//! Why a command failed: every module's errors, told apart by what a caller does about them.

mod answer;

use std::path::PathBuf;

use crate::activation::build::BuildError;
use crate::activation::command::CommandError;
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

pub use answer::Kind;
pub(crate) use answer::accept_hint;

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
