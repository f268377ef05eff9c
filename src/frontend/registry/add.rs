//! `registry-add`: a server of the catalog becomes active.

use std::collections::BTreeMap;

use rmcp::service::{RequestContext, RoleServer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Failure, MissingInput};
use super::consent::{self, Verdict, Wish};
use super::{Registry, docs, progress};
use crate::activation::choices::{Choices, Network};
use crate::activation::inputs::{InputError, MissingInput as Missing};
use crate::activation::plan::{Plan, PlanError};
use crate::catalog::{InputKind, LaunchOption, Listing, Trust};
use crate::frontend::naming::public_names;
use crate::orchestrator::add::Request;
use crate::orchestrator::{Error, reference};
use crate::quadlet::value::Assignment;

/// What the model reads.
pub(super) const DESCRIPTION: &str = "Make a server of the catalog active, so that its tools can be called: its image is pulled, it is started in a sandbox and \
    tried once. Its tools then appear in your list as NAME__TOOL; if your list does not refresh, call them with registry-exec. Options \
    that are missing come back with their names and kinds. Never put a password, key or token into options: secrets are for the user \
    to give.";

/// What to do about a server that needs a secret.
const NO_SECRETS: &str = "this version of mcpod cannot hold secrets: choose a server that needs no key (registry-find with \
    no_key). Do not ask the user for a secret's value";

/// What is to be added.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The id from registry-find, or docker://IMAGE for an image that is in no catalog.
    id: String,
    /// The name it gets, of letters, digits and `-`. Made from the id if you give none.
    name: Option<String>,
    /// Values of its inputs by name; registry-get-docs lists them.
    #[serde(default)]
    options: BTreeMap<String, Scalar>,
    /// Environment variables beyond those it declares; the user is asked about them.
    #[serde(default)]
    environment: BTreeMap<String, Scalar>,
    /// Which way to run it, by its number in registry-get-docs. The best one if you give none.
    launch: Option<usize>,
    /// The network it sees. Opening it further than declared is for the user to allow.
    network: Option<NetworkChoice>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Boolean(bool),
    Number(serde_json::Number),
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum NetworkChoice {
    None,
    Open,
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
        }
    }
}

/// A server that was added.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Added {
    /// The name it has.
    name: String,
    /// The entry's id.
    id: String,
    /// The full names of its tools, which can be called now.
    tools: Vec<String>,
}

/// Adds it.
pub(super) async fn run(
    registry: &Registry,
    arguments: Arguments,
    context: &RequestContext<RoleServer>,
) -> Result<Answer, Failure> {
    let orchestrator = &registry.frontend.orchestrator;
    let mut request = request(&arguments)?;
    let policy = orchestrator.settings().policy.agent_add;
    if policy == crate::settings::AgentAdd::Deny {
        return Err(Failure::new("the settings do not let agents add servers")
            .next(format!("the user can run it: {}", command(&request))));
    }
    let plan = match Box::pin(orchestrator.plan(&request)).await {
        Err(Error::Plan(PlanError::Input(InputError::Missing { id, inputs }))) => {
            let asked = ask_for(context, &id, &inputs).await?;
            request.choices.inputs.extend(asked);
            Box::pin(orchestrator.plan(&request)).await?
        }
        plan => plan?,
    };
    if let Verdict::Ask(reasons) = wish(registry, &request, &plan).await?.verdict(policy) {
        let question = format!(
            "An agent wants to add the MCP server {} (image {}). You are asked because {}.",
            plan.id,
            plan.image,
            reasons.join(", and ")
        );
        consent::ask(context, &question, &command(&request)).await?;
    }
    let (teller, told) = progress::start(context);
    let cancelled = context.ct.cancelled();
    let added = orchestrator
        .add_until(&request, &|step| teller.tell(&step), cancelled)
        .await;
    drop(teller);
    told.done().await;
    let added = added?;
    registry.frontend.refresh().await?;
    let name = &added.active.name;
    let lists = added.lists.unwrap_or_default();
    let own: Vec<String> = lists
        .tools
        .iter()
        .filter_map(|tool| {
            let name = crate::session::splice::find(tool.get(), &["name"]).ok()??;
            serde_json::from_str(name).ok()
        })
        .collect();
    let tools: Vec<String> = public_names(name, own.iter().map(String::as_str))
        .into_values()
        .collect();
    let text = format!(
        "{} is active as {name}. Its tools: {}. Call them by these names, or with registry-exec if your list of tools does not refresh.",
        added.active.record.id,
        tools.join(", ")
    );
    let added = Added {
        name: name.to_string(),
        id: added.active.record.id.clone(),
        tools,
    };
    Answer::new(&added, text)
}

fn request(arguments: &Arguments) -> Result<Request, Failure> {
    let assignments = |values: &BTreeMap<String, Scalar>| {
        values
            .iter()
            .map(|(name, value)| Assignment::new(name, value.text()))
            .collect()
    };
    let name = arguments.name.as_deref().map(str::parse).transpose();
    Ok(Request {
        reference: arguments.id.clone(),
        name: name.map_err(|error| Failure::from(Error::Name(error)))?,
        choices: Choices {
            launch: arguments.launch,
            inputs: assignments(&arguments.options),
            environment: assignments(&arguments.environment),
            network: arguments.network.map(|network| match network {
                NetworkChoice::None => Network::None,
                NetworkChoice::Open => Network::Open,
            }),
            ..Choices::default()
        },
        probe: true,
    })
}

