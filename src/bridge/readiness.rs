//! Readiness: a server that has just been started listens only after a while.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use tokio::time::{sleep, timeout};

use super::error::{BridgeError, Failure};
use super::session::is_stream;
use super::web::{Target, Web};
use crate::catalog::HttpProtocol;
use crate::session::Frame;
use crate::session::metadata::{METHOD, VERSION};

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(5);

/// How long to wait before it is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// What every server answers, be it by refusing it: one of the earlier era does not know it.
const DISCOVER: &str = r#"{"jsonrpc":"2.0","id":"mcpod","method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"mcpod","version":"0"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;

/// Waits until a server answers as one that speaks MCP does.
pub async fn await_answer(target: Target, limit: Duration) -> Result<(), BridgeError> {
    let protocol = target.protocol;
    let web = Web::new(target)?;
    let mut last = Failure::NoAnswer { url: web.name() };
    let answers = async {
        loop {
            match timeout(QUESTION, ask(&web, protocol)).await {
                Ok(Ok(())) => return,
                Ok(Err(failure)) => last = failure,
                Err(_) => last = Failure::NoAnswer { url: web.name() },
            }
            sleep(AGAIN).await;
        }
    };
    let answered = timeout(limit, answers).await.is_ok();
    if answered {
        return Ok(());
    }
    Err(BridgeError::NotReady {
        waited: limit,
        last,
    })
}

/// Asks once. Whatever a server refuses, it is there; a failure of its own (5xx) says that it is not ready.
async fn ask(web: &Web, protocol: HttpProtocol) -> Result<(), Failure> {
    let response = match protocol {
        HttpProtocol::StreamableHttp => {
            let question =
                Frame::parse(DISCOVER).map_err(|_| Failure::NoAnswer { url: web.name() })?;
            let mut headers = HeaderMap::new();
            headers.insert(VERSION, HeaderValue::from_static("2026-07-28"));
            headers.insert(METHOD, HeaderValue::from_static("server/discover"));
            web.post(web.url(), &question, &headers).await?
        }
        HttpProtocol::Sse => web.stream(&HeaderMap::new()).await?,
    };
    let is_there = match protocol {
        HttpProtocol::StreamableHttp => !response.status().is_server_error(),
        HttpProtocol::Sse => is_stream(&response),
    };
    if is_there {
        return Ok(());
    }
    Err(web.failure(response).await)
}
