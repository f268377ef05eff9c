//! `mcpod search`: what servers there are.

use std::process::ExitCode;

use super::output::{Failure, Output};
use crate::catalog::{Catalog, Category, Filters};

/// Search the catalog for servers
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod search time
  mcpod search query a postgres database --no-key
  mcpod search browser --runnable --json")]
pub(super) struct Arguments {
    /// Words that say what the server should do
    query: Vec<String>,
    /// Only servers of this source
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Only servers of this category
    #[arg(long, value_name = "CATEGORY")]
    category: Vec<Category>,
    /// Only servers with this tag
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only servers made by those whose product they serve
    #[arg(long)]
    official: bool,
    /// Only servers their source recommends
    #[arg(long)]
    featured: bool,
    /// Only servers that say how they can be run
    #[arg(long)]
    runnable: bool,
    /// Only servers that need no key and no login
    #[arg(long)]
    no_key: bool,
    /// At most so many servers
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print a JSON list
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<ExitCode, Failure> {
    let Arguments {
        query,
        source,
        category,
        tag,
        official,
        featured,
        runnable,
        no_key,
        limit,
        json: _,
    } = arguments;
    let query = query.join(" ");
    let filters = Filters {
        sources: source.clone(),
        categories: category.clone(),
        tags: tag.clone(),
        official: *official,
        featured: *featured,
        runnable: *runnable,
        no_key: *no_key,
    };
    let hits = Catalog::builtin().search(&query, &filters, *limit);
    if output.is_json() {
        output.json(&hits)?;
        return Ok(ExitCode::SUCCESS);
    }
    if hits.is_empty() {
        output.note(&format!("no server fits {query:?}"));
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = hits
        .iter()
        .map(|hit| {
            let needs = if hit.requires_key { "key" } else { "" };
            vec![
                hit.id.to_string(),
                hit.launch.unwrap_or("-").to_owned(),
                needs.to_owned(),
                hit.description.as_deref().unwrap_or_default().to_owned(),
            ]
        })
        .collect();
    output.table(&["ID", "RUNS AS", "NEEDS", "DESCRIPTION"], &rows);
    Ok(ExitCode::SUCCESS)
}