/// Asks the user for inputs that are missing, or fails with what they are.
async fn ask_for(
    context: &RequestContext<RoleServer>,
    id: &str,
    inputs: &[Missing],
) -> Result<Vec<Assignment>, Failure> {
    let names: Vec<&str> = inputs.iter().map(|input| input.path.as_str()).collect();
    let described = inputs.iter().map(describe).collect();
    let failure = Failure::new(format!("{id} needs {}", names.join(", "))).missing(described);
    if inputs.iter().any(|input| input.secret) {
        return Err(failure.next(NO_SECRETS));
    }
    if !consent::can_ask(context) {
        return Err(failure.next("ask the user, then call registry-add again with them in options"));
    }
    let properties: Map<String, Value> = inputs
        .iter()
        .map(|input| (input.path.clone(), property(input)))
        .collect();
    let message = format!("The MCP server {id} needs to know:");
    let given = consent::form(context, &message, &Value::Object(properties), &names).await?;
    Ok(given
        .into_iter()
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            Assignment::new(name, text)
        })
        .collect())
}

fn describe(input: &Missing) -> MissingInput {
    MissingInput {
        name: input.path.clone(),
        kind: if input.secret {
            "secret".to_owned()
        } else {
            docs::kind(input.kind).to_owned()
        },
        description: input.description.clone(),
        choices: input.choices.clone(),
    }
}

/// An input as a field of a form.
fn property(input: &Missing) -> Value {
    let kind = match input.kind {
        InputKind::Text | InputKind::Path => "string",
        InputKind::Number => "number",
        InputKind::Integer => "integer",
        InputKind::Boolean => "boolean",
    };
    let mut property = Map::new();
    property.insert("type".to_owned(), json!(kind));
    property.insert("title".to_owned(), json!(input.path));
    if let Some(about) = &input.description {
        property.insert("description".to_owned(), json!(about));
    }
    if !input.choices.is_empty() {
        property.insert("enum".to_owned(), json!(input.choices));
    }
    Value::Object(property)
}

/// What consent depends on.
async fn wish(registry: &Registry, request: &Request, plan: &Plan) -> Result<Wish, Failure> {
    let mut wider = Vec::new();
    if request.choices.network.is_some() {
        let mut declared = request.clone();
        declared.choices.network = None;
        let declared = Box::pin(registry.frontend.orchestrator.plan(&declared)).await?;
        if declared.network == Network::None && plan.network == Network::Open {
            wider.push("it is to have an open network, which it does not declare".to_owned());
        }
    }
    for variable in &request.choices.environment {
        wider.push(format!("{} is to be set in its environment", variable.name));
    }
    if request.reference.contains("://") {
        return Ok(Wish {
            wider,
            ..Wish::default()
        });
    }
    let listing = listing(registry, request)?;
    let entry = &listing.entry;
    let number = plan
        .launch
        .split(' ')
        .next()
        .and_then(|number| number.parse::<usize>().ok());
    let option = number.and_then(|number| entry.launch.get(number.checked_sub(1)?));
    for path in option.map(paths).unwrap_or_default() {
        if request
            .choices
            .inputs
            .iter()
            .any(|given| given.name == path)
        {
            wider.push(format!("{path} gives it a file or folder of yours"));
        }
    }
    let source = option.map(|option| consent::source(&listing, option));
    Ok(Wish {
        source: Some(source.unwrap_or_else(|| entry.id.source().to_owned())),
        declared: option.is_some_and(|option| option.trust == Trust::Declared),
        wider,
    })
}

/// What the catalog has of it.
fn listing(registry: &Registry, request: &Request) -> Result<Listing, Failure> {
    let catalog = registry.frontend.orchestrator.catalog()?;
    Ok(reference::listing(&catalog, &request.reference)?)
}

/// The inputs that are files or folders of the host.
fn paths(option: &LaunchOption) -> Vec<String> {
    let paths = option
        .inputs
        .iter()
        .filter(|input| input.kind == InputKind::Path);
    paths.map(|input| input.path.to_string()).collect()
}

/// What the user would type for it.
fn command(request: &Request) -> String {
    let Request {
        reference,
        name,
        choices,
        probe: _,
    } = request;
    let mut words = vec!["mcpod".to_owned(), "add".to_owned(), quoted(reference)];
    if let Some(name) = name {
        words.extend(["--name".to_owned(), name.to_string()]);
    }
    if let Some(launch) = choices.launch {
        words.extend(["--launch".to_owned(), launch.to_string()]);
    }
    for (flag, assignments) in [("--set", &choices.inputs), ("--env", &choices.environment)] {
        for assignment in assignments {
            let word = format!("{}={}", assignment.name, assignment.value);
            words.extend([flag.to_owned(), quoted(&word)]);
        }
    }
    if let Some(network) = choices.network {
        words.extend(["--network".to_owned(), network.to_string()]);
    }
    words.join(" ")
}

/// A word as a shell reads it back, with nothing hidden in it.
pub(super) fn quoted(word: &str) -> String {
    let word = crate::text::one_line(word);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_what_a_shell_reads_back() {
        let arguments = json!({"id": "docker://x/y", "name": "n", "options": {"a": "it's; rm", "b": 2, "c": true}, "network": "open"});
        let request = request(&serde_json::from_value(arguments).unwrap()).unwrap();
        assert_eq!(
            command(&request),
            r"mcpod add docker://x/y --name n --set 'a=it'\''s; rm' --set b=2 --set c=true --network open"
        );
    }
}
