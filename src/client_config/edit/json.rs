//! JSON, as agents write and read it: with comments and trailing commas.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::{Map, Value};

/// What JSON files of agents may hold beside JSON: comments and trailing commas.
fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

pub(super) fn read(text: &str) -> Result<Value, String> {
    let root = CstRootNode::parse(text, &options()).map_err(|error| error.to_string())?;
    match root.value() {
        None => Ok(Value::Null),
        Some(value) => value
            .to_serde_value()
            .ok_or_else(|| "it is no JSON".to_owned()),
    }
}

pub(super) fn set(
    text: &str,
    servers: &str,
    name: &str,
    entry: &Map<String, Value>,
) -> Option<String> {
    let root = CstRootNode::parse(text, &options()).ok()?;
    let servers = root.object_value_or_create()?.object_value_or_set(servers);
    match servers.get(name).and_then(|entry| entry.object_value()) {
        Some(present) => update(&present, entry),
        None => match servers.get(name) {
            Some(property) => property.set_value(object(entry)),
            None => {
                servers.append(name, object(entry));
            }
        },
    }
    Some(ended(root.to_string()))
}

/// Makes an object say this, changing only what differs.
fn update(present: &CstObject, entry: &Map<String, Value>) {
    for property in present.properties() {
        let is_gone = property
            .decoded_name()
            .is_some_and(|name| !entry.contains_key(&name));
        if is_gone {
            property.remove();
        }
    }
    for (key, value) in entry {
        match present.get(key) {
            Some(property)
                if property
                    .value()
                    .and_then(|value| value.to_serde_value())
                    .as_ref()
                    == Some(value) => {}
            Some(property) => property.set_value(input(value)),
            None => {
                present.append(key, input(value));
            }
        }
    }
}

pub(super) fn remove(text: &str, servers: &str, name: &str) -> Option<String> {
    let root = CstRootNode::parse(text, &options()).ok()?;
    root.object_value()?
        .object_value(servers)?
        .get(name)?
        .remove();
    Some(root.to_string())
}

fn object(entry: &Map<String, Value>) -> CstInputValue {
    let properties = entry.iter();
    CstInputValue::Object(
        properties
            .map(|(key, value)| (key.clone(), input(value)))
            .collect(),
    )
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(value) => CstInputValue::Number(value.to_string()),
        Value::String(value) => CstInputValue::String(value.clone()),
        Value::Array(values) => CstInputValue::Array(values.iter().map(input).collect()),
        Value::Object(entry) => object(entry),
    }
}

/// A text that ends its last line.
fn ended(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
