//! Headers of HTTP in which messages of MCP say again what they say themselves (2026-07-28, Request Metadata), and those of the
//! earlier era (2025-11-25, Transports).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Frame;
use super::splice;

/// The header with the version of the protocol.
pub const VERSION: &str = "mcp-protocol-version";
/// The header with the session of the earlier era.
pub const SESSION: &str = "mcp-session-id";
/// The header with the event after which a stream of the earlier era is resumed.
pub const LAST_EVENT: &str = "last-event-id";
/// The header with the method.
pub const METHOD: &str = "mcp-method";
/// The header with the name of what the request is about.
pub const NAME: &str = "mcp-name";
/// What the headers with arguments begin with.
pub const PARAM: &str = "mcp-param-";

/// What encloses a value that is no plain text.
pub const ENCODED: (&str, &str) = ("=?base64?", "?=");

/// How deep the properties of a tool's arguments are looked at for headers.
const DEPTH: usize = 32;

/// What names the object of a request.
pub fn named_by(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        // The extension for tasks.
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

/// The arguments that a tool wants to see in headers, by its definition: the path to each, and the name of its header behind [`PARAM`].
pub fn annotated(tool: &str) -> Vec<(Vec<String>, String)> {
    let mut wanted = Vec::new();
    if let Ok(Some(schema)) = splice::find(tool, &["inputSchema"]) {
        collect(schema, &mut Vec::new(), &mut wanted);
    }
    wanted
}

fn collect(schema: &str, path: &mut Vec<String>, wanted: &mut Vec<(Vec<String>, String)>) {
    let Ok(Some(properties)) = splice::find(schema, &["properties"]) else {
        return;
    };
    if path.len() >= DEPTH {
        return;
    }
    let mut members = Vec::new();
    // What cannot be read annotates nothing.
    splice::walk_members(properties, |member| members.push(member)).ok();
    for member in members {
        let Some(name) = member.name() else { continue };
        path.push(name.into_owned());
        let header = splice::find(member.value, &["x-mcp-header"]).ok().flatten();
        let header = header.and_then(|header| serde_json::from_str::<String>(header).ok());
        if let Some(header) = header.filter(|header| is_token(header)) {
            wanted.push((path.clone(), header));
        }
        collect(member.value, path, wanted);
        path.pop();
    }
}

/// An argument that can stand in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A text, or a truth value as it is written.
    Text(String),
    /// A number as it is written.
    Number(String),
}

impl Argument {
    /// Whether a header says the same.
    pub fn is(&self, given: &str) -> bool {
        match self {
            Self::Text(text) => text == given,
            // 42 and 42.0 are the same number.
            Self::Number(number) => {
                number == given
                    || matches!(
                        (number.parse::<f64>(), given.parse::<f64>()),
                        (Ok(number), Ok(given)) if number.to_bits() == given.to_bits()
                    )
            }
        }
    }

    /// As it stands in the message.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
        }
    }
}

/// The argument of a call at a path; nothing if it is missing, null, or a list or object.
pub fn argument(request: &Frame, path: &[String]) -> Option<Argument> {
    let path: Vec<&str> = std::iter::once("arguments")
        .chain(path.iter().map(String::as_str))
        .collect();
    let written = request.find(&path).ok().flatten()?;
    match serde_json::from_str(written).ok()? {
        serde_json::Value::String(text) => Some(Argument::Text(text)),
        serde_json::Value::Bool(_) => Some(Argument::Text(written.to_owned())),
        serde_json::Value::Number(_) => Some(Argument::Number(written.to_owned())),
        _ => None,
    }
}

/// A text in the parameters.
pub fn text(request: &Frame, key: &str) -> Option<String> {
    let written = request.find(&[key]).ok().flatten()?;
    serde_json::from_str(written).ok()
}

/// A text as the value of a header: itself where it is plain, else in Base64.
pub fn encoded(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && text.trim() == text
        && !text.starts_with(ENCODED.0);
    if is_plain {
        return text.to_owned();
    }
    format!("{}{}{}", ENCODED.0, BASE64_STANDARD.encode(text), ENCODED.1)
}

/// Whether a text can be part of a header's name (RFC 9110, token).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
