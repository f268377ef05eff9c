//! Trying a tool: what `mcpod call` does, with a form made from the tool's schema.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::document::{Document, Place, failure, go, shown};
use super::fields::{Fields, address};
use super::job::{self, Job, Outcome};
use super::{Here, Visitor, failed, form, form_key, told};
use crate::frontend::http::Face;
use crate::orchestrator::{Active, Error};
use crate::quadlet::name::ServerName;
use crate::session::arguments::{self, ArgumentError, kinds};
use crate::session::readable::readable;
use crate::session::{CallOptions, Kind, RpcError, SessionError, Step};
use crate::text::{one_line, shortened};

/// What fields of arguments begin with.
const ARGUMENT: &str = "arg.";

/// The field for all arguments as one JSON object.
const WHOLE: &str = "json";

/// A tool of an active server, as the server described it.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) description: Option<String>,
    schema: Value,
}

impl Tool {
    /// The tools of a server, as far as it is known what it offers.
    pub(super) fn all(face: &Face, server: &ServerName) -> Option<Vec<Self>> {
        let orchestrator = &face.frontend.orchestrator;
        let active = orchestrator.find(server.as_str()).ok()?;
        let lists = orchestrator.known_lists(&active)?;
        let read = |tool: &RawValue| {
            let tool: Value = serde_json::from_str(tool.get()).ok()?;
            Some(Self {
                name: tool.get("name")?.as_str()?.to_owned(),
                description: tool
                    .get("description")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                schema: tool.get("inputSchema").cloned().unwrap_or_default(),
            })
        };
        Some(lists.tools.iter().filter_map(|tool| read(tool)).collect())
    }

    /// What it takes: names with their schemas, in the order of the schema.
    fn properties(&self) -> impl Iterator<Item = (&String, &Value)> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten()
    }

    fn requires(&self, name: &str) -> bool {
        let required = self.schema.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.iter().any(|one| one == name))
    }

    /// The arguments that were filled in.
    fn arguments(&self, fields: &Fields) -> Result<Map<String, Value>, ArgumentError> {
        if let Some(whole) = fields.given(WHOLE) {
            return arguments::object(whole);
        }
        let mut given = Map::new();
        for (name, _) in self.properties() {
            let field = format!("{ARGUMENT}{name}");
            let text = fields.all(&field).next().unwrap_or_default();
            if text.is_empty() && !(self.requires(name) && fields.has(&field)) {
                continue;
            }
            // Browsers end lines in forms as the mail does.
            let text = text.replace("\r\n", "\n");
            given.insert(
                name.clone(),
                arguments::value(name, &text, Some(&self.schema))?,
            );
        }
        Ok(given)
    }
}

/// Shows the form.
pub(super) async fn show((State(face), Extension(visitor)): Here, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    match find(&face, &fields).await {
        Ok((active, tool)) => shown_with(&active, &tool, &visitor, &fields, None),
        Err(refused) => refused,
    }
}

/// The server and its tool that fields name; else what to answer.
async fn find(face: &Face, fields: &Fields) -> Result<(Active, Tool), Response> {
    let orchestrator = &face.frontend.orchestrator;
    let (server, wanted) = (fields.get("server"), fields.get("tool"));
    let fail = |error| failed(error, "No such tool", Place::Servers);
    let active = orchestrator.find(server).map_err(fail)?;
    if orchestrator.known_lists(&active).is_none() {
        orchestrator.lists(server).await.map_err(fail)?;
    }
    let tools = Tool::all(face, &active.name).unwrap_or_default();
    let held = orchestrator.held(&active);
    if held.iter().any(|held| held.tool == wanted) {
        return Err(fail(Error::ToolHeld {
            name: active.name,
            tool: wanted.to_owned(),
        }));
    }
    let tool = tools.into_iter().find(|tool| tool.name == wanted);
    tool.map(|tool| (active, tool)).ok_or_else(|| {
        let message = format!("{server} has no tool {wanted:?}");
        let content = failure(&message, Some("the page of the server lists its tools"));
        Document::new("No such tool", Place::Servers)
            .status(axum::http::StatusCode::NOT_FOUND)
            .with(&content)
    })
}

