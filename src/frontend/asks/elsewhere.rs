//! Questions on the page of another process: of the service that systemd starts when somebody comes to `mcpod.socket`.
//!
//! ```text
//! POST /question, with the token     the question
//! 200                                its number and address, a line; `answered`, another, when it was
//! ```
//!
//! The request is the question: who hangs up takes it back. Nobody but this user's systemd is asked where the page is, since on
//! an address that it does not listen on, another user of this host may.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{Asked, Question};
use crate::frontend::http::Address;
use crate::frontend::http::token::TokenFile;
use crate::orchestrator::Orchestrator;

/// The last line of an answer, if the user gave one.
pub(in crate::frontend) const ANSWERED: &str = "answered\n";

/// How long the service may take to be started and to take a question.
const OPENING: Duration = Duration::from_secs(10);

/// The first line of an answer: what became of the question.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::frontend) struct Put {
    /// Its number.
    pub(in crate::frontend) id: String,
    /// The address where the user answers.
    pub(in crate::frontend) address: String,
}

/// Puts a question; nothing where there is no page that takes it.
pub(super) async fn ask(orchestrator: &Orchestrator, question: &Question) -> Option<Asked> {
    let address = orchestrator.http_listens().await?;
    let asked = timeout(OPENING, put(orchestrator, &address, question)).await;
    asked.unwrap_or_else(|_| {
        tracing::debug!("who serves the page at {address} is silent");
        None
    })
}

async fn put(orchestrator: &Orchestrator, address: &Address, question: &Question) -> Option<Asked> {
    let token = TokenFile::below(orchestrator.data()).read_or_make();
    let token = token.inspect_err(|error| tracing::debug!("{error}")).ok()?;
    // Whatever proxies the host has, this stays on it.
    let client = crate::tls::client().no_proxy();
    let (client, origin) = match address {
        Address::Tcp(_) => (client, address.origin()?),
        Address::Unix(path) => (
            client.unix_socket(path.as_path()),
            "http://localhost".to_owned(),
        ),
    };
    let request = client.build().ok()?.post(format!("{origin}/question"));
    let response = request.bearer_auth(token).json(question).send().await;
    let mut response = response
        .inspect_err(|error| tracing::debug!(%error, "the page at {address} takes no question"))
        .ok()?;
    if response.status() != StatusCode::OK {
        let status = response.status();
        tracing::debug!(%status, "the page at {address} takes no question");
        return None;
    }
    let mut said = Vec::new();
    let (Put { id, address }, behind) = loop {
        said.extend(response.chunk().await.ok()??);
        if let Some(end) = said.iter().position(|byte| *byte == b'\n') {
            let rest = said.split_off(end + 1);
            break (serde_json::from_slice(&said).ok()?, rest);
        }
    };
    Some(Asked {
        id,
        address,
        answered: Box::pin(is_answered(response, behind)),
    })
}

/// Whether the answer is said to be there before the other side hangs up.
async fn is_answered(mut response: Response, mut said: Vec<u8>) -> bool {
    while let Ok(Some(chunk)) = response.chunk().await {
        said.extend(chunk);
    }
    said == ANSWERED.as_bytes()
}
