//! From the fields of a `server.json` to templates, and to the inputs that they refer to.
//!
//! Templates are `{name}` there, and a name that is not declared is plain text by the format's own words. So they are
//! rewritten into `{{name}}` where they are references, which says the same everywhere else in the catalog.

use std::collections::BTreeMap;

use super::document::Field;
use crate::catalog::input::{Input, InputKind, InputPath, InputValue};
use crate::catalog::launch::{EnvVar, Header};
use crate::catalog::mount::Mount;
use crate::catalog::source::{is_secret_name, is_variable_name};
use crate::catalog::template::{Part, Syntax, Template};
use crate::catalog::text::Line;

/// What a launch option is put together from.
#[derive(Debug, Default)]
pub(super) struct Values {
    env: Vec<EnvVar>,
    mounts: Vec<Mount>,
    inputs: Vec<Input>,
}

impl Values {
    /// The environment, the mounts and the inputs.
    pub(super) fn into_parts(self) -> (Vec<EnvVar>, Vec<Mount>, Vec<Input>) {
        let Self {
            env,
            mounts,
            inputs,
        } = self;
        (env, mounts, inputs)
    }

    /// Sets a variable of the environment.
    pub(super) fn variable(&mut self, field: &Field, warnings: &mut Vec<Line>) {
        let name = field.name.as_deref().unwrap_or_default().trim();
        let value = self.value(field, name, false);
        self.set(name, value, warnings);
    }