fn shown_with(
    active: &Active,
    tool: &Tool,
    visitor: &Visitor,
    fields: &Fields,
    wrong: Option<&(String, Option<String>)>,
) -> Response {
    let server = active.name.as_str();
    Document::new(&format!("{} of {server}", tool.name), Place::Servers).with(&html! {
        @if let Some((message, hint)) = wrong { (failure(message, hint.as_deref())) }
        @if let Some(about) = &tool.description { p.lead.lines { (shown(about)) } }
        form.fill method="post" action="tool" {
            (form_key(visitor))
            input type="hidden" name="server" value=(server);
            input type="hidden" name="tool" value=(tool.name);
            @for (name, schema) in tool.properties() { (field(tool, name, schema, fields)) }
            details open[tool.properties().next().is_none() || fields.given(WHOLE).is_some()] {
                summary { "All arguments as one JSON object" }
                div.field {
                    label for=(WHOLE) { "Arguments" }
                    textarea id=(WHOLE) name=(WHOLE) rows="6" spellcheck="false" placeholder="{}" { (fields.get(WHOLE)) }
                    p.about { "What stands here counts in place of the fields above." }
                }
            }
            button { "Call it" }
        }
        details {
            summary { "Its schema" }
            pre tabindex="0" { (shown(&format!("{:#}", tool.schema))) }
        }
        p { a href=(address("server", &[("name", server)])) { "Back to " (server) } }
    })
}

/// The field of an argument, by its schema.
fn field(tool: &Tool, name: &str, schema: &Value, fields: &Fields) -> Markup {
    let id = format!("{ARGUMENT}{name}");
    let about_id = format!("{id}-about");
    let kinds = kinds(&tool.schema, name).unwrap_or_default();
    let is = |kind: &str| kinds.iter().any(|one| one == kind);
    let about = schema.get("description").and_then(Value::as_str);
    let choices = schema.get("enum").and_then(Value::as_array);
    let texts = |values: &[Value]| -> Vec<String> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        values.iter().map(text).collect()
    };
    let choices = match choices {
        Some(choices) => texts(choices),
        None if is("boolean") && !is("string") => vec!["true".to_owned(), "false".to_owned()],
        None => Vec::new(),
    };
    let default = schema
        .get("default")
        .map(|value| texts(std::slice::from_ref(value)).concat());
    let value = fields.all(&id).next().unwrap_or_default();
    let hint = default
        .map(|default| shortened(&one_line(&default), 80))
        .unwrap_or_default();
    html! {
        div.field {
            label for=(id) { (one_line(name)) @if tool.requires(name) { span.required { " (required)" } } }
            @if !choices.is_empty() {
                select id=(id) name=(id) aria-describedby=(about_id) {
                    option value="" { "not set" @if !hint.is_empty() { ": " (hint) } }
                    @for choice in &choices { option value=(choice) selected[value == choice] { (one_line(choice)) } }
                }
            } @else if is("array") || is("object") {
                textarea id=(id) name=(id) rows="4" spellcheck="false" placeholder=(hint) aria-describedby=(about_id) { (value) }
            } @else if is("string") || kinds.is_empty() {
                textarea id=(id) name=(id) rows="1" placeholder=(hint) aria-describedby=(about_id) { (value) }
            } @else {
                input id=(id) name=(id) value=(value) inputmode="decimal" placeholder=(hint) autocomplete="off" aria-describedby=(about_id);
            }
            p.about id=(about_id) {
                @if !kinds.is_empty() { (kinds.join(" or ")) }
                @if is("array") || is("object") { ", as JSON" }
                @if let Some(about) = about { ": " (one_line(about)) }
            }
        }
    }
}

/// Calls it.
pub(super) async fn call((State(face), Extension(visitor)): Here, request: Request) -> Response {
    let fields = match form(&face, &visitor, request).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let (active, tool) = match find(&face, &fields).await {
        Ok(found) => found,
        Err(refused) => return refused,
    };
    let given = match tool.arguments(&fields) {
        Ok(given) => given,
        Err(error) => {
            let wrong = (error.to_string(), error.hint().map(str::to_owned));
            return shown_with(&active, &tool, &visitor, &fields, Some(&wrong));
        }
    };
    let params = to_raw_value(&json!({"name": tool.name, "arguments": given}));
    let Ok(params) = params else {
        let wrong = ("the arguments cannot be written".to_owned(), None);
        return shown_with(&active, &tool, &visitor, &fields, Some(&wrong));
    };
    let server = active.name.to_string();
    let here = address("tool", &[("server", &server), ("tool", &tool.name)]);
    let title = format!("{} of {server}", one_line(&tool.name));
    let job = face
        .page
        .jobs
        .begin(&title, Place::Servers, (here, "Call it again".to_owned()));
    let Some(job) = job else { return job::busy() };
    let running = Arc::clone(&job);
    tokio::spawn(async move {
        let called = called(&face, &active, &params, &running).await;
        running.end(called.unwrap_or_else(|error| {
            let (message, hint) = told(error);
            Outcome::Failed { message, hint }
        }));
    });
    go(&job.address())
}

