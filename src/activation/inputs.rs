//! The values of a server's inputs: what the user gave, checked, and what the entry says where the user gave nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::evaluate::Evaluated;
use crate::catalog::{Input, InputKind, InputPath, LaunchOption, Pattern};
use crate::quadlet::value::Assignment;
use crate::secret::Secret;
use crate::text::is_hidden;

/// Words with which the name of a variable ends that holds a secret.
const SECRET_WORDS: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE"];

/// The inputs of a launch option with their values.
#[derive(Debug)]
pub struct Inputs<'a> {
    option: &'a LaunchOption,
    given: BTreeMap<&'a str, Vec<Secret>>,
    /// Inputs whose values came as secrets, or are declared to be some.
    secret: BTreeSet<&'a str>,
    /// Inputs that say what of the host is mounted: only the user may say that.
    mounted: BTreeSet<&'a str>,
}

/// Why the inputs that were given cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Inputs that the server cannot do without.
    #[error("{id} needs {}", list(inputs))]
    Missing {
        /// The entry.
        id: String,
        /// What is missing.
        inputs: Vec<MissingInput>,
    },
    /// An input was given that the entry does not have.
    #[error("{id} has no input {name:?}")]
    Unknown {
        /// The entry.
        id: String,
        /// What was given.
        name: String,
        /// The inputs it has.
        known: Vec<String>,
    },
    /// A secret was given in clear.
    #[error("{name} is a secret and must not be given on the command line")]
    SecretInClear {
        /// The input, or the variable.
        name: String,
    },
    /// The value is none that the input takes.
    #[error("{name} takes one of {}", choices.join(", "))]
    NotAChoice {
        /// The input.
        name: String,
        /// What it takes.
        choices: Vec<String>,
    },
    /// The value does not look like one that the input takes.
    #[error("{name} takes what matches {pattern}")]
    Mismatch {
        /// The input.
        name: String,
        /// What it takes.
        pattern: Pattern,
    },
    /// The value is not of the input's kind.
    #[error("{name} is to be {}", kind_in_words(*kind))]
    WrongKind {
        /// The input.
        name: String,
        /// What it takes.
        kind: InputKind,
    },
    /// The value has characters that nobody sees, as the end of a line.
    #[error("the value of {name} has characters that cannot be seen")]
    Hidden {
        /// The input.
        name: String,
    },
}

/// An input without which a server cannot run, and which has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingInput {
    /// What it is called.
    pub path: String,
    /// What its value is to be.
    pub kind: InputKind,
    /// Whether it takes several.
    pub many: bool,
    /// Whether it is a secret.
    pub secret: bool,
    /// What it is for.
    pub description: Option<String>,
    /// What a value looks like.
    pub example: Option<String>,
    /// The values it can have; any, if there are none.
    pub choices: Vec<String>,
    /// What a value looks like that counts.
    pub pattern: Option<Pattern>,
}

impl MissingInput {
    /// A secret that the user named and gave no value.
    pub(super) fn of_secret(name: &str) -> Self {
        Self {
            path: name.to_owned(),
            kind: InputKind::Text,
            many: false,
            secret: true,
            description: None,
            example: None,
            choices: Vec::new(),
            pattern: None,
        }
    }
}

impl fmt::Display for MissingInput {
    /// `token (a secret)`, `paths (one or more absolute paths)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match (self.secret, self.many) {
            (true, _) => "a secret".to_owned(),
            (false, false) => kind_in_words(self.kind).to_owned(),
            (false, true) => format!("one or more, each {}", kind_in_words(self.kind)),
        };
        write!(f, "{} ({kind})", self.path)
    }
}

fn kind_in_words(kind: InputKind) -> &'static str {
    match kind {
        InputKind::Text => "a text",
        InputKind::Number => "a number",
        InputKind::Integer => "a whole number",
        InputKind::Boolean => "true or false",
        InputKind::Path => "an absolute path without a colon",
    }
}

fn list(inputs: &[MissingInput]) -> String {
    let inputs: Vec<String> = inputs.iter().map(ToString::to_string).collect();
    inputs.join(", ")
}

impl InputError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { inputs, .. } => {
                let flag = |input: &MissingInput| {
                    let name = &input.path;
                    if input.secret {
                        format!("--secret {name}=@FILE")
                    } else {
                        format!("--set {name}=VALUE")
                    }
                };
                let flags: Vec<String> = inputs.iter().map(flag).collect();
                Some(format!("give them with {}", flags.join(" ")))
            }
            Self::Unknown { known, .. } if known.is_empty() => {
                Some("it takes no inputs".to_owned())
            }
            Self::Unknown { known, .. } => Some(format!("it takes {}", known.join(", "))),
            Self::SecretInClear { name } => Some(format!(
                "--secret {name} asks for it, --secret {name}=@FILE and --secret {name}=- read it"
            )),
            Self::NotAChoice { .. }
            | Self::Mismatch { .. }
            | Self::WrongKind { .. }
            | Self::Hidden { .. } => None,
        }
    }
}

