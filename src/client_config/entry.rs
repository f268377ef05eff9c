//! mcpod as a server in an agent's configuration: how it is written for each agent, and how it is recognised.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::agent::{Agent, NAME, Shape, TOKEN_VARIABLE, Token};

/// What an agent reads of a server that tells how to reach it. Of these, what is not written anew is removed.
const REACH: &[&str] = &[
    "args",
    "bearerTokenEnvVar",
    "bearer_token_env_var",
    "cmd",
    "command",
    "env_keys",
    "headers",
    "httpUrl",
    "oauth",
    "serverUrl",
    "transport",
    "type",
    "uri",
    "url",
];

/// How long goose waits for an answer, in seconds: its own default, which it wants to see written.
const GOOSE_TIMEOUT: u64 = 300;

/// How an agent is to reach mcpod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// It starts `PROGRAM serve` and speaks over its standard input and output.
    Stdio {
        /// The program, by path or by name.
        program: String,
    },
    /// It connects to the HTTP face.
    Http {
        /// The token, for agents that can take it from nowhere else.
        token: String,
    },
}

/// How an entry under our name stands to what we would write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kin {
    /// It leads to mcpod over standard input and output.
    Stdio,
    /// It leads to mcpod over HTTP.
    Http,
    /// It is somebody else's.
    Foreign,
}

/// A server as an agent's file has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry(pub(super) Map<String, Value>);

impl Entry {
    /// mcpod for this agent; nothing if the agent cannot reach it so.
    pub(super) fn of(agent: &Agent, reach: &Reach, url: &str) -> Option<Self> {
        let value = match reach {
            Reach::Stdio { program } => stdio(agent.shape, program),
            Reach::Http { token } => {
                let token = match agent.token {
                    Token::Expanded(expression) => expression,
                    Token::Literal => token,
                    Token::NoHttp => return None,
                };
                http(agent.shape, url, token)
            }
        };
        match value {
            Value::Object(entry) => Some(Self(entry)),
            _ => None,
        }
    }

    /// What stands in the file after this was written over what stood there: keys that do not say how to reach it stay.
    pub(super) fn over(&self, present: &Map<String, Value>) -> Map<String, Value> {
        let mut merged = present.clone();
        merged.retain(|key, _| self.0.contains_key(key) || !is_reach(key));
        for (key, value) in &self.0 {
            merged.insert(key.clone(), value.clone());
        }
        merged
    }
}

/// Whether a key says how a server is reached.
pub(super) fn is_reach(key: &str) -> bool {
    REACH.contains(&key)
}

fn stdio(shape: Shape, program: &str) -> Value {
    match shape {
        Shape::Plain | Shape::ServerUrl | Shape::Bearer(_) | Shape::Streamable => {
            json!({"command": program, "args": ["serve"]})
        }
        Shape::Typed => json!({"type": "stdio", "command": program, "args": ["serve"]}),
        Shape::Tools => {
            json!({"type": "stdio", "command": program, "args": ["serve"], "tools": ["*"]})
        }
        Shape::Words => json!({"type": "local", "command": [program, "serve"]}),
        Shape::Extension => json!({
            "enabled": true, "type": "stdio", "name": NAME, "description": DESCRIPTION,
            "cmd": program, "args": ["serve"], "timeout": GOOSE_TIMEOUT,
        }),
    }
}

fn http(shape: Shape, url: &str, token: &str) -> Value {
    let headers = json!({"Authorization": format!("Bearer {token}")});
    match shape {
        Shape::Plain => json!({"url": url, "headers": headers}),
        Shape::Typed => json!({"type": "http", "url": url, "headers": headers}),
        Shape::Tools => json!({"type": "http", "url": url, "headers": headers, "tools": ["*"]}),
        Shape::ServerUrl => json!({"serverUrl": url, "headers": headers}),
        Shape::Streamable => json!({"type": "streamableHttp", "url": url, "headers": headers}),
        Shape::Words => json!({"type": "remote", "url": url, "headers": headers, "oauth": false}),
        Shape::Extension => json!({
            "enabled": true, "type": "streamable_http", "name": NAME, "description": DESCRIPTION,
            "uri": url, "headers": headers, "env_keys": [TOKEN_VARIABLE], "timeout": GOOSE_TIMEOUT,
        }),
        // The value of the key is the variable's name, not what stands for its value.
        Shape::Bearer(key) => json!({"url": url, key: token}),
    }
}

/// What goose shows of an extension.
const DESCRIPTION: &str = "MCP servers that run as systemd units";

/// What an entry under our name is. `url` is where the HTTP face is now.
pub(super) fn kin(entry: &Value, url: &str) -> Kin {
    let words = words(entry);
    let mut words = words.iter().map(String::as_str);
    if let Some(program) = words.next()
        && Path::new(program).file_name() == Some(NAME.as_ref())
        && words.next() == Some("serve")
    {
        return Kin::Stdio;
    }
    if address(entry).is_some_and(|address| address == url) || mentions_token(entry) {
        return Kin::Http;
    }
    Kin::Foreign
}

/// The program that an entry starts.
pub(super) fn program(entry: &Value) -> Option<String> {
    words(entry).into_iter().next()
}

/// The words of an entry's command.
fn words(entry: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    // Cline's own command nests it.
    let entry = entry.get("transport").unwrap_or(entry);
    let list = |key: &str| {
        let list = entry.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(text)
    };
    let command = entry.get("command").or_else(|| entry.get("cmd"));
    match command {
        Some(Value::String(program)) => std::iter::once(program.clone())
            .chain(list("args"))
            .collect(),
        Some(Value::Array(_)) => list("command").collect(),
        _ => Vec::new(),
    }
}

/// Where an entry connects to.
pub(super) fn address(entry: &Value) -> Option<&str> {
    let entry = entry.get("transport").unwrap_or(entry);
    ["url", "uri", "serverUrl", "httpUrl"]
        .iter()
        .find_map(|key| entry.get(*key)?.as_str())
}

/// Whether an entry that connects to an address shows our token there.
fn mentions_token(entry: &Value) -> bool {
    fn mentions(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains(TOKEN_VARIABLE),
            Value::Array(values) => values.iter().any(mentions),
            Value::Object(values) => values.values().any(mentions),
            _ => false,
        }
    }
    address(entry).is_some() && mentions(entry)
}
