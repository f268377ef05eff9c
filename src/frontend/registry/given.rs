//! Values that the model gives to inputs and variables, in the shapes in which models give them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::Failure;
use crate::orchestrator::Error;
use crate::quadlet::keys::container::ENVIRONMENT;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::Assignment;

/// A value, or several of an input that takes several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Given {
    /// One.
    One(Scalar),
    /// Several.
    Many(Vec<Scalar>),
}

/// A single value.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Scalar {
    Text(String),
    Boolean(bool),
    Number(serde_json::Number),
}

impl Scalar {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
        }
    }
}

impl Given {
    /// The value under a name, once for each of several.
    pub(super) fn assigned(&self, name: &str) -> Vec<Assignment> {
        let values = match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        };
        let values = values.iter();
        values
            .map(|value| Assignment::new(name, value.text()))
            .collect()
    }
}

/// All values under their names.
pub(super) fn assigned(values: &BTreeMap<String, Given>) -> Vec<Assignment> {
    values
        .iter()
        .flat_map(|(name, given)| given.assigned(name))
        .collect()
}

/// Refuses variables that no unit can hold. Their names are shown to the user, who is not to read in one what it is not.
pub(super) fn check_variables(variables: &[Assignment]) -> Result<(), Failure> {
    let mut unit = UnitFile::new();
    for variable in variables {
        unit.push(ENVIRONMENT, variable)
            .map_err(|error| Failure::from(Error::Value(error)))?;
    }
    Ok(())
}
