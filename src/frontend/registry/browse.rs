//! `registry-list`: what is in the catalog, by source and category.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CATALOG;
use super::answer::{Answer, Failure};
use crate::catalog::Entry;
use crate::text::{one_line, shortened};

/// The most of one answer.
const MOST: usize = 200;

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
    /// How many servers each source has.
    sources: BTreeMap<String, usize>,
    /// How many servers each category has.
    categories: BTreeMap<String, usize>,
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
pub(super) fn run(arguments: &Arguments) -> Result<Answer, Failure> {
    let mut sources = BTreeMap::new();
    let mut categories = BTreeMap::new();
    for entry in CATALOG.entries() {
        *sources.entry(entry.id.source().to_string()).or_default() += 1;
        for category in &entry.categories {
            *categories.entry(category.to_string()).or_default() += 1;
        }
    }
    let fits = |entry: &&Entry| {
        let of_source = arguments
            .source
            .as_ref()
            .is_none_or(|source| source == entry.id.source());
        let of_category = arguments.category.as_ref().is_none_or(|category| {
            entry
                .categories
                .iter()
                .any(|own| own.to_string() == *category)
        });
        of_source && of_category
    };
    let fitting: Vec<&Entry> = CATALOG.entries().iter().filter(fits).collect();
    let servers: Vec<Listed> = fitting
        .iter()
        .skip(arguments.offset)
        .take(arguments.limit.clamp(1, MOST))
        .map(|entry| Listed {
            id: entry.id.to_string(),
            description: shortened(
                &entry
                    .description
                    .as_deref()
                    .map(one_line)
                    .unwrap_or_default(),
                160,
            ),
        })
        .collect();
    let mut lines = vec![format!("{} of {} servers:", servers.len(), fitting.len())];
    lines.extend(
        servers
            .iter()
            .map(|server| format!("{}: {}", server.id, server.description)),
    );
    let page = Page {
        total: fitting.len(),
        sources,
        categories,
        servers,
    };
    Answer::new(&page, lines.join("\n"))
}
