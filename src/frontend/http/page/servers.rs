//! The active servers: what `mcpod list` shows, with what this face counted.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::document::{Document, Place};
use super::fields::address;
use super::{Here, failed};
use crate::frontend::counts::Counted;
use crate::frontend::http::Face;
use crate::orchestrator::Error;
use crate::orchestrator::status::Status;

/// Shows them.
pub(super) async fn show((State(face), _): Here) -> Response {
    match table(&face).await {
        Ok(table) => Document::new("Active servers", Place::Servers).with(&table),
        Err(error) => failed(error, "Active servers", Place::Servers),
    }
}

async fn table(face: &Arc<Face>) -> Result<Markup, Error> {
    let orchestrator = &face.frontend.orchestrator;
    let mut rows = Vec::new();
    // One that is removed at this moment is left out.
    for status in orchestrator.statuses().await?.into_iter().flatten() {
        let counted = face.counted(&status.listed.name);
        rows.push((status, counted));
    }
    Ok(html! {
        section #servers data-live="3" aria-label="Servers" {
            @if rows.is_empty() {
                p { "No server is active. " a href="." { "Find one" } "." }
            } @else {
                div.wide tabindex="0" role="region" aria-label="Table of servers" {
                    table {
                        thead {
                            tr {
                                @for head in ["Name", "State", "Sessions", "Memory", "CPU", "Calls", "Errors", "Tools", "Id"] {
                                    th scope="col" { (head) }
                                }
                            }
                        }
                        tbody { @for (status, counted) in &rows { (row(status, *counted)) } }
                    }
                }
                p.about { "Calls and errors are those of agents over HTTP since this service was started." }
            }
        }
    })
}

fn row(status: &Status, counted: Counted) -> Markup {
    let listed = &status.listed;
    let name = listed.name.to_string();
    let memory: Vec<u64> = status
        .running
        .iter()
        .filter_map(|session| session.memory)
        .collect();
    let cpu: f64 = status
        .running
        .iter()
        .filter_map(|session| session.cpu)
        .sum();
    html! {
        tr {
            th scope="row" { a href=(address("server", &[("name", &name)])) { (name) } }
            td { (listed.state.as_str()) }
            td.number { (status.running.len()) }
            td.number { @if memory.is_empty() { "-" } @else { (megabytes(memory.iter().sum())) } }
            td.number { @if status.running.is_empty() { "-" } @else { (format!("{cpu:.1} s")) } }
            td.number { (counted.calls) }
            td.number { (counted.errors) }
            td.number { @if let Some(tools) = listed.tools { (tools) } @else { "?" } }
            td { (listed.id) }
        }
    }
}

/// Bytes, for people.
pub(super) fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
