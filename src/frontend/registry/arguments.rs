//! The arguments of registry tools, in the shapes in which models give them.
//!
//! What a model means is taken where it can be nothing else: null for what it leaves out, "10" for 10, one value for a list of one,
//! and JSON in a text. What is wrong is told by its name, since the model has to mend it.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::Failure;
use super::tool::schema;

/// Reads a tool's arguments.
pub(super) fn read<T: DeserializeOwned + JsonSchema>(
    mut arguments: JsonObject,
) -> Result<T, Failure> {
    let schema = schema::<T>();
    let properties = schema.get("properties").and_then(Value::as_object);
    arguments.retain(|_, value| !value.is_null());
    for (name, value) in &mut arguments {
        let property = properties.and_then(|properties| properties.get(name));
        if let Some(fitting) = property.and_then(|property| fitting(value, kind(property)?)) {
            *value = fitting;
        }
    }
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        let path = error.path().to_string();
        let place = match path.as_str() {
            "." => String::new(),
            path => format!("{path}: "),
        };
        Failure::new(format!(
            "the arguments do not fit: {place}{}",
            error.inner()
        ))
        .next("look at the tool's input schema and call it again")
    })
}

/// The type that a property has, beside null.
fn kind(property: &Value) -> Option<&str> {
    match property.get("type")? {
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null"),
        kind => kind.as_str(),
    }
}

/// A value of this type that says the same; nothing where there is none, or where it is of the type.
fn fitting(value: &Value, kind: &str) -> Option<Value> {
    let parsed = |text: &str| serde_json::from_str::<Value>(text.trim()).ok();
    match (kind, value) {
        ("integer" | "number", Value::String(text)) => parsed(text).filter(Value::is_number),
        ("boolean", Value::String(text)) => parsed(text).filter(Value::is_boolean),
        ("object", Value::String(text)) => parsed(text).filter(Value::is_object),
        ("string", Value::Number(number)) => Some(Value::String(number.to_string())),
        ("array", Value::String(text)) => {
            let list = parsed(text).filter(Value::is_array);
            Some(list.unwrap_or_else(|| Value::Array(vec![value.clone()])))
        }
        ("array", Value::Number(_) | Value::Bool(_)) => Some(Value::Array(vec![value.clone()])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    struct Arguments {
        text: Option<String>,
        count: usize,
        only: bool,
        list: Vec<String>,
        more: JsonObject,
    }

    impl Default for Arguments {
        fn default() -> Self {
            Self {
                text: None,
                count: 7,
                only: false,
                list: Vec::new(),
                more: JsonObject::new(),
            }
        }
    }

    fn given(value: &Value) -> Result<Arguments, Failure> {
        read(value.as_object().unwrap().clone())
    }

    #[test]
    fn what_models_send_is_taken_as_they_mean_it() {
        let all = |count, only, list: &[&str]| Arguments {
            count,
            only,
            list: list.iter().map(|text| (*text).to_owned()).collect(),
            ..Arguments::default()
        };
        for (value, expected) in [
            (json!({}), all(7, false, &[])),
            (
                json!({"text": null, "count": null, "only": null, "list": null, "more": null}),
                all(7, false, &[]),
            ),
            (json!({"count": "3", "only": "true"}), all(3, true, &[])),
            (json!({"list": "docker"}), all(7, false, &["docker"])),
            (
                json!({"list": "[\"a\", \"b\"]"}),
                all(7, false, &["a", "b"]),
            ),
        ] {
            assert_eq!(given(&value).unwrap(), expected);
        }
        let more = given(&json!({"text": 5, "more": "{\"a\": 1}"})).unwrap();
        assert_eq!(more.text.as_deref(), Some("5"));
        assert_eq!(more.more["a"], 1);
    }

    #[test]
    fn what_does_not_fit_is_told_by_its_name() {
        for (value, name) in [
            (json!({"count": "many"}), "count: "),
            (json!({"only": "maybe"}), "only: "),
            (json!({"list": [1]}), "list[0]: "),
            (json!({"more": "text"}), "more: "),
            (json!({"other": 1}), "unknown field `other`"),
        ] {
            let failure = format!("{:?}", given(&value).unwrap_err());
            assert!(failure.contains(name), "{failure}");
        }
    }
}
