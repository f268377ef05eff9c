//! The transport of 2024-11-05: one stream for all that the server says, whose first event names the address that messages are sent to.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderMap;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::error::Failure;
use super::events::{Event, Parser};
use super::session::{is_stream, messages};
use super::{Bridge, lock};
use crate::session::{Frame, MESSAGE_MAX};

/// How long the stream may take to name the address.
const ENDPOINT: Duration = Duration::from_secs(30);

/// The stream.
#[derive(Debug)]
pub(super) struct Prior {
    /// Where messages are sent to.
    endpoint: Url,
    listening: AbortHandle,
}

impl Drop for Prior {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Bridge {
    /// Sends a request, whose answer comes by the stream; `initialize` opens that.
    pub(super) async fn ask_prior(self: &Arc<Self>, frame: &Frame) -> Result<(), Failure> {
        let mut prior = self.prior.lock().await;
        if frame.method() == "initialize" || prior.is_none() {
            *prior = None;
            *prior = Some(self.open_prior().await?);
        }
        let Some(Prior { endpoint, .. }) = &*prior else {
            return Ok(());
        };
        let endpoint = endpoint.clone();
        drop(prior);
        self.post_prior(&endpoint, frame).await
    }

    /// Sends what wants no answer; `false` where there is no such stream.
    pub(super) async fn send_prior(&self, frame: &Frame) -> Result<bool, Failure> {
        let endpoint = match &*self.prior.lock().await {
            Some(Prior { endpoint, .. }) => endpoint.clone(),
            None => return Ok(false),
        };
        self.post_prior(&endpoint, frame).await.map(|()| true)
    }

    async fn post_prior(&self, endpoint: &Url, frame: &Frame) -> Result<(), Failure> {
        let response = self.web.post(endpoint, frame, &HeaderMap::new()).await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(self.web.failure(response).await)
    }

    /// Opens the stream, and listens to it.
    async fn open_prior(self: &Arc<Self>) -> Result<Prior, Failure> {
        let mut response = self.web.stream(&HeaderMap::new()).await?;
        if !response.status().is_success() {
            return Err(self.web.failure(response).await);
        }
        if !is_stream(&response) {
            let kind = super::web::media_type(&response);
            return Err(self.web.not_mcp(&kind, ""));
        }
        let mut parser = Parser::new(MESSAGE_MAX);
        let mut early = Vec::new();
        let endpoint = async {
            loop {
                let chunk = response.chunk().await;
                let Some(chunk) = chunk.map_err(|error| self.web.lost(&error))? else {
                    return Err(self.no_answer());
                };
                let mut events = parser
                    .feed(&chunk)
                    .map_err(|_| self.no_answer())?
                    .into_iter();
                if let Some(event) = events.find(|event| event.kind == "endpoint") {
                    early.extend(events);
                    return Ok(event.data);
                }
            }
        };
        let endpoint = timeout(ENDPOINT, endpoint)
            .await
            .map_err(|_| self.no_answer())??;
        let endpoint = String::from_utf8_lossy(&endpoint).into_owned();
        let endpoint = self.web.url().join(endpoint.trim()).ok();
        // What is sent with requests is for this server alone.
        let endpoint = endpoint
            .filter(|endpoint| endpoint.origin() == self.web.url().origin())
            .ok_or_else(|| Failure::Elsewhere {
                url: self.web.name(),
                to: "an address of its own choice".to_owned(),
            })?;
        let bridge = Arc::downgrade(self);
        let listening = tokio::spawn(async move {
            let mut events: Vec<Event> = early;
            let failure = loop {
                let Some(bridge) = bridge.upgrade() else {
                    return;
                };
                for event in events.drain(..) {
                    if event.kind == "message" {
                        for frame in messages(event.data) {
                            bridge.pass(frame, None).await;
                        }
                    }
                }
                let web = &bridge.web;
                match response.chunk().await {
                    Ok(Some(chunk)) => match parser.feed(&chunk) {
                        Ok(next) => events = next,
                        Err(_) => {
                            break Failure::TooLarge {
                                url: web.name(),
                                limit: MESSAGE_MAX,
                            };
                        }
                    },
                    Ok(None) => break bridge.no_answer(),
                    Err(error) => break web.lost(&error),
                }
            };
            if let Some(bridge) = bridge.upgrade() {
                let open: Vec<_> = lock(&bridge.open).keys().cloned().collect();
                for id in open {
                    bridge.fail(&id, &failure).await;
                }
                *bridge.prior.lock().await = None;
            }
        });
        Ok(Prior {
            endpoint,
            listening: listening.abort_handle(),
        })
    }

    fn no_answer(&self) -> Failure {
        Failure::NoAnswer {
            url: self.web.name(),
        }
    }
}
