//! A tool's arguments as they are typed: one JSON object, or `key=value` words typed by the tool's own schema.

use serde_json::{Map, Value};

/// Why what was typed is not the arguments of a tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// A word is no assignment.
    #[error("{word:?} is neither key=value nor a JSON object")]
    NoAssignment {
        /// The word.
        word: String,
    },
    /// The same argument was typed again.
    #[error("the argument {key:?} is given twice")]
    Twice {
        /// The argument.
        key: String,
    },
    /// A value is of another kind than the tool's schema wants.
    #[error("{key}={text} is not of the kind the tool takes: {}", kinds.join(" or "))]
    OtherKind {
        /// The argument.
        key: String,
        /// What was typed.
        text: String,
        /// The types that the schema has.
        kinds: Vec<String>,
    },
    /// What was to be a JSON object is none.
    #[error("the arguments are no JSON object: {reason}")]
    NoObject {
        /// Why.
        reason: String,
    },
}

impl ArgumentError {
    /// What the user can do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoAssignment { .. } => {
                Some("quote a JSON object as one word: '{\"key\": \"value\"}'")
            }
            Self::Twice { .. } => Some("write a list as JSON: key='[1, 2]'"),
            Self::OtherKind { .. } | Self::NoObject { .. } => None,
        }
    }
}

/// Makes the arguments object of a `tools/call`.
///
/// `schema` is the tool's `inputSchema` where it is known. A value for a property that is not a string there is read as
/// JSON; where the schema is unknown, numbers, booleans, null, objects and arrays are recognised by their look.
pub fn parse(
    words: &[String],
    schema: Option<&Value>,
) -> Result<Map<String, Value>, ArgumentError> {
    if let [word] = words
        && word.trim_start().starts_with('{')
    {
        return object(word);
    }
    let mut arguments = Map::new();
    for word in words {
        let Some((key, text)) = word.split_once('=') else {
            return Err(ArgumentError::NoAssignment { word: word.clone() });
        };
        if arguments
            .insert(key.to_owned(), value(key, text, schema)?)
            .is_some()
        {
            return Err(ArgumentError::Twice {
                key: key.to_owned(),
            });
        }
    }
    Ok(arguments)
}

/// Reads a JSON object.
pub fn object(text: &str) -> Result<Map<String, Value>, ArgumentError> {
    serde_json::from_str(text).map_err(|error| ArgumentError::NoObject {
        reason: error.to_string(),
    })
}

/// Makes the value of one argument.
pub fn value(key: &str, text: &str, schema: Option<&Value>) -> Result<Value, ArgumentError> {
    let kinds = schema.and_then(|schema| kinds(schema, key));
    let Some(kinds) = kinds else {
        // Nothing is known of it: text, unless it can only be meant as something else.
        return Ok(match serde_json::from_str(text) {
            Ok(
                value @ (Value::Number(_)
                | Value::Bool(_)
                | Value::Null
                | Value::Object(_)
                | Value::Array(_)),
            ) => value,
            _ => Value::String(text.to_owned()),
        });
    };
    let fits = |value: &Value| kinds.iter().any(|kind| is_kind(value, kind));
    match serde_json::from_str(text) {
        Ok(value) if fits(&value) && !value.is_string() => Ok(value),
        _ if kinds.iter().any(|kind| kind == "string") => Ok(Value::String(text.to_owned())),
        _ => Err(ArgumentError::OtherKind {
            key: key.to_owned(),
            text: text.to_owned(),
            kinds,
        }),
    }
}

/// The JSON types that a schema allows for a property; `None` where it does not say.
pub fn kinds(schema: &Value, key: &str) -> Option<Vec<String>> {
    let property = schema.get("properties")?.get(key)?;
    let mut kinds = Vec::new();
    let alternatives = ["anyOf", "oneOf"]
        .iter()
        .filter_map(|word| property.get(word)?.as_array())
        .flatten()
        .chain([property]);
    for alternative in alternatives {
        match alternative.get("type") {
            Some(Value::String(kind)) => kinds.push(kind.clone()),
            Some(Value::Array(several)) => kinds.extend(
                several
                    .iter()
                    .filter_map(|kind| kind.as_str().map(str::to_owned)),
            ),
            _ => {}
        }
    }
    (!kinds.is_empty()).then_some(kinds)
}

fn is_kind(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        // JSON Schema counts 1.0 as an integer.
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(words: &[&str], schema: &Value) -> Result<Value, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse(&words, Some(schema))
            .map(Value::Object)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_schema_decides_the_type() {
        let schema = json!({"properties": {
            "text": {"type": "string"}, "n": {"type": "integer"}, "x": {"type": "number"}, "on": {"type": "boolean"},
            "list": {"type": "array"}, "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "both": {"type": ["string", "integer"]},
        }});
        for (words, expected) in [
            (vec!["text=1"], json!({"text": "1"})),
            (
                vec!["text=true", "n=2", "x=0.5", "on=false"],
                json!({"text": "true", "n": 2, "x": 0.5, "on": false}),
            ),
            (vec!["list=[1,2]"], json!({"list": [1, 2]})),
            (vec!["maybe=null"], json!({"maybe": null})),
            (vec!["maybe=x"], json!({"maybe": "x"})),
            (vec!["both=7"], json!({"both": 7})),
            (vec!["text=a=b"], json!({"text": "a=b"})),
            (vec!["text="], json!({"text": ""})),
            (
                vec!["unknown=7", "other=x"],
                json!({"unknown": 7, "other": "x"}),
            ),
            (
                vec!["{\"n\": 12345678901234567890}"],
                json!({"n": 12_345_678_901_234_567_890_u64}),
            ),
            (vec![], json!({})),
        ] {
            assert_eq!(parsed(&words, &schema).as_ref(), Ok(&expected), "{words:?}");
        }
        for bad in [
            vec!["n=x"],
            vec!["n=1.5"],
            vec!["on=yes"],
            vec!["word"],
            vec!["n=1", "n=2"],
            vec!["{1}"],
            vec!["list=1"],
        ] {
            assert!(parsed(&bad, &schema).is_err(), "{bad:?}");
        }
    }
}
