//! What a server is started with: arguments, environment, mounts, user, each template worked out and checked.

mod arguments;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::choices::Choices;
use super::evaluate::{Evaluated, Variables, evaluate};
use super::inputs::{InputError, Inputs, MissingInput, names_secret};
use super::plan::PlanError;
use crate::catalog::{Local, Mount, Template};
use crate::quadlet::name::ServerName;
use crate::quadlet::value::{Assignment, SecretVariable};
use crate::secret::Secret;
use arguments::arguments;

/// What a server is started with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Invocation {
    /// What stands behind the image's entry point; empty for the image's own command.
    pub args: Vec<String>,
    /// The environment that anybody may see, in order.
    pub environment: Vec<Assignment>,
    /// The environment that nobody may see.
    pub secret_variables: Vec<SecretVariable>,
    /// The secrets that must be stored for it.
    pub secrets: Vec<StoredSecret>,
    /// Files and folders of the host.
    pub binds: Vec<Bind>,
    /// Volumes of its own.
    pub volumes: Vec<NamedVolume>,
    /// The user it runs as; the image's own, if there is none.
    pub user: Option<String>,
}

/// A secret as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// What the user calls it; nothing for one that was made of others.
    pub given_as: Option<String>,
    /// Its name in Podman.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

/// A file or folder of the host that the user named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// Where it lies on the host, as the user named it.
    pub source: String,
    /// Where the server sees it.
    pub target: String,
    /// Whether the server may only read it.
    pub read_only: bool,
}

/// A volume that keeps the server's own data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedVolume {
    /// What the entry calls it.
    pub name: String,
    /// Where the server sees it.
    pub target: String,
    /// Whether the server may only read it.
    pub read_only: bool,
}

impl Invocation {
    /// Works out what a server is started with under a name.
    pub fn new(
        id: &str,
        name: &ServerName,
        local: &Local,
        inputs: &Inputs<'_>,
        choices: &Choices,
    ) -> Result<Self, PlanError> {
        let mut invocation = Self::default();
        let mut variables = Variables::new();
        for variable in &local.env {
            let value = evaluate(&variable.value, inputs, &variables);
            if !value.is_empty() {
                variables.insert(variable.name.clone(), value);
            }
        }
        invocation.secrets = stored(name, inputs);
        invocation.args = arguments(id, &local.args, inputs, &variables)?;
        for variable in &local.env {
            if let Some(value) = variables.get(&variable.name) {
                invocation.set(name, &variable.name, &variable.value, value);
            }
        }
        invocation.add_chosen(id, name, inputs, choices)?;
        for mount in &local.mounts {
            invocation.mount(id, mount, inputs, &variables)?;
        }
        if let Some(user) = &local.user {
            let user = evaluate(user, inputs, &variables);
            if user.secret {
                return Err(PlanError::SecretExposed {
                    id: id.to_owned(),
                    place: "its user",
                });
            }
            invocation.user = (!user.is_empty()).then(|| user.joined().expose().to_owned());
        }
        Ok(invocation)
    }

    /// Sets a variable; of several of a name the last one counts.
    fn set(&mut self, name: &ServerName, variable: &str, template: &Template, value: &Evaluated) {
        self.environment.retain(|earlier| earlier.name != variable);
        self.secret_variables
            .retain(|earlier| earlier.variable != variable);
        if !value.secret {
            let value = value.joined().expose().to_owned();
            self.environment.push(Assignment::new(variable, value));
            return;
        }
        let input = template
            .whole_input()
            .map(|path| name.secret(path.as_str()));
        let known = input.filter(|name| self.secrets.iter().any(|secret| secret.name == *name));
        let secret = known.unwrap_or_else(|| {
            // No path of an input begins with a dot.
            let made = name.secret(&format!(".{variable}"));
            self.secrets.retain(|secret| secret.name != made);
            self.secrets.push(StoredSecret {
                given_as: None,
                name: made.clone(),
                value: value.joined(),
            });
            made
        });
        self.secret_variables.push(SecretVariable {
            secret,
            variable: variable.to_owned(),
        });
    }