impl<'a> Inputs<'a> {
    /// Takes the values that the user gave in clear and as secrets, if they are all of their kind.
    ///
    /// A name that comes several times makes a list of an input that takes one, and of another its last value counts. An empty
    /// value is as good as none.
    pub fn new(
        id: &str,
        option: &'a LaunchOption,
        clear: &[Assignment],
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Self, InputError> {
        let mut inputs = Self {
            option,
            given: BTreeMap::new(),
            secret: option
                .inputs
                .iter()
                .filter(|input| input.secret)
                .map(|input| input.path.as_str())
                .collect(),
            mounted: option.mounted(),
        };
        for Assignment { name, value } in clear {
            let input = inputs.find(name).ok_or_else(|| InputError::Unknown {
                id: id.to_owned(),
                name: name.clone(),
                known: option.inputs.iter().map(|i| i.path.to_string()).collect(),
            })?;
            if input.secret {
                return Err(InputError::SecretInClear { name: name.clone() });
            }
            check(input, value)?;
            let values = inputs.given.entry(input.path.as_str()).or_default();
            if !input.many {
                values.clear();
            }
            values.push(value.as_str().into());
        }
        for (name, value) in secrets {
            if let Some(input) = inputs.find(name) {
                check_pattern(input, value.expose())?;
                inputs.secret.insert(input.path.as_str());
                inputs
                    .given
                    .insert(input.path.as_str(), vec![value.clone()]);
            }
        }
        Ok(inputs)
    }

    fn find(&self, name: &str) -> Option<&'a Input> {
        self.option
            .inputs
            .iter()
            .find(|input| input.path.as_str() == name)
    }

    /// Fails if inputs without which the server cannot run have no value, and names them all.
    pub fn require(&self, id: &str) -> Result<(), InputError> {
        let lacks = |input: &&Input| {
            let wanted = input.required
                || (input.default.is_some() && self.mounted.contains(input.path.as_str()));
            wanted && self.value(&input.path).is_empty()
        };
        let missing: Vec<MissingInput> = self
            .option
            .inputs
            .iter()
            .filter(lacks)
            .map(|input| MissingInput {
                path: input.path.to_string(),
                kind: input.kind,
                many: input.many,
                secret: input.secret,
                description: input.description.as_ref().map(ToString::to_string),
                example: input.example.as_ref().map(ToString::to_string),
                choices: input.choices.clone(),
                pattern: input.pattern.clone(),
            })
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(InputError::Missing {
            id: id.to_owned(),
            inputs: missing,
        })
    }

    /// The value of an input; nothing where the user gave none and the entry has none that may be taken.
    pub fn value(&self, path: &InputPath) -> Evaluated {
        let secret = self.secret.contains(path.as_str());
        let Some(input) = self.find(path.as_str()) else {
            return Evaluated::default();
        };
        let given = self.given.get(path.as_str());
        let given = given.filter(|values| values.iter().any(|value| !value.is_empty()));
        let value = match (given, &input.default) {
            (Some(values), _) => Evaluated {
                items: values.clone(),
                is_list: input.many,
                ..Evaluated::default()
            },
            // Defaults of paths are their authors' own folders: none is mounted that the user did not name.
            (None, Some(default)) if !self.mounted.contains(path.as_str()) => {
                Evaluated::value(default)
            }
            (None, _) => Evaluated {
                is_list: input.many,
                ..Evaluated::default()
            },
        };
        Evaluated { secret, ..value }
    }

    /// What of a path is not the user's: where it leads to from the folder that the user named, the nearest of several; nothing
    /// where it lies in none.
    pub fn below_given<'p>(&self, path: &'p str) -> Option<&'p str> {
        let below = |folder: &Secret| match folder.expose().trim_end_matches('/') {
            // The root is named by who names it, and by it nothing else.
            "" => (folder.expose() == path).then_some(""),
            folder => path
                .strip_prefix(folder)
                .filter(|rest| rest.is_empty() || rest.starts_with('/')),
        };
        let given = self.given.values().flatten();
        given.filter_map(below).min_by_key(|rest| rest.len())
    }

    /// The names of the inputs that are secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.secret.iter().copied()
    }
}

/// Whether a value names the host itself in a way that inside a container means the container: an address with such a host in it, or
/// nothing else.
pub fn names_localhost(value: &str) -> bool {
    value
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
        .any(|word| {
            matches!(
                word.to_ascii_lowercase().as_str(),
                "localhost" | "127.0.0.1" | "host.docker.internal"
            )
        })
}

/// Whether the name of a variable says that a secret is in it.
pub fn names_secret(variable: &str) -> bool {
    let variable = variable.to_ascii_uppercase();
    SECRET_WORDS.iter().any(|word| {
        variable
            .strip_suffix(word)
            .is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

/// Refuses a value that is not what the input takes.
fn check(input: &Input, value: &str) -> Result<(), InputError> {
    let name = || input.path.to_string();
    if value.is_empty() {
        return Ok(());
    }
    if value.contains(is_hidden) {
        return Err(InputError::Hidden { name: name() });
    }
    if !input.choices.is_empty() && !input.choices.iter().any(|choice| choice == value) {
        return Err(InputError::NotAChoice {
            name: name(),
            choices: input.choices.clone(),
        });
    }
    let fits = match input.kind {
        InputKind::Text => true,
        InputKind::Number => value.parse().is_ok_and(f64::is_finite),
        InputKind::Integer => value.parse::<i128>().is_ok(),
        InputKind::Boolean => matches!(value, "true" | "false"),
        // A colon would end the path in what Podman takes for a mount.
        InputKind::Path => value.starts_with('/') && !value.contains(':'),
    };
    if fits {
        check_pattern(input, value)
    } else {
        Err(InputError::WrongKind {
            name: name(),
            kind: input.kind,
        })
    }
}

/// Refuses a value that does not match. Patterns are for texts (JSON Schema Validation, 6.3.3).
fn check_pattern(input: &Input, value: &str) -> Result<(), InputError> {
    let is_text = matches!(input.kind, InputKind::Text | InputKind::Path);
    match &input.pattern {
        Some(pattern) if is_text && !value.is_empty() && !pattern.fits(value) => {
            Err(InputError::Mismatch {
                name: input.path.to_string(),
                pattern: pattern.clone(),
            })
        }
        _ => Ok(()),
    }
}
