//! What a registry tool answers: structured content and a text to read, or an error that names the next step.

use rmcp::model::{CallToolResult, ContentBlock};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::orchestrator::Error;

/// What a tool did or found.
#[derive(Debug)]
pub(super) struct Answer {
    structured: Value,
    text: String,
}

/// Why a tool did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    message: String,
    next: Option<String>,
    /// What the model can fill in.
    missing: Vec<MissingInput>,
}

/// Why a tool did not do what was asked, as structured content.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Explained {
    /// What went wrong.
    message: String,
    /// What can be done about it.
    next: Option<String>,
    /// Inputs that are missing.
    missing: Vec<MissingInput>,
}

/// An input that a server cannot do without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct MissingInput {
    /// Its name in `options`.
    pub(super) name: String,
    /// `text`, `number`, `integer`, `boolean`, `path`, or `secret`.
    pub(super) kind: String,
    /// Whether it takes several values, as an array.
    pub(super) several: bool,
    /// What it is for.
    pub(super) description: Option<String>,
    /// What a value looks like.
    pub(super) example: Option<String>,
    /// The values it takes, if they are limited.
    pub(super) choices: Vec<String>,
    /// The regular expression that a value matches, if there is one.
    pub(super) pattern: Option<String>,
    /// What the user runs to store it, if it is a secret.
    pub(super) command: Option<String>,
}

impl MissingInput {
    /// As a line of a text.
    fn line(&self) -> String {
        let Self {
            name,
            kind,
            several,
            description,
            example,
            choices,
            pattern,
            command,
        } = self;
        let mut line = format!(
            "- {name} ({kind}{})",
            if *several { ", several" } else { "" }
        );
        let mut add = |before: &str, text: &str| line.extend([before, text]);
        if let Some(about) = description {
            add(": ", about);
        }
        if let Some(example) = example {
            add(", for example ", example);
        }
        if !choices.is_empty() {
            add(", one of ", &choices.join(", "));
        }
        if let Some(pattern) = pattern {
            add(", matching ", pattern);
        }
        if let Some(command) = command {
            add("; stored by ", command);
        }
        line
    }
}

impl Answer {
    /// Answers with a value, and a text that says the same.
    pub(super) fn new<T: Serialize>(value: &T, text: impl Into<String>) -> Result<Self, Failure> {
        Ok(Self {
            structured: serde_json::to_value(value)
                .map_err(|error| Failure::new(format!("the answer cannot be written: {error}")))?,
            text: text.into(),
        })
    }
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            next: None,
            missing: Vec::new(),
        }
    }

    /// With what can be done about it.
    pub(super) fn next(self, next: impl Into<String>) -> Self {
        Self {
            next: Some(next.into()),
            ..self
        }
    }

    /// With what follows from it: what was tried failed, and another thing is left to do.
    pub(super) fn then(self, other: Self) -> Self {
        Self {
            message: format!("{}; {}", self.message, other.message),
            ..other
        }
    }

    /// With what is missing.
    pub(super) fn missing(self, missing: Vec<MissingInput>) -> Self {
        Self { missing, ..self }
    }
}

/// What the model can do about an error, where that is something else than what the user can type.
fn next(error: &Error) -> Option<String> {
    let next = match error {
        Error::NoSuchServer { near, .. } if near.is_empty() => {
            "registry-active lists the active ones"
        }
        Error::NoSuchEntry { near, .. } if near.is_empty() => "registry-find finds servers",
        Error::UnknownReference { .. } => "registry-find finds what is in the catalog",
        Error::NotAsAgreed { .. } => {
            "look at it again with registry-get-docs, then call registry-add again"
        }
        Error::KeptForAnother { .. } => {
            "give another name, or ask the user to run in a terminal: mcpod add with --name and --reuse"
        }
        _ => return error.hint(),
    };
    Some(next.to_owned())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let next = next(&error);
        let message = format!("{:#}", anyhow::Error::new(error));
        Self {
            message: crate::text::for_terminal(&message),
            next,
            missing: Vec::new(),
        }
    }
}

/// The result of a call.
pub(super) fn result(answer: Result<Answer, Failure>) -> CallToolResult {
    match answer {
        Ok(Answer { structured, text }) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = Some(structured);
            result
        }
        Err(Failure {
            message,
            next,
            missing,
        }) => {
            let mut lines = vec![message.clone()];
            lines.extend(missing.iter().map(MissingInput::line));
            lines.extend(next.iter().map(|next| format!("Next: {next}")));
            let text = lines.join("\n");
            let mut result = CallToolResult::error(vec![ContentBlock::text(text)]);
            let error = Explained {
                message,
                next,
                missing,
            };
            result.structured_content = Some(json!({ "error": error }));
            result
        }
    }
}
