//! The two eras of MCP, and what a client says of itself in each.
//!
//! Up to 2025-11-25 a connection begins with `initialize`. From 2026-07-28 on there is no beginning: every
//! request bears the version, the client's name and its capabilities in `_meta` (base protocol, `_meta`).

use std::fmt;
use std::str::FromStr;

use rmcp::model::ProtocolVersion;
use serde_json::value::RawValue;

use super::splice::{Existing, Put, quoted};

/// Which protocol a server speaks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Era {
    /// A version with `initialize`: 2024-11-05 to 2025-11-25.
    Legacy(ProtocolVersion),
    /// A version without: from 2026-07-28 on.
    Modern(ProtocolVersion),
}

/// A text that is no version of the protocol known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no known version of MCP")]
pub struct UnknownVersion;

impl Era {
    /// The version of the protocol.
    pub fn version(&self) -> &ProtocolVersion {
        match self {
            Self::Legacy(version) | Self::Modern(version) => version,
        }
    }

    /// The newest of the versions that is known here, if any is.
    pub(super) fn newest<'a>(versions: impl IntoIterator<Item = &'a String>) -> Option<Self> {
        versions
            .into_iter()
            .filter_map(|version| version.parse::<Self>().ok())
            .max_by(|a, b| a.version().as_str().cmp(b.version().as_str()))
    }
}

impl FromStr for Era {
    type Err = UnknownVersion;

    fn from_str(version: &str) -> Result<Self, UnknownVersion> {
        let known = ProtocolVersion::KNOWN_VERSIONS
            .iter()
            .find(|known| known.as_str() == version)
            .ok_or(UnknownVersion)?;
        Ok(if known.has_initialize() {
            Self::Legacy(known.clone())
        } else {
            Self::Modern(known.clone())
        })
    }
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version().as_str())
    }
}

/// What the client says of itself: an `Implementation` and `ClientCapabilities`, as JSON.
#[derive(Debug, Clone)]
pub struct Client {
    info: Box<RawValue>,
    capabilities: Box<RawValue>,
}

impl Client {
    /// A client with the name and capabilities that somebody else declared, as they were written.
    pub fn new(info: Box<RawValue>, capabilities: Box<RawValue>) -> Self {
        Self { info, capabilities }
    }

    /// mcpod itself, which offers a server nothing.
    pub fn mcpod() -> Self {
        let info = format!(
            "{{\"name\":\"mcpod\",\"version\":{}}}",
            quoted(env!("CARGO_PKG_VERSION"))
        );
        Self::new(raw(info), raw("{}".to_owned()))
    }

    /// mcpod itself, as if it could all that a client can: some servers offer more to such a one.
    pub fn able() -> Self {
        let capabilities = "{\"roots\":{\"listChanged\":true},\"sampling\":{\"tools\":{},\"context\":{}},\"elicitation\":{\"form\":{},\"url\":{}}}";
        Self {
            capabilities: raw(capabilities.to_owned()),
            ..Self::mcpod()
        }
    }

    /// The name and version that were declared.
    pub fn info(&self) -> &RawValue {
        &self.info
    }

    /// The capabilities that were declared.
    pub fn capabilities(&self) -> &RawValue {
        &self.capabilities
    }

    /// The parameters of `initialize`.
    pub(super) fn initialize(&self, version: &ProtocolVersion) -> String {
        format!(
            "{{\"protocolVersion\":{},\"capabilities\":{},\"clientInfo\":{}}}",
            quoted(version.as_str()),
            self.capabilities.get(),
            self.info.get()
        )
    }

    /// What every request of the modern era bears; what is there already stays.
    pub(super) fn meta<'a>(&'a self, version: &'a str) -> [Put<'a>; 3] {
        let put = |key, value| Put {
            key,
            value,
            existing: Existing::Keep,
        };
        [
            put("io.modelcontextprotocol/protocolVersion", version),
            put("io.modelcontextprotocol/clientInfo", self.info.get()),
            put(
                "io.modelcontextprotocol/clientCapabilities",
                self.capabilities.get(),
            ),
        ]
    }
}

/// JSON that was written here.
fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
