//! The HTTP face: Streamable HTTP of both eras (2025-11-25, Transports; 2026-07-28, Streamable HTTP).
//!
//! ```text
//! connection -> gate -> endpoint -> Visit -> Agent
//!                           `<- SSE or JSON <- Streams <-'
//! ```
//!
//! `/mcp` shows what `serve` shows over stdio, `/mcp/NAME` one active server alone, under its own names; `/healthz` and
//! `/metrics` are for whoever watches, `/` is the page for people. Messages stay the text they came as, as on stdio.
//!
//! What this face cannot carry, and stdio can:
//!
//! | what | in | why |
//! | --- | --- | --- |
//! | a server's notification that belongs to no request, or to one of several that are on their way without saying to which | 2026-07-28 | nothing may be said on a stream but what relates to its request, and there is no other stream |
//! | notifications of the client | 2026-07-28 | the specification knows none over HTTP; they are taken and passed over |
//! | the order of messages that belong to different requests | both | each request has a stream of its own, and no order holds between streams |
//! | an answer that is cancelled by hanging up | 2026-07-28 | hanging up is how a request is cancelled |
//!
//! Ids are changed on the way and back again in the modern era, since requests of one agent may come on several
//! connections with the same id.

mod body;
mod caller;
mod connections;
mod endpoint;
mod gate;
mod headers;
mod impatient;
mod listener;
mod metrics;
mod page;
mod questions;
mod sse;
mod streams;
pub mod token;
mod visits;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Router, body::Body};
use tokio::sync::{OnceCell, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::counts::Counted;
use super::voice::lock;
use super::{Frontend, Shape};
use crate::quadlet::name::ServerName;
use caller::Connection;
use connections::Open;
use gate::{Gate, Names, Refused};
pub use listener::{Address, BadAddress, ListenError, Listener, Protection};
use metrics::Metrics;
use page::Page;
pub use page::{found_at as page_at, link as page_link};
use token::{Token, TokenError, TokenFile};
use visits::{Door, Visits};

/// How long closing the sessions may take, and then the connections; what is not done by then, the guard does.
const CLOSING: Duration = Duration::from_millis(900);
const PARTING: Duration = Duration::from_millis(300);

/// How long to wait when no connection can be taken, as when there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// What may be taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Agents at once.
    pub agents: usize,
    /// How long an agent may be silent before it is taken to be gone.
    pub idle: Duration,
    /// How long a connection may take to say what it wants: at first, and after each request.
    pub headers: Duration,
    /// How long the next part of a body may take.
    pub body: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            agents: 256,
            idle: Duration::from_mins(30),
            // Longer than common clients keep a connection that they do not use.
            headers: Duration::from_secs(95),
            body: Duration::from_secs(10),
        }
    }
}

/// The face.
#[derive(Debug)]
pub struct Face {
    frontend: Arc<Frontend>,
    /// Servers that are shown alone.
    single: Mutex<HashMap<ServerName, Arc<OnceCell<Arc<Frontend>>>>>,
    gate: Gate,
    visits: Visits,
    metrics: Metrics,
    limits: Limits,
    page: Page,
}

impl Face {
    /// A face for what is listened on: over TCP the token has to be shown, and the name of the host must be its own,
    /// one of `hosts`, or that of the page's address in the settings.
    pub fn new(
        frontend: Arc<Frontend>,
        listener: &Listener,
        token: TokenFile,
        hosts: Vec<String>,
        limits: Limits,
    ) -> Result<Arc<Self>, TokenError> {
        let address = page_address(&frontend, listener, &token);
        let page = Page::new(address).map_err(TokenError::no_random)?;
        // A frontend has one face.
        if frontend.asks.set(Arc::clone(page.asks())).is_err() {
            tracing::debug!("this frontend has a page already");
        }
        let tcp = listener.tcp();
        let url = frontend.orchestrator.settings().http.url.as_deref();
        let gate = Gate {
            names: Names::new(tcp.map(|tcp| tcp.ip()), hosts, url),
            checks_host: tcp.is_some(),
            token: tcp.map(|_| Token::open(token)),
        };
        Ok(Arc::new(Self {
            frontend,
            single: Mutex::default(),
            gate,
            visits: Visits::new(limits.agents, limits.idle),
            metrics: Metrics::new(),
            limits,
            page,
        }))
    }

    /// What is shown behind a door; nothing if there is no such server.
    async fn frontend(&self, door: Option<&str>) -> Option<(Door, Arc<Frontend>)> {
        let Some(name) = door else {
            return Some((None, Arc::clone(&self.frontend)));
        };
        let name: ServerName = name.parse().ok()?;
        let is_active = self.frontend.present().active(&name).is_some();
        let shown = {
            let mut single = lock(&self.single);
            if !is_active {
                single.remove(&name);
                return None;
            }
            Arc::clone(single.entry(name.clone()).or_default())
        };
        let orchestrator = Arc::clone(&self.frontend.orchestrator);
        let start = || Frontend::start(orchestrator, Shape::Server(name.clone()));
        // Only those wait who want to see the same server.
        match shown.get_or_try_init(start).await {
            Ok(frontend) => Some((Some(name), Arc::clone(frontend))),
            Err(error) => {
                tracing::warn!("{name} cannot be shown: {}", super::told(&error));
                None
            }
        }
    }

    /// What was called of a server, by whichever address.
    fn counted(&self, name: &ServerName) -> Counted {
        let single = lock(&self.single);
        let fronts = single.values().filter_map(|shown| shown.get());
        fronts.fold(self.frontend.counts.counted(name), |sum, front| {
            sum + front.counts.counted(name)
        })
    }

