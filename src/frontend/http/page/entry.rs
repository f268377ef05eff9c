//! An entry of the catalog: what `mcpod show` prints.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};

use super::document::{Document, Place, shown};
use super::fields::{Fields, address};
use super::{Here, failed};
use crate::catalog::{Entry, Listing, words};
use crate::orchestrator::reference;
use crate::text::markdown;

/// Shows it.
pub(super) async fn show((State(face), _): Here, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    let orchestrator = &face.frontend.orchestrator;
    let listing = orchestrator
        .catalog()
        .and_then(|catalog| reference::listing(&catalog, fields.get("id")));
    let listing = match listing {
        Ok(listing) => listing,
        Err(error) => return failed(error, "No such server", Place::Search),
    };
    let id = listing.entry.id.to_string();
    let active: Vec<String> = face
        .frontend
        .actives()
        .into_iter()
        .filter(|active| active.record.id == id)
        .map(|active| active.name.to_string())
        .collect();
    let entry = &listing.entry;
    let title = entry.title.as_ref().unwrap_or(&entry.name);
    Document::new(title, Place::Search).with(&html! {
        @if let Some(why) = entry.status.deprecation() {
            p.bad { "Deprecated: " (why) }
        }
        @if let Some(description) = &entry.description { p.lead { (description) } }
        @for name in &active {
            p.good { "It is active as " a href=(address("server", &[("name", name)])) { (name) } "." }
        }
        (launches(entry))
        (facts(entry))
        (others(&listing))
        @if !entry.tools.is_empty() {
            section {
                h2 { "Tools" }
                dl {
                    @for tool in &entry.tools {
                        dt { (tool.name) }
                        dd { @if let Some(about) = &tool.description { (about) } }
                    }
                }
            }
        }
        @if let Some(readme) = &entry.readme {
            section {
                h2 { "Documentation" }
                // As text: nothing of it is interpreted.
                pre.readme tabindex="0" { (shown(&markdown::readable(readme, false))) }
            }
        }
    })
}

/// The ways to run it, with what each needs.
fn launches(entry: &Entry) -> Markup {
    let id = entry.id.to_string();
    html! {
        section {
            h2 { "How it runs" }
            @if entry.launch.is_empty() {
                p { "Its source does not say. If there is an image of it, mcpod add docker://IMAGE runs that." }
            }
            ol {
                @for (number, option) in (1_usize..).zip(&entry.launch) {
                    li {
                        p { (words::launch(option)) }
                        @if !option.inputs.is_empty() {
                            ul { @for input in &option.inputs { li { (words::needs(input)) } } }
                        }
                        p {
                            a.button href=(address("add", &[("id", &id), ("launch", &number.to_string())])) {
                                "Add" @if entry.launch.len() > 1 { " this way" }
                            }
                        }
                    }
                }
            }
            @for warning in &entry.warnings { p.note { (warning) } }
        }
    }
}

/// What it says of itself.
fn facts(entry: &Entry) -> Markup {
    let code = entry.repository.as_ref().map(|code| match &code.folder {
        Some(folder) => format!("{} in {folder}", code.url),
        None => code.url.to_string(),
    });
    let list = |words: Vec<String>| Some(words.join(", ")).filter(|words| !words.is_empty());
    let text = |line: &Option<crate::catalog::Line>| line.as_ref().map(ToString::to_string);
    let facts = [
        ("Id", Some(entry.id.to_string())),
        ("Publisher", text(&entry.publisher)),
        ("Version", text(&entry.version)),
        ("Licence", text(&entry.license)),
        ("Website", text(&entry.website)),
        ("Code", code),
        (
            "Categories",
            list(entry.categories.iter().map(ToString::to_string).collect()),
        ),
        (
            "Tags",
            list(entry.tags.iter().map(ToString::to_string).collect()),
        ),
        (
            "Needs",
            list(entry.requires.iter().map(ToString::to_string).collect()),
        ),
        (
            "Stars",
            entry.popularity.stars.map(|count| count.to_string()),
        ),
        (
            "Downloads",
            entry.popularity.downloads.map(|count| count.to_string()),
        ),
    ];
    html! {
        section {
            h2 { "About it" }
            dl.facts {
                @for (head, value) in facts {
                    @if let Some(value) = value {
                        dt { (head) }
                        // Addresses are shown, not linked: where they lead is for the reader to judge.
                        dd { (value) }
                    }
                }
            }
        }
    }
}

/// What other sources say of the same server, and what may be it.
fn others(listing: &Listing) -> Markup {
    let Listing { entry, members } = listing;
    let also = members.iter().filter(|member| member.id != entry.id);
    let also: Vec<(String, &str)> = also
        .map(|member| (member.id.to_string(), "says so too"))
        .chain(
            entry
                .related
                .iter()
                .map(|id| (id.to_string(), "may be the same")),
        )
        .collect();
    html! {
        @if !also.is_empty() {
            section {
                h2 { "Elsewhere in the catalog" }
                ul {
                    @for (id, how) in also {
                        li { a href=(address("entry", &[("id", &id)])) { (id) } " " (how) }
                    }
                }
            }
        }
    }
}
