//! Templates worked out: what they stand for once the inputs have values.
//!
//! The meanings are those of Docker's MCP gateway. What refers to a secret is a secret, however little of it is one. Nothing here
//! knows the host: a variable is one that the server's own environment set before, or nothing.

use std::collections::BTreeMap;

use super::inputs::Inputs;
use crate::catalog::{Filter, InputValue, Part, Template};
use crate::secret::Secret;

/// What a template stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evaluated {
    /// One text, or the items of a list.
    pub items: Vec<Secret>,
    /// Whether the items stand for themselves, however many they are.
    pub is_list: bool,
    /// Whether a secret is in it.
    pub secret: bool,
    /// Whether it begins with something that the user gave, and not with a text of the entry.
    pub begins_open: bool,
}

/// The variables of a server's environment that are set so far.
pub type Variables = BTreeMap<String, Evaluated>;

/// Works a template out.
pub fn evaluate(template: &Template, inputs: &Inputs<'_>, variables: &Variables) -> Evaluated {
    let part = |part: &Part| match part {
        Part::Literal(text) => Evaluated::text(text),
        Part::Variable(name) => variables.get(name).cloned().unwrap_or_default(),
        Part::Input { path, filters } => {
            let mut value = inputs.value(path);
            value.begins_open = true;
            for filter in filters {
                value = value.filtered(filter);
            }
            value
        }
    };
    let parts: Vec<Evaluated> = template.parts().iter().map(part).collect();
    match <[Evaluated; 1]>::try_from(parts) {
        // Alone, it keeps its kind.
        Ok([whole]) => whole,
        Err(parts) => Evaluated {
            begins_open: parts
                .iter()
                .find(|part| !part.is_empty())
                .is_some_and(|part| part.begins_open),
            secret: parts.iter().any(|part| part.secret),
            is_list: false,
            items: vec![Secret::concat(
                &parts.iter().map(Evaluated::joined).collect::<Vec<_>>(),
            )],
        },
    }
}

impl Evaluated {
    /// A text of the entry.
    pub fn text(text: &str) -> Self {
        Self {
            items: vec![text.into()],
            ..Self::default()
        }
    }

    /// Whether it comes to nothing.
    pub fn is_empty(&self) -> bool {
        self.items.iter().all(Secret::is_empty)
    }

    /// The items that are something.
    pub fn present(&self) -> impl Iterator<Item = &Secret> {
        self.items.iter().filter(|item| !item.is_empty())
    }

    /// As one text: the items of a list with commas between them.
    pub fn joined(&self) -> Secret {
        let comma = Secret::from(",");
        let mut texts = Vec::new();
        for item in &self.items {
            if !texts.is_empty() {
                texts.push(comma.clone());
            }
            texts.push(item.clone());
        }
        Secret::concat(&texts)
    }

    fn filtered(mut self, filter: &Filter) -> Self {
        match filter {
            Filter::Volume => self.each(|path| {
                Secret::concat(&[path.into(), ":".into(), target(path).as_str().into()])
            }),
            Filter::VolumeTarget => self.each(|path| target(path).into()),
            Filter::MountAs { target, read_only } => self.each(|path| {
                let options = if *read_only { ":ro" } else { "" };
                Secret::concat(&[
                    path.into(),
                    ":".into(),
                    target.as_str().into(),
                    options.into(),
                ])
            }),
            Filter::Into => self.is_list = true,
            Filter::First => self.items.truncate(1),
            Filter::Last => self.items = self.items.pop().into_iter().collect(),
            Filter::Or(alternative) if self.is_empty() => {
                self = Self::value(alternative);
            }
            // The sources warn of a filter that nobody knows when they are read.
            Filter::Or(_) | Filter::Unknown(_) => {}
        }
        if matches!(filter, Filter::First | Filter::Last) {
            self.is_list = false;
        }
        self
    }

    /// Changes every item that is something.
    fn each(&mut self, change: impl Fn(&str) -> Secret) {
        for item in &mut self.items {
            if !item.is_empty() {
                *item = change(item.expose());
            }
        }
    }

    /// A value that the entry itself gives.
    pub fn value(value: &InputValue) -> Self {
        let (items, is_list) = match value {
            InputValue::One(text) => (vec![text.as_str().into()], false),
            InputValue::Many(texts) => {
                let items = texts.iter().map(|text| text.as_str().into()).collect();
                (items, true)
            }
        };
        Self {
            items,
            is_list,
            ..Self::default()
        }
    }
}

/// Where a path of the host is found inside: at the same place, and one of Windows below `/` and its drive's letter.
fn target(path: &str) -> String {
    let mut characters = path.chars();
    match (characters.next(), characters.next(), characters.next()) {
        (Some(drive), Some(':'), Some('\\')) if drive.is_ascii_alphabetic() => {
            format!("/{drive}/{}", characters.as_str().replace('\\', "/"))
        }
        _ => path.to_owned(),
    }
}
