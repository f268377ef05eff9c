//! The page: mcpod in a browser, on the address of the HTTP face and behind the same token.
//!
//! It is written on the server, and reads without script; its script makes searches follow what is typed, and what is shown
//! follow what happens. Everything it does is done by the functions of the [orchestrator](crate::orchestrator) that the command
//! line and the registry tools call: nothing is possible here that is not possible there.
//!
//! Every address is one word behind the page's own folder, and every link is relative: so it works under whatever folder a
//! reverse proxy shows it in, if that ends in a slash.
//!
//! ```text
//! browser -> admit (host, cookie, origin) -> a file a noun: search, entry, add, servers, server, tool, log, secrets, catalog, doctor
//!              `-> sign_in                    `-> job: whatever takes long, with what it has to say
//! ```
//!
//! Invariants: text of others is only ever put into templates that escape it; a secret is taken and never shown.

mod add;
mod ask;
mod catalog;
mod doctor;
mod document;
mod entry;
mod events;
mod fields;
mod inputs;
mod job;
mod log;
mod pass;
mod search;
mod secrets;
mod server;
mod servers;
mod sign_in;
mod tool;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use subtle::ConstantTimeEq as _;

use super::body::Unread;
use super::gate::Refused;
use super::{Face, connections};
use crate::frontend::asks::Asks;
use crate::frontend::parking;
use crate::orchestrator::{Error, Kind};
use document::{Document, Place, file};
use fields::Fields;
use job::Jobs;

pub use sign_in::{found_at, link};

/// What the page keeps while it is served.
#[derive(Debug)]
pub(super) struct Page {
    /// What passes are signed with where there is no token: on a unix socket, which only its user can open.
    key: String,
    /// Tickets that were used, until they would have expired.
    used: std::sync::Mutex<std::collections::BTreeMap<String, i64>>,
    jobs: Jobs,
    /// What agents wait for.
    asks: Arc<Asks>,
    /// Whether the browser reaches it by TLS alone.
    is_secure: bool,
    /// Shared by whatever is being changed.
    changing: Arc<()>,
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    /// What every form of theirs carries.
    form_key: String,
}

impl Page {
    /// A page that is found at this address from outside.
    pub(super) fn new(address: String) -> Result<Self, rustix::io::Errno> {
        Ok(Self {
            key: parking::handle()?,
            used: std::sync::Mutex::default(),
            jobs: Jobs::default(),
            is_secure: address.starts_with("https:"),
            asks: Arc::new(Asks::new(address)),
            changing: Arc::default(),
        })
    }

    /// Changes something to its end, even if the browser hangs up meanwhile: half of a change, such as files that were
    /// replaced and never loaded, is worse than either.
    async fn change<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let under_way = Arc::clone(&self.changing);
        let changing = tokio::spawn(async move {
            let done = work.await;
            drop(under_way);
            done
        });
        match changing
            .await
            .map_err(tokio::task::JoinError::try_into_panic)
        {
            Ok(done) => done,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The process ends.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Whether anything is done here for somebody, who may come back for it only later.
    pub(super) fn is_busy(&self) -> bool {
        Arc::strong_count(&self.changing) > 1 || self.jobs.are_under_way()
    }

    /// What agents wait for.
    pub(super) fn asks(&self) -> &Arc<Asks> {
        &self.asks
    }
}

impl Face {
    /// What passes are signed with.
    fn key(&self) -> Option<String> {
        match &self.gate.token {
            Some(token) => token.current(),
            None => Some(self.page.key.clone()),
        }
    }

