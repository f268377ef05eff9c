//! Inputs: what a server has to be told before it can run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::text::Line;

/// The most characters of an input's path.
const PATH_MAX: usize = 200;

/// Something that the user supplies: a key, an address, a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What templates call it, and what `--set` and `--secret` take.
    pub path: InputPath,
    /// What its value is, or each of its values.
    pub kind: InputKind,
    /// Whether it takes a list of values.
    pub many: bool,
    /// Whether its value must be shown and stored nowhere.
    pub secret: bool,
    /// Whether the server cannot run without it.
    pub required: bool,
    /// Its value where the user says nothing.
    pub default: Option<InputValue>,
    /// What a value looks like. Never used as one.
    pub example: Option<Line>,
    /// The values it can have; any, if there are none.
    pub choices: Vec<String>,
    /// What a value looks like that counts. (Not written where there is none: options are known again by what is written of them.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// Its name for people.
    pub title: Option<Line>,
    /// What it is for.
    pub description: Option<Line>,
}

/// What the value of an input is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    /// Any text.
    #[default]
    Text,
    /// A number, with a fraction or without.
    Number,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A file or folder of the host.
    Path,
}

/// A value of an input. Numbers and truth values are kept as the text they were written in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum InputValue {
    /// One value.
    One(String),
    /// A list of values.
    Many(Vec<String>),
}

/// The name of an input: words of letters, digits, `_` and `-`, joined by dots, such as `jira.url`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InputPath(String);

/// Why a text names no input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} names no input: letters, digits, `_` and `-`, in parts joined by dots, at most {PATH_MAX} of them"
)]
pub struct InputPathError {
    /// What was given.
    pub text: String,
}

impl Input {
    /// An optional text of which nothing else is known.
    pub fn text(path: InputPath) -> Self {
        Self {
            path,
            kind: InputKind::Text,
            many: false,
            secret: false,
            required: false,
            default: None,
            example: None,
            choices: Vec::new(),
            pattern: None,
            title: None,
            description: None,
        }
    }
}

impl InputPath {
    /// The path as text, its parts joined by dots.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InputPath {
    type Err = InputPathError;

    fn from_str(text: &str) -> Result<Self, InputPathError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let is_path = text
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(legal));
        if !is_path || text.len() > PATH_MAX {
            return Err(InputPathError {
                text: text.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for InputPath {
    type Error = InputPathError;

    fn try_from(text: String) -> Result<Self, InputPathError> {
        text.parse()
    }
}

impl From<InputPath> for String {
    fn from(path: InputPath) -> Self {
        path.0
    }
}

impl fmt::Display for InputPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
