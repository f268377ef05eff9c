//! Reasons why an agent's configuration was not changed, and what the user can do.

use std::io;
use std::path::PathBuf;

use super::agent::NAME;

/// Why an agent's configuration was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ClientConfigError {
    /// The system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file of the agent's says something that cannot be read, or edited.
    #[error("{} is left as it is: {why}", path.display())]
    Uneditable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
        /// What belongs into it; nothing where something was to be taken out.
        snippet: Option<String>,
    },
    /// Something else stands under our name.
    #[error("{} has a server named {NAME} that leads elsewhere: {there}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        there: String,
    },
    /// The agent has no configuration for projects.
    #[error("{0} keeps no servers for a project here")]
    NoProject(&'static str),
    /// The agent cannot show a token over HTTP.
    #[error("{0} starts servers itself, and connects to none over HTTP with a token")]
    NoHttp(&'static str),
    /// The token would stand in a file that is shared.
    #[error(
        "{0} reads no variable in place of a token, and the token must not stand in a project's file"
    )]
    TokenInProject(&'static str),
    /// A link in a project leads out of it.
    #[error("{} leads out of the project, to {}", path.display(), target.display())]
    Outside {
        /// The file in the project.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A link that leads to nothing.
    #[error("{} is a link to a file that is not there", path.display())]
    Dangling {
        /// The link.
        path: PathBuf,
    },
    /// The file belongs to another user, or is no file.
    #[error("{} is no file of yours", path.display())]
    NotYours {
        /// What it is.
        path: PathBuf,
    },
    /// The agent wrote its file each time that it was to be replaced.
    #[error("{} was changed by somebody else again and again", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
}

impl ClientConfigError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { .. } | Self::NotYours { .. } => return None,
            Self::Uneditable {
                snippet: Some(snippet),
                ..
            } => format!("mend it, or write this into it:\n{snippet}"),
            Self::Uneditable { snippet: None, .. } => {
                format!("mend it, or take the server named {NAME} out of it yourself")
            }
            Self::Foreign { .. } => {
                "--force writes over it; what was there is kept in a backup".to_owned()
            }
            Self::NoProject(_) => "leave --project out".to_owned(),
            Self::NoHttp(_) => "leave --http out".to_owned(),
            Self::TokenInProject(_) => "leave --http or --project out".to_owned(),
            Self::Outside { target, .. } => {
                format!(
                    "edit {} yourself if you trust the project",
                    target.display()
                )
            }
            Self::Dangling { .. } => "remove the link, or make what it leads to".to_owned(),
            Self::Busy { .. } => "close the agent and try again".to_owned(),
        })
    }
}
