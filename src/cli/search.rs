//! `mcpod search`: what servers there are.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use super::output::{Failure, Output};
use crate::catalog::{Catalog, Category, Filters, Hit, Query, Store, ToolHit, Why, about};
use crate::host::{Environment, Host};
use crate::orchestrator;

/// How many servers are shown where nothing is said.
const LIMIT: usize = 20;

/// Search the catalog for servers
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  mcpod search time
  mcpod search query a postgres database --no-key
  mcpod search browser --runnable --json
  mcpod search --tools create an issue")]
pub(super) struct Arguments {
    /// Words that say what the server should do; on a terminal none at all let you pick
    query: Vec<String>,
    /// Search the tools of servers instead, as far as sources name them
    #[arg(long)]
    tools: bool,
    /// Say why each has its place
    #[arg(long)]
    explain: bool,
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
    #[arg(long, value_name = "N", default_value_t = LIMIT)]
    limit: usize,
    /// Leave out so many of the best: those of earlier pages
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: usize,
    /// Print a JSON list
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(
    arguments: &Arguments,
    host: &Host,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Arguments {
        query,
        tools,
        explain,
        limit,
        offset,
        ..
    } = arguments;
    let text = query.join(" ");
    let query = Query {
        text: &text,
        filters: arguments.filters(),
        offset: *offset,
        limit: *limit,
        explain: *explain,
    };
    arguments.check_sources(host)?;
    let catalog = catalog(host)?;
    if *tools {
        let answer = catalog
            .search_tools(&query)
            .map_err(orchestrator::Error::from)?;
        if output.is_json() {
            output.json(&answer.hits)?;
        } else {
            show(
                output,
                &["TOOL", "SERVER", "DESCRIPTION"],
                &answer.hits,
                &text,
                tool_row,
                |hit| hit.why.as_ref(),
            );
        }
    } else {
        let answer = catalog.search(&query).map_err(orchestrator::Error::from)?;
        if output.is_json() {
            output.json(&answer.hits)?;
        } else {
            show(
                output,
                &["ID", "RUNS AS", "NEEDS", "DESCRIPTION"],
                &answer.hits,
                &text,
                row,
                |hit| hit.why.as_ref(),
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// What was typed, if it is words and at most `--json`, as a program types it that searches with each key of its user: without
    /// the parser it takes a sixth less.
    pub(super) fn of_words(typed: &[OsString]) -> Option<Self> {
        let mut arguments = Self {
            limit: LIMIT,
            ..Self::default()
        };
        for word in typed {
            match word.to_str()? {
                "--json" if !arguments.json => arguments.json = true,
                word if word.starts_with('-') => return None,
                word => arguments.query.push(word.to_owned()),
            }
        }
        Some(arguments)
    }

    /// Whether the user is to choose on the terminal: nothing is asked for, and somebody is there.
    pub(super) fn is_interactive(&self) -> bool {
        let is_terminal = std::io::stdin().is_terminal()
            && std::io::stdout().is_terminal()
            && std::io::stderr().is_terminal();
        self.query.is_empty() && !self.tools && !self.explain && !self.json && is_terminal
    }

    /// Refuses the name of a source that there is not, in whose place nothing would be found.
    pub(super) fn check_sources(&self, host: &Host) -> Result<(), Failure> {
        if self.source.is_empty() {
            return Ok(());
        }
        let sources = super::refresh::of_host(host)?.sources;
        let names: Vec<&str> = std::iter::once("builtin")
            .chain(sources.iter().map(|source| source.name.as_str()))
            .collect();
        match self
            .source
            .iter()
            .find(|name| !names.contains(&name.as_str()))
        {
            None => Ok(()),
            Some(unknown) => Err(Failure::usage(format!("there is no source {unknown:?}"))
                .with_hint(format!("there are {}", names.join(", ")))),
        }
    }

    /// What a server must be.
    pub(super) fn filters(&self) -> Filters {
        Filters {
            sources: self.source.clone(),
            categories: self.category.clone(),
            tags: self.tag.clone(),
            official: self.official,
            featured: self.featured,
            runnable: self.runnable,
            no_key: self.no_key,
        }
    }
}

/// The catalog as the last refresh left it. A host without a home still has the builtin one.
pub(super) fn catalog(host: &Host) -> Result<Catalog, Failure> {
    let opened = match host.dirs(&Environment::default()) {
        Ok(dirs) => Store::below(&dirs.cache).open(),
        Err(_) => Catalog::builtin(),
    };
    Ok(opened.map_err(orchestrator::Error::from)?)
}

/// Shows what was found, or that nothing was.
fn show<T>(
    output: &Output,
    headings: &[&str],
    hits: &[T],
    text: &str,
    row: impl Fn(&T) -> Vec<String>,
    why: impl Fn(&T) -> Option<&Why>,
) {
    if hits.is_empty() {
        return output.note(&format!("nothing fits {text:?}"));
    }
    let rows: Vec<Vec<String>> = hits.iter().map(row).collect();
    output.table(headings, &rows);
    let explained = rows
        .iter()
        .zip(hits)
        .filter_map(|(row, hit)| Some((row.first()?, why(hit)?)));
    for (name, why) in explained {
        output.text(&explanation(name, why));
    }
}

fn row(hit: &Hit) -> Vec<String> {
    let needs = if hit.requires_key { "key" } else { "" };
    vec![
        hit.id.to_string(),
        hit.launch.clone().unwrap_or_else(|| "-".to_owned()),
        needs.to_owned(),
        about(hit.deprecated.as_ref(), hit.description.as_ref()),
    ]
}

fn tool_row(hit: &ToolHit) -> Vec<String> {
    vec![
        hit.tool.to_string(),
        hit.id.to_string(),
        about(hit.deprecated.as_ref(), hit.description.as_ref()),
    ]
}

/// Why something has its place, in a few lines.
fn explanation(name: &str, why: &Why) -> String {
    let words = why.words.iter().map(|found| {
        format!(
            "  {:>6.2}  {} in {}\n",
            found.score,
            found.word,
            found.places.join(", ")
        )
    });
    let factors = why
        .factors
        .iter()
        .map(|reason| format!("  x {:>4.2}  {}\n", reason.factor, reason.reason));
    std::iter::once(format!("\n{name}\n"))
        .chain(words)
        .chain(factors)
        .collect()
}
