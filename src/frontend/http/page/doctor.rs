//! What the host lacks: what `mcpod doctor` shows.

use axum::extract::{Extension, State};
use axum::response::Response;
use maud::{Markup, html};

use super::Here;
use super::document::{Document, Place, shown};
use crate::doctor::look::Look;
use crate::doctor::{Finding, State as How};

/// Looks, and shows what was found: first what is to be mended.
pub(super) async fn show((State(face), Extension(_)): Here) -> Response {
    let host = face.frontend.orchestrator.host().clone();
    // What shells complete matters to nobody in a browser.
    let look = Look::at(host, Vec::new()).await;
    let mut findings = look.facts().await.findings();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.state));
    let (wanting, good): (Vec<Finding>, Vec<Finding>) = findings
        .into_iter()
        .partition(|finding| finding.state != How::Ok);
    Document::new("Doctor", Place::Doctor).with(&html! {
        section aria-label="What can be mended" {
            @if wanting.is_empty() { p { "Nothing to mend." } }
            dl.findings { @for finding in &wanting { (row(finding)) } }
            @if wanting.iter().any(|finding| finding.mend.is_ours()) {
                p.about { "mcpod doctor --fix does what needs no root." }
            }
        }
        section {
            h2 { "As it should be" }
            ul { @for finding in &good { li { (shown(&finding.what)) } } }
        }
    })
}

fn row(finding: &Finding) -> Markup {
    let (word, class) = match finding.state {
        How::Ok => ("ok", "good"),
        How::Note => ("note", "quiet"),
        How::Warning => ("warning", "bad"),
        How::Problem => ("problem", "bad"),
    };
    html! {
        dt { span.(class) { (word) } ": " (shown(&finding.what)) }
        dd {
            @if let Some(means) = &finding.means { p { (shown(means)) } }
            @if let Some(command) = finding.mend.command() { pre { code { (shown(&command)) } } }
        }
    }
}
