//! MCP bundles: what the manifest of one says of how its server is started. Pure.
//!
//! The format is that of `manifest.json` in an `.mcpb` file (MCPB, versions 0.1 to 0.4). Whoever made the bundle wrote it: what has no
//! form that is known is refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::catalog::{
    Arg, EnvVar, Filter, Input, InputKind, InputPath, InputValue, LaunchOption, Line, Local, Mount,
    Part, Run, Syntax, Template,
};

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

/// The template of a text with `${user_config.NAME}`, `${__dirname}` and the like.
fn template(text: &str, inputs: &[Input]) -> Result<Template, ManifestError> {
    let refused = || ManifestError::Part {
        part: "template",
        text: text.to_owned(),
    };
    // Double braces would be read as one of ours.
    if text.contains("{{") || text.contains("}}") {
        return Err(refused());
    }
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once("${") {
        let (name, behind) = opened.split_once('}').ok_or_else(refused)?;
        written.push_str(before);
        match name {
            "__dirname" => written.push_str(FOLDER),
            "HOME" => written.push_str("/tmp"),
            "/" | "pathSeparator" => written.push('/'),
            name => {
                let key = name.strip_prefix("user_config.").ok_or_else(refused)?;
                let input = inputs.iter().find(|input| input.path.as_str() == key);
                let input = input.ok_or_else(refused)?;
                let alone = before.is_empty() && behind.is_empty() && written.is_empty();
                let list = if input.many && alone { "|into" } else { "" };
                written.push_str("{{");
                written.push_str(key);
                written.push_str(list);
                written.push_str("}}");
            }
        }
        rest = behind;
    }
    written.push_str(rest);
    let template = Template::parse(&written, Syntax::DoubleBraces);
    let is_known = |part: &Part| match part {
        Part::Input { path, filters } => {
            inputs.iter().any(|input| input.path == *path)
                && matches!(filters.as_slice(), [] | [Filter::Into])
        }
        Part::Literal(_) => true,
        Part::Variable(_) => false,
    };
    if template.parts().iter().all(is_known) {
        return Ok(template);
    }
    Err(refused())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::activation::choices::Choices;
    use crate::activation::plan::Plan;
    use crate::catalog::{Artifact, Bundle, Network, Transport, Trust};
    use crate::quadlet::value::Assignment;
    use crate::settings::Settings;

    fn manifest(value: &Value) -> Result<Manifest, ManifestError> {
        Manifest::parse(value.to_string().as_bytes())
    }

    fn option() -> LaunchOption {
        let local = Local {
            artifact: Artifact::Bundle(Bundle {
                url: Line::new("https://example.com/x.mcpb"),
                sha256: Line::new(&"0".repeat(64)),
            }),
            transport: Transport::Stdio,
            args: Vec::new(),
            env: Vec::new(),
            mounts: Vec::new(),
            user: None,
            network: Network::Unstated,
        };
        LaunchOption {
            trust: Trust::Declared,
            inputs: Vec::new(),
            run: Run::Local(Box::new(local)),
        }
    }

    #[test]
    fn a_manifest_says_what_is_started_with_what() {
        let manifest = manifest(&json!({
            "manifest_version": "0.3", "name": "x", "version": "1",
            "server": {"type": "node", "entry_point": "server/index.js", "mcp_config": {
                "command": "node",
                "args": ["${__dirname}/server/index.js", "--level=${user_config.level}", "${user_config.folders}"],
                "env": {"TOKEN": "${user_config.token}", "WHERE": "${HOME}${/}x"},
                "platform_overrides": {"win32": {"command": "node.exe"}},
            }},
            "user_config": {
                "folders": {"type": "directory", "title": "Folders", "description": "What it sees", "multiple": true, "required": true, "default": ["${HOME}/Desktop"]},
                "level": {"type": "number", "title": "Level", "description": "x", "default": 3},
                "token": {"type": "string", "title": "Token", "description": "x", "sensitive": true, "required": true},
                "unused": {"type": "string", "title": "x", "description": "x"},
            },
        }))
        .unwrap();
        assert_eq!(manifest.program().unwrap(), "node");
        let completed = manifest.complete(&option()).unwrap();
        let names: Vec<&str> = completed
            .inputs
            .iter()
            .map(|input| input.path.as_str())
            .collect();
        assert_eq!(names, ["folders", "level", "token"]);
        let mut choices = Choices {
            inputs: vec![
                Assignment::new("folders", "/a b"),
                Assignment::new("folders", "/c"),
            ],
            ..Choices::default()
        };
        choices
            .secrets
            .insert("token".to_owned(), Some("s3cret".into()));
        let plan = Plan::new(
            "x",
            &[completed],
            "x".parse().unwrap(),
            &choices,
            &Settings::default(),
        )
        .unwrap();
        let started = &plan.invocation;
        assert_eq!(
            started.args,
            ["/opt/mcpod/app/server/index.js", "--level=3", "/a b", "/c"]
        );
        assert_eq!(started.environment, [Assignment::new("WHERE", "/tmp/x")]);
        assert_eq!(started.secret_variables.len(), 1);
        let seen: Vec<&str> = started
            .binds
            .iter()
            .map(|bind| bind.target.as_str())
            .collect();
        assert_eq!(seen, ["/a b", "/c"]);
    }

    #[test]
    fn a_program_is_one_of_the_bundle() {
        let program = |kind: &str, command: &str, overridden: Option<&str>| {
            let overrides = overridden.map(|command| json!({"linux": {"command": command}}));
            manifest(&json!({"server": {"type": kind, "entry_point": "bin/x", "mcp_config": {
                "command": command, "platform_overrides": overrides.unwrap_or_else(|| json!({}))}}}))
            .unwrap()
            .program()
        };
        for (kind, command, overridden, expected) in [
            ("binary", "${__dirname}/bin/x", None, "/opt/mcpod/app/bin/x"),
            ("binary", "./bin/x", None, "/opt/mcpod/app/bin/x"),
            (
                "binary",
                "x.exe",
                Some("${__dirname}/x"),
                "/opt/mcpod/app/x",
            ),
            ("python", "python", None, "python3"),
        ] {
            assert_eq!(program(kind, command, overridden).unwrap(), expected);
        }
        for command in [
            "bash",
            "/bin/sh",
            "${__dirname}/../x",
            "uvx",
            "${__dirname}/a b",
            "",
            "-x",
        ] {
            assert!(program("binary", command, None).is_err(), "{command:?}");
        }
    }

    #[test]
    fn what_cannot_run_here_is_refused() {
        for value in [
            json!({}),
            json!({"server": {"type": "uv"}}),
            json!({"server": {"type": "node"}, "compatibility": {"platforms": ["darwin", "win32"]}}),
        ] {
            assert!(manifest(&value).is_err(), "{value}");
        }
        for args in [
            json!(["${user_config.none}"]),
            json!(["${PATH}"]),
            json!(["{{x}}"]),
            json!(["${"]),
        ] {
            let value = json!({"server": {"type": "node", "entry_point": "x", "mcp_config": {"args": args}}});
            assert!(
                manifest(&value).unwrap().complete(&option()).is_err(),
                "{value}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_manifest_panics_or_brings_a_template_of_ours(text in "[${}_a-z|./]{0,24}|\\PC{0,12}", key in "[a-z.|{}-]{0,8}") {
            let value = json!({
                "server": {"type": "binary", "entry_point": text, "mcp_config": {"args": [text], "env": {"A": text}}},
                "user_config": {key: {"type": "string", "sensitive": true, "default": text}},
            });
            if let Ok(manifest) = manifest(&value) {
                drop(manifest.program());
                drop(manifest.complete(&option()));
            }
        }
    }
}
