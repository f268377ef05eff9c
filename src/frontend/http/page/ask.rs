//! What agents wait for: secrets that a server needs before it can be added, asked for by URL elicitation (2025-11-25 and
//! 2026-07-28, Elicitation), so that no value passes through the agent.
//!
//! The address that an agent shows its user leads to a form here, behind the same sign-in as everything else: that somebody knows
//! it proves nothing. What is filled in is stored, once, and the call that waits goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use maud::html;
use tokio::sync::oneshot;

use super::document::{Document, Place, failure, shown};
use super::fields::{Fields, address};
use super::{Here, Visitor, form, form_key, told};
use crate::frontend::parking;
use crate::frontend::voice::lock;
use crate::quadlet::name::ServerName;

/// How many agents may wait at once.
const WAITING: usize = 64;

/// What is waited for, by the number in its address.
#[derive(Debug)]
pub(in crate::frontend) struct Asks {
    /// Where the page is found, with a slash at its end.
    page: String,
    waiting: Mutex<BTreeMap<String, Waiting>>,
}

/// An agent that waits.
#[derive(Debug)]
struct Waiting {
    question: Question,
    done: Option<oneshot::Sender<()>>,
}

/// What is asked for, by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::frontend) struct Question {
    /// The agent, as it calls itself.
    pub(in crate::frontend) agent: String,
    /// The server that is to be added, by its name.
    pub(in crate::frontend) server: ServerName,
    /// The entry that it is.
    pub(in crate::frontend) id: String,
    /// The secrets: what they are called, and what they are for.
    pub(in crate::frontend) secrets: Vec<(String, Option<String>)>,
}

/// A question that was put; it is taken back when this is dropped.
#[derive(Debug)]
pub(in crate::frontend) struct Asked {
    asks: Arc<Asks>,
    /// The number in its address.
    pub(in crate::frontend) id: String,
    done: oneshot::Receiver<()>,
}

impl Asks {
    /// Questions on a page that is found at this address.
    pub(super) fn new(page: String) -> Self {
        Self {
            page,
            waiting: Mutex::default(),
        }
    }

    /// Puts a question; nothing where too many wait.
    pub(in crate::frontend) fn ask(self: &Arc<Self>, question: Question) -> Option<Asked> {
        let id = parking::handle().ok()?;
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= WAITING {
            return None;
        }
        let (sender, done) = oneshot::channel();
        let sender = Some(sender);
        waiting.insert(
            id.clone(),
            Waiting {
                question,
                done: sender,
            },
        );
        Some(Asked {
            asks: Arc::clone(self),
            id,
            done,
        })
    }

    fn question(&self, id: &str) -> Option<Question> {
        let waiting = lock(&self.waiting);
        waiting.get(id).map(|waiting| waiting.question.clone())
    }

    /// Lets whoever waits go on.
    fn answered(&self, id: &str) {
        let waiting = lock(&self.waiting).remove(id);
        if let Some(done) = waiting.and_then(|waiting| waiting.done)
            && done.send(()).is_err()
        {
            tracing::debug!("nobody waits for a secret any more");
        }
    }
}

impl Asked {
    /// The address where the user answers.
    pub(in crate::frontend) fn address(&self) -> String {
        address(&format!("{}ask", self.asks.page), &[("id", &self.id)])
    }

    /// Resolves when it was answered; `false` where that will not be.
    pub(in crate::frontend) async fn answered(&mut self) -> bool {
        (&mut self.done).await.is_ok()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        lock(&self.asks.waiting).remove(&self.id);
    }
}

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
    let fields = match form(&visitor, request).await {
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
    for (name, value) in values {
        let orchestrator = &face.frontend.orchestrator;
        if let Err(error) = orchestrator.set_secret(&name, value, || {}, &|| {}).await {
            return asking(&question, id, &visitor, Some(&told(error)));
        }
    }
    face.page.asks.answered(id);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            agent: "a".to_owned(),
            server: "github".parse().unwrap(),
            id: "builtin:github".to_owned(),
            secrets: vec![("token".to_owned(), None)],
        }
    }

    #[tokio::test]
    async fn whoever_asks_goes_on_when_it_is_answered_and_is_forgotten_when_gone() {
        let asks = Arc::new(Asks::new("http://x/".to_owned()));
        let mut asked = asks.ask(question()).unwrap();
        assert_eq!(asked.address(), format!("http://x/ask?id={}", asked.id));
        assert_eq!(asks.question(&asked.id), Some(question()));
        asks.answered(&asked.id);
        assert!(asked.answered().await);
        assert_eq!(asks.question(&asked.id), None);
        let asked = asks.ask(question()).unwrap();
        let id = asked.id.clone();
        drop(asked);
        assert_eq!(asks.question(&id), None);
    }

    #[test]
    fn only_so_many_wait() {
        let asks = Arc::new(Asks::new("http://x/".to_owned()));
        let all: Vec<_> = (0..WAITING)
            .map(|_| asks.ask(question()).unwrap())
            .collect();
        assert!(asks.ask(question()).is_none());
        drop(all);
        assert!(asks.ask(question()).is_some());
    }
}
