//! A `[[server]]` table as it is written, and the entry it stands for.

use serde::Deserialize;

use super::launch::Launch;
use crate::catalog::category::Category;
use crate::catalog::entry::{Entry, Popularity, Repository, Status, Tool};
use crate::catalog::id::EntryId;
use crate::catalog::input::{Input, InputKind, InputPath, InputValue};
use crate::catalog::pattern::Pattern;
use crate::catalog::source::FieldError;
use crate::catalog::text::Line;

/// A `[[server]]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    name: String,
    title: Option<Line>,
    description: Option<Line>,
    publisher: Option<Line>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    official: bool,
    #[serde(default)]
    featured: bool,
    deprecated: Option<Line>,
    website: Option<Line>,
    license: Option<Line>,
    repository: Option<Line>,
    folder: Option<Line>,
    stars: Option<u64>,
    downloads: Option<u64>,
    #[serde(default)]
    tools: Vec<ToolRecord>,
    #[serde(default)]
    input: Vec<InputRecord>,
    #[serde(default)]
    launch: Vec<Launch>,
}

/// A tool: its name, or a table with its description too.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ToolRecord {
    Name(Line),
    Table {
        name: Line,
        description: Option<Line>,
    },
}

/// A `[[server.input]]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InputRecord {
    path: InputPath,
    #[serde(default)]
    kind: InputKind,
    #[serde(default)]
    many: bool,
    #[serde(default)]
    secret: bool,
    #[serde(default)]
    required: bool,
    default: Option<InputValue>,
    example: Option<Line>,
    #[serde(default)]
    choices: Vec<String>,
    pattern: Option<Pattern>,
    title: Option<Line>,
    description: Option<Line>,
}

impl Record {
    /// The entry, checked.
    pub(super) fn into_entry(self, source: &str) -> Result<Entry, FieldError> {
        let id =
            EntryId::new(source, &self.name).map_err(|error| FieldError::new("name", &error))?;
        let inputs = inputs(self.input)?;
        let launch = self
            .launch
            .into_iter()
            .map(|launch| launch.into_option(&inputs))
            .collect::<Result<_, _>>()
            .map_err(|error| FieldError::new("launch", &error))?;
        Ok(Entry {
            title: self.title.filter(|title| !title.is_empty()),
            description: self.description.filter(|text| !text.is_empty()),
            publisher: self.publisher,
            categories: categories(&self.categories)?,
            tags: self
                .tags
                .iter()
                .filter_map(|tag| Line::some(&tag.to_lowercase()))
                .collect(),
            official: self.official,
            featured: self.featured,
            status: self.deprecated.map_or(Status::Active, Status::Deprecated),
            website: self.website,
            license: self.license,
            repository: self.repository.map(|url| Repository {
                url,
                folder: self.folder,
            }),
            launch,
            tools: self.tools.into_iter().map(tool).collect(),
            popularity: Popularity {
                stars: self.stars,
                downloads: self.downloads,
            },
            ..Entry::new(id, Line::new(&self.name))
        })
    }
}

/// The categories, each once, in the order they are named.
fn categories(texts: &[String]) -> Result<Vec<Category>, FieldError> {
    let mut categories = Vec::new();
    for text in texts {
        let category = text
            .parse()
            .map_err(|error| FieldError::new("categories", &error))?;
        if !categories.contains(&category) {
            categories.push(category);
        }
    }
    Ok(categories)
}

fn inputs(records: Vec<InputRecord>) -> Result<Vec<Input>, FieldError> {
    let mut inputs: Vec<Input> = Vec::new();
    for record in records {
        let InputRecord {
            path,
            kind,
            many,
            secret,
            required,
            default,
            example,
            choices,
            pattern,
            title,
            description,
        } = record;
        if inputs.iter().any(|other| other.path == path) {
            let reason = format!("input `{path}` is declared twice");
            return Err(FieldError::new("input", &reason));
        }
        inputs.push(Input {
            path,
            kind,
            many,
            secret,
            required,
            default,
            example,
            choices,
            pattern,
            title,
            description,
        });
    }
    Ok(inputs)
}

fn tool(record: ToolRecord) -> Tool {
    match record {
        ToolRecord::Name(name) => Tool {
            name,
            description: None,
        },
        ToolRecord::Table { name, description } => Tool { name, description },
    }
}