    /// Whether nobody is there, and nothing is done for anybody.
    fn is_deserted(&self) -> bool {
        let present = self.visits.present();
        present.sessions == 0
            && present.agents == 0
            && !self.page.is_busy()
            && self.metrics.connections.load(Ordering::Relaxed) == 0
    }
}

/// When to end by oneself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// Never.
    Always,
    /// When nobody is there, and nobody came for a while: systemd listens on.
    WhileNeeded,
}

/// Serves agents until `stop` resolves, or nobody needs it any more.
pub async fn serve(
    face: &Arc<Face>,
    listener: Listener,
    stay: Stay,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let routes = routes(face);
    let room = Arc::new(Semaphore::new(face.limits.connections));
    let (stopping, stops) = watch::channel(());
    let renewing = watch::channel(()).0;
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    let mut deserted = std::pin::pin!(deserted(face, stay, &renewing));
    loop {
        let (incoming, ends) = tokio::select! {
            () = &mut stop => break,
            () = &mut deserted => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be taken");
                    sleep(PAUSE).await;
                    continue;
                }
            },
        };
        let permit = Arc::clone(&room).try_acquire_owned();
        face.metrics.connected(permit.is_ok());
        let Ok(permit) = permit else { continue };
        let open = Open::new(face);
        let (routes, stops, renews) = (routes.clone(), stops.clone(), renewing.subscribe());
        connections.spawn(async move {
            open.serve(routes, incoming, ends, stops, renews).await;
            drop(permit);
        });
    }
    drop(listener);
    let closing = async {
        face.visits.close().await;
        face.frontend.leave().await;
    };
    if timeout(CLOSING, closing).await.is_err() {
        tracing::debug!("some sessions are left to the guard");
    }
    stopping.send_replace(());
    let parting = async { while connections.join_next().await.is_some() {} };
    if timeout(PARTING, parting).await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

/// Ends the visits of those who are gone, and tells when the token is another; resolves when nobody needs this process
/// any more.
async fn deserted(face: &Arc<Face>, stay: Stay, renewing: &watch::Sender<()>) {
    // Often enough that nobody stays for much longer than was meant.
    let pace = (face.limits.idle / 4).clamp(Duration::from_millis(100), Duration::from_secs(30));
    let mut was_deserted = false;
    let current = || face.gate.token.as_ref().and_then(Token::current);
    let mut token = current();
    loop {
        sleep(pace).await;
        // One that cannot be read for a moment is not renewed.
        let now = current().or_else(|| token.clone());
        if token.is_some() && now != token {
            tracing::info!("the token was renewed: all connections end");
            renewing.send_replace(());
        }
        token = now;
        face.visits.sweep().await;
        let is_deserted = face.is_deserted();
        if stay == Stay::WhileNeeded && is_deserted && was_deserted {
            tracing::info!("nobody is there any more");
            return;
        }
        was_deserted = is_deserted;
    }
}

/// Where browsers find the page; empty where nobody said.
fn page_address(frontend: &Frontend, listener: &Listener, token: &TokenFile) -> String {
    if let Some(url) = &frontend.orchestrator.settings().http.url {
        return url.clone();
    }
    let Some(tcp) = listener.tcp() else {
        // Whoever made the unix socket known has set its address as well.
        return String::new();
    };
    let scheme = if listener.has_tls() { "https" } else { "http" };
    match token.read_or_make() {
        Ok(token) => page::found_at(scheme, tcp, &token),
        // The name of this host that is made of it is for who is let in, and nobody is yet.
        Err(_) => format!("{scheme}://{tcp}/"),
    }
}

fn routes(face: &Arc<Face>) -> Router {
    Router::new()
        .route("/mcp", any(all))
        .route("/mcp/{name}", any(one))
        .route("/healthz", get(health))
        .route("/metrics", get(count))
        .route("/question", post(questions::put))
        .route_layer(middleware::from_fn_with_state(Arc::clone(face), admit))
        .merge(page::routes(face))
        .layer(middleware::from_fn_with_state(Arc::clone(face), counted))
        .with_state(Arc::clone(face))
}

async fn counted(State(face): State<Arc<Face>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    face.metrics.answered(response.status());
    response
}

async fn admit(State(face): State<Arc<Face>>, request: Request, next: Next) -> Response {
    let (status, reason) = match face.gate.admit(request.uri(), request.headers()) {
        Ok(()) => {
            connections::admitted(&request);
            let mut response = next.run(request).await;
            if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                let headers = response.headers_mut();
                headers.insert(RETRY_AFTER, HeaderValue::from_static("60"));
            }
            return response;
        }
        Err(Refused::Host) => (StatusCode::FORBIDDEN, "this is not the host in Host"),
        Err(Refused::Origin) => (StatusCode::FORBIDDEN, "pages of this Origin may not ask"),
        Err(Refused::Token) => (
            StatusCode::UNAUTHORIZED,
            "the token of `mcpod token` is missing or wrong",
        ),
    };
    let mut response = endpoint::refused(status, reason);
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer realm=\"mcpod\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

async fn all(
    State(face): State<Arc<Face>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request,
) -> Response {
    endpoint::answer(&face, None, &connection, request).await
}

async fn one(
    State(face): State<Arc<Face>>,
    Extension(connection): Extension<Arc<Connection>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    endpoint::answer(&face, Some(&name), &connection, request).await
}

async fn health() -> &'static str {
    "ok\n"
}

async fn count(State(face): State<Arc<Face>>) -> Response {
    let servers = face.frontend.present().names().count();
    let calls: Vec<_> = face
        .frontend
        .present()
        .names()
        .map(|name| (name.clone(), face.counted(name)))
        .collect();
    let text = face.metrics.text(face.visits.present(), servers, &calls);
    let mut response = Response::new(Body::from(text));
    let format = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(CONTENT_TYPE, format);
    response
}