    /// Sets the variable of `-e NAME=VALUE`; `-e NAME` alone is one that the user supplies, if nothing else sets it.
    pub(super) fn assignment(&mut self, field: &Field, warnings: &mut Vec<Line>) {
        let text = field.value.as_deref().unwrap_or_default();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => {
                let value = self.rewritten(value, field.variables.as_ref(), false);
                (name, Template::parse(&value, Syntax::DoubleBraces))
            }
            None if self.env.iter().any(|variable| variable.name == text) => return,
            None => (text, self.asked(text, &Field::default(), false)),
        };
        self.set(name, value, warnings);
    }

    fn set(&mut self, name: &str, value: Template, warnings: &mut Vec<Line>) {
        if !is_variable_name(name) {
            let text = format!("environmentVariables: {name:?} is no name of a variable");
            return warnings.push(Line::new(&text));
        }
        self.env.retain(|variable| variable.name != name);
        let name = name.to_owned();
        self.env.push(EnvVar { name, value });
    }

    pub(super) fn mount(&mut self, mount: Mount) {
        for path in mount
            .source()
            .into_iter()
            .flat_map(Template::inputs)
            .cloned()
            .collect::<Vec<_>>()
        {
            if let Some(input) = self.inputs.iter_mut().find(|input| input.path == path) {
                make_path(input);
            }
        }
        if !self.mounts.contains(&mount) {
            self.mounts.push(mount);
        }
    }

    /// The value of a field: the one it has, or the user's answer. A file is mounted where it lies.
    pub(super) fn value(&mut self, field: &Field, name: &str, many: bool) -> Template {
        if let Some(value) = &field.value {
            let text = self.rewritten(value, field.variables.as_ref(), false);
            return Template::parse(&text, Syntax::DoubleBraces);
        }
        let asked = self.asked(name, field, many);
        let is_file = field.format.as_deref() == Some("filepath");
        match path(name).filter(|_| is_file) {
            Some(path) => {
                let mount =
                    Template::parse(&format!("{{{{{path}|volume|into}}}}"), Syntax::DoubleBraces);
                // What was declared as a text before is a path as well.
                self.mount(Mount::Each(mount));
                let spread = if many { "|into" } else { "" };
                Template::parse(
                    &format!("{{{{{path}|volume-target{spread}}}}}"),
                    Syntax::DoubleBraces,
                )
            }
            None => asked,
        }
    }

    /// What the user is asked for.
    fn asked(&mut self, name: &str, field: &Field, many: bool) -> Template {
        let Some(path) = path(name) else {
            return Template::of_text(field.default.as_deref().unwrap_or_default());
        };
        self.declare(path.clone(), field, many);
        if many {
            return Template::parse(&format!("{{{{{path}|into}}}}"), Syntax::DoubleBraces);
        }
        Template::input(path)
    }

    /// A header; none without a name.
    pub(super) fn header(&mut self, field: &Field) -> Option<Header> {
        let name = field
            .name
            .as_deref()
            .map(str::trim)
            .filter(|name| !name.is_empty())?;
        let legal = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if !name.chars().all(legal) {
            return None;
        }
        let value = match field.value.as_deref().filter(|value| !value.is_empty()) {
            Some(value) if is_placeholder(value) => {
                let example = Line::some(value);
                let field = Field {
                    placeholder: example,
                    is_required: Some(true),
                    ..Field::default()
                };
                self.asked(name, &field, false)
            }
            Some(value) => {
                let text = self.rewritten(value, field.variables.as_ref(), true);
                Template::parse(&text, Syntax::DoubleBraces)
            }
            None => self.asked(name, field, false),
        };
        let is_secret = field.is_secret == Some(true)
            || is_secret_name(name)
            || name.to_ascii_lowercase().contains("auth");
        for path in value.inputs() {
            if let Some(input) = self.inputs.iter_mut().find(|input| input.path == *path) {
                input.secret |= is_secret;
                input.default = input.default.take().filter(|_| !input.secret);
            }
        }
        let name = name.to_owned();
        Some(Header { name, value })
    }

    /// Where a local server listens. Its address is to be trusted only where it names this host or an input; otherwise
    /// the user is asked for it.
    pub(super) fn local_url(
        &mut self,
        url: &str,
        variables: Option<&BTreeMap<String, Field>>,
    ) -> Template {
        let host = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = host.split(['/', ':']).next().unwrap_or_default();
        if matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0")
            || host.starts_with('{')
            || host.starts_with('[')
        {
            let known: BTreeMap<String, Field> = self
                .inputs
                .iter()
                .map(|input| (input.path.to_string(), Field::default()))
                .collect();
            let text = self.rewritten(url, Some(&known), false);
            let text = self.rewritten_declared(&text, variables);
            return Template::parse(&text, Syntax::DoubleBraces);
        }
        let field = Field {
            placeholder: Line::some(url),
            description: Some(
                "Where the server listens, as seen from inside its container.".into(),
            ),
            is_required: Some(true),
            ..Field::default()
        };
        self.asked("url", &field, false)
    }

    fn rewritten_declared(
        &mut self,
        text: &str,
        variables: Option<&BTreeMap<String, Field>>,
    ) -> String {
        match variables {
            Some(variables) => self.rewritten(text, Some(variables), false),
            None => text.to_owned(),
        }
    }

    /// The text with `{{name}}` where it says `{name}` and means it: `name` is declared, or the text is nothing else, or
    /// `all` are meant. One that is not declared is a secret, where all are meant: so headers use them.
    pub(super) fn rewritten(
        &mut self,
        text: &str,
        variables: Option<&BTreeMap<String, Field>>,
        all: bool,
    ) -> String {
        if text.contains("{{") {
            // Not this format's way, but it can mean nothing else.
            let template = Template::parse(text, Syntax::DoubleBraces);
            for path in template.inputs() {
                let field = variables.and_then(|variables| variables.get(path.as_str()));
                self.declare(path.clone(), field.unwrap_or(&Field::default()), false);
            }
            return text.to_owned();
        }
        let template = Template::parse(text, Syntax::SingleBraces);
        let whole = template.whole_input().is_some();
        let mut rewritten = String::new();
        for part in template.parts() {
            let Part::Input { path, .. } = part else {
                if let Part::Literal(literal) = part {
                    rewritten.push_str(literal);
                }
                continue;
            };
            match variables.and_then(|variables| variables.get(path.as_str())) {
                Some(field) => self.declare(path.clone(), field, false),
                None if all => {
                    let field = Field {
                        is_required: Some(true),
                        is_secret: Some(true),
                        ..Field::default()
                    };
                    self.declare(path.clone(), &field, false);
                }
                None if whole => self.declare(path.clone(), &Field::default(), false),
                None => {
                    rewritten.extend(["{", path.as_str(), "}"]);
                    continue;
                }
            }
            rewritten.extend(["{{", path.as_str(), "}}"]);
        }
        rewritten
    }

    fn declare(&mut self, path: InputPath, field: &Field, many: bool) {
        if self.inputs.iter().any(|input| input.path == path) {
            return;
        }
        let secret = field.is_secret == Some(true) || is_secret_name(path.as_str());
        let default = field
            .default
            .clone()
            .filter(|text| !text.is_empty() && !secret);
        let mut input = Input {
            kind: match field.format.as_deref() {
                Some("number") => InputKind::Number,
                Some("boolean") => InputKind::Boolean,
                _ => InputKind::Text,
            },
            many,
            secret,
            required: field.is_required == Some(true),
            default: default.map(|text| {
                if many {
                    InputValue::Many(vec![text])
                } else {
                    InputValue::One(text)
                }
            }),
            example: field.placeholder.clone(),
            choices: field.choices.clone().unwrap_or_default(),
            description: field.description.clone(),
            ..Input::text(path)
        };
        if field.format.as_deref() == Some("filepath") {
            make_path(&mut input);
        }
        self.inputs.push(input);
    }
}

/// A path of the host has no default: what stands there is somebody else's.
fn make_path(input: &mut Input) {
    input.kind = InputKind::Path;
    let default = input.default.take();
    if let (None, Some(InputValue::One(text))) = (&input.example, default) {
        input.example = Line::some(&text);
    }
}

/// The input that a name stands for, with dashes where it has what no input's name has.
fn path(name: &str) -> Option<InputPath> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name: String = name
        .chars()
        .map(|c| if legal(c) { c } else { '-' })
        .collect();
    name.trim_matches(['-', '.']).parse().ok()
}

/// Whether a value is there to be replaced, such as `YOUR_API_TOKEN_HERE` and `<token>`.
fn is_placeholder(value: &str) -> bool {
    let upper = value.to_ascii_uppercase();
    upper.contains("YOUR_")
        || upper.contains("YOUR-")
        || upper.ends_with("_HERE")
        || (value.contains('<') && value.contains('>'))
}
