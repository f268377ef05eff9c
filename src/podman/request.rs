//! Our own requests to Podman's socket, for what podman-api gets wrong: it sends the value of a secret as JSON, quotes and all.

use std::path::Path;

use reqwest::Method;
use serde::Deserialize;
use tokio::time::timeout;

use super::ANSWER_TIMEOUT;
use super::error::PodmanError;
use super::message::printable;
use crate::tls;

/// The longest answer that is read, in bytes. Lists of secrets have some hundred bytes for each.
const ANSWER_MAX: usize = 16 << 20;

/// The body of an HTTP error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    message: Option<String>,
    cause: Option<String>,
}

/// A request for Podman.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// What is asked for, in errors.
    pub(super) what: &'static str,
    pub(super) method: Method,
    /// Behind `/libpod/`.
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: &'a str,
}

impl Request<'_> {
    /// Sends it and gives the answer's body.
    pub(super) async fn send(self, socket: &Path) -> Result<Vec<u8>, PodmanError> {
        let what = self.what;
        match timeout(ANSWER_TIMEOUT, self.exchange(socket)).await {
            Ok(answer) => answer,
            Err(_) => Err(PodmanError::TimedOut {
                request: what,
                waited: ANSWER_TIMEOUT,
            }),
        }
    }

    async fn exchange(self, socket: &Path) -> Result<Vec<u8>, PodmanError> {
        let Self {
            what,
            method,
            path,
            query,
            body,
        } = self;
        let lost = |error: reqwest::Error| PodmanError::connection(socket, &error);
        let mut answer = tls::client()
            .unix_socket(socket)
            .pool_max_idle_per_host(0)
            .build()
            .map_err(lost)?
            // The host's name is looked up by nobody.
            .request(method, format!("http://podman/v5.0.0/libpod/{path}"))
            .query(&query)
            .body(body.to_owned())
            .send()
            .await
            .map_err(lost)?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            if bytes.len() + chunk.len() > ANSWER_MAX {
                return Err(PodmanError::Unreadable {
                    request: what,
                    reason: format!("it has more than {ANSWER_MAX} bytes"),
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(bytes);
        }
        let Failure { message, cause } = serde_json::from_slice(&bytes).unwrap_or_default();
        let message = message.or(cause).unwrap_or_default();
        Err(PodmanError::Api {
            request: what,
            status: status.as_u16(),
            message: printable(&message),
        })
    }
}