async fn called(
    face: &Face,
    active: &Active,
    params: &RawValue,
    job: &Job,
) -> Result<Outcome, Error> {
    let orchestrator = &face.frontend.orchestrator;
    job.say(format!("starting {}", active.name));
    let connection = tokio::select! {
        connection = orchestrator.connect(active) => connection?,
        () = job.stopped() => return Ok(stopped()),
    };
    let options = CallOptions {
        timeout: Some(orchestrator.settings().sessions.call_timeout),
        limit: None,
        progress: true,
    };
    job.say("calling".to_owned());
    let calling = async {
        let mut call = connection
            .session
            .call("tools/call", Some(params), options)
            .await?;
        loop {
            match call.next().await? {
                Step::Progress(frame) => {
                    let message = frame.find(&["message"]).ok().flatten();
                    let message =
                        message.and_then(|text| serde_json::from_str::<String>(text).ok());
                    if let Some(message) = message {
                        job.say(shortened(&one_line(&message), 200));
                    }
                }
                Step::Answer(answer) => return Ok::<_, SessionError>(answer),
            }
        }
    };
    let answer = tokio::select! {
        answer = calling => answer,
        () = job.stopped() => {
            connection.close(false).await?;
            return Ok(stopped());
        }
    };
    let outcome = match answer {
        Err(error) => Err(Error::from(connection.explain(active, error).await)),
        Ok(answer) if answer.kind() == Kind::Error => Ok(Outcome::Failed {
            message: RpcError::of(&answer).to_string(),
            hint: None,
        }),
        Ok(answer) => Ok(result(answer.into_payload().as_deref())),
    };
    connection.close(false).await?;
    outcome
}

fn result(payload: Option<&RawValue>) -> Outcome {
    let result = payload.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let result = result.unwrap_or_default();
    let text = readable(&result);
    if result.get("isError") == Some(&Value::Bool(true)) {
        return Outcome::Failed {
            message: text,
            hint: None,
        };
    }
    Outcome::Done {
        text: "It answered.".to_owned(),
        result: Some(text),
        links: Vec::new(),
    }
}

fn stopped() -> Outcome {
    Outcome::Failed {
        message: "stopped, as you wanted".to_owned(),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(schema: Value) -> Tool {
        Tool {
            name: "t".to_owned(),
            description: None,
            schema,
        }
    }

    fn fields(query: &str) -> Fields {
        Fields::of(&format!("/?{query}").parse().unwrap())
    }

    #[test]
    fn arguments_are_of_the_kinds_that_the_schema_wants() {
        let tool = tool(json!({"properties": {
            "n": {"type": "integer"}, "s": {"type": "string"}, "list": {"type": "array"}, "b": {"type": "boolean"}, "o": {"type": "string"}},
            "required": ["s"]}));
        let given = tool
            .arguments(&fields(
                "arg.n=3&arg.s=&arg.list=%5B1%5D&arg.b=true&arg.o=&arg.unknown=x",
            ))
            .unwrap();
        assert_eq!(
            Value::Object(given),
            json!({"n": 3, "s": "", "list": [1], "b": true})
        );
        assert!(tool.arguments(&fields("arg.n=x")).is_err());
        let whole = tool
            .arguments(&fields("arg.n=x&json=%7B%22a%22:1%7D"))
            .unwrap();
        assert_eq!(Value::Object(whole), json!({"a": 1}));
    }

    #[test]
    fn a_hostile_schema_is_shown_as_text() {
        let name = "\"><script>alert(1)</script>";
        let tool = tool(
            json!({"properties": {name: {"description": name, "enum": [name], "default": name}}}),
        );
        let (name, schema) = tool.properties().next().unwrap();
        let shown = field(&tool, name, schema, &fields("")).into_string();
        assert!(!shown.contains("<script"), "{shown}");
    }
}
