//! Inputs that a server lacks: the model is told which, the user is asked for them in a form.
//!
//! Secrets are neither: no value of one passes through an agent. The user is given the command that stores it.

use std::time::Duration;

use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Map, Value, json};

use super::answer::{Failure, MissingInput};
use super::{command, consent, docs};
use crate::activation::inputs::{InputError, MissingInput as Missing};
use crate::activation::plan::PlanError;
use crate::catalog::InputKind;
use crate::frontend::Frontend;
use crate::frontend::asks::{Asked, Question};
use crate::orchestrator::Error;
use crate::quadlet::name::ServerName;
use crate::quadlet::value::Assignment;

/// How long the user may take to store a secret on the page.
const PATIENCE: Duration = Duration::from_mins(10);

/// What the model must know of secrets.
const SECRETS: &str = "Never ask for a secret's value and never pass one on";

/// Tells the model what a server of that name lacks, and how it gets there.
pub(super) fn lacking(id: &str, server: &ServerName, inputs: &[Missing]) -> Failure {
    let words: Vec<String> = inputs.iter().map(ToString::to_string).collect();
    let missing = inputs.iter().map(|input| described(id, server, input));
    let failure =
        Failure::new(format!("{id} needs {}", words.join(", "))).missing(missing.collect());
    let secrets: Vec<String> = inputs
        .iter()
        .filter(|input| input.secret)
        .map(|input| command::secret(server, &input.path, Some(id)))
        .collect();
    if secrets.is_empty() {
        return failure.next("ask the user, then call registry-add again with them in options");
    }
    let others = if secrets.len() < inputs.len() {
        ", and the other inputs in options"
    } else {
        ""
    };
    failure.next(format!(
        "ask the user to run in a terminal: {}; then call registry-add again with the name {server}{others}. {SECRETS}",
        secrets.join("; ")
    ))
}

/// An error of the chain for the model to read, where the server's name is known: what it can do is something else than
/// what the user can type.
/// `entry` is what a server is to be added from; nothing of one that is active.
pub(super) fn refused(
    error: Error,
    entry: Option<&str>,
    server: &ServerName,
    secrets: &[String],
) -> Failure {
    match error {
        Error::Plan(PlanError::Input(InputError::Missing { id, inputs })) => {
            lacking(&id, server, &inputs)
        }
        Error::Plan(PlanError::Input(InputError::SecretInClear { name })) => {
            in_clear(entry, server, &name, secrets)
        }
        Error::Plan(PlanError::Input(error @ InputError::Unknown { .. })) => {
            let next = error.hint();
            let failure = Failure::new(error.to_string());
            failure.next(next.unwrap_or_else(|| "registry-get-docs lists its inputs".to_owned()))
        }
        error => error.into(),
    }
}

/// Says that a secret does not pass through here.
pub(super) fn in_clear(
    entry: Option<&str>,
    server: &ServerName,
    name: &str,
    secrets: &[String],
) -> Failure {
    let failure = Failure::new(format!(
        "{name} is a secret, which must not pass through you"
    ));
    if secrets.iter().any(|secret| secret == name) {
        failure.next(format!(
            "leave it out and ask the user to run in a terminal: {}; then call again. {SECRETS}",
            command::secret(server, name, entry)
        ))
    } else {
        failure.next(format!(
            "leave it out: only the user can give a server a secret that it does not declare, with mcpod add --secret {name}. {SECRETS}"
        ))
    }
}

/// Asks the user for inputs in a form, where there is no secret among them and the agent can ask; else fails with what
/// they are.
pub(super) async fn ask_for(
    context: &RequestContext<RoleServer>,
    id: &str,
    server: &ServerName,
    inputs: &[Missing],
) -> Result<Vec<Assignment>, Failure> {
    if inputs.iter().any(|input| input.secret) || !consent::can_ask(context) {
        return Err(lacking(id, server, inputs));
    }
    let properties: Map<String, Value> = inputs
        .iter()
        .map(|input| (input.path.clone(), property(input)))
        .collect();
    let required: Vec<&str> = inputs.iter().map(|input| input.path.as_str()).collect();
    let message = format!("The MCP server {id} needs to know:");
    let filled = consent::form(context, &message, &Value::Object(properties), &required).await;
    let filled = filled.map_err(|failure| failure.then(lacking(id, server, inputs)))?;
    Ok(inputs
        .iter()
        .filter_map(|input| Some((input, filled.get(&input.path)?)))
        .flat_map(|(input, value)| assigned(input, value))
        .collect())
}

/// Has the page ask for secrets; nothing where there is none, or the agent cannot lead its user there.
pub(super) async fn put_secrets(
    context: &RequestContext<RoleServer>,
    frontend: &Frontend,
    id: &str,
    server: &ServerName,
    secrets: &[Missing],
) -> Option<Asked> {
    if !consent::can_open(context) {
        return None;
    }
    let agent = context.peer.peer_info();
    let agent = agent.map_or_else(String::new, |agent| {
        let info = &agent.client_info;
        crate::text::one_line(info.title.as_deref().unwrap_or(&info.name))
    });
    let question = Question {
        agent,
        server: server.clone(),
        id: id.to_owned(),
        secrets: secrets
            .iter()
            .map(|secret| (secret.path.clone(), secret.description.clone()))
            .collect(),
    };
    frontend.put(question).await
}

