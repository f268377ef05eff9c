//! The source `docker`: Docker's MCP registry, a folder with a `server.yaml` for each server.
//!
//! The meanings of its fields and templates are those of Docker's MCP gateway. Prefixes are dropped: where the registry
//! says `{{time.zone}}` in the folder `time`, the input is called `zone`.

mod inputs;
mod launch;
mod yaml;

use serde::Deserialize;
use serde_saphyr::Options;

use self::yaml::Record;
use super::{FieldError, Parsed, record, repository};
use crate::catalog::category::Category;
use crate::catalog::entry::{self, Entry, Tool};
use crate::catalog::id::EntryId;
use crate::catalog::text::{Line, Prose};

/// The most YAML nodes of a record; the largest has 400.
const NODES_MAX: usize = 20_000;

/// A server's folder.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Its name.
    pub name: String,
    /// `server.yaml`.
    pub server: Vec<u8>,
    /// `tools.json`.
    pub tools: Option<Vec<u8>>,
    /// `readme.md`, in whatever case.
    pub readme: Option<Vec<u8>>,
}

/// The entries of the folders, for the source of that name.
pub fn parse(source: &str, folders: &[Folder]) -> Parsed {
    let mut parsed = Parsed::default();
    for folder in folders {
        match entry(source, folder) {
            Ok(entry) => parsed.entries.push(entry),
            Err(error) => {
                let file = format!("servers/{}/server.yaml", folder.name);
                parsed.refused.push(error.in_record(&file));
            }
        }
    }
    parsed
}

fn entry(source: &str, folder: &Folder) -> Result<Entry, FieldError> {
    let text = str::from_utf8(&folder.server).map_err(|error| FieldError::new("UTF-8", &error))?;
    let verbatim = record(&format!("servers/{}/server.yaml", folder.name), text)?;
    let record: Record = serde_saphyr::from_str_with_options(text, options())
        .map_err(|error| FieldError::new("YAML", &error.without_snippet()))?;
    if record.name != folder.name {
        let reason = format!("{:?} is not the folder's name", record.name);
        return Err(FieldError::new("name", &reason));
    }
    let id = EntryId::new(source, &record.name).map_err(|error| FieldError::new("name", &error))?;
    let mut warnings = Vec::new();
    let launch = launch::options(&record, &mut warnings)?;
    let tools = match &folder.tools {
        None => Vec::new(),
        Some(tools) => serde_json::from_slice::<Vec<ToolRecord>>(tools).unwrap_or_else(|error| {
            warnings.push(Line::new(&format!("tools.json: {error}")));
            Vec::new()
        }),
    };
    let tools = tools
        .into_iter()
        .map(|ToolRecord { name, description }| Tool { name, description });
    let per_call = record.tools.iter().map(|tool| Tool {
        name: tool.name.clone(),
        description: tool.description.clone(),
    });
    let project = record
        .source
        .as_ref()
        .and_then(|source| source.project.as_deref());
    let repository = project.and_then(|url| repository(url, folder_inside(&record)));
    let owner = repository
        .as_ref()
        .and_then(entry::Repository::owner)
        .map(Line::new);
    let tags = record.meta.tags.iter().flatten().flatten();
    Ok(Entry {
        title: record.about.title.clone().filter(|title| !title.is_empty()),
        description: record
            .about
            .description
            .clone()
            .filter(|text| !text.is_empty()),
        categories: record
            .meta
            .category
            .iter()
            .filter_map(|text| Category::fold(text))
            .collect(),
        tags: tags
            .filter_map(|tag| Line::some(&tag.to_lowercase()))
            .collect(),
        official: is_official(&record, owner.as_deref()),
        publisher: owner,
        repository,
        launch,
        tools: tools.chain(per_call).collect(),
        readme: folder
            .readme
            .as_deref()
            .map(String::from_utf8_lossy)
            .and_then(|text| Prose::some(&text)),
        requires: record.requirement.iter().cloned().collect(),
        warnings,
        popularity: entry::Popularity {
            stars: record.meta.github_stars.or(record.meta.stars),
            downloads: record.meta.pulls,
        },
        records: vec![verbatim],
        ..Entry::new(id, Line::new(&record.name))
    })
}

/// The folder of the repository that the server lies in: the one that is built, or the one that its Dockerfile is in.
fn folder_inside(record: &Record) -> Option<&str> {
    let source = record.source.as_ref()?;
    match (&source.directory, &source.dockerfile) {
        (Some(directory), _) => Some(directory),
        (None, Some(path)) => path.rsplit_once('/').map(|(folder, _)| folder),
        (None, None) => None,
    }
}

/// A tool of `tools.json`. Its arguments are left to the server, which knows them better.
#[derive(Deserialize)]
struct ToolRecord {
    name: Line,
    description: Option<Line>,
}

/// Whether the maker of the product makes the server: its repository belongs to an owner of the server's name, or it runs
/// on the maker's own hosts, which is what remote servers in this registry do, or it is called so.
fn is_official(record: &Record, owner: Option<&str>) -> bool {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_lowercase()
    };
    let name = plain(&record.name);
    let is_owner = owner.map(plain).is_some_and(|owner| {
        owner.len() > 2 && (name.starts_with(&owner) || owner.starts_with(&name))
    });
    let title = record
        .about
        .title
        .as_deref()
        .unwrap_or_default()
        .to_lowercase();
    is_owner
        || record.kind == "remote"
        || record.name.ends_with("-official")
        || title.contains("official")
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: NODES_MAX },
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        strict_booleans: true,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests;
