//! MCP bundles: what the manifest of one says of how its server is started. Pure.
//!
//! The format is that of `manifest.json` in an `.mcpb` file (MCPB, versions 0.1 to 0.4). Whoever made the bundle wrote it: what has no
//! form that is known is refused.

mod template;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::catalog::{
    Arg, EnvVar, Input, InputKind, InputPath, InputValue, LaunchOption, Line, Local, Mount, Run,
    Syntax, Template,
};
use template::template;

/// Where the files of a bundle lie in its image.
pub const FOLDER: &str = "/opt/mcpod/app";

/// The most bytes of a manifest. Real ones have some thousand.
pub const MANIFEST_MAX: u64 = 1 << 20;

/// What a bundle says of itself, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    server: Server,
    #[serde(default)]
    user_config: Map<String, Value>,
    #[serde(default)]
    compatibility: Compatibility,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Server {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    entry_point: String,
    #[serde(default)]
    mcp_config: Start,
}

/// How the server is started, here or on one system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Start {
    command: Option<String>,
    args: Option<Vec<String>>,
    env: Option<BTreeMap<String, String>>,
    #[serde(default)]
    platform_overrides: BTreeMap<String, Start>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Compatibility {
    platforms: Option<Vec<String>>,
}

/// One of the things that a user configures.
#[derive(Debug, Deserialize)]
struct Configured {
    #[serde(rename = "type")]
    kind: String,
    title: Option<String>,
    description: Option<String>,
    #[serde(default)]
    required: bool,
    default: Option<Value>,
    #[serde(default)]
    multiple: bool,
    #[serde(default)]
    sensitive: bool,
}

/// What a server in a bundle needs to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// Node.
    Node,
    /// Python.
    Python,
    /// Nothing but C's library.
    Program,
}

/// Why a bundle cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is not of the form.
    #[error("the bundle's manifest.json cannot be read: {message}")]
    Form {
        /// What is wrong, and where.
        message: String,
    },
    /// It is for other systems.
    #[error("the bundle is for {platforms}, and not for Linux")]
    Platform {
        /// What it is for.
        platforms: String,
    },
    /// It needs a kind of server that is not known.
    #[error("the bundle has a server of the type {kind:?}, which is none of node, python, binary")]
    Kind {
        /// What it says.
        kind: String,
    },
    /// A part of it cannot be understood.
    #[error("the bundle's manifest.json has a {part} that cannot be used: {text:?}")]
    Part {
        /// The part.
        part: &'static str,
        /// What stands there.
        text: String,
    },
}

