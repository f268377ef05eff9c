//! TOML.

use serde_json::{Map, Value};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value as Literal};

pub(super) fn read(text: &str) -> Result<Value, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

pub(super) fn set(
    text: &str,
    servers: &str,
    name: &str,
    entry: &Map<String, Value>,
) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let servers = document.entry(servers).or_insert_with(|| {
        let mut table = Table::new();
        // The header of the entry says both.
        table.set_implicit(true);
        Item::Table(table)
    });
    let servers = servers.as_table_like_mut()?;
    if let Some(present) = servers.get_mut(name).and_then(Item::as_table_like_mut) {
        let gone: Vec<String> = present
            .iter()
            .map(|(key, _)| key.to_owned())
            .filter(|key| !entry.contains_key(key))
            .collect();
        for key in gone {
            present.remove(&key);
        }
        for (key, value) in entry {
            let same = present
                .get(key)
                .and_then(Item::as_value)
                .is_some_and(|present| says(present, value));
            if !same {
                present.insert(key, Item::Value(literal(value)?));
            }
        }
    } else {
        let mut table = Table::new();
        for (key, value) in entry {
            table.insert(key, Item::Value(literal(value)?));
        }
        servers.insert(name, Item::Table(table));
    }
    Some(document.to_string())
}

pub(super) fn remove(text: &str, servers: &str, name: &str) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let table = document.get_mut(servers)?.as_table_like_mut()?;
    table.remove(name)?;
    Some(document.to_string())
}

/// Whether a literal is this value.
fn says(present: &Literal, value: &Value) -> bool {
    let alone = format!("value = {}", present.clone().decorated("", ""));
    read(&alone).is_ok_and(|alone| alone.get("value") == Some(value))
}

fn literal(value: &Value) -> Option<Literal> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => (*value).into(),
        Value::Number(value) => value.as_i64()?.into(),
        Value::String(value) => value.into(),
        Value::Array(values) => {
            let values: Option<Array> = values.iter().map(literal).collect();
            values?.into()
        }
        Value::Object(entry) => {
            let mut table = InlineTable::new();
            for (key, value) in entry {
                table.insert(key, literal(value)?);
            }
            table.into()
        }
    })
}
