//! A plan: what will run under a name, and how. Everything that unit files are made from, decided and checked.

use std::collections::BTreeMap;

use super::choices::{Choices, Network};
use super::limits::Limits;
use crate::catalog::{
    self, Arg, Artifact, Input, InputValue, LaunchOption, Local, Part, Run, Template, Transport,
};
use crate::image::ImageReference;
use crate::quadlet::name::ServerName;
use crate::quadlet::value::Assignment;
use crate::settings::Settings;

/// What will run, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The name it will be active under.
    pub name: ServerName,
    /// The entry's id in the catalog, or the reference it was given by.
    pub id: String,
    /// Which of the entry's launch options, counted from 1, and its kind.
    pub launch: String,
    /// The image as the entry names it; it is pinned when it is here.
    pub image: ImageReference,
    /// What stands behind the image's entry point; empty for the image's own command.
    pub args: Vec<String>,
    /// The environment, in order.
    pub environment: Vec<Assignment>,
    /// The inputs that the user gave, for the record.
    pub inputs: Vec<Assignment>,
    /// The network it sees.
    pub network: Network,
    /// What one session may use.
    pub limits: Limits,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The entry is documentation only.
    #[error("{id} says nothing of how it can be run")]
    NoLaunch {
        /// The entry.
        id: String,
    },
    /// A launch option was chosen that is not there.
    #[error("{id} has {count} launch options, so there is no number {chosen}")]
    NoSuchLaunch {
        /// The entry.
        id: String,
        /// How many there are.
        count: usize,
        /// What was chosen, counted from 1.
        chosen: usize,
    },
    /// Nothing of what the entry offers is a container image that speaks on its standard input and output.
    #[error(
        "{id} cannot be run: it offers {offers}, and mcpod runs container images that speak MCP on stdin and stdout"
    )]
    NotRunnable {
        /// The entry.
        id: String,
        /// What it offers, in words.
        offers: String,
    },
    /// The launch option needs something of the host that it cannot be given.
    #[error("{id} needs {what}, which mcpod cannot give it")]
    Needs {
        /// The entry.
        id: String,
        /// What it needs, in words.
        what: String,
    },
    /// Inputs that the server cannot do without.
    #[error("{id} needs {}", list(inputs))]
    InputsMissing {
        /// The entry.
        id: String,
        /// Their names.
        inputs: Vec<String>,
    },
    /// An input was given that the entry does not have.
    #[error("{id} has no input {name:?}")]
    UnknownInput {
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
        /// The input.
        name: String,
    },
    /// The value is none that the input takes.
    #[error("{name} takes one of {}", list(choices))]
    NotAChoice {
        /// The input.
        name: String,
        /// What it takes.
        choices: Vec<String>,
    },
}

fn list(words: &[String]) -> String {
    words.join(", ")
}

impl PlanError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoLaunch { id } => Some(format!("mcpod show {id} prints what is known of it")),
            Self::NoSuchLaunch { id, .. } => {
                Some(format!("mcpod show {id} lists its launch options"))
            }
            Self::NotRunnable { .. } => {
                Some("if there is an image of it: mcpod add docker://IMAGE".to_owned())
            }
            Self::InputsMissing { inputs, .. } => {
                let flags: Vec<String> = inputs
                    .iter()
                    .map(|name| format!("--set {name}=VALUE"))
                    .collect();
                Some(format!("give them with {}", flags.join(" ")))
            }
            Self::UnknownInput { known, .. } if known.is_empty() => {
                Some("it takes no inputs".to_owned())
            }
            Self::UnknownInput { known, .. } => Some(format!("it takes {}", list(known))),
            Self::Needs { .. } | Self::SecretInClear { .. } | Self::NotAChoice { .. } => None,
        }
    }
}

impl Plan {
    /// Decides how a server will run under a name. `launch` are the ways to run it, best first.
    pub fn new(
        id: &str,
        launch: &[LaunchOption],
        name: ServerName,
        choices: &Choices,
        settings: &Settings,
    ) -> Result<Self, PlanError> {
        let id = id.to_owned();
        let (number, option, image, local) = choose(&id, launch, choices.launch)?;
        let given = given(&id, option, &choices.inputs)?;
        let values = Values {
            option,
            given: &given,
        };
        values.require(&id)?;
        let mut args = Vec::new();
        for arg in &local.args {
            match arg {
                Arg::Positional(template) => args.extend(values.text(&id, template)?),
                Arg::Named { name, value } => {
                    if let Some(value) = values.text(&id, value)? {
                        args.extend([name.clone(), value]);
                    }
                }
            }
        }
        let mut environment = Vec::new();
        for variable in &local.env {
            if let Some(value) = values.text(&id, &variable.value)? {
                environment.push(Assignment::new(&variable.name, value));
            }
        }
        for assignment in &choices.environment {
            environment.retain(|earlier| earlier.name != assignment.name);
            environment.push(assignment.clone());
        }
        if !local.mounts.is_empty() {
            return Err(PlanError::Needs {
                id,
                what: "a volume".to_owned(),
            });
        }
        if local.user.is_some() {
            return Err(PlanError::Needs {
                id,
                what: "a user of its own".to_owned(),
            });
        }
        let network = match (choices.network, &local.network) {
            (Some(network), _) => network,
            (None, catalog::Network::None | catalog::Network::Unstated) => Network::None,
            (None, catalog::Network::Open) => Network::Open,
            (None, catalog::Network::Allow(hosts)) => {
                let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
                return Err(PlanError::Needs {
                    id,
                    what: format!("a network with {} and nothing else", list(&hosts)),
                });
            }
        };
        Ok(Self {
            name,
            launch: format!("{number} {}", option.kind()),
            id,
            image,
            args,
            environment,
            inputs: choices.inputs.clone(),
            network,
            limits: Limits {
                memory: choices.memory.unwrap_or(settings.sandbox.memory),
                cpus: choices.cpus.or(settings.sandbox.cpus),
                tasks: choices.tasks.unwrap_or(settings.sandbox.tasks),
                sessions: choices.sessions.unwrap_or(settings.sessions.max),
            },
        })
    }
}

