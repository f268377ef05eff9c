//! The sources of the catalog: what `mcpod sources` shows and `mcpod refresh` does.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::Response;
use maud::{Markup, html};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::document::{Document, Place, go, shown};
use super::job::{self, Job, Outcome};
use super::{Here, Visitor, form, form_key};
use crate::catalog::refresh::{Event, Report};
use crate::frontend::http::Face;
use crate::frontend::registry::refresh::said;

/// How many refused records of a source are shown.
const REFUSED: usize = 5;

/// Shows them.
pub(super) async fn show((State(face), Extension(visitor)): Here) -> Response {
    let reports = face.frontend.orchestrator.refresh().reports();
    let size = face
        .frontend
        .orchestrator
        .catalog()
        .map(|catalog| catalog.size());
    Document::new("Catalog", Place::Catalog).with(&html! {
        @if let Ok(size) = size { p { (size) " servers, searched without a network." } }
        section #sources data-live="10" aria-label="Sources" { (table(&reports)) }
        (refused(&reports))
        (actions(&visitor, &reports))
    })
}

fn table(reports: &[Report]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Table of sources" {
            table {
                thead { tr { @for head in ["Source", "Servers", "Refused", "Last read", "From", "Error"] { th scope="col" { (head) } } } }
                tbody {
                    @for report in reports {
                        tr {
                            th scope="row" { (report.name) }
                            td.number { (report.entries) }
                            td.number { (report.refused_count) }
                            td {
                                @if !report.enabled { "off" }
                                @else if let Some(at) = report.fetched_at { (format!("{at:.0}")) }
                                @else if report.name == "builtin" { "always there" }
                                @else { "never" }
                            }
                            td { (shown(&report.urls.join(" "))) }
                            td { @if let Some(error) = &report.last_error { span.bad { (shown(error)) } } }
                        }
                    }
                }
            }
        }
    }
}

fn refused(reports: &[Report]) -> Markup {
    html! {
        @if reports.iter().any(|report| !report.refused.is_empty()) {
            section {
                h2 { "Refused records" }
                ul {
                    @for report in reports {
                        @for refused in report.refused.iter().take(REFUSED) {
                            li { (report.name) ": " (shown(&refused.to_string())) }
                        }
                    }
                }
            }
        }
    }
}

fn actions(visitor: &Visitor, reports: &[Report]) -> Markup {
    html! {
        section {
            h2 { "Refresh" }
            form.fill method="post" action="catalog" {
                (form_key(visitor))
                div.field {
                    label for="source" { "Source" }
                    select #source name="source" {
                        option value="" { "all" }
                        @for report in reports.iter().filter(|report| report.enabled && report.name != "builtin") {
                            option value=(report.name) { (report.name) }
                        }
                    }
                }
                label.box { input type="checkbox" name="force"; " also what was read less than a day ago" }
                button { "Refresh" }
            }
            p.about { "mcpod refresh --enable-timer has systemd do it once a day." }
        }
    }
}

/// Begins a refresh.
pub(super) async fn refresh((State(face), Extension(visitor)): Here, request: Request) -> Response {
    let fields = match form(&face, &visitor, request).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let names: Vec<String> = fields
        .given("source")
        .map(str::to_owned)
        .into_iter()
        .collect();
    let back = ("catalog".to_owned(), "Back to the catalog".to_owned());
    let Some(job) = face
        .page
        .jobs
        .begin("Refreshing the catalog", Place::Catalog, back)
    else {
        return job::busy();
    };
    let (running, force) = (Arc::clone(&job), fields.has("force"));
    tokio::spawn(async move {
        let outcome = run(&face, names, force, &running).await;
        running.end(outcome);
    });
    go(&job.address())
}

async fn run(face: &Face, names: Vec<String>, force: bool, job: &Arc<Job>) -> Outcome {
    let refresh = face.frontend.orchestrator.refresh();
    let (telling, runtime) = (Arc::clone(job), Handle::current());
    // It parses and indexes for seconds, while agents wait for their answers.
    let refreshing = spawn_blocking(move || {
        let tell = |event: Event<'_>| telling.say(said(&event));
        runtime.block_on(async {
            tokio::select! {
                reports = refresh.run(&names, force, tell) => Some(reports),
                () = telling.stopped() => None,
            }
        })
    });
    let failed = |message: String, hint| Outcome::Failed { message, hint };
    let reports = match refreshing.await {
        Ok(Some(Ok(reports))) => reports,
        Ok(Some(Err(error))) => {
            let hint = error.hint();
            return failed(format!("{:#}", anyhow::Error::new(error)), hint);
        }
        Ok(None) => return failed("stopped; what was there before counts on".to_owned(), None),
        Err(error) => return failed(format!("the refresh failed: {error}"), None),
    };
    face.frontend.describe_catalog();
    let errors: Vec<String> = reports
        .iter()
        .filter(|report| report.enabled)
        .filter_map(|report| Some(format!("{}: {}", report.name, report.last_error.as_ref()?)))
        .collect();
    if errors.is_empty() {
        return Outcome::Done {
            text: "The catalog is fresh.".to_owned(),
            result: None,
            links: Vec::new(),
        };
    }
    failed(
        errors.join("\n"),
        Some("what these sources sent before counts on".to_owned()),
    )
}
