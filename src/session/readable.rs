//! The result of a tool as text for people.

use serde_json::Value;

use crate::text;

/// A result as text: its blocks below each other, what cannot be shown named; structured content where there is nothing else.
pub fn readable(result: &Value) -> String {
    let blocks = result
        .get("content")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut lines: Vec<String> = blocks.iter().map(block).collect();
    if lines.is_empty()
        && let Some(structured) = result.get("structuredContent")
    {
        lines.push(format!("{structured:#}"));
    }
    text::for_terminal(&lines.join("\n"))
}

fn block(block: &Value) -> String {
    let resource = block.get("resource").unwrap_or(&Value::Null);
    match word(block, "type") {
        "text" => word(block, "text").to_owned(),
        kind @ ("image" | "audio") => {
            let size = word(block, "data").len();
            format!(
                "[{kind}, {}, {size} bytes in base64]",
                word(block, "mimeType")
            )
        }
        "resource_link" => format!("[resource {}]", word(block, "uri")),
        "resource" => match resource.get("text").and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => format!("[resource {}]", word(resource, "uri")),
        },
        // A kind that came after this was written.
        _ => block.to_string(),
    }
}

/// A member that is a text; empty where it is none.
fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