    /// Who sends these headers, if they are signed in.
    fn visitor(&self, headers: &HeaderMap) -> Option<Visitor> {
        let key = self.key()?;
        let visit = if self.gate.token.is_some() {
            sign_in::visit(&key, headers)?
        } else {
            String::new()
        };
        Some(Visitor {
            form_key: pass::sign(&key, pass::Purpose::Form, &visit)?,
        })
    }
}

/// The addresses of the page.
pub(super) fn routes(face: &Arc<Face>) -> Router<Arc<Face>> {
    let inside = Router::new()
        .route("/", get(search::show))
        .route("/entry", get(entry::show))
        .route("/add", get(add::show).post(add::add))
        .route("/job", get(job::show).post(job::act))
        .route("/job-events", get(job::events))
        .route("/servers", get(servers::show))
        .route("/server", get(server::show))
        .route("/config", post(server::configure))
        .route("/accept", post(server::accept))
        .route("/remove", post(server::remove))
        .route("/tool", get(tool::show).post(tool::call))
        .route("/log", get(log::show))
        .route("/log-events", get(log::events))
        .route("/secrets", get(secrets::show).post(secrets::change))
        .route("/ask", get(ask::show).post(ask::store))
        .route("/catalog", get(catalog::show).post(catalog::refresh))
        .route("/doctor", get(doctor::show))
        .route("/events", get(events::show))
        .route_layer(middleware::from_fn_with_state(Arc::clone(face), admit));
    Router::new()
        .route("/sign-in", get(sign_in::open))
        .route("/style.css", get(style))
        .route("/script.js", get(script))
        .route("/icon.svg", get(icon))
        .route_layer(middleware::from_fn_with_state(Arc::clone(face), approach))
        .merge(inside)
}

async fn style() -> Response {
    let text = include_str!("page/style.css");
    file("text/css; charset=utf-8", StatusCode::OK, text)
}

async fn script() -> Response {
    let text = include_str!("page/script.js");
    file("text/javascript; charset=utf-8", StatusCode::OK, text)
}

async fn icon() -> Response {
    let text = include_str!("page/icon.svg");
    file("image/svg+xml", StatusCode::OK, text)
}

/// Lets in what means this host.
async fn approach(State(face): State<Arc<Face>>, request: Request, next: Next) -> Response {
    match face.gate.knows(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(Refused::Host) => forbidden("this is not the host in Host"),
        Err(Refused::Origin | Refused::Token) => forbidden("pages of this Origin may not ask"),
    }
}

/// Lets in who is signed in; to others it shows where to sign in.
async fn admit(State(face): State<Arc<Face>>, mut request: Request, next: Next) -> Response {
    match face.gate.knows(request.uri(), request.headers()) {
        Ok(()) => {}
        Err(Refused::Host) => return forbidden("this is not the host in Host"),
        Err(Refused::Origin | Refused::Token) => {
            return forbidden("pages of this Origin may not ask");
        }
    }
    let Some(visitor) = face.visitor(request.headers()) else {
        return sign_in::closed(request.uri());
    };
    if request.method() == Method::POST && is_foreign(request.headers()) {
        return forbidden("forms are sent from this page alone");
    }
    connections::admitted(&request);
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

fn forbidden(reason: &'static str) -> Response {
    file("text/plain; charset=utf-8", StatusCode::FORBIDDEN, reason)
}

/// Whether a browser says that the request was made by a page that is not this one (Fetch Metadata Request Headers, 2.3).
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// The fields of a form of a visitor's; else what to answer.
async fn form(face: &Face, visitor: &Visitor, request: Request) -> Result<Fields, Response> {
    let refused = |status, reason: &'static str| file("text/plain; charset=utf-8", status, reason);
    let read = Fields::read(request.into_body(), face.limits.body).await;
    let fields = read.map_err(|unread| {
        let reason = match unread {
            Unread::TooLarge => "the form is too long",
            Unread::Slow => "the form takes too long to come",
            Unread::Broken => "the form broke off",
        };
        refused(unread.status(), reason)
    })?;
    let given = fields.get("key").as_bytes();
    if !bool::from(visitor.form_key.as_bytes().ct_eq(given)) {
        let reason = "this form is of an earlier visit: go back, load the page again and repeat it";
        return Err(refused(StatusCode::FORBIDDEN, reason));
    }
    Ok(fields)
}

/// What every form carries.
fn form_key(visitor: &Visitor) -> maud::Markup {
    maud::html! { input type="hidden" name="key" value=(visitor.form_key); }
}

/// An error of the chain as a whole page.
fn failed(error: Error, title: &str, place: Place) -> Response {
    let status = match error.kind() {
        Kind::NotFound => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    };
    let (message, hint) = told(error);
    let content = document::failure(&message, hint.as_deref());
    Document::new(title, place).status(status).with(&content)
}

/// An error of the chain in words, and what can be done about it.
fn told(error: Error) -> (String, Option<String>) {
    let hint = error.hint();
    (format!("{:#}", anyhow::Error::new(error)), hint)
}

/// The same above a form for what is asked for: it has a field where the command line has an option.
fn told_above_form(error: Error) -> (String, Option<String>) {
    let is_missing = error.kind() == Kind::InputsMissing;
    let (message, hint) = told(error);
    let hint = if is_missing {
        Some("fill in the fields below".to_owned())
    } else {
        hint
    };
    (message, hint)
}

/// What all handlers take: the face, and who is signed in.
type Here = (State<Arc<Face>>, Extension<Visitor>);

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_change_goes_on_when_its_browser_hangs_up() {
        let page = Page::new(String::new()).unwrap();
        let (go, gone) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let mut change = Box::pin(page.change(async move {
            gone.await.unwrap();
            done.send(()).unwrap();
        }));
        assert!(change.as_mut().now_or_never().is_none());
        drop(change);
        assert!(page.is_busy());
        go.send(()).unwrap();
        is_done.await.unwrap();
        while page.is_busy() {
            tokio::task::yield_now().await;
        }
        assert_eq!(page.change(async { 7 }).await, 7);
    }
}