impl Manifest {
    /// Reads a manifest, and sees to it that this host can run what it describes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| ManifestError::Form {
                message: error.to_string(),
            })?;
        let platforms = manifest.compatibility.platforms.as_deref();
        if let Some(platforms) = platforms.filter(|known| !known.iter().any(|one| one == "linux")) {
            return Err(ManifestError::Platform {
                platforms: crate::text::one_line(&platforms.join(", ")),
            });
        }
        manifest.runtime()?;
        Ok(manifest)
    }

    /// What the server needs to be there.
    pub fn runtime(&self) -> Result<Runtime, ManifestError> {
        match self.server.kind.as_str() {
            "node" => Ok(Runtime::Node),
            "python" => Ok(Runtime::Python),
            "binary" => Ok(Runtime::Program),
            kind => Err(ManifestError::Kind {
                kind: kind.to_owned(),
            }),
        }
    }

    /// What is started: `node`, `python3`, or a file of the bundle by its path in the image.
    pub fn program(&self) -> Result<String, ManifestError> {
        let command = self.start(|start| start.command.clone());
        let command = match (command, self.runtime()?) {
            (Some(command), _) => command,
            (None, Runtime::Node) => "node".to_owned(),
            (None, Runtime::Python) => "python3".to_owned(),
            (None, Runtime::Program) => self.server.entry_point.clone(),
        };
        match command.as_str() {
            "node" => return Ok("node".to_owned()),
            "python" | "python3" => return Ok("python3".to_owned()),
            _ => {}
        }
        let path = command.replace("${/}", "/");
        let path = path.strip_prefix("${__dirname}/").unwrap_or(&path);
        let path = path.strip_prefix("./").unwrap_or(path);
        let legal = |c: char| c.is_ascii_alphanumeric() || "._/@+-".contains(c);
        let is_inside = path.split('/').all(|part| !matches!(part, "" | ".." | "."));
        // A bare name would be a program that the image has or has not.
        let is_file = path.contains('/')
            || command.starts_with("${__dirname}")
            || path == self.server.entry_point;
        if !path.chars().all(legal) || !is_inside || !is_file {
            return Err(ManifestError::Part {
                part: "command",
                text: command,
            });
        }
        Ok(format!("{FOLDER}/{path}"))
    }

    /// The option as its bundle completes it: with arguments, variables and inputs of the manifest, whatever the catalog says of these.
    pub fn complete(&self, option: &LaunchOption) -> Result<LaunchOption, ManifestError> {
        let Run::Local(local) = &option.run else {
            return Ok(option.clone());
        };
        let inputs = self.inputs()?;
        let mut args = Vec::new();
        let words = self.start(|start| start.args.clone());
        let usual = || match self.server.kind.as_str() {
            "binary" => Vec::new(),
            _ => vec![format!("${{__dirname}}/{}", self.server.entry_point)],
        };
        for word in words.unwrap_or_else(usual) {
            args.push(Arg::Positional(template(&word, &inputs)?));
        }
        let variables = self.start(|start| start.env.clone()).unwrap_or_default();
        let mut env: Vec<EnvVar> = local
            .env
            .iter()
            .filter(|known| !variables.contains_key(&known.name))
            .cloned()
            .collect();
        for (name, value) in &variables {
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(legal) {
                return Err(ManifestError::Part {
                    part: "variable",
                    text: name.clone(),
                });
            }
            env.push(EnvVar {
                name: name.clone(),
                value: template(value, &inputs)?,
            });
        }
        // What the user names the server sees, where it lies.
        let mut mounts = local.mounts.clone();
        for input in inputs.iter().filter(|input| input.kind == InputKind::Path) {
            let each = format!("{{{{{}|volume|into}}}}", input.path);
            mounts.push(Mount::Each(Template::parse(&each, Syntax::DoubleBraces)));
        }
        let local = Local {
            args: args.into_iter().chain(local.args.iter().cloned()).collect(),
            env,
            mounts,
            ..(**local).clone()
        };
        let mut completed = LaunchOption {
            run: Run::Local(Box::new(local)),
            ..option.clone()
        };
        completed
            .inputs
            .retain(|known| inputs.iter().all(|own| own.path != known.path));
        completed.inputs.extend(inputs);
        // The entry says what is mounted, the bundle only what it calls it.
        let mounted = completed.mounted();
        let mounted: Vec<String> = mounted.into_iter().map(str::to_owned).collect();
        for input in &mut completed.inputs {
            if mounted.iter().any(|path| path == input.path.as_str()) {
                input.kind = InputKind::Path;
            }
        }
        let used: Vec<InputPath> = completed
            .templates()
            .into_iter()
            .flat_map(Template::inputs)
            .cloned()
            .collect();
        completed.inputs.retain(|input| used.contains(&input.path));
        Ok(completed)
    }

    /// What is said of how it is started: for Linux, else for all systems.
    fn start<T>(&self, part: impl Fn(&Start) -> Option<T>) -> Option<T> {
        let all = &self.server.mcp_config;
        let linux = all.platform_overrides.get("linux");
        linux.and_then(&part).or_else(|| part(all))
    }

    fn inputs(&self) -> Result<Vec<Input>, ManifestError> {
        let one = |(name, value): (&String, &Value)| {
            let refused = |text: String| ManifestError::Part {
                part: "user_config",
                text,
            };
            let path: InputPath = name.parse().map_err(|_| refused(name.clone()))?;
            let about: Configured = serde_json::from_value(value.clone())
                .map_err(|error| refused(format!("{name}: {error}")))?;
            let kind = match about.kind.as_str() {
                "string" => InputKind::Text,
                "number" => InputKind::Number,
                "boolean" => InputKind::Boolean,
                "directory" | "file" => InputKind::Path,
                kind => return Err(refused(format!("{name}: {kind}"))),
            };
            let default = about.default.as_ref().and_then(default);
            // Folders of their authors are no defaults, and a secret has none that is one.
            let is_taken = kind != InputKind::Path && !about.sensitive;
            let (default, example) = match default {
                Some(default) if is_taken => (Some(default), None),
                Some(InputValue::One(text)) if !about.sensitive => (None, Line::some(&text)),
                _ => (None, None),
            };
            Ok(Input {
                path,
                kind,
                many: about.multiple,
                secret: about.sensitive,
                required: about.required,
                default,
                example,
                choices: Vec::new(),
                pattern: None,
                title: about.title.as_deref().and_then(Line::some),
                description: about.description.as_deref().and_then(Line::some),
            })
        };
        self.user_config.iter().map(one).collect()
    }
}

/// A default as a text, or a list of them.
fn default(value: &Value) -> Option<InputValue> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) => values
            .iter()
            .map(text)
            .collect::<Option<_>>()
            .map(InputValue::Many),
        value => text(value).map(InputValue::One),
    }
}

#[cfg(test)]
mod tests;