/// Has the user store secrets on the page, and waits until that is done: no value comes here.
pub(super) async fn ask_for_secrets(
    context: &RequestContext<RoleServer>,
    mut asked: Asked,
    id: &str,
    server: &ServerName,
    secrets: &[Missing],
) -> Result<(), Failure> {
    let names: Vec<&str> = secrets.iter().map(|secret| secret.path.as_str()).collect();
    let message = format!(
        "The MCP server {id} needs {}, which no agent may see. Open mcpod's page to store it; if it wants you to sign in, mcpod ui \
         prints the link.",
        names.join(" and ")
    );
    let opened = consent::open(context, &message, &asked.address, &asked.id).await;
    opened.map_err(|failure| failure.then(lacking(id, server, secrets)))?;
    let answered = tokio::select! {
        answered = asked.answered() => answered,
        () = tokio::time::sleep(PATIENCE) => false,
        () = context.ct.cancelled() => return Err(Failure::new("cancelled")),
    };
    if !answered {
        return Err(lacking(id, server, secrets));
    }
    consent::opened(context, &asked.id).await;
    Ok(())
}

fn described(id: &str, server: &ServerName, input: &Missing) -> MissingInput {
    let Missing {
        path,
        kind,
        many,
        secret,
        description,
        example,
        choices,
        pattern,
    } = input;
    MissingInput {
        name: path.clone(),
        kind: if *secret { "secret" } else { docs::kind(*kind) }.to_owned(),
        several: *many,
        description: description.clone(),
        example: example.clone().filter(|_| !secret),
        choices: docs::shown_choices(choices),
        pattern: pattern.as_ref().map(ToString::to_string),
        command: secret.then(|| command::secret(server, path, Some(id))),
    }
}

/// An input as a field of a form (2025-11-25, Elicitation: a schema of plain values).
fn property(input: &Missing) -> Value {
    let mut about: Vec<String> = input.description.iter().cloned().collect();
    about.extend(
        input
            .example
            .as_ref()
            .map(|text| format!("For example {text}.")),
    );
    let pattern = input.pattern.as_ref();
    about.extend(pattern.map(|pattern| format!("It matches {pattern}.")));
    if input.many && input.choices.is_empty() {
        about.push("Several are separated by commas.".to_owned());
    }
    let choices = docs::shown_choices(&input.choices);
    let mut property = match (input.many, input.choices.is_empty(), input.kind) {
        (true, false, _) => {
            json!({"type": "array", "minItems": 1, "items": {"type": "string", "enum": choices}})
        }
        (false, false, _) => json!({"type": "string", "enum": choices}),
        (true, true, _) | (false, true, InputKind::Text | InputKind::Path) => {
            json!({"type": "string"})
        }
        (false, true, InputKind::Number) => json!({"type": "number"}),
        (false, true, InputKind::Integer) => json!({"type": "integer"}),
        (false, true, InputKind::Boolean) => json!({"type": "boolean"}),
    };
    if let Some(property) = property.as_object_mut() {
        property.insert("title".to_owned(), json!(input.path));
        if !about.is_empty() {
            property.insert("description".to_owned(), json!(about.join(" ")));
        }
    }
    property
}

/// What was filled in, as values of the input.
fn assigned(input: &Missing, value: &Value) -> Vec<Assignment> {
    let text = |value: &Value| match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    let texts: Vec<String> = match value {
        // A field that was left empty.
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().map(text).collect(),
        Value::String(all) if input.many => {
            all.split(',').map(|one| one.trim().to_owned()).collect()
        }
        value => vec![text(value)],
    };
    let given = texts.into_iter().filter(|text| !text.is_empty());
    given
        .map(|text| Assignment::new(&input.path, text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(kind: InputKind, many: bool, choices: &[&str]) -> Missing {
        Missing {
            path: "x".to_owned(),
            kind,
            many,
            secret: false,
            description: Some("What.".to_owned()),
            example: Some("e".to_owned()),
            choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
            pattern: None,
        }
    }

    #[test]
    fn each_kind_of_input_is_a_field_and_what_is_filled_in_a_value() {
        use InputKind::{Boolean, Integer, Number, Path, Text};
        for (input, kind, filled, values) in [
            (
                input(Text, false, &[]),
                "string",
                json!(" a,b "),
                vec!["a,b"],
            ),
            (
                input(Path, true, &[]),
                "string",
                json!("/a, /b,"),
                vec!["/a", "/b"],
            ),
            (input(Number, false, &[]), "number", json!(1.5), vec!["1.5"]),
            (input(Integer, false, &[]), "integer", json!(7), vec!["7"]),
            (
                input(Boolean, false, &[]),
                "boolean",
                json!(true),
                vec!["true"],
            ),
            (
                input(Text, false, &["a", "b"]),
                "string",
                json!("b"),
                vec!["b"],
            ),
            (
                input(Text, true, &["a", "b"]),
                "array",
                json!(["a", "b"]),
                vec!["a", "b"],
            ),
            (input(Text, false, &[]), "string", json!(""), vec![]),
            (input(Text, false, &[]), "string", json!(null), vec![]),
        ] {
            let property = property(&input);
            assert_eq!(property["type"], kind, "{input:?}");
            assert!(
                property["description"]
                    .as_str()
                    .unwrap()
                    .starts_with("What. For example e."),
                "{property}"
            );
            let schema = json!({"type": "object", "properties": {"x": property}});
            serde_json::from_value::<rmcp::model::ElicitationSchema>(schema).unwrap();
            let assigned = assigned(&input, &filled);
            let given: Vec<&str> = assigned.iter().map(|given| given.value.as_str()).collect();
            assert_eq!(given, values, "{input:?}");
        }
    }
}
