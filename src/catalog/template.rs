//! Templates: text that refers to inputs, in the four syntaxes that the sources use, as one tree.
//!
//! Parsing is total: what is no reference is literal text, and the text as it was written is kept. Nothing is evaluated
//! here.

mod filter;
mod parse;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::input::InputPath;
pub use filter::Filter;

/// A value with references to inputs, or without any.
///
/// ```text
/// {{paths|volume-target|into}}   Bearer ${API_KEY}   --port={port}
/// ```
///
/// Serialised, a template without references is its text, any other `{"text": …, "syntax": …}`: enough to read it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Template {
    text: String,
    /// The syntax of the references; none where there are none.
    syntax: Option<Syntax>,
    parts: Vec<Part>,
}

/// How a template is serialised.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Literal(String),
    References { text: String, syntax: Syntax },
}

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it is; never empty, never beside another literal.
    Literal(String),
    /// The value of an input, through filters from left to right.
    Input {
        /// Which input.
        path: InputPath,
        /// What is done with its value.
        filters: Vec<Filter>,
    },
    /// The value of an environment variable that the same launch option sets. Never one of the host.
    Variable(String),
}

/// Which references a text may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Syntax {
    /// `{{a.b|filter}}`: Docker's registry, and our own.
    DoubleBraces,
    /// `{{a.b|filter}}`, `$NAME` and `${NAME}`: a command line of Docker's registry.
    DoubleBracesAndDollars,
    /// `$NAME` and `${NAME}`: headers, and environment values without braces, of Docker's registry.
    Dollars,
    /// `{name}`: the official registry.
    SingleBraces,
}

impl Template {
    /// The template that a text stands for.
    pub fn parse(text: &str, syntax: Syntax) -> Self {
        let parts = parse::parts(text, syntax);
        let is_literal = matches!(parts.as_slice(), [] | [Part::Literal(_)]);
        Self {
            text: text.to_owned(),
            syntax: (!is_literal).then_some(syntax),
            parts,
        }
    }

    /// The template that is nothing but this text, whatever it looks like.
    pub fn of_text(text: &str) -> Self {
        let literal = (!text.is_empty()).then(|| Part::Literal(text.to_owned()));
        Self {
            text: text.to_owned(),
            syntax: None,
            parts: literal.into_iter().collect(),
        }
    }

    /// The template that is nothing but the value of an input: what a variable without a value of its own asks for.
    pub fn input(path: InputPath) -> Self {
        Self {
            text: format!("{{{{{path}}}}}"),
            syntax: Some(Syntax::DoubleBraces),
            parts: vec![Part::Input {
                path,
                filters: Vec::new(),
            }],
        }
    }

    /// The text as its author wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The pieces, in order; none for an empty text.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text, if it refers to nothing.
    pub fn literal(&self) -> Option<&str> {
        let is_literal = |part: &Part| matches!(part, Part::Literal(_));
        self.parts.iter().all(is_literal).then_some(&*self.text)
    }

    /// The input whose value, as it is, the template stands for: so a variable says that the user supplies it.
    pub fn whole_input(&self) -> Option<&InputPath> {
        match self.parts.as_slice() {
            [Part::Input { path, filters }] if filters.is_empty() => Some(path),
            _ => None,
        }
    }

    /// The inputs that the template refers to, as often as it does.
    pub fn inputs(&self) -> impl Iterator<Item = &InputPath> {
        self.parts.iter().filter_map(|part| match part {
            Part::Input { path, .. } => Some(path),
            Part::Literal(_) | Part::Variable(_) => None,
        })
    }

    /// The environment variables that the template refers to, as often as it does.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Literal(_) | Part::Input { .. } => None,
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Template> for Written {
    fn from(template: Template) -> Self {
        let Template {
            text,
            syntax,
            parts: _,
        } = template;
        match syntax {
            None => Self::Literal(text),
            Some(syntax) => Self::References { text, syntax },
        }
    }
}

impl From<Written> for Template {
    fn from(written: Written) -> Self {
        match written {
            Written::Literal(text) => Self::of_text(&text),
            Written::References { text, syntax } => Self::parse(&text, syntax),
        }
    }
}
