//! The text of a configuration file, with one server set in it or taken out, and all else as it was.
//!
//! Comments, order and formatting stay. Whatever an editor of a format does is checked: the result is read again, and must
//! mean what the file meant before, but for the one entry. Else the file is left alone.

mod json;
mod toml;
mod yaml;

use serde_json::{Map, Value};

use super::entry::Entry;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON, with comments and trailing commas.
    Json,
    /// TOML.
    Toml,
    /// YAML.
    Yaml,
}

/// Why a text was not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EditError {
    /// It cannot be read, or not as a table of servers.
    #[error("{0}")]
    Unreadable(String),
    /// It is written in a way that cannot be edited without changing more than the one entry.
    #[error("it is written in a way that cannot be edited safely")]
    Unsafe,
}

impl Format {
    /// What a file says; an empty one says nothing.
    pub(super) fn read(self, text: &str) -> Result<Map<String, Value>, EditError> {
        let value = match self {
            Self::Json => json::read(text),
            Self::Toml => toml::read(text),
            Self::Yaml => yaml::read(text),
        }
        .map_err(EditError::Unreadable)?;
        match value {
            Value::Object(table) => Ok(table),
            Value::Null => Ok(Map::new()),
            _ => Err(EditError::Unreadable("it holds no table".to_owned())),
        }
    }

    /// The entry that stands at `servers`, `name`.
    pub(super) fn find(
        self,
        text: &str,
        servers: &str,
        name: &str,
    ) -> Result<Option<Value>, EditError> {
        Ok(table(&self.read(text)?, servers)?
            .and_then(|table| table.get(name))
            .cloned())
    }

    /// The text with this entry at `servers`, `name`, written over what stands there.
    pub(super) fn set(
        self,
        text: &str,
        servers: &str,
        name: &str,
        entry: &Entry,
    ) -> Result<String, EditError> {
        let before = self.read(text)?;
        let mut expected = before.clone();
        let mut servers_expected = table(&before, servers)?.cloned().unwrap_or_default();
        let none = Map::new();
        let present = servers_expected.get(name).and_then(Value::as_object);
        let merged = entry.over(present.unwrap_or(&none));
        servers_expected.insert(name.to_owned(), Value::Object(merged.clone()));
        expected.insert(servers.to_owned(), Value::Object(servers_expected));
        let edited = match self {
            Self::Json => json::set(text, servers, name, &merged),
            Self::Toml => toml::set(text, servers, name, &merged),
            Self::Yaml => yaml::set(text, servers, name, &merged),
        };
        self.checked(edited, &expected)
    }

    /// The text without the entry at `servers`, `name`.
    pub(super) fn remove(self, text: &str, servers: &str, name: &str) -> Result<String, EditError> {
        let mut expected = self.read(text)?;
        if let Some(Value::Object(table)) = expected.get_mut(servers) {
            table.shift_remove(name);
        }
        let edited = match self {
            Self::Json => json::remove(text, servers, name),
            Self::Toml => toml::remove(text, servers, name),
            Self::Yaml => yaml::remove(text, servers, name),
        };
        self.checked(edited, &expected)
    }

    /// The edited text, if it means what it should.
    fn checked(
        self,
        edited: Option<String>,
        expected: &Map<String, Value>,
    ) -> Result<String, EditError> {
        let edited = edited.ok_or(EditError::Unsafe)?;
        match self.read(&edited) {
            Ok(found) if without_empty(&found) == without_empty(expected) => Ok(edited),
            _ => Err(EditError::Unsafe),
        }
    }
}

/// A table of servers that is empty says what none says: formats whose tables are headed by a line lose it with the last entry.
fn without_empty(table: &Map<String, Value>) -> Map<String, Value> {
    let mut table = table.clone();
    table.retain(|_, value| match value {
        Value::Object(entries) => !entries.is_empty(),
        value => !value.is_null(),
    });
    table
}

/// The table of servers, if there is one.
fn table<'a>(
    file: &'a Map<String, Value>,
    servers: &str,
) -> Result<Option<&'a Map<String, Value>>, EditError> {
    match file.get(servers) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(table)) => Ok(Some(table)),
        Some(_) => Err(EditError::Unreadable(format!("its {servers} is no table"))),
    }
}

#[cfg(test)]
mod tests;
