//! Values that the model gives to inputs and variables, in the shapes in which models give them.

use std::collections::BTreeMap;

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::answer::Failure;
use crate::orchestrator::Error;
use crate::quadlet::keys::container::ENVIRONMENT;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::Assignment;

/// A value, or several of an input that takes several.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a text, a number, true or false, or an array of these"
)]
pub(super) enum Given {
    /// One.
    One(Scalar),
    /// Several.
    Many(Vec<Scalar>),
}

/// A single value.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
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

/// Reads values by name, null for none. An input whose name has a dot may stand in an object: `{"jira": {"url": ...}}` as `jira.url`.
pub(super) fn by_name<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, Option<Given>>, D::Error> {
    let mut all = BTreeMap::new();
    let mut open = vec![(String::new(), JsonObject::deserialize(from)?)];
    while let Some((before, members)) = open.pop() {
        for (name, value) in members {
            let name = format!("{before}{name}");
            let given = match value {
                Value::Object(members) => {
                    open.push((format!("{name}."), members));
                    continue;
                }
                Value::Null => None,
                value => Some(
                    Given::deserialize(value)
                        .map_err(|error| D::Error::custom(format!("{name} is to be {error}")))?,
                ),
            };
            all.insert(name, given);
        }
    }
    Ok(all)
}

/// Reads values by name, without those that are null.
pub(super) fn present<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, Given>, D::Error> {
    let all = by_name(from)?.into_iter();
    Ok(all
        .filter_map(|(name, given)| Some((name, given?)))
        .collect())
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_by_name_and_what_is_none_is_told_by_it() {
        let text = |text: &str| Some(Given::One(Scalar::Text(text.to_owned())));
        let given = json!({"jira": {"url": "u", "deep": {"er": "d"}}, "a.b": "c", "none": null});
        let expected = [
            ("a.b", text("c")),
            ("jira.deep.er", text("d")),
            ("jira.url", text("u")),
            ("none", None),
        ];
        let expected = expected.map(|(name, given)| (name.to_owned(), given));
        assert_eq!(by_name(&given).unwrap(), BTreeMap::from(expected.clone()));
        assert_eq!(present(&given).unwrap().len(), 3);
        let error = by_name(json!({"x": {"y": [[1]]}})).unwrap_err().to_string();
        assert_eq!(
            error,
            "x.y is to be a text, a number, true or false, or an array of these"
        );
        assert!(by_name(json!([1])).is_err());
    }
}
