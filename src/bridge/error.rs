//! What goes wrong between a bridge and its server.

use std::io;

use crate::text::{one_line, shortened};

/// How much of what a server wrote is repeated, in characters.
const EXCERPT: usize = 200;

/// Why a bridge does not serve its client.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The client's side cannot be read.
    #[error("cannot read what the client says")]
    Client(#[source] io::Error),
    /// There is no HTTP client.
    #[error("cannot prepare for HTTP")]
    Http(#[source] reqwest::Error),
}

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is no connection, or it broke.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// The server.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The server wants to know who asks.
    #[error("{url} wants a login (401 Unauthorized){}", said(why))]
    Unauthorized {
        /// The server.
        url: String,
        /// What it said, if anything.
        why: String,
    },
    /// The server knows who asks, and does not let them.
    #[error("{url} refuses access (403 Forbidden){}", said(why))]
    Forbidden {
        /// The server.
        url: String,
        /// What it said, if anything.
        why: String,
        /// The scopes that it wants, if it says so.
        scope: Option<String>,
    },
    /// The server is asked too often.
    #[error("{url} is asked too often (429 Too Many Requests){}", wait.as_ref().map(|wait| format!(", again after {wait}")).unwrap_or_default())]
    TooMany {
        /// The server.
        url: String,
        /// What it says of when to come again.
        wait: Option<String>,
    },
    /// Another status that is none of success.
    #[error("{url} answers {status}{}", said(why))]
    Status {
        /// The server.
        url: String,
        /// Code and name.
        status: String,
        /// The code.
        code: u16,
        /// What it said, if anything.
        why: String,
    },
    /// An error of JSON-RPC, with a status that is none of success.
    #[error("{url} answers {code} and {}", shortened(error, EXCERPT))]
    Refused {
        /// The server.
        url: String,
        /// The status.
        code: u16,
        /// The error object, as it was written.
        error: String,
    },
    /// It leads to another place.
    #[error("{url} leads to {to}, which is another server")]
    Elsewhere {
        /// The server.
        url: String,
        /// Where to.
        to: String,
    },
    /// It leads in circles.
    #[error("{url} leads from one address to the next without end")]
    Circles {
        /// The server.
        url: String,
    },
    /// The answer is no message.
    #[error("{url} answers what is no MCP: {kind}{}", said(begins))]
    NotMcp {
        /// The server.
        url: String,
        /// The media type.
        kind: String,
        /// How it begins.
        begins: String,
    },
    /// The answer is longer than any message.
    #[error("{url} answers with more than {limit} bytes")]
    TooLarge {
        /// The server.
        url: String,
        /// The limit.
        limit: usize,
    },
    /// The stream ended without the answer.
    #[error("{url} ended its stream without an answer")]
    NoAnswer {
        /// The server.
        url: String,
    },
    /// Its session ended, and could not be begun anew.
    #[error("{url} has forgotten the session: {reason}")]
    Forgotten {
        /// The server.
        url: String,
        /// Why it was not begun anew.
        reason: String,
    },
    /// A header cannot be sent.
    #[error("the request cannot be sent: {what} cannot stand in a header")]
    Header {
        /// What.
        what: String,
    },
}

impl Failure {
    /// What the user can do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unauthorized { .. } => {
                Some("log in with mcpod login, or set the secret that it wants")
            }
            Self::Forbidden { scope: Some(_), .. } => {
                Some("log in again with mcpod login, which asks for what was missing")
            }
            Self::Elsewhere { .. } => Some("add the server by that address, if you trust it"),
            Self::NotMcp { .. } => Some("look for the address of its MCP endpoint, often /mcp"),
            _ => None,
        }
    }

    /// With the hint, for the client, which has one line for both.
    pub(super) fn in_a_line(&self) -> String {
        match self.hint() {
            Some(hint) => format!("{self} ({hint})"),
            None => self.to_string(),
        }
    }
}

/// What a server said, behind a colon, fit to be shown.
fn said(text: &str) -> String {
    let text = one_line(text);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    format!(": {}", shortened(text, EXCERPT))
}
