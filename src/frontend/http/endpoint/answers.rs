//! Answers that the endpoint gives by itself: that something was taken, and what is wrong with what was not.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;

use super::{INTRODUCTION, PARSE_ERROR};
use crate::frontend::http::body::Unread;
use crate::frontend::http::headers::Mismatch;
use crate::frontend::http::sse;
use crate::frontend::http::visits::Full;
use crate::frontend::route::INVALID_PARAMS;
use crate::frontend::translate::Unspoken;
use crate::session::splice::quoted;
use crate::session::{Id, MESSAGE_MAX, RpcError, Unreadable};

/// The body was not read.
pub(super) fn unread(unread: Unread) -> Response {
    let reason = match unread {
        Unread::TooLarge => &format!("the most is {MESSAGE_MAX} bytes"),
        Unread::Slow => "the body takes too long",
        Unread::Broken => "the body broke off",
    };
    refused(unread.status(), reason)
}

/// The client says more of itself than is kept.
pub(super) fn talkative(id: &Id) -> Response {
    let reason = format!("the most that a client may say of itself is {INTRODUCTION} bytes");
    error(StatusCode::BAD_REQUEST, Some(id), INVALID_PARAMS, &reason)
}

/// What came is no message.
pub(super) fn not_read(unreadable: &Unreadable, is_no_json: bool) -> Response {
    let code = if is_no_json {
        PARSE_ERROR
    } else {
        RpcError::INVALID_REQUEST
    };
    let reason = format!("the message cannot be read: {}", unreadable.reason);
    error(
        StatusCode::BAD_REQUEST,
        unreadable.asks.as_ref(),
        code,
        &reason,
    )
}

/// The headers do not fit the body.
pub(super) fn mismatched(id: Option<&Id>, mismatch: &Mismatch) -> Response {
    let reason = format!("header mismatch: {}", mismatch.0);
    error(
        StatusCode::BAD_REQUEST,
        id,
        RpcError::HEADER_MISMATCH,
        &reason,
    )
}

/// The version is not spoken here.
pub(super) fn unspoken(id: &Id, version: &Unspoken) -> Response {
    let text = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":{},\"message\":\"unsupported protocol version\",\"data\":{}}}}}",
        RpcError::UNSUPPORTED_VERSION,
        version.data()
    );
    sse::json(StatusCode::BAD_REQUEST, text)
}

pub(super) fn full(_: Full) -> Response {
    refused(
        StatusCode::SERVICE_UNAVAILABLE,
        "there are too many clients",
    )
}

/// The message was taken, and there is nothing to answer.
pub(super) fn accepted() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// An error about the request as such.
pub(in crate::frontend::http) fn refused(status: StatusCode, reason: &str) -> Response {
    error(status, None, RpcError::INVALID_REQUEST, reason)
}

/// An error as JSON-RPC has it, so far as it is known what it answers.
pub(super) fn error(status: StatusCode, id: Option<&Id>, code: i64, reason: &str) -> Response {
    let id = id.map_or(String::new(), |id| format!("\"id\":{id},"));
    let reason = quoted(reason);
    let text =
        format!("{{\"jsonrpc\":\"2.0\",{id}\"error\":{{\"code\":{code},\"message\":{reason}}}}}");
    sse::json(status, text)
}
