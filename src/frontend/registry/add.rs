//! `registry-add`: a server of the catalog becomes active.

use std::collections::BTreeMap;

use rmcp::service::{RequestContext, RoleServer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Failure};
use super::consent::{self, Verdict};
use super::given::{self, Given};
use super::{Registry, command, inputs, progress, wish};
use crate::activation::choices::{Choices, Network};
use crate::activation::inputs::{InputError, names_secret};
use crate::activation::plan::PlanError;
use crate::frontend::naming::public_names;
use crate::orchestrator::add::{Consent, Request};
use crate::orchestrator::outline::Outline;
use crate::orchestrator::reference::COMMAND;
use crate::orchestrator::{self, Error};
use crate::settings::AgentAdd;

/// What the model reads.
pub(super) const DESCRIPTION: &str = "Make a server of the catalog active, so that its tools can be called: its image is pulled, it is started in a sandbox and \
    tried once. Its tools then appear in your list as NAME__TOOL; if your list does not refresh, call them with registry-exec (registry-find with what=tools shows their arguments). Inputs \
    that are missing come back with their names and kinds. Never put a password, key or token into options or environment: the user \
    stores secrets with a command that you are told.";

/// What is to be added.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The id from registry-find, or docker://IMAGE for an image that is in no catalog.
    id: String,
    /// The name it gets, of letters, digits and `-`. Made from the id if you give none.
    name: Option<String>,
    /// Values of its inputs by name, arrays for inputs that take several; registry-get-docs lists them.
    #[serde(default, deserialize_with = "given::present")]
    options: BTreeMap<String, Given>,
    /// Environment variables beyond those it declares; the user is asked about them.
    #[serde(default, deserialize_with = "given::present")]
    environment: BTreeMap<String, Given>,
    /// Which way to run it, by its number in registry-get-docs. The best one if you give none.
    launch: Option<usize>,
    /// The network it sees: `none`, `open`, or `allow:HOST:PORT,...` for these hosts alone. Opening it further than declared is for the
    /// user to allow.
    network: Option<String>,
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
    if arguments.id.starts_with(COMMAND) {
        return Err(
            Failure::new("that is a command of the host, and no server of the catalog")
                .next("registry-launch-stdio runs commands, where the settings allow it"),
        );
    }
    let request = request(&arguments)?;
    Box::pin(carry_out(registry, request, context)).await
}

/// Makes active what a request names, with the user's consent.
pub(super) async fn carry_out(
    registry: &Registry,
    mut request: Request,
    context: &RequestContext<RoleServer>,
) -> Result<Answer, Failure> {
    let orchestrator = &registry.frontend.orchestrator;
    let outline = orchestrator.outline(&request)?;
    known(&request, &outline)?;
    consent(registry, &request, &outline, context).await?;
    if outline.is_command() {
        // That was the question.
        request.consent = Consent::Anything;
    }
    // What was agreed to is what is added, whatever becomes of the catalog meanwhile.
    request.name = Some(outline.name.clone());
    request.agreed = Some(outline.agreed());
    complete(registry, &mut request, &outline, context).await?;
    let (teller, told) = progress::start(context);
    let cancelled = context.ct.cancelled();
    let added = orchestrator
        .add_until(&request, &|step| teller.tell(&step), cancelled)
        .await;
    let added = match added {
        Err(Error::NeedsConsent { what, how }) => {
            let wanted = format!("This would {how}");
            let secrets: Vec<String> = outline.secrets().collect();
            let command = command::add(&request, &secrets);
            let reasons = ["nobody but you can answer for that code".to_owned()];
            consent::ask(context, &wanted, &reasons, &command).await?;
            request.consent = Consent::Seen(what);
            let cancelled = context.ct.cancelled();
            orchestrator
                .add_until(&request, &|step| teller.tell(&step), cancelled)
                .await
        }
        added => added,
    };
    drop(teller);
    told.done().await;
    let added = added.map_err(|error| refused(error, &outline))?;
    registry.frontend.refresh().await?;
    answer(added)
}

