//! Documents: what every answer of the page has around its content, and the headers that keep a browser from doing more than it
//! is to.
//!
//! Whatever is put into a template is escaped by it (maud); nothing is ever put in as markup. Should that fail, the content
//! security policy below lets nothing run that is not this program's own script.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::Response;
use maud::{DOCTYPE, Markup, html};

use crate::text::for_terminal;

/// What a browser may load and do. Script sets no HTML but by the one policy that script.js declares for answers of ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types mcpod";

/// The pages that every page links to.
const PLACES: [(Place, &str, &str); 5] = [
    (Place::Search, ".", "Search"),
    (Place::Servers, "servers", "Servers"),
    (Place::Secrets, "secrets", "Secrets"),
    (Place::Catalog, "catalog", "Catalog"),
    (Place::Doctor, "doctor", "Doctor"),
];

/// Where in the page a document belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Search,
    Servers,
    Secrets,
    Catalog,
    Doctor,
}

/// A document.
#[derive(Debug)]
pub(super) struct Document {
    title: String,
    place: Option<Place>,
    refreshes: bool,
    status: StatusCode,
}

impl Document {
    /// One with this title; it may be hostile text, as all that is shown.
    pub(super) fn new(title: &str, place: Place) -> Self {
        Self {
            title: crate::text::one_line(title),
            place: Some(place),
            refreshes: false,
            status: StatusCode::OK,
        }
    }

    /// One for who is not signed in: it leads nowhere.
    pub(super) fn outside(title: &str, status: StatusCode) -> Self {
        Self {
            title: title.to_owned(),
            place: None,
            refreshes: false,
            status,
        }
    }

    /// Has browsers without script load it again while something is going on.
    pub(super) fn refreshing(self, refreshes: bool) -> Self {
        Self { refreshes, ..self }
    }

    /// With this status.
    pub(super) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The answer with this content.
    pub(super) fn with(self, content: &Markup) -> Response {
        let Self {
            title,
            place,
            refreshes,
            status,
        } = self;
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " - mcpod" }
                    link rel="stylesheet" href="style.css";
                    link rel="icon" href="icon.svg" type="image/svg+xml";
                    script src="script.js" defer {}
                    @if refreshes {
                        noscript { meta http-equiv="refresh" content="2"; }
                    }
                }
                body {
                    a.skip href="#main" { "Skip to content" }
                    header {
                        @if let Some(here) = place {
                            a.name href="." { "mcpod" }
                            nav aria-label="Pages" {
                                ul {
                                    @for (place, address, name) in PLACES {
                                        li {
                                            a href=(address) aria-current=[(place == here).then_some("page")] { (name) }
                                        }
                                    }
                                }
                            }
                        } @else {
                            span.name { "mcpod" }
                        }
                    }
                    main #main tabindex="-1" {
                        h1 { (title) }
                        (content)
                    }
                }
            }
        };
        respond(status, markup)
    }
}

/// An answer of HTML.
fn respond(status: StatusCode, markup: Markup) -> Response {
    file("text/html; charset=utf-8", status, markup.into_string())
}

/// A part of a document, for script to put in the place of what was there.
pub(super) fn part(markup: Markup) -> Response {
    respond(StatusCode::OK, markup)
}

/// An answer of any type, with the headers that all have.
pub(super) fn file(kind: &'static str, status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With none at all browsers send forms of ours with "Origin: null" (Fetch, 3.2), which is what a stranger's would be.
        (REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Sends a browser on to another page, after a form.
pub(super) fn go(address: &str) -> Response {
    let mut response = file("text/plain", StatusCode::SEE_OTHER, "");
    if let Ok(address) = HeaderValue::from_str(address) {
        response.headers_mut().insert(LOCATION, address);
    }
    response
}

/// Hostile text with its lines, without what a reader does not see.
pub(super) fn shown(text: &str) -> String {
    for_terminal(text)
}

/// What went wrong, and what can be done about it.
pub(super) fn failure(message: &str, hint: Option<&str>) -> Markup {
    html! {
        div.failure role="alert" {
            p { (shown(message)) }
            @if let Some(hint) = hint {
                p.hint { (shown(hint)) }
            }
        }
    }
}
