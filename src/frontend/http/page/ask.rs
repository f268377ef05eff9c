//! The form for what agents wait for: see [`asks`](crate::frontend::asks). It is behind the same sign-in as everything else, so
//! that somebody knows its address proves nothing. What is filled in is stored, once, and the call that waits goes on.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use maud::html;

use super::document::{Document, Place, failure, shown};
use super::fields::{Fields, address};
use super::{Here, Visitor, form, form_key, told};
use crate::frontend::asks::Question;
use crate::orchestrator::Error;

/// Shows the form.
pub(super) async fn show((State(face), Extension(visitor)): Here, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    let id = fields.get("id");
    match face.page.asks.question(id) {
        Some(question) => asking(&question, id, &visitor, None),
        None => gone(),
    }
}

fn asking(
    question: &Question,
    id: &str,
    visitor: &Visitor,
    wrong: Option<&(String, Option<String>)>,
) -> Response {
    let Question {
        agent,
        server,
        id: entry,
        secrets,
    } = question;
    Document::new(&format!("A secret for {server}"), Place::Secrets).with(&html! {
        @if let Some((message, hint)) = wrong { (failure(message, hint.as_deref())) }
        p {
            "The agent that calls itself " strong { (shown(agent)) } " wants to add the server " strong { (server) }
            " (" a href=(address("entry", &[("id", entry)])) { (entry) } "), which needs what is asked for below."
        }
        p { "The agent does not see it: it is stored for this server alone, and never shown again. If you did not ask for this, close the page: nothing happens." }
        form.fill method="post" action="ask" {
            (form_key(visitor))
            input type="hidden" name="id" value=(id);
            @for (name, about) in secrets {
                @let field = format!("secret.{name}");
                div.field {
                    label for=(field) { (name) }
                    input id=(field) name=(field) type="password" required autocomplete="off";
                    @if let Some(about) = about { p.about { (shown(about)) } }
                }
            }
            button { "Store, and let the agent go on" }
        }
    })
}

/// Stores what was filled in.
pub(super) async fn store((State(face), Extension(visitor)): Here, request: Request) -> Response {
    let fields = match form(&face, &visitor, request).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let id = fields.get("id");
    let Some(question) = face.page.asks.question(id) else {
        return gone();
    };
    let mut values = Vec::new();
    for (name, _) in &question.secrets {
        let Some(value) = fields.secret(&format!("secret.{name}")) else {
            let wrong = (format!("{name} is empty"), None);
            return asking(&question, id, &visitor, Some(&wrong));
        };
        values.push((format!("{}_{name}", question.server), value));
    }
    // The agent goes on even if whoever filled it in is gone by then.
    let storing = {
        let (face, id) = (Arc::clone(&face), id.to_owned());
        let entry = question.id.clone();
        async move {
            for (name, value) in values {
                let orchestrator = &face.frontend.orchestrator;
                orchestrator
                    .set_secret(&name, value, Some(&entry), || {}, &|| {})
                    .await?;
            }
            face.page.asks.answered(&id);
            Ok::<_, Error>(())
        }
    };
    if let Err(error) = face.page.change(Box::pin(storing)).await {
        return asking(&question, id, &visitor, Some(&told(error)));
    }
    Document::new("Stored", Place::Secrets).with(&html! {
        p role="status" { "It is stored, and " strong { (shown(&question.agent)) } " goes on. You can close this page." }
        p { a href="servers" { "The active servers" } }
    })
}

fn gone() -> Response {
    let content = html! {
        p { "Nobody waits for this any more: it was answered, or the agent has gone on without it." }
        p { a href="secrets" { "Secrets" } }
    };
    Document::new("Nobody waits", Place::Secrets)
        .status(StatusCode::NOT_FOUND)
        .with(&content)
}
