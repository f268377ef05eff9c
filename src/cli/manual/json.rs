//! The page of what `--json` prints, made of the schema that describes it. The schema itself is what tests hold real output against.

use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use serde_json::Value;

use super::{MANUAL, SOURCE, item};

/// The one place where the shapes of documents are described, as JSON Schema.
pub(super) const SCHEMA: &str = include_str!("../shapes.json");

/// The page.
pub(super) fn page() -> std::io::Result<Vec<u8>> {
    let schema: Value = serde_json::from_str(SCHEMA)?;
    let mut roff = Roff::new();
    roff.control("TH", ["mcpod-json", "5", "", SOURCE, MANUAL]);
    roff.control("SH", ["NAME"]);
    roff.text([roman(
        "mcpod-json - what commands of mcpod print with --json",
    )]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(
        "With --json a command prints one JSON document on its standard output and nothing else. A command that fails prints the document \
         called error, and ends with one of the exit codes in mcpod(1).",
    )]);
    roff.control("PP", []);
    roff.text([roman(words(&schema, "description"))]);
    roff.control("PP", []);
    roff.text([roman(
        "The same is described as JSON Schema in /usr/share/mcpod/json.schema.json.",
    )]);
    roff.control("SH", ["DOCUMENTS"]);
    for (name, definition) in schema
        .get("$defs")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        roff.control("SS", [name.as_str()]);
        roff.text([
            roman(words(definition, "description")),
            roman(" It is "),
            italic(kind(definition)),
            roman("."),
        ]);
        let described = match definition.get("items") {
            Some(items) if items.get("properties").is_some() => items,
            _ => definition,
        };
        for (field, shape) in described
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let thing = vec![
                bold(field.as_str()),
                roman(" ("),
                italic(kind(shape)),
                roman(")"),
            ];
            item(&mut roff, thing, words(shape, "description"));
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([Inline::Roman("mcpod(1)".to_owned())]);
    Ok(roff.to_roff().into_bytes())
}

/// A member that is a text.
fn words<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What a value is, in words.
fn kind(shape: &Value) -> String {
    if let Some(other) = shape.get("$ref").and_then(Value::as_str) {
        return other.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(choices) = shape.get("enum").and_then(Value::as_array) {
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        return choices.join(" | ");
    }
    if let Some(word) = shape.get("const").and_then(Value::as_str) {
        return word.to_owned();
    }
    if let Some(shapes) = shape.get("anyOf").and_then(Value::as_array) {
        let kinds: Vec<String> = shapes.iter().map(kind).collect();
        return kinds.join(" | ");
    }
    let named = |word: &str| match word {
        "array" => match shape.get("items") {
            Some(items) => format!("list of {}", kind(items)),
            None => "list".to_owned(),
        },
        "object" => match shape.get("properties").and_then(Value::as_object) {
            Some(fields) if fields.len() < 4 => {
                let fields: Vec<&str> = fields.keys().map(String::as_str).collect();
                format!("object of {}", fields.join(", "))
            }
            _ => "object".to_owned(),
        },
        other => other.to_owned(),
    };
    match shape.get("type") {
        Some(Value::String(word)) => named(word),
        Some(Value::Array(words)) => {
            let words: Vec<String> = words.iter().filter_map(Value::as_str).map(named).collect();
            words.join(" | ")
        }
        _ => "anything".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_every_document_is_described() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            assert!(page.contains(&format!(".SS {name}\n")), "{name}");
            assert!(!words(definition, "description").is_empty(), "{name}");
            for (field, shape) in definition["properties"].as_object().into_iter().flatten() {
                let has_words = !words(shape, "description").is_empty();
                assert!(has_words, "{name}.{field} is not described");
            }
        }
        assert!(page.contains("listening | unverified"), "{page}");
    }

    #[test]
    fn a_kind_is_said_as_people_say_it() {
        for (shape, said) in [
            (
                serde_json::json!({"type": ["string", "null"]}),
                "string | null",
            ),
            (
                serde_json::json!({"type": "array", "items": {"$ref": "#/$defs/hit"}}),
                "list of hit",
            ),
            (
                serde_json::json!({"enum": ["a", "b"], "type": "string"}),
                "a | b",
            ),
            (
                serde_json::json!({"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "string"}}]}),
                "null | list of string",
            ),
            (serde_json::json!(true), "anything"),
        ] {
            assert_eq!(kind(&shape), said);
        }
    }
}