    /// Adds the variables that the user chose beyond those of the entry.
    fn add_chosen(
        &mut self,
        id: &str,
        name: &ServerName,
        inputs: &Inputs<'_>,
        choices: &Choices,
    ) -> Result<(), PlanError> {
        for Assignment {
            name: variable,
            value,
        } in &choices.environment
        {
            let is_secret = self
                .secret_variables
                .iter()
                .any(|secret| secret.variable == *variable);
            if is_secret || (names_secret(variable) && !value.is_empty()) {
                return Err(InputError::SecretInClear {
                    name: variable.clone(),
                }
                .into());
            }
            self.environment.retain(|earlier| earlier.name != *variable);
            self.environment.push(Assignment::new(variable, value));
        }
        let mut missing = Vec::new();
        for (variable, value) in &choices.secrets {
            if inputs.secrets().any(|path| path == variable) {
                continue;
            }
            let Some(value) = value else {
                missing.push(MissingInput::of_secret(variable));
                continue;
            };
            let secret = name.secret(variable);
            self.environment.retain(|earlier| earlier.name != *variable);
            self.secret_variables
                .retain(|earlier| earlier.variable != *variable);
            self.secrets.push(StoredSecret {
                given_as: Some(variable.clone()),
                name: secret.clone(),
                value: value.clone(),
            });
            self.secret_variables.push(SecretVariable {
                secret,
                variable: variable.clone(),
            });
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(InputError::Missing {
            id: id.to_owned(),
            inputs: missing,
        }
        .into())
    }

    fn mount(
        &mut self,
        id: &str,
        mount: &Mount,
        inputs: &Inputs<'_>,
        variables: &Variables,
    ) -> Result<(), PlanError> {
        match mount {
            Mount::Volume {
                name,
                target,
                read_only,
            } => {
                let target = evaluate(target, inputs, variables);
                if !target.is_empty() {
                    self.volumes.push(NamedVolume {
                        name: name.clone(),
                        target: path(id, &target.joined(), target.secret)?,
                        read_only: *read_only,
                    });
                }
            }
            Mount::Bind {
                source,
                target,
                read_only,
            } => {
                let (source, target) = (
                    evaluate(source, inputs, variables),
                    evaluate(target, inputs, variables),
                );
                if !source.is_empty() && !target.is_empty() {
                    self.bind(id, inputs, &source, &source.joined(), &target, *read_only)?;
                }
            }
            Mount::Each(template) => {
                let mounts = evaluate(template, inputs, variables);
                for mount in mounts.present() {
                    let text = mount.expose();
                    let (text, read_only) = match text.strip_suffix(":ro") {
                        Some(text) => (text, true),
                        None => (text, false),
                    };
                    let (source, target) =
                        text.split_once(':').ok_or_else(|| PlanError::NoMount {
                            id: id.to_owned(),
                            template: template.to_string(),
                        })?;
                    self.bind(
                        id,
                        inputs,
                        &mounts,
                        &source.into(),
                        &Evaluated::text(target),
                        read_only,
                    )?;
                }
            }
        }
        Ok(())
    }

    fn bind(
        &mut self,
        id: &str,
        inputs: &Inputs<'_>,
        origin: &Evaluated,
        source: &Secret,
        target: &Evaluated,
        read_only: bool,
    ) -> Result<(), PlanError> {
        let source = path(id, source, origin.secret)?;
        // Of the folder that the user named an entry may take a part, but neither what is hidden in it nor what is above it.
        let is_open = |rest: &str| !rest.split('/').any(|part| part.starts_with('.'));
        if !origin.begins_open || !inputs.below_given(&source).is_some_and(is_open) {
            return Err(PlanError::Needs {
                id: id.to_owned(),
                what: format!("{source} of this host, which nobody but its catalog names"),
            });
        }
        let bind = Bind {
            source,
            target: path(id, &target.joined(), target.secret)?,
            read_only,
        };
        if !self.binds.contains(&bind) {
            self.binds.push(bind);
        }
        Ok(())
    }
}

/// The secret inputs, stored as they were given: what is made of one is made anew when it changes.
pub fn stored(name: &ServerName, inputs: &Inputs<'_>) -> Vec<StoredSecret> {
    let stored = inputs.secrets().filter_map(|path| {
        let value = inputs.value(&path.parse().ok()?);
        (!value.is_empty()).then(|| StoredSecret {
            given_as: Some(path.to_owned()),
            name: name.secret(path),
            value: value.joined(),
        })
    });
    stored.collect()
}

/// A path of a mount: absolute, and nothing that Podman would split.
fn path(id: &str, path: &Secret, secret: bool) -> Result<String, PlanError> {
    if secret {
        return Err(PlanError::SecretExposed {
            id: id.to_owned(),
            place: "a mount",
        });
    }
    let path = path.expose();
    if !path.starts_with('/') || path.contains(':') {
        return Err(PlanError::NoPath {
            path: path.to_owned(),
        });
    }
    Ok(path.to_owned())
}

/// The secrets of a launch option that have values, for [`Inputs::new`].
pub fn with_values(secrets: &BTreeMap<String, Option<Secret>>) -> BTreeMap<String, Secret> {
    secrets
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
        .collect()
}
