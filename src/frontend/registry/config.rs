//! `registry-config-set`: the inputs of an active server are changed, and its sessions begin anew.

use std::collections::BTreeMap;

use rmcp::service::{RequestContext, RoleServer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Failure};
use super::given::Given;
use super::{Registry, command, consent, given, inputs, wish};
use crate::activation::inputs::names_secret;
use crate::orchestrator::config::{Change, Configured};
use crate::quadlet::name::ServerName;
use crate::settings::AgentAdd;

/// What the model reads.
pub(super) const DESCRIPTION: &str = "Change options and environment variables, but no secrets, of an active server. Its sessions end, for all agents, and the \
    next ones begin with the new values. Files and folders, and variables that it does not declare, are for the user to allow.";

/// What is to be changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The server's name, from registry-active.
    name: String,
    /// Values of its inputs by name; null for what counts by default. registry-get-docs lists them.
    #[serde(default, deserialize_with = "given::by_name")]
    options: BTreeMap<String, Option<Given>>,
    /// Environment variables by name; null to take one away again.
    #[serde(default, deserialize_with = "given::by_name")]
    environment: BTreeMap<String, Option<Given>>,
    /// Whether names that the server does not declare are taken, as variables of its environment.
    #[serde(default)]
    force: bool,
}

/// A server that was changed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Changed {
    /// Its name.
    name: String,
    /// All its inputs as they are now.
    inputs: Vec<Setting>,
    /// Why it cannot be used with them, if it cannot.
    warning: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Setting {
    /// What the input is called.
    name: String,
    /// The values that were given; none of a secret.
    values: Vec<String>,
    /// Whether it is a secret.
    secret: bool,
    /// Whether it has a value that was given.
    set: bool,
}

/// Changes it.
pub(super) async fn run(
    registry: &Registry,
    arguments: Arguments,
    context: &RequestContext<RoleServer>,
) -> Result<Answer, Failure> {
    let orchestrator = &registry.frontend.orchestrator;
    let active = orchestrator.find(&arguments.name)?;
    let server = active.name.clone();
    let known = orchestrator.config(&arguments.name)?;
    let change = change(&server, &known, &arguments)?;
    let command = command::config(&server, &change);
    match orchestrator.settings().policy.agent_add {
        AgentAdd::Deny => {
            return Err(
                Failure::new("the settings do not let agents change servers")
                    .next(format!("the user can run it: {command}")),
            );
        }
        policy => {
            let option = orchestrator.launch_of(&active)?;
            let mut reasons = wish::opened(&change.set, &option);
            reasons.extend(wish::trusted_with_secrets(
                &change.set,
                &option,
                active.record.network.parse().ok().as_ref(),
                known.iter().any(|input| input.secret),
            ));
            reasons.extend(wish::variables(&change.environment));
            reasons.extend(taken_away(&known, &change.unset));
            // Whatever it has once its inputs are changed is accepted.
            reasons.extend(wish::accepted(&orchestrator.held(&active)));
            reasons.extend((policy == AgentAdd::Ask).then(|| consent::SETTINGS_ASK.to_owned()));
            if !reasons.is_empty() {
                let question = format!("An agent wants to change the MCP server {server}");
                consent::ask(context, &question, &reasons, &command).await?;
            }
        }
    }
    registry.turn(context).await?;
    let secrets: Vec<String> = known
        .iter()
        .filter(|input| input.secret)
        .map(|input| input.name.clone())
        .collect();
    let changed = orchestrator
        .configure(server.as_str(), &change, || {})
        .await;
    changed.map_err(|error| inputs::refused(error, None, &server, &secrets))?;
    let warning = verify(registry, &server).await;
    let settings: Vec<Setting> = orchestrator
        .config(server.as_str())?
        .into_iter()
        .map(|input| Setting {
            name: input.name,
            values: input.values,
            secret: input.secret,
            set: input.set,
        })
        .collect();
    let mut lines = vec![format!(
        "{server} is changed; sessions that begin now have the new values."
    )];
    lines.extend(settings.iter().map(Setting::line));
    lines.extend(
        warning
            .iter()
            .map(|warning| format!("But it cannot be used with them: {warning}")),
    );
    let changed = Changed {
        name: server.to_string(),
        inputs: settings,
        warning,
    };
    Answer::new(&changed, lines.join("\n"))
}

/// Asks the server what it offers now; says why it cannot be asked.
async fn verify(registry: &Registry, server: &ServerName) -> Option<String> {
    let orchestrator = &registry.frontend.orchestrator;
    match orchestrator.verify(server.as_str(), || {}).await {
        Ok(_) => {
            if let Err(error) = registry.frontend.refresh().await {
                tracing::warn!("{}", crate::frontend::peer::told(&error));
            }
            None
        }
        Err(error) => Some(crate::frontend::peer::told(&error)),
    }
}

/// What is to be changed, if all names are known or taken as they are.
fn change(
    server: &ServerName,
    known: &[Configured],
    arguments: &Arguments,
) -> Result<Change, Failure> {
    let Arguments {
        name: _,
        options,
        environment,
        force,
    } = arguments;
    let mut change = Change::default();
    for (name, value) in options.iter().chain(environment) {
        let input = known.iter().find(|input| input.name == *name);
        let is_secret = input.is_some_and(|input| input.secret);
        if is_secret || (value.is_some() && names_secret(name) && input.is_none()) {
            let declared: &[String] = if is_secret {
                std::slice::from_ref(name)
            } else {
                &[]
            };
            return Err(inputs::in_clear(None, server, name, declared));
        }
        match (input, value) {
            // A variable that the user added is the user's to change.
            (Some(input), Some(value)) if !input.declared => {
                change.environment.extend(value.assigned(name));
            }
            (Some(_), Some(value)) => change.set.extend(value.assigned(name)),
            (Some(input), None) if input.set => change.unset.push(name.clone()),
            (Some(_), None) => {}
            (None, Some(value)) if *force => change.environment.extend(value.assigned(name)),
            (None, _) => return Err(unknown(server, known, name)),
        }
    }
    if change == Change::default() {
        return Err(Failure::new("nothing is to be changed").next("give options or environment"));
    }
    given::check_variables(&change.environment)?;
    Ok(change)
}

/// Which of the user's own variables would be taken away, in words.
fn taken_away(known: &[Configured], unset: &[String]) -> impl Iterator<Item = String> {
    let is_own = |name: &&String| {
        let mut known = known.iter();
        known.any(|input| input.name == **name && !input.declared)
    };
    let own = unset.iter().filter(is_own);
    own.map(|name| format!("{name} is to be taken out of its environment"))
}

fn unknown(server: &ServerName, known: &[Configured], name: &str) -> Failure {
    let open = known.iter().filter(|input| !input.secret);
    let names: Vec<&str> = open.map(|input| input.name.as_str()).collect();
    let takes = if names.is_empty() {
        "it takes none".to_owned()
    } else {
        format!("it takes {}", names.join(", "))
    };
    Failure::new(format!("{server} has no input {name:?}")).next(format!(
        "{takes}; with force it is set as a variable of its environment"
    ))
}

impl Setting {
    fn line(&self) -> String {
        let value = match (self.secret, self.set) {
            (true, true) => "(a secret)".to_owned(),
            (true, false) => "(a secret, not set)".to_owned(),
            (false, true) => self.values.join(", "),
            (false, false) => "(by default)".to_owned(),
        };
        format!("- {}: {value}", self.name)
    }
}
