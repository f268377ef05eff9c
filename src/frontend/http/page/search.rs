//! Searching the catalog: what `mcpod search` does.

use std::sync::Arc;

use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};

use super::document::{Document, Place, part};
use super::fields::{Fields, address};
use super::{Here, failed};
use crate::catalog::{Answer, Category, Filters, Hit, Query};
use crate::frontend::http::Face;
use crate::orchestrator::Error;
use crate::text::shortened;

/// How many entries are on one page.
const LIMIT: usize = 30;

/// How much of a description is shown, in characters.
const DESCRIPTION: usize = 240;

/// Boxes that narrow a search down: the name of the field, and what it means.
const BOXES: [(&str, &str); 4] = [
    ("runnable", "can be run"),
    ("no_key", "needs no key"),
    ("official", "by the maker of what it serves"),
    ("featured", "recommended by its source"),
];

/// Shows what fits; its results alone if they are asked for.
pub(super) async fn show((axum::extract::State(face), _): Here, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    let found = match found(&face, &fields) {
        Ok(found) => found,
        Err(error) => return failed(error, "Search", Place::Search),
    };
    if fields.has("part") {
        return part(found);
    }
    Document::new("Find a server", Place::Search).with(&html! {
        form.search role="search" method="get" action="." data-search {
            label for="q" { "What do you need?" }
            input #q type="search" name="q" value=(fields.get("q")) autocomplete="off" spellcheck="false"
                placeholder="time zones, postgres, a browser…" autofocus;
            fieldset {
                legend { "Only what" }
                @for (name, meaning) in BOXES {
                    label.box {
                        input type="checkbox" name=(name) checked[fields.has(name)];
                        " " (meaning)
                    }
                }
            }
            label for="category" { "Category" }
            select #category name="category" {
                option value="" { "all" }
                @for category in Category::ALL {
                    option value=(category.as_str()) selected[fields.get("category") == category.as_str()] { (category.as_str()) }
                }
            }
            button { "Search" }
        }
        (found)
    })
}

fn query(fields: &Fields) -> Query<'_> {
    Query {
        text: fields.get("q"),
        filters: Filters {
            sources: fields
                .given("source")
                .map(str::to_owned)
                .into_iter()
                .collect(),
            categories: fields
                .given("category")
                .and_then(|category| category.parse().ok())
                .into_iter()
                .collect(),
            tags: fields.given("tag").map(str::to_owned).into_iter().collect(),
            official: fields.has("official"),
            featured: fields.has("featured"),
            runnable: fields.has("runnable"),
            no_key: fields.has("no_key"),
        },
        offset: fields.get("offset").parse().unwrap_or_default(),
        limit: LIMIT,
        explain: false,
    }
}

fn found(face: &Arc<Face>, fields: &Fields) -> Result<Markup, Error> {
    let orchestrator = &face.frontend.orchestrator;
    let query = query(fields);
    let Answer { hits, total } = orchestrator.catalog()?.search(&query)?;
    let active = face.frontend.actives();
    let first = query.offset + 1;
    let last = query.offset + hits.len();
    let page = |offset: usize| {
        let kept = [
            "q", "source", "category", "tag", "official", "featured", "runnable", "no_key",
        ];
        let mut all: Vec<(&str, &str)> = Vec::new();
        for name in kept {
            if fields.has(name) {
                all.push((name, fields.get(name)));
            }
        }
        let offset = offset.to_string();
        all.push(("offset", &offset));
        address(".", &all)
    };
    Ok(html! {
        section #results aria-label="Results" {
            p role="status" {
                @if total == 0 {
                    "Nothing fits. Try fewer or other words."
                } @else if total <= hits.len() {
                    (total) " servers"
                } @else {
                    (first) " to " (last) " of " (total) " servers"
                }
            }
            ol.hits start=(first) {
                @for hit in &hits {
                    li { (shown(hit, active.iter().any(|active| active.record.id == hit.id.to_string()))) }
                }
            }
            nav.pages aria-label="More results" {
                @if query.offset > 0 {
                    a rel="prev" href=(page(query.offset.saturating_sub(LIMIT))) { "Earlier" }
                }
                @if last < total {
                    a rel="next" href=(page(last)) { "More" }
                }
            }
        }
    })
}

/// A hit, in the list.
fn shown(hit: &Hit, is_active: bool) -> Markup {
    let id = hit.id.to_string();
    html! {
        h2 { a href=(address("entry", &[("id", &id)])) { (hit.title.as_ref().unwrap_or(&hit.name)) } }
        @if let Some(description) = &hit.description {
            p { (shortened(description, DESCRIPTION)) }
        }
        ul.facts {
            li.id { (id) }
            @if let Some(launch) = &hit.launch { li { (launch) } } @else { li { "documentation only" } }
            @if is_active { li.good { "active" } }
            @if hit.requires_key { li { "needs a key" } }
            @if hit.official { li { "official" } }
            @if hit.featured { li { "recommended" } }
            @if let Some(why) = &hit.deprecated { li.bad { "deprecated: " (shortened(why, 80)) } }
        }
    }
}
