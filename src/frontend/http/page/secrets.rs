//! Secrets: what `mcpod secret` does. They are taken, listed by name and forgotten, never shown.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::Response;
use maud::html;

use super::document::{Document, Place, failure, go};
use super::{Here, Visitor, form, form_key, told};
use crate::frontend::http::Face;

/// Lists them.
pub(super) async fn show((State(face), Extension(visitor)): Here) -> Response {
    listed(&face, &visitor, None).await
}

async fn listed(
    face: &Face,
    visitor: &Visitor,
    wrong: Option<(String, Option<String>)>,
) -> Response {
    let (secrets, wrong) = match face.frontend.orchestrator.list_secrets().await {
        Ok(secrets) => (secrets, wrong),
        Err(error) => (Vec::new(), wrong.or_else(|| Some(told(error)))),
    };
    Document::new("Secrets", Place::Secrets).with(&html! {
        @if let Some((message, hint)) = &wrong { (failure(message, hint.as_deref())) }
        p { "Values are taken and never shown. They are encrypted where this host can do that, and reach the one server that needs them when a session of it starts." }
        section #secrets data-live="10" aria-label="Stored" {
            @if secrets.is_empty() { p { "None is stored." } }
            @else {
                div.wide tabindex="0" role="region" aria-label="Table of secrets" {
                    table {
                        thead { tr { @for head in ["Name", "Server", "Kept", "Last set", "Forget"] { th scope="col" { (head) } } } }
                        tbody {
                            @for secret in &secrets {
                                tr {
                                    th scope="row" { (secret.name) }
                                    td { (secret.server) }
                                    td { @if secret.encrypted { "encrypted" } @else { span.bad { "in clear, for its user alone" } } }
                                    td { (secret.updated) }
                                    td {
                                        form method="post" action="secrets" {
                                            (form_key(visitor))
                                            input type="hidden" name="name" value=(secret.name);
                                            button.danger name="do" value="forget" aria-label=(format!("Forget {}", secret.name)) { "Forget" }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        section {
            h2 { "Store one" }
            form.fill method="post" action="secrets" {
                (form_key(visitor))
                div.field {
                    label for="name" { "Name" }
                    input #name name="name" required autocomplete="off" spellcheck="false" aria-describedby="name-about";
                    p.about #name-about { "The server's name, _, and the input or variable, such as github_token. One of the same name is replaced." }
                }
                div.field {
                    label for="value" { "Value" }
                    input #value name="value" type="password" required autocomplete="off";
                }
                button name="do" value="store" { "Store" }
            }
        }
    })
}

/// Stores or forgets one.
pub(super) async fn change((State(face), Extension(visitor)): Here, request: Request) -> Response {
    let fields = match form(&face, &visitor, request).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let name = fields.get("name").to_owned();
    let value = match (fields.get("do"), fields.secret("value")) {
        ("forget", _) => None,
        (_, Some(value)) => Some(value),
        (_, None) => {
            let wrong = ("the value is empty".to_owned(), None);
            return listed(&face, &visitor, Some(wrong)).await;
        }
    };
    let orchestrator = Arc::clone(&face.frontend.orchestrator);
    let changing = async move {
        match value {
            None => orchestrator.remove_secret(&name, || {}).await,
            Some(value) => {
                orchestrator
                    .set_secret(&name, value, None, || {}, &|| {})
                    .await
            }
        }
    };
    let done = face.page.change(Box::pin(changing)).await;
    match done {
        Ok(()) => go("secrets"),
        Err(error) => listed(&face, &visitor, Some(told(error))).await,
    }
}
