//! Sources: each turns bytes that somebody published into entries, and says which records it had to refuse.

pub mod builtin;
pub mod docker;
pub mod list;
pub mod mcpservers;
pub mod official;
pub mod toml;

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Record, Repository};
use super::text::Line;

/// The most bytes of a record, which is kept word for word. The longest real one, a document of the official registry, has
/// 40 KB.
const RECORD_MAX: usize = 1 << 20;

/// What a source's bytes hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The entries, in the order of the source.
    pub entries: Vec<Entry>,
    /// The records that are no entries.
    pub refused: Vec<Refused>,
}

impl Parsed {
    /// Adds what another part of the same source holds. An entry whose id is taken is refused.
    pub fn append(&mut self, other: Self) {
        let mut taken: HashSet<String> = self
            .entries
            .iter()
            .map(|entry| entry.id.to_string())
            .collect();
        for entry in other.entries {
            if taken.insert(entry.id.to_string()) {
                self.entries.push(entry);
            } else {
                let record = entry.id.to_string();
                self.refused
                    .push(FieldError::new("name", "another entry has this id").in_record(&record));
            }
        }
        self.refused.extend(other.refused);
    }
}

/// A record that is no entry, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which record: its file, line or name.
    pub record: Line,
    /// Which of its fields.
    pub field: Line,
    /// What is wrong with it.
    pub reason: Line,
}

/// A field that cannot be understood.
#[derive(Debug, PartialEq, Eq)]
struct FieldError {
    field: Line,
    reason: Line,
}

impl FieldError {
    fn new(field: &str, reason: &(impl ToString + ?Sized)) -> Self {
        Self {
            field: field.into(),
            reason: Line::new(&reason.to_string()),
        }
    }

    /// The refusal of the record in which it stands.
    fn in_record(self, record: &str) -> Refused {
        let Self { field, reason } = self;
        Refused {
            record: record.into(),
            field,
            reason,
        }
    }
}

/// A record, word for word, unless it is longer than any can be.
fn record(place: &str, text: &str) -> Result<Record, FieldError> {
    if text.len() > RECORD_MAX {
        let reason = format!("it has {} bytes; {RECORD_MAX} are the most", text.len());
        return Err(FieldError::new("record", &reason));
    }
    Ok(Record {
        place: place.into(),
        text: text.to_owned(),
    })
}

/// The repository at an address of the web, with `.git`, a query and a last slash taken off; nothing where it is none.
///
/// An address of a folder, as GitHub has them (`/tree/BRANCH/FOLDER`), is its repository's and names the folder.
fn repository(url: &str, folder: Option<&str>) -> Option<Repository> {
    let url = url.trim();
    let address = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let address = address.split(['?', '#']).next()?.trim_end_matches('/');
    let mut parts = address.split('/');
    let (host, owner, name) = (parts.next()?, parts.next()?, parts.next()?);
    let rest: Vec<&str> = parts.collect();
    let (path, inside) = match rest.as_slice() {
        [] => (format!("{owner}/{name}"), None),
        ["-", "tree" | "blob", _, inside @ ..] | ["tree" | "blob", _, inside @ ..] => {
            (format!("{owner}/{name}"), Some(inside.join("/")))
        }
        // Groups of GitLab lie in one another.
        deeper => (format!("{owner}/{name}/{}", deeper.join("/")), None),
    };
    let path = path.strip_suffix(".git").unwrap_or(&path);
    let legal =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '~' | '+');
    if owner.is_empty() || name.is_empty() || !path.chars().all(legal) {
        return None;
    }
    let folder = folder.map(str::to_owned).or(inside);
    let folder = folder.as_deref().map(|folder| folder.trim_matches('/'));
    Some(Repository {
        url: Line::new(&format!("https://{}/{path}", host.to_ascii_lowercase())),
        folder: folder
            .filter(|folder| !folder.is_empty())
            .and_then(Line::some),
    })
}

/// Whether a text can be the name of an environment variable: more than POSIX allows, since dashes are in use, but
/// nothing that a unit or an image could misread.
fn is_variable_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.len() <= 200
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(legal)
}

/// Whether a variable is called as secrets are: its last words are `KEY`, `TOKEN`, `SECRET` or `PASSWORD`.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('-', "_");
    matches!(
        name.rsplit('_').next(),
        Some("KEY" | "TOKEN" | "SECRET" | "PASSWORD" | "APIKEY")
    )
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            record,
            field,
            reason,
        } = self;
        write!(f, "{record}: {field}: {reason}")
    }
}