/// Refuses what cannot be, before anybody is asked about it: names of inputs that it has not, and of variables that none can have.
fn known(request: &Request, outline: &Outline) -> Result<(), Failure> {
    // What a bundle takes that was never fetched is seen when it is planned.
    let inputs = outline.whole.iter().flat_map(|whole| &whole.inputs);
    let inputs: Vec<String> = inputs.map(|input| input.path.to_string()).collect();
    let mut given = request.choices.inputs.iter();
    let unknown = given.find(|given| outline.whole.is_some() && !inputs.contains(&given.name));
    if let Some(unknown) = unknown {
        let error = InputError::Unknown {
            id: outline.id.clone(),
            name: unknown.name.clone(),
            known: inputs,
        };
        return Err(refused(Error::Plan(PlanError::Input(error)), outline));
    }
    let mut variables = request.choices.environment.iter();
    if let Some(variable) = variables.find(|variable| names_secret(&variable.name)) {
        let error = InputError::SecretInClear {
            name: variable.name.clone(),
        };
        return Err(refused(Error::Plan(PlanError::Input(error)), outline));
    }
    given::check_variables(&request.choices.environment)
}

/// Sees to it that the user, or the settings, allow it.
async fn consent(
    registry: &Registry,
    request: &Request,
    outline: &Outline,
    context: &RequestContext<RoleServer>,
) -> Result<(), Failure> {
    let policy: AgentAdd = registry.frontend.orchestrator.settings().policy.agent_add;
    let secrets: Vec<String> = outline.secrets().collect();
    let command = command::add(request, &secrets);
    match wish::to_add(request, outline).verdict(policy) {
        Verdict::Granted => Ok(()),
        Verdict::Ask(reasons) => {
            let wanted = format!(
                "An agent wants to add the MCP server {} ({})",
                outline.id, outline.what
            );
            consent::ask(context, &wanted, &reasons, &command).await
        }
        Verdict::Refused => Err(Failure::new("the settings do not let agents add servers")
            .next(format!("the user can run it: {command}"))),
    }
}

/// Sees to it that it has all its inputs: the user is asked for those that are missing.
async fn complete(
    registry: &Registry,
    request: &mut Request,
    outline: &Outline,
    context: &RequestContext<RoleServer>,
) -> Result<(), Failure> {
    match Box::pin(registry.frontend.orchestrator.plan(request)).await {
        Err(Error::Plan(PlanError::Input(InputError::Missing { id, inputs }))) => {
            let (secrets, others): (Vec<_>, Vec<_>) =
                inputs.into_iter().partition(|input| input.secret);
            if !secrets.is_empty() {
                let (frontend, name) = (&registry.frontend, &outline.name);
                // Nobody is to look for a secret that then is of no use.
                let asked = if others.is_empty() || consent::can_ask(context) {
                    inputs::put_secrets(context, frontend, &id, name, &secrets).await
                } else {
                    None
                };
                let Some(asked) = asked else {
                    let all: Vec<_> = secrets.into_iter().chain(others).collect();
                    return Err(inputs::lacking(&id, name, &all));
                };
                inputs::ask_for_secrets(context, asked, &id, name, &secrets).await?;
            }
            if !others.is_empty() {
                let asked = inputs::ask_for(context, &id, &outline.name, &others).await?;
                request.choices.inputs.extend(asked);
            }
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(refused(error, outline)),
    }
}

fn refused(error: Error, outline: &Outline) -> Failure {
    let secrets: Vec<String> = outline.secrets().collect();
    match error {
        Error::NameTaken { name, id } if id == outline.id => Failure::new(format!(
            "{id} is active already, as {name}"
        ))
        .next("call its tools: registry-active lists them; give another name to add it once more"),
        Error::NameTaken { name, id } => {
            Failure::new(format!("the name {name} is taken by {id}")).next("give another name")
        }
        error => inputs::refused(error, Some(&outline.id), &outline.name, &secrets),
    }
}

fn answer(added: orchestrator::add::Added) -> Result<Answer, Failure> {
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
    let name = arguments.name.as_deref().map(str::parse).transpose();
    let network = arguments.network.as_deref().map(str::parse::<Network>);
    let network = network
        .transpose()
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok(Request {
        reference: arguments.id.clone(),
        name: name.map_err(|error| Failure::from(Error::Name(error)))?,
        choices: Choices {
            launch: arguments.launch,
            inputs: given::assigned(&arguments.options),
            environment: given::assigned(&arguments.environment),
            network,
            ..Choices::default()
        },
        probe: true,
        consent: Consent::Nothing,
        agreed: None,
    })
}
