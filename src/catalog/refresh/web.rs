//! Requests to sources: bounded, repeated where that may help, never led to another host.

use std::time::Duration;

use reqwest::header::{
    ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RETRY_AFTER,
};
use reqwest::{Client, Response, StatusCode, Url};
use serde::{Deserialize, Serialize};

use super::error::FetchError;
use super::limits::Limits;
use crate::tls;

/// How we say who we are.
const USER_AGENT: &str = concat!("mcpod/", env!("CARGO_PKG_VERSION"), " (MCP server catalog)");

/// The most times that an answer may lead to another place of the same host.
const REDIRECTS_MAX: usize = 5;

/// Asks sources over HTTP.
#[derive(Debug, Clone)]
pub(super) struct Web {
    client: Client,
    limits: Limits,
}

/// What tells an answer from a later one (RFC 9110, section 8.8), as the server wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mark {
    /// `ETag`.
    Tag(String),
    /// `Last-Modified`, where there is no such tag.
    Date(String),
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is the same as the one whose mark was sent.
    Unchanged,
    /// This, with the mark that tells it from a later one.
    Body { bytes: Vec<u8>, mark: Option<Mark> },
}

/// An attempt that failed, and how long to wait before the next; never, if nothing is to be gained.
struct Failed {
    error: FetchError,
    wait: Option<Duration>,
}

impl Web {
    pub(super) fn new(limits: &Limits) -> Result<Self, FetchError> {
        let client = tls::client()
            .user_agent(USER_AGENT)
            .connect_timeout(Duration::from_secs(20).min(limits.request))
            .timeout(limits.request)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| FetchError::Web {
                url: "the network".to_owned(),
                source,
            })?;
        Ok(Self {
            client,
            limits: limits.clone(),
        })
    }

    /// The answer of an address, unless it is marked as the one that is there already.
    pub(super) async fn get(&self, url: &str, mark: Option<&Mark>) -> Result<Answer, FetchError> {
        let mut backoff = self.limits.backoff;
        let mut attempt = 1;
        loop {
            let Failed { error, wait } = match self.attempt(url, mark).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            match wait {
                Some(wait) if attempt < self.limits.attempts && wait <= self.limits.patience => {
                    tracing::debug!(error = error.in_a_line(), "asking again");
                    tokio::time::sleep(wait.max(backoff)).await;
                }
                _ => return Err(error),
            }
            attempt += 1;
            backoff = backoff.saturating_mul(2);
        }
    }

    async fn attempt(&self, url: &str, mark: Option<&Mark>) -> Result<Answer, Failed> {
        let never = |error| Failed { error, wait: None };
        let failed = |source| Failed {
            error: FetchError::Web {
                url: url.to_owned(),
                source,
            },
            wait: Some(Duration::ZERO),
        };
        let mut target = Url::parse(url).map_err(|_| {
            never(FetchError::Address {
                url: url.to_owned(),
            })
        })?;
        for _ in 0..=REDIRECTS_MAX {
            let mut request = self.client.get(target.clone());
            request = match mark {
                Some(Mark::Tag(tag)) => request.header(IF_NONE_MATCH, tag),
                Some(Mark::Date(date)) => request.header(IF_MODIFIED_SINCE, date),
                None => request,
            };
            let response = request.send().await.map_err(failed)?;
            let status = response.status();
            if status == StatusCode::NOT_MODIFIED {
                return Ok(Answer::Unchanged);
            }
            if status.is_redirection() {
                target = redirected(&target, &response).map_err(never)?;
                continue;
            }
            if !status.is_success() {
                let may_pass = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
                let retry_after = retry_after(&response).filter(|_| may_pass);
                return Err(Failed {
                    error: FetchError::Status {
                        url: url.to_owned(),
                        status: status.as_u16(),
                        retry_after,
                    },
                    wait: may_pass.then(|| retry_after.unwrap_or_default()),
                });
            }
            let header = |name: HeaderName| {
                let value = response.headers().get(name)?;
                value.to_str().ok().map(str::to_owned)
            };
            let tag = header(ETAG).map(Mark::Tag);
            let mark = tag.or_else(|| header(LAST_MODIFIED).map(Mark::Date));
            let bytes = self.body(url, response).await?;
            return Ok(Answer::Body { bytes, mark });
        }
        Err(never(FetchError::Answer {
            url: url.to_owned(),
            reason: "it leads in circles".to_owned(),
        }))
    }

    /// The body, as far as the limit. It is counted after it was unpacked, so that a small answer cannot become a large one.
    async fn body(&self, url: &str, mut response: Response) -> Result<Vec<u8>, Failed> {
        let mut bytes = Vec::new();
        loop {
            let chunk = response.chunk().await.map_err(|source| Failed {
                error: FetchError::Web {
                    url: url.to_owned(),
                    source,
                },
                wait: Some(Duration::ZERO),
            })?;
            let Some(chunk) = chunk else {
                return Ok(bytes);
            };
            bytes.extend_from_slice(&chunk);
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > self.limits.answer {
                return Err(Failed {
                    error: FetchError::TooLarge {
                        url: url.to_owned(),
                        limit: self.limits.answer,
                    },
                    wait: None,
                });
            }
        }
    }
}

/// Where an answer leads, if that is the same host and no less safe.
fn redirected(from: &Url, response: &Response) -> Result<Url, FetchError> {
    let location = response
        .headers()
        .get(reqwest::header::LOCATION)
        .and_then(|location| location.to_str().ok());
    let location = location.unwrap_or_default();
    let target = from.join(location).map_err(|_| FetchError::Answer {
        url: from.to_string(),
        reason: "it leads nowhere".to_owned(),
    })?;
    let same_scheme =
        target.scheme() == from.scheme() || (from.scheme() == "http" && target.scheme() == "https");
    let same_place = target.host() == from.host()
        && (target.port_or_known_default() == from.port_or_known_default()
            || target.scheme() != from.scheme());
    if same_scheme && same_place {
        Ok(target)
    } else {
        Err(FetchError::Elsewhere {
            url: from.to_string(),
            target: target.to_string(),
        })
    }
}

/// How long a server asks to be left alone: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()?;
    Duration::try_from(date.duration_since(jiff::Timestamp::now())).ok()
}
