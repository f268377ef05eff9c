//! Questions that other processes of the user put on the page: see [`asks`](crate::frontend::asks).

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::{StreamExt as _, stream};

use super::endpoint::refused;
use super::{Face, body};
use crate::frontend::asks::{ANSWERED, Asked, Put, Question};

/// The longest question, in bytes.
const QUESTION_MAX: usize = 1 << 20;

/// Puts it, and says when it was answered. Who hangs up takes it back.
pub(super) async fn put(State(face): State<Arc<Face>>, request: Request) -> Response {
    let body = match body::read(request.into_body(), QUESTION_MAX, face.limits.body).await {
        Ok(body) => body,
        Err(unread) => return refused(unread.status(), "the question was not read"),
    };
    let Ok(question) = serde_json::from_slice::<Question>(&body) else {
        return refused(StatusCode::BAD_REQUEST, "this is no question");
    };
    match face.page.asks().ask(question) {
        Some(asked) => answering(asked),
        None => refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many wait, or the page has no address",
        ),
    }
}

fn answering(mut asked: Asked) -> Response {
    let put = serde_json::json!(Put {
        id: asked.id.clone(),
        address: asked.address.clone(),
    });
    let first = stream::iter([Bytes::from(format!("{put}\n"))]);
    let last = stream::once(async move { asked.answered().await })
        .filter_map(|answered| std::future::ready(answered.then_some(Bytes::from(ANSWERED))));
    Response::new(Body::from_stream(
        first.chain(last).map(Ok::<_, Infallible>),
    ))
}
