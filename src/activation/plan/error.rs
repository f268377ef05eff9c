//! Reasons why there is no plan, and what the user can do.

use crate::activation::build::BuildError;
use crate::activation::endpoint::AddressError;
use crate::activation::inputs::InputError;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The entry is documentation only.
    #[error("{id} says nothing of how it can be run")]
    NoLaunch {
        /// The entry.
        id: String,
    },
    /// A launch option was chosen that is not there.
    #[error("{id} has {count} launch options, so there is no number {chosen}")]
    NoSuchLaunch {
        /// The entry.
        id: String,
        /// How many there are.
        count: usize,
        /// What was chosen, counted from 1.
        chosen: usize,
    },
    /// Nothing of what the entry offers is known to be run.
    #[error(
        "{id} cannot be run: it offers {offers}, and mcpod runs container images, packages of npm, PyPI, NuGet and cargo, git repositories and MCP bundles that speak MCP on stdin and stdout or over HTTP, and remote servers"
    )]
    NotRunnable {
        /// The entry.
        id: String,
        /// What it offers, in words.
        offers: String,
    },
    /// The launch option needs something of the host that it cannot be given.
    #[error("{id} needs {what}, which mcpod cannot give it")]
    Needs {
        /// The entry.
        id: String,
        /// What it needs, in words.
        what: String,
    },
    /// Its image cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An input is missing or of no use.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A secret would stand where it can be read.
    #[error("{id} wants a secret in {place}")]
    SecretExposed {
        /// The entry.
        id: String,
        /// Where.
        place: &'static str,
    },
    /// A value would be taken for an option of the server.
    #[error("the server would take the value {value:?} for an option")]
    ReadsAsOption {
        /// The value.
        value: String,
    },
    /// The address of a server is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A server in a container listens where nobody can reach it.
    #[error(
        "{id} says that it listens at {url}, which is not inside its container: that has the form http://localhost:PORT/PATH"
    )]
    NotInside {
        /// The entry.
        id: String,
        /// The address.
        url: String,
    },
    /// A header cannot be sent.
    #[error("{id} cannot be sent the header {name:?} with that value")]
    NoHeader {
        /// The entry.
        id: String,
        /// The header.
        name: String,
    },
    /// A path of a mount cannot be one.
    #[error("{path:?} cannot be mounted: it is no absolute path, or has a colon in it")]
    NoPath {
        /// The path.
        path: String,
    },
    /// A template of mounts does not make any.
    #[error("{id} has a mount that makes no sense: {template}")]
    NoMount {
        /// The entry.
        id: String,
        /// The template.
        template: String,
    },
}

impl PlanError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoLaunch { id } => Some(format!("mcpod show {id} prints what is known of it")),
            Self::NoSuchLaunch { id, .. } => {
                Some(format!("mcpod show {id} lists its launch options"))
            }
            Self::NotRunnable { .. } => {
                Some("if there is an image of it: mcpod add docker://IMAGE".to_owned())
            }
            Self::Input(error) => error.hint(),
            Self::Build(_)
            | Self::Address(_)
            | Self::NoHeader { .. }
            | Self::NotInside { .. }
            | Self::Needs { .. }
            | Self::SecretExposed { .. }
            | Self::ReadsAsOption { .. }
            | Self::NoPath { .. }
            | Self::NoMount { .. } => None,
        }
    }
}
