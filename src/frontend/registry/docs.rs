//! `registry-get-docs`: what a server is, what it needs, how it would run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Registry;
use super::answer::{Answer, Failure};
use crate::catalog::{Input, InputKind, InputValue, LaunchOption, Local, Network, Run, Trust};
use crate::orchestrator::reference;
use crate::text::{is_hidden, one_line, shortened};

/// What the model reads.
pub(super) const DESCRIPTION: &str = "Read about one server of the catalog before you add it: what it does, the inputs it needs and their kinds, \
    the ways to run it, the network it reaches, its tools as far as they are known.";

/// How much of the documentation is shown, in characters: hosts cut what is much longer.
const README: usize = 20_000;

/// Which server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The id from registry-find or registry-list, or a name that only one server has.
    id: String,
}

/// What is known of a server.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Docs {
    /// Its id.
    id: String,
    /// Its name for people.
    title: String,
    /// What it does.
    description: Option<String>,
    /// Why it should not be added any more, if that is so.
    deprecated: Option<String>,
    /// Who makes it.
    publisher: Option<String>,
    /// A page about it.
    website: Option<String>,
    /// Where its code lies.
    repository: Option<String>,
    /// The licence of its code.
    license: Option<String>,
    /// What must be there before it can be used.
    requires: Vec<String>,
    /// What the catalog warns of.
    warnings: Vec<String>,
    /// The ways to run it, best first.
    launch: Vec<Launch>,
    /// Its tools, as far as the catalog knows them.
    tools: Vec<KnownTool>,
    /// Its documentation.
    readme: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Launch {
    /// What registry-add takes as `launch`.
    number: usize,
    /// image, npm, pypi, nuget, cargo, git, mcpb or remote.
    kind: String,
    /// declared, sidecar or guessed: how much the data can be relied on.
    trust: Trusted,
    /// The network it needs.
    network: Option<String>,
    /// What it takes.
    inputs: Vec<KnownInput>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Trusted {
    Declared,
    Sidecar,
    Guessed,
}

impl Trusted {
    fn word(&self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Sidecar => "sidecar",
            Self::Guessed => "guessed",
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct KnownInput {
    /// What registry-add takes it as in `options`.
    name: String,
    /// text, number, integer, boolean or path.
    kind: String,
    /// Whether the server cannot run without it.
    required: bool,
    /// Whether the user must give it; you must never ask for its value.
    secret: bool,
    /// What it is for.
    description: Option<String>,
    /// The values it takes, if they are limited.
    choices: Vec<String>,
    /// The regular expression that a value matches, if there is one.
    pattern: Option<String>,
    /// What it is if you give nothing.
    default: Option<String>,
    /// What a value looks like.
    example: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct KnownTool {
    /// Its name.
    name: String,
    /// What it does.
    description: Option<String>,
}

/// Describes the entry.
pub(super) fn run(registry: &Registry, arguments: &Arguments) -> Result<Answer, Failure> {
    let catalog = registry.frontend.orchestrator.catalog()?;
    let entry = reference::listing(&catalog, &arguments.id)?.entry;
    let text = |line: &Option<crate::catalog::Line>| line.as_ref().map(ToString::to_string);
    let docs = Docs {
        id: entry.id.to_string(),
        title: entry.title.as_ref().unwrap_or(&entry.name).to_string(),
        description: text(&entry.description),
        publisher: text(&entry.publisher),
        website: text(&entry.website),
        repository: entry.repository.as_ref().map(|code| code.url.to_string()),
        license: text(&entry.license),
        requires: entry.requires.iter().map(ToString::to_string).collect(),
        deprecated: entry.status.deprecation().map(ToString::to_string),
        warnings: entry.warnings.iter().map(ToString::to_string).collect(),
        readme: entry.readme.as_deref().map(|text| shortened(text, README)),
        launch: (1..)
            .zip(&entry.launch)
            .map(|(number, option)| launch(number, option))
            .collect(),
        tools: entry
            .tools
            .iter()
            .map(|tool| KnownTool {
                name: tool.name.to_string(),
                description: text(&tool.description),
            })
            .collect(),
    };
    let text = readable(&docs);
    Answer::new(&docs, text)
}

/// The word for an input's kind.
pub(super) fn kind(kind: InputKind) -> &'static str {
    match kind {
        InputKind::Text => "text",
        InputKind::Number => "number",
        InputKind::Integer => "integer",
        InputKind::Boolean => "boolean",
        InputKind::Path => "path",
    }
}

fn launch(number: usize, option: &LaunchOption) -> Launch {
    let network = match &option.run {
        Run::Remote(_) => None,
        Run::Local(local) => network(local),
    };
    Launch {
        number,
        kind: option.kind().to_owned(),
        trust: match option.trust {
            Trust::Declared => Trusted::Declared,
            Trust::Sidecar => Trusted::Sidecar,
            Trust::Guessed => Trusted::Guessed,
        },
        network,
        inputs: option.inputs.iter().map(input).collect(),
    }
}

fn network(local: &Local) -> Option<String> {
    match &local.network {
        Network::None => Some("none".to_owned()),
        Network::Open => Some("open".to_owned()),
        Network::Unstated => None,
        Network::Allow(hosts) => {
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            Some(hosts.join(", "))
        }
    }
}

fn input(input: &Input) -> KnownInput {
    let about = input.description.as_ref().or(input.title.as_ref());
    KnownInput {
        name: input.path.to_string(),
        kind: kind(input.kind).to_owned(),
        required: input.required,
        secret: input.secret,
        description: about.map(ToString::to_string),
        choices: shown_choices(&input.choices),
        pattern: input.pattern.as_ref().map(ToString::to_string),
        // A secret's value has no place in what a model reads, not even one that is public.
        default: input.default.as_ref().filter(|_| !input.secret).map(shown),
        example: input.example.as_ref().map(ToString::to_string),
    }
}

/// A value as it is shown.
fn shown(value: &InputValue) -> String {
    match value {
        InputValue::One(value) => one_line(value),
        InputValue::Many(values) => one_line(&values.join(" ")),
    }
}

/// The values that can be given, of those that an entry lists: none that hides something.
pub(super) fn shown_choices(choices: &[String]) -> Vec<String> {
    let seen = choices.iter().filter(|choice| !choice.contains(is_hidden));
    seen.cloned().collect()
}

fn readable(docs: &Docs) -> String {
    let mut lines = vec![format!("{} ({})", docs.title, docs.id)];
    if let Some(description) = &docs.description {
        lines.push(description.clone());
    }
    if let Some(reason) = &docs.deprecated {
        lines.push(format!("It is deprecated, look for another one: {reason}"));
    }
    for launch in &docs.launch {
        let network = launch.network.as_deref().unwrap_or("not stated");
        lines.push(format!(
            "launch {}: {} ({}), network {network}",
            launch.number,
            launch.kind,
            launch.trust.word()
        ));
        for input in &launch.inputs {
            let mut words = vec![input.kind.as_str()];
            words.extend(input.required.then_some("required"));
            words.extend(input.secret.then_some("secret"));
            let default = input.default.iter().map(|value| format!("default {value}"));
            let example = input.example.iter().map(|value| format!("such as {value}"));
            let choices =
                (!input.choices.is_empty()).then(|| format!("one of {}", input.choices.join(", ")));
            let pattern = input
                .pattern
                .iter()
                .map(|pattern| format!("matching {pattern}"));
            let values = default.chain(example).chain(choices).chain(pattern);
            let values: Vec<String> = values.collect();
            let mut about = input.description.clone().unwrap_or_default();
            if !values.is_empty() {
                about = format!("{about} [{}]", values.join(", "));
            }
            lines.push(format!("  {} ({}) {about}", input.name, words.join(", ")));
        }
    }
    if docs.launch.is_empty() {
        lines.push("It says nothing of how it can be run.".to_owned());
    }
    for tool in &docs.tools {
        let about = tool.description.as_deref().unwrap_or_default();
        lines.push(format!("tool {}: {about}", tool.name));
    }
    lines.extend(docs.requires.iter().map(|text| format!("requires: {text}")));
    lines.extend(docs.warnings.iter().map(|text| format!("warning: {text}")));
    lines.extend(docs.readme.iter().cloned());
    lines.join("\n")
}
