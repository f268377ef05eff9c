//! `registry-list`: what is in the catalog, by source and category.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Registry;
use super::answer::{Answer, Failure};
use crate::catalog::refresh::Source;
use crate::catalog::{Category, Filters, Query, about};
use crate::orchestrator::Error;
use crate::text::{one_line, shortened};

/// The most of one answer.
const MOST: usize = 200;

/// How much of a description is shown, in characters.
const SHOWN: usize = 160;

/// What the model reads.
pub(super) const DESCRIPTION: &str = "Browse the catalog page by page: how many servers there are by source and category, and their ids in \
    order. Use registry-find instead when you know what you need.";

/// Which part of the catalog.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Arguments {
    /// Only of this source.
    source: Option<String>,
    /// Only of this category.
    category: Option<String>,
    /// How many to give, at most 200.
    limit: usize,
    /// How many to pass over.
    offset: usize,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            source: None,
            category: None,
            limit: 50,
            offset: 0,
        }
    }
}

/// A page of the catalog.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Page {
    /// How many servers fit.
    total: usize,
    /// How many servers each source sent.
    sources: BTreeMap<String, usize>,
    /// All categories.
    categories: Vec<String>,
    /// The servers of this page.
    servers: Vec<Listed>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Listed {
    /// What registry-add and registry-get-docs take.
    id: String,
    /// What it does.
    description: String,
}

/// Gives a page.
pub(super) fn run(registry: &Registry, arguments: &Arguments) -> Result<Answer, Failure> {
    let categories: Vec<String> = Category::ALL.iter().map(ToString::to_string).collect();
    let category = arguments.category.as_deref().map(str::parse).transpose();
    let category = category.map_err(|error| {
        Failure::new(format!("{error}"))
            .next(format!("the categories are {}", categories.join(", ")))
    })?;
    let query = Query {
        filters: Filters {
            sources: sources(registry, arguments.source.as_slice())?,
            categories: category.into_iter().collect(),
            ..Filters::default()
        },
        offset: arguments.offset,
        limit: arguments.limit.clamp(1, MOST),
        ..Query::default()
    };
    let orchestrator = &registry.frontend.orchestrator;
    let found = orchestrator
        .catalog()?
        .search(&query)
        .map_err(Error::from)?;
    let servers: Vec<Listed> = found
        .hits
        .iter()
        .map(|hit| Listed {
            id: hit.id.to_string(),
            description: shortened(
                &one_line(&about(hit.deprecated.as_ref(), hit.description.as_ref())),
                SHOWN,
            ),
        })
        .collect();
    let mut lines = vec![format!("{} of {} servers:", servers.len(), found.total)];
    lines.extend(
        servers
            .iter()
            .map(|server| format!("{}: {}", server.id, server.description)),
    );
    let sources: BTreeMap<String, usize> = orchestrator
        .refresh()
        .reports()
        .into_iter()
        .map(|report| (report.name, report.entries))
        .collect();
    let sent: Vec<String> = sources
        .iter()
        .map(|(name, entries)| format!("{name} ({entries})"))
        .collect();
    lines.push(format!("Sources: {}.", sent.join(", ")));
    lines.push(format!("Categories: {}.", categories.join(", ")));
    let page = Page {
        total: found.total,
        sources,
        categories,
        servers,
    };
    Answer::new(&page, lines.join("\n"))
}

/// The sources of these names, as a model writes them; one that is none would only find nothing.
pub(super) fn sources(registry: &Registry, given: &[String]) -> Result<Vec<String>, Failure> {
    let sources = registry.frontend.orchestrator.settings().sources.sources();
    let known = names(&sources);
    let named = |given: &String| {
        let mut all = known.iter();
        let source = all.find(|name| name.eq_ignore_ascii_case(given.trim()));
        source.map(|name| (*name).to_owned()).ok_or_else(|| {
            Failure::new(format!("the catalog has no source {given:?}"))
                .next(format!("the sources are {}", known.join(", ")))
        })
    };
    given.iter().map(named).collect()
}

/// The names of the sources that the catalog is made of: of its own entries, and those that the settings name.
fn names(sources: &[Source]) -> Vec<&str> {
    let enabled = sources.iter().filter(|source| source.enabled);
    let enabled = enabled.map(|source| source.name.as_str());
    std::iter::once("builtin").chain(enabled).collect()
}

/// The catalog of so many servers, from these sources, in one line.
pub(super) fn summary(servers: usize, sources: &[Source]) -> String {
    let categories: Vec<String> = Category::ALL.iter().map(ToString::to_string).collect();
    format!(
        "The catalog holds {servers} servers, from {}, in these categories: {}.",
        names(sources).join(", "),
        categories.join(", ")
    )
}
