//! Why a session, or a call in it, did not do what was asked.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::excerpt::excerpt;
use super::frame::Frame;

/// How much of a server's error message is shown, in characters.
const MESSAGE: usize = 2000;

/// What is asked while a session is opened, under a time limit of its own.
const OPENING: [&str; 2] = ["initialize", "server/discover"];

/// Why a session, or a call in it, failed. Text of the server in it is bounded and safe to show.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SessionError {
    /// The socket could not be reached.
    #[error("cannot connect to the server")]
    Connect(#[source] Arc<io::Error>),
    /// The server, or the connection to it, is gone; every call in the session ends with this.
    #[error("the server ended the connection{}", printed(garbage.as_deref()))]
    Ended {
        /// What the server printed, if that was never a message.
        garbage: Option<String>,
        /// Why reading failed; nothing where the stream simply ended.
        #[source]
        cause: Option<Arc<io::Error>>,
    },
    /// The session was closed on this side.
    #[error("the session is closed")]
    Closed,
    /// No answer came in time.
    #[error("no answer to {method} after {after:.1?}{}", printed(garbage.as_deref()))]
    TimedOut {
        /// What was asked.
        method: String,
        /// How long it was waited for: since the call, or since its last progress.
        after: Duration,
        /// What the server printed, if that was never a message.
        garbage: Option<String>,
    },
    /// A message is larger than the protocol's pipes carry.
    #[error("{what} has {size} bytes, the most is {limit}")]
    TooLarge {
        /// Whose message it is.
        what: Oversized,
        /// Its size in bytes.
        size: usize,
        /// The largest size that passes, in bytes.
        limit: usize,
    },
    /// The server answered with an error.
    #[error("the server answered: {0}")]
    Rpc(Box<RpcError>),
    /// The server cancelled the call, as it does when it ends a subscription (2026-07-28).
    #[error("the server cancelled the call{}", reason.as_ref().map_or(String::new(), |reason| format!(": {reason}")))]
    Cancelled {
        /// What the server says about it.
        reason: Option<String>,
    },
    /// The server said something that the protocol does not allow.
    #[error("the server broke the protocol: {reason}")]
    Protocol {
        /// What it did.
        reason: String,
    },
    /// Our own message could not be built from what was given.
    #[error("{method} cannot be sent: {reason}")]
    Unsendable {
        /// What was to be asked.
        method: String,
        /// What is wrong with its parameters.
        reason: String,
    },
    /// The server speaks no version of the protocol that is known here.
    #[error("the server speaks no known version of MCP, but {}", listed(server))]
    UnsupportedVersion {
        /// The versions it names.
        server: Vec<String>,
    },
}

/// Whose message is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oversized {
    /// Ours.
    Request,
    /// The server's.
    Answer,
}

impl fmt::Display for Oversized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "the request",
            Self::Answer => "the server's answer",
        })
    }
}

/// An error that a server answered with.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message} (error {code})")]
pub struct RpcError {
    /// The code, as JSON-RPC and MCP define them.
    pub code: i64,
    /// The message, safe to show.
    pub message: String,
    /// Whatever the server added, as it sent it.
    pub data: Option<Box<RawValue>>,
}

impl RpcError {
    /// JSON-RPC: the method is not known.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// JSON-RPC: something went wrong inside.
    pub const INTERNAL: i64 = -32603;
    /// JSON-RPC: the message is no request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// MCP 2026-07-28: the first code reserved for the protocol; older servers use none of this range.
    pub const HEADER_MISMATCH: i64 = -32020;
    /// MCP 2026-07-28: the client lacks a capability that the request needs.
    pub const MISSING_CAPABILITY: i64 = -32021;
    /// MCP 2026-07-28: the version is not supported; `data.supported` names those that are.
    pub const UNSUPPORTED_VERSION: i64 = -32022;

    /// Reads the error of an answer; what is missing or wrong in it is made up for.
    pub fn of(frame: &Frame) -> Self {
        let part = |key| frame.find(&[key]).ok().flatten();
        let message = part("message").and_then(|text| serde_json::from_str::<String>(text).ok());
        Self {
            code: part("code")
                .and_then(|code| serde_json::from_str(code).ok())
                .unwrap_or(Self::INTERNAL),
            message: message.map_or_else(
                || "an error without a message".to_owned(),
                |message| excerpt(&message, MESSAGE),
            ),
            data: part("data").and_then(|data| RawValue::from_string(data.to_owned()).ok()),
        }
    }
}

impl SessionError {
    /// What the user can do next, where that can be told.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Connect(_) => "is the server active? `mcpod status` says so",
            Self::Ended {
                garbage: Some(_), ..
            }
            | Self::TimedOut {
                garbage: Some(_), ..
            } => {
                "the server prints text on its standard output, which belongs to the protocol: \
                 it may need an option that makes it speak over stdio"
            }
            Self::Ended { .. } => "`mcpod logs` shows what the server wrote before it ended",
            Self::TimedOut { method, .. } if OPENING.contains(&method.as_str()) => {
                "`mcpod logs` shows what the server is doing; `[sessions] open_timeout` allows more time"
            }
            Self::TimedOut { .. } => {
                "`mcpod logs` shows what the server is doing; `[sessions] call_timeout` allows more time"
            }
            Self::UnsupportedVersion { .. } => {
                "a newer mcpod or another version of the server may help"
            }
            Self::Rpc(error) if error.code == RpcError::MISSING_CAPABILITY => {
                "the server needs something that this client does not offer"
            }
            Self::Closed
            | Self::TooLarge { .. }
            | Self::Rpc(_)
            | Self::Cancelled { .. }
            | Self::Protocol { .. }
            | Self::Unsendable { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// The clause about what a server printed instead of messages.
fn printed(garbage: Option<&str>) -> String {
    garbage.map_or(String::new(), |text| {
        format!("; all it printed was no message: {text}")
    })
}

/// Versions in a sentence.
fn listed(versions: &[String]) -> String {
    if versions.is_empty() {
        return "names none".to_owned();
    }
    versions.join(", ")
}
