//! Connections: how one is spoken to, and when it is ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::caller::{Connection, Ends};
use super::impatient::Impatient;
use super::listener::Incoming;
use super::{Face, PARTING};
use crate::session::patience::Awake;

/// How long a client may take to agree on how its connection is encrypted.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a connection may take to ask for something first, as somebody who may. Later ones may wait for longer: clients
/// keep connections.
const FIRST: Duration = Duration::from_secs(10);

/// How many bytes of headers a request may have.
const HEADERS: usize = 64 * 1024;

/// For how long a client may take nothing of what it is answered.
const WRITING: Duration = Duration::from_mins(1);

/// A connection that is counted as long as this is there.
#[derive(Debug)]
pub(super) struct Open(Arc<Face>);

impl Open {
    pub(super) fn new(face: &Arc<Face>) -> Self {
        face.metrics.connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(face))
    }

    /// Answers what is asked by it, until either side has enough or `stops` tells; where `renews` tells, only what is
    /// answered in a moment, since whoever is there may have shown a token that counts no more.
    pub(super) async fn serve(
        &self,
        routes: Router,
        incoming: Incoming,
        ends: Ends,
        mut stops: watch::Receiver<()>,
        mut renews: watch::Receiver<()>,
    ) {
        let headers = self.0.limits.headers;
        let connection = Arc::new(Connection::new(ends));
        let first = silent(Arc::clone(&connection), headers.min(FIRST));
        let service = TowerToHyperService::new(routes.layer(Extension(connection)));
        let Ok(Ok(stream)) = timeout(HANDSHAKE, incoming.opened()).await else {
            return;
        };
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(headers)
            .max_buf_size(HEADERS);
        let stream = Awake::new(Impatient::new(stream, WRITING));
        let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
        let served = tokio::select! {
            served = serving.as_mut() => served,
            () = first => return,
            _ = stops.changed() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
            _ = renews.changed() => {
                serving.as_mut().graceful_shutdown();
                match timeout(PARTING, serving).await {
                    Ok(served) => served,
                    Err(_) => return tracing::debug!("a connection ends with its token"),
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection broke");
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Notes that somebody who may ask does so.
pub(super) fn admitted(request: &Request) {
    if let Some(connection) = request.extensions().get::<Arc<Connection>>() {
        connection.ask();
    }
}

/// Resolves if nothing was asked by a connection in this time.
async fn silent(connection: Arc<Connection>, patience: Duration) {
    sleep(patience).await;
    if connection.has_asked() {
        std::future::pending::<()>().await;
    }
    tracing::debug!("a connection asks for nothing that it may have");
}
