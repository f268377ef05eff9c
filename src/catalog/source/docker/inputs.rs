//! From the parameters and secrets of a `server.yaml` to inputs.

use super::yaml::{Config, Names, Ordered, Scalars, Schema};
use crate::catalog::input::{Input, InputKind, InputPath, InputValue};
use crate::catalog::pattern::Pattern;
use crate::catalog::text::Line;

/// How deep objects may lie in one another; two levels are the most that is in use.
const DEPTH_MAX: usize = 8;

/// The inputs of a server, by path.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    list: Vec<Input>,
}

impl Inputs {
    /// The inputs that a configuration's schema declares. An object is no input, its fields are.
    pub(super) fn declared(config: &Config, warnings: &mut Vec<Line>) -> Self {
        let mut inputs = Self::default();
        let misplaced = config.properties.as_ref();
        let (properties, required, alternatives) = match &config.parameters {
            Some(schema) => (
                schema.properties.as_ref().or(misplaced),
                schema.required.as_ref().or(config.required.as_ref()),
                schema.any_of.is_some(),
            ),
            None => (misplaced, config.required.as_ref(), false),
        };
        if let Some(properties) = properties {
            inputs.declare(properties, required, "", !alternatives, DEPTH_MAX, warnings);
        }
        inputs
    }

    fn declare(
        &mut self,
        properties: &Ordered<Schema>,
        required: Option<&Names>,
        above: &str,
        above_required: bool,
        depth: usize,
        warnings: &mut Vec<Line>,
    ) {
        for (name, schema) in &properties.0 {
            let path = format!("{above}{name}");
            let required =
                above_required && required.is_some_and(|required| required.0.contains(name));
            if let (Some(fields), Some(depth)) = (&schema.properties, depth.checked_sub(1)) {
                let above = format!("{path}.");
                self.declare(
                    fields,
                    schema.required.as_ref(),
                    &above,
                    required,
                    depth,
                    warnings,
                );
                continue;
            }
            match path.parse() {
                Ok(path) => self.add(input(path, schema, required)),
                Err(error) => warnings.push(Line::new(&format!("config.parameters: {error}"))),
            }
        }
    }

    /// The input of that path; one that nothing declares is an optional text.
    pub(super) fn of(&mut self, path: &InputPath) -> &mut Input {
        let at = self.list.iter().position(|input| input.path == *path);
        let at = at.unwrap_or(self.list.len());
        if at == self.list.len() {
            self.list.push(Input::text(path.clone()));
        }
        // The position was found or made above.
        #[expect(clippy::indexing_slicing, reason = "the position is within the list")]
        &mut self.list[at]
    }

    /// Whether an input of that path is there.
    pub(super) fn has(&self, path: &InputPath) -> bool {
        self.list.iter().any(|input| input.path == *path)
    }

    /// Adds an input, unless one of its path is there.
    pub(super) fn add(&mut self, input: Input) {
        if !self.has(&input.path) {
            self.list.push(input);
        }
    }

    pub(super) fn into_list(self) -> Vec<Input> {
        self.list
    }
}

fn input(path: InputPath, schema: &Schema, required: bool) -> Input {
    let kind_of = |schema: &Schema| match schema.kind.as_deref() {
        Some("integer") => InputKind::Integer,
        Some("number") => InputKind::Number,
        Some("boolean") => InputKind::Boolean,
        _ => InputKind::Text,
    };
    let many = schema.kind.as_deref() == Some("array");
    // Of a list, each value has one.
    let pattern = match schema.items.as_deref().filter(|_| many) {
        Some(items) => &items.pattern,
        None => &schema.pattern,
    };
    Input {
        kind: schema
            .items
            .as_deref()
            .filter(|_| many)
            .map_or_else(|| kind_of(schema), kind_of),
        many,
        required,
        default: schema.default.as_ref().and_then(|default| match default {
            Scalars::One(text) if many => Some(InputValue::Many(vec![text.clone()])),
            Scalars::One(text) => Some(InputValue::One(text.clone())),
            Scalars::Many(texts) if many => Some(InputValue::Many(texts.clone())),
            Scalars::Many(_) => None,
        }),
        example: schema.example.as_ref().and_then(|example| match example {
            Scalars::One(text) => Line::some(text),
            Scalars::Many(texts) => Line::some(&texts.join(" ")),
        }),
        choices: schema.choices.iter().flatten().flatten().cloned().collect(),
        pattern: pattern.as_deref().and_then(|text| Pattern::new(text).ok()),
        title: schema.title.clone(),
        description: schema.description.clone(),
        ..Input::text(path)
    }
}