/// The launch option to take: the chosen one, or the first that is an image on standard input and output.
fn choose<'a>(
    id: &str,
    launch: &'a [LaunchOption],
    chosen: Option<usize>,
) -> Result<(usize, &'a LaunchOption, ImageReference, &'a Local), PlanError> {
    let id = || id.to_owned();
    if launch.is_empty() {
        return Err(PlanError::NoLaunch { id: id() });
    }
    let options: Vec<(usize, &LaunchOption)> = match chosen {
        None => (1..).zip(launch).collect(),
        Some(number) => {
            let option = number.checked_sub(1).and_then(|at| launch.get(at));
            let option = option.ok_or_else(|| PlanError::NoSuchLaunch {
                id: id(),
                count: launch.len(),
                chosen: number,
            })?;
            vec![(number, option)]
        }
    };
    for (number, option) in &options {
        if let Run::Local(local) = &option.run
            && let Artifact::Image(image) = &local.artifact
            && local.transport == Transport::Stdio
        {
            return Ok((*number, option, image.clone(), local));
        }
    }
    let offers: Vec<String> = options
        .iter()
        .map(|(_, option)| option.kind().to_owned())
        .collect();
    Err(PlanError::NotRunnable {
        id: id(),
        offers: list(&offers),
    })
}

/// The inputs that were given, by path; the last of several wins.
fn given(
    id: &str,
    option: &LaunchOption,
    inputs: &[Assignment],
) -> Result<BTreeMap<String, String>, PlanError> {
    let mut given = BTreeMap::new();
    for Assignment { name, value } in inputs {
        let input = option
            .inputs
            .iter()
            .find(|input| input.path.as_str() == name);
        let input = input.ok_or_else(|| PlanError::UnknownInput {
            id: id.to_owned(),
            name: name.clone(),
            known: option
                .inputs
                .iter()
                .map(|input| input.path.to_string())
                .collect(),
        })?;
        if input.secret {
            return Err(PlanError::SecretInClear { name: name.clone() });
        }
        if !input.choices.is_empty() && !input.choices.contains(value) {
            return Err(PlanError::NotAChoice {
                name: name.clone(),
                choices: input.choices.clone(),
            });
        }
        given.insert(name.clone(), value.clone());
    }
    Ok(given)
}

/// The values of a launch option's inputs.
struct Values<'a> {
    option: &'a LaunchOption,
    given: &'a BTreeMap<String, String>,
}

impl Values<'_> {
    /// Fails if an input without which the server cannot run has no value.
    fn require(&self, id: &str) -> Result<(), PlanError> {
        let missing = || {
            self.option
                .inputs
                .iter()
                .filter(|input| input.required && self.value(input).is_none())
        };
        if let Some(secret) = missing().find(|input| input.secret) {
            return Err(PlanError::Needs {
                id: id.to_owned(),
                what: format!("the secret {}", secret.path),
            });
        }
        let missing: Vec<String> = missing().map(|input| input.path.to_string()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(PlanError::InputsMissing {
            id: id.to_owned(),
            inputs: missing,
        })
    }

    fn value(&self, input: &Input) -> Option<String> {
        self.given
            .get(input.path.as_str())
            .cloned()
            .or_else(|| match &input.default {
                Some(InputValue::One(value)) => Some(value.clone()),
                Some(InputValue::Many(_)) | None => None,
            })
    }

    /// The text that a template stands for; nothing where that is empty.
    fn text(&self, id: &str, template: &Template) -> Result<Option<String>, PlanError> {
        let mut text = String::new();
        for part in template.parts() {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Input { path, filters } if filters.is_empty() => {
                    let input = self.option.inputs.iter().find(|input| input.path == *path);
                    text.extend(input.and_then(|input| self.value(input)));
                }
                Part::Input { .. } | Part::Variable(_) => {
                    return Err(PlanError::Needs {
                        id: id.to_owned(),
                        what: format!("{template} worked out"),
                    });
                }
            }
        }
        Ok((!text.is_empty()).then_some(text))
    }
}
