//! Requests to a server, and what its answers say before they are messages. Bounded, and never led to another server.

use std::time::Duration;

use reqwest::header::{
    ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use reqwest::{Client, Method, Response, StatusCode, Url};
use tokio::time::timeout;

use super::error::{BridgeError, Failure};
use crate::activation::endpoint::{is_loopback, shown};
use crate::catalog::HttpProtocol;
use crate::session::{Frame, Kind};
use crate::tls;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(20);

/// The most times that one request may be led to another place of the same server.
const REDIRECTS_MAX: usize = 5;

/// How much is read of an answer that is an error, in bytes, and how long it may take.
const ERROR_MAX: usize = 64 * 1024;
const ERROR_WAIT: Duration = Duration::from_secs(5);

/// What a client of MCP takes.
const BOTH: &str = "application/json, text/event-stream";

/// What a bridge leads to.
#[derive(Debug)]
pub struct Target {
    /// The address; see [`address`](crate::activation::endpoint::address).
    pub url: Url,
    /// How it is spoken to.
    pub protocol: HttpProtocol,
    /// What is sent with every request; values that nobody may see are marked as sensitive.
    pub headers: HeaderMap,
}

/// Asks one server.
#[derive(Debug)]
pub struct Web {
    client: Client,
    url: Url,
    headers: HeaderMap,
}

impl Web {
    pub(super) fn new(target: Target) -> Result<Self, BridgeError> {
        let client = tls::client()
            .user_agent(concat!("mcpod/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none());
        let client = if is_loopback(&target.url) {
            // A proxy has another loopback.
            client.no_proxy()
        } else {
            client
        };
        Ok(Self {
            client: client.build().map_err(BridgeError::Http)?,
            url: target.url,
            headers: target.headers,
        })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The server as errors name it.
    pub(super) fn name(&self) -> String {
        shown(&self.url)
    }

    /// Sends a message to an address of the server's, and gives the answer whatever its status is.
    pub(super) async fn post(
        &self,
        url: &Url,
        frame: &Frame,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        let mut headers = headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static(BOTH));
        self.request(&Method::POST, url, headers, Some(frame)).await
    }

    /// Asks for a stream of events, and gives the answer whatever its status is.
    pub(super) async fn stream(&self, headers: &HeaderMap) -> Result<Response, Failure> {
        let mut headers = headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        self.request(&Method::GET, &self.url, headers, None).await
    }

    /// Tells the server that a session is over.
    pub(super) async fn delete(&self, headers: HeaderMap) -> Result<Response, Failure> {
        self.request(&Method::DELETE, &self.url, headers, None)
            .await
    }

    async fn request(
        &self,
        method: &Method,
        url: &Url,
        mut headers: HeaderMap,
        frame: Option<&Frame>,
    ) -> Result<Response, Failure> {
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let request = self
                .client
                .request(method.clone(), url.clone())
                .headers(headers.clone());
            let request = match frame {
                Some(frame) => request.body(frame.as_str().to_owned()),
                None => request,
            };
            let response = request.send().await.map_err(|error| self.lost(&error))?;
            match response.status() {
                // Whatever the method, it is asked again with the same: nobody sends a message to be answered by a page.
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => url = self.redirected(&url, &response)?,
                _ => return Ok(response),
            }
        }
        Err(Failure::Circles { url: self.name() })
    }

    /// Where an answer leads to, if that is the same server: what is sent with requests is for no other.
    fn redirected(&self, from: &Url, response: &Response) -> Result<Url, Failure> {
        let location = response.headers().get(LOCATION);
        let location = location.and_then(|location| location.to_str().ok());
        let to = location.and_then(|location| from.join(location).ok());
        match to {
            Some(to) if to.origin() == self.url.origin() => Ok(to),
            to => Err(Failure::Elsewhere {
                url: self.name(),
                to: to.map_or_else(|| "nowhere".to_owned(), |to| shown(&to)),
            }),
        }
    }

    /// Why there is no connection. What reqwest says names the address, query and all.
    pub(super) fn lost(&self, error: &reqwest::Error) -> Failure {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let reason = if error.is_timeout() {
            "it takes too long".to_owned()
        } else if std::ptr::addr_eq(cause, error) {
            "the connection broke".to_owned()
        } else {
            crate::text::one_line(&cause.to_string())
        };
        Failure::Unreachable {
            url: self.name(),
            reason,
        }
    }

    /// Reads what an answer says that is none of success.
    pub(super) async fn failure(&self, mut response: Response) -> Failure {
        let url = self.name();
        let status = response.status();
        let header = |name: HeaderName| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(crate::text::one_line(value))
        };
        let challenge = header(WWW_AUTHENTICATE);
        let wait = header(RETRY_AFTER);
        let kind = media_type(&response);
        let mut body = Vec::new();
        let read = async {
            while body.len() < ERROR_MAX
                && let Ok(Some(chunk)) = response.chunk().await
            {
                let room = ERROR_MAX - body.len();
                body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            }
        };
        // What came until then will do.
        timeout(ERROR_WAIT, read).await.ok();
        let text = String::from_utf8_lossy(&body);
        match status {
            StatusCode::UNAUTHORIZED => Failure::Unauthorized {
                url,
                why: words(&text, &kind),
            },
            StatusCode::FORBIDDEN => Failure::Forbidden {
                url,
                scope: challenge
                    .filter(|challenge| challenge.contains("insufficient_scope"))
                    .and_then(|challenge| parameter(&challenge, "scope")),
                why: words(&text, &kind),
            },
            StatusCode::TOO_MANY_REQUESTS => Failure::TooMany {
                url,
                wait: wait.map(|wait| match wait.parse::<u64>() {
                    Ok(seconds) => format!("{seconds} s"),
                    Err(_) => wait,
                }),
            },
            _ => {
                let error = Frame::parse(text.trim())
                    .ok()
                    .filter(|frame| frame.kind() == Kind::Error)
                    .and_then(|frame| frame.payload().map(str::to_owned));
                match error {
                    Some(error) => Failure::Refused {
                        url,
                        code: status.as_u16(),
                        error,
                    },
                    None => Failure::Status {
                        url,
                        status: status.to_string(),
                        code: status.as_u16(),
                        why: words(&text, &kind),
                    },
                }
            }
        }
    }

    /// An answer that is no message.
    pub(super) fn not_mcp(&self, kind: &str, begins: &str) -> Failure {
        Failure::NotMcp {
            url: self.name(),
            kind: if kind.is_empty() {
                "no media type".to_owned()
            } else {
                kind.to_owned()
            },
            begins: begins.to_owned(),
        }
    }

    /// The body of an answer, at most so long.
    pub(super) async fn body(
        &self,
        response: &mut Response,
        limit: usize,
    ) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(&error))? {
            if body.len() + chunk.len() > limit {
                return Err(Failure::TooLarge {
                    url: self.name(),
                    limit,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// The media type of an answer, without parameters.
pub(super) fn media_type(response: &Response) -> String {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.to_ascii_lowercase()
}

/// What a body says to a reader: the title of a page, the words of a text.
fn words(text: &str, kind: &str) -> String {
    if !kind.contains("html") {
        return text.to_owned();
    }
    let lower = text.to_ascii_lowercase();
    let title = || {
        let from = lower.find("<title>")? + "<title>".len();
        let length = lower.get(from..)?.find("</title>")?;
        text.get(from..from + length)
    };
    title().unwrap_or("a page").to_owned()
}

/// A parameter of a challenge (RFC 9110, section 11.2), quoted or not.
pub(super) fn parameter(challenge: &str, name: &str) -> Option<String> {
    let mut rest = challenge;
    loop {
        let (before, value) = rest.split_once('=')?;
        let key = before.rsplit([' ', ',']).next().unwrap_or_default();
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => value.split_once([',', ' ']).unwrap_or((value, "")),
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_of_a_challenge_is_found() {
        let challenge =
            r#"Bearer realm="a, scope=b", error="insufficient_scope", scope="read write", x=y"#;
        let found = |name| parameter(challenge, name);
        assert_eq!(found("scope").as_deref(), Some("read write"));
        assert_eq!(found("x").as_deref(), Some("y"));
        assert_eq!(found("nothing"), None);
        assert_eq!(parameter("Bearer", "scope"), None);
    }
}
