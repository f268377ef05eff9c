//! Where a server is that is spoken to over HTTP, and what is sent with each request: templates worked out, secrets by their names.

use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};

use super::choices::Choices;
use super::evaluate::{Evaluated, Variables, evaluate};
use super::inputs::{InputError, Inputs, MissingInput, names_secret};
use super::invocation::StoredSecret;
use super::plan::PlanError;
use crate::catalog::{HttpProtocol, Remote, Template};
use crate::quadlet::name::ServerName;
use crate::quadlet::value::Assignment;
use crate::secret::Secret;
use crate::text::{one_line, shortened};

/// Headers that belong to the connection or to the protocol, and that nobody else may set.
const TAKEN: [&str; 9] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
];

/// Names of headers that hold a secret, beside those that say so by their last word.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Where a server is that is spoken to over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How it is spoken to.
    pub protocol: HttpProtocol,
    /// Its address as it may be shown.
    pub shown: String,
    /// Its address.
    pub url: Value,
    /// The headers of each request.
    pub headers: Vec<Header>,
}

/// A header of each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// A value that a bridge is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Anybody may see it.
    Open(String),
    /// Nobody may: the name of the secret, in Podman.
    Secret(String),
}

/// Why an address is none of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no address of HTTP.
    #[error("{url:?} is no address of a server: it has the form https://HOST/PATH")]
    NoAddress {
        /// What was given, shortened.
        url: String,
    },
    /// What is sent there could be read on the way.
    #[error("{url} is not encrypted: over http:// only this host itself is spoken to")]
    Unencrypted {
        /// The address without its query.
        url: String,
    },
    /// A password stands in it.
    #[error("{url} has a user or a password in it, which would stand where anybody can read it")]
    WithPassword {
        /// The address without both.
        url: String,
    },
}

/// Reads the address of a server: of HTTPS, or of HTTP on this host itself.
pub fn address(text: &str) -> Result<Url, AddressError> {
    let no_address = || AddressError::NoAddress {
        url: shortened(&one_line(text), 100),
    };
    let url = Url::parse(text).map_err(|_| no_address())?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(no_address());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::WithPassword { url: shown(&url) });
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(AddressError::Unencrypted { url: shown(&url) }),
        _ => Err(no_address()),
    }
}

/// Whether an address is this host's own.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// An address as it may be shown: keys stand in queries.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Neither fails for an address that has a host.
    url.set_username("").ok();
    url.set_password(None).ok();
    url.to_string()
}

impl Endpoint {
    /// Works out where a remote server is under a name. The secrets that must be stored for it are added to those.
    pub fn of_remote(
        id: &str,
        name: &ServerName,
        remote: &Remote,
        inputs: &Inputs<'_>,
        choices: &Choices,
        secrets: &mut Vec<StoredSecret>,
    ) -> Result<Self, PlanError> {
        let nothing = Variables::new();
        let url = evaluate(&remote.endpoint.url, inputs, &nothing);
        let text = url.joined();
        let parsed = address(text.expose());
        let (url, shown) = if url.secret {
            // What is wrong with it could quote it.
            parsed.map_err(|_| AddressError::NoAddress {
                url: remote.endpoint.url.to_string(),
            })?;
            let url = kept(name, ".url", text, secrets);
            (url, one_line(&remote.endpoint.url.to_string()))
        } else {
            let parsed = parsed?;
            (Value::Open(parsed.to_string()), parsed.to_string())
        };
        let mut endpoint = Self {
            protocol: remote.endpoint.protocol,
            shown,
            url,
            headers: Vec::new(),
        };
        for header in &remote.headers {
            let value = evaluate(&header.value, inputs, &nothing);
            if !value.is_empty() {
                endpoint.set(id, name, &header.name, &header.value, &value, secrets)?;
            }
        }
        endpoint.add_chosen(id, name, inputs, choices, secrets)?;
        Ok(endpoint)
    }

    /// Sets a header of the entry's; of several of a name the last one counts.
    fn set(
        &mut self,
        id: &str,
        name: &ServerName,
        header: &str,
        template: &Template,
        value: &Evaluated,
        secrets: &mut Vec<StoredSecret>,
    ) -> Result<(), PlanError> {
        let bad = || PlanError::NoHeader {
            id: id.to_owned(),
            name: header.to_owned(),
        };
        check(header, value.joined().expose()).ok_or_else(bad)?;
        let value = if value.secret {
            let input = template
                .whole_input()
                .map(|path| name.secret(path.as_str()));
            let known = input.filter(|name| secrets.iter().any(|secret| secret.name == *name));
            match known {
                Some(known) => Value::Secret(known),
                None => kept(name, &format!(".{header}"), value.joined(), secrets),
            }
        } else {
            Value::Open(value.joined().expose().to_owned())
        };
        self.put(header, value);
        Ok(())
    }

    /// Adds the headers that the user chose beyond those of the entry.
    fn add_chosen(
        &mut self,
        id: &str,
        name: &ServerName,
        inputs: &Inputs<'_>,
        choices: &Choices,
        secrets: &mut Vec<StoredSecret>,
    ) -> Result<(), PlanError> {
        let bad = |header: &str| PlanError::NoHeader {
            id: id.to_owned(),
            name: header.to_owned(),
        };
        for Assignment {
            name: header,
            value,
        } in &choices.environment
        {
            let word = header.to_ascii_lowercase();
            let is_secret = SECRET_HEADERS.contains(&word.as_str())
                || names_secret(&word.replace('-', "_"))
                || self
                    .headers
                    .iter()
                    .any(|set| is_same(set, header) && matches!(set.value, Value::Secret(_)));
            if is_secret && !value.is_empty() {
                return Err(InputError::SecretInClear {
                    name: header.clone(),
                }
                .into());
            }
            check(header, value).ok_or_else(|| bad(header))?;
            self.put(header, Value::Open(value.clone()));
        }
        let mut missing = Vec::new();
        for (header, value) in &choices.secrets {
            if inputs.secrets().any(|path| path == header) {
                continue;
            }
            let Some(value) = value else {
                missing.push(MissingInput::of_secret(header));
                continue;
            };
            check(header, value.expose()).ok_or_else(|| bad(header))?;
            secrets.push(StoredSecret {
                given_as: Some(header.clone()),
                name: name.secret(header),
                value: value.clone(),
            });
            self.put(header, Value::Secret(name.secret(header)));
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(InputError::Missing {
            id: id.to_owned(),
            inputs: missing,
        }
        .into())
    }

    fn put(&mut self, name: &str, value: Value) {
        self.headers.retain(|earlier| !is_same(earlier, name));
        self.headers.push(Header {
            name: name.to_owned(),
            value,
        });
    }
}

fn is_same(header: &Header, name: &str) -> bool {
    header.name.eq_ignore_ascii_case(name)
}

/// Keeps a secret that was made of others. No path of an input begins with a dot.
fn kept(name: &ServerName, key: &str, value: Secret, secrets: &mut Vec<StoredSecret>) -> Value {
    let made = name.secret(key);
    secrets.retain(|secret| secret.name != made);
    secrets.push(StoredSecret {
        given_as: None,
        name: made.clone(),
        value,
    });
    Value::Secret(made)
}

/// Checks that a header can be sent (RFC 9110), and is nobody else's to set.
fn check(name: &str, value: &str) -> Option<()> {
    let legal = HeaderName::from_bytes(name.as_bytes()).ok()?;
    HeaderValue::from_str(value).ok()?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (name.chars().all(is_word) && !TAKEN.contains(&legal.as_str())).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_encrypted_or_here() {
        for good in [
            "https://example.com/mcp",
            "https://example.com:8443/mcp?key=1",
            "http://localhost:3000/mcp",
            "http://127.0.0.1/mcp",
            "http://[::1]:3000/mcp",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "http://example.com/mcp",
            "http://localhost.example.com/mcp",
            "https://user:password@example.com/mcp",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
        let error = address("https://me:hunter2@example.com/?k=hunter2").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }

    #[test]
    fn headers_of_the_connection_are_nobodys_to_set() {
        assert!(check("X-Api-Key", "a b").is_some());
        for (name, value) in [
            ("Host", "x"),
            ("content-Length", "1"),
            ("Mcp-Session-Id", "x"),
            ("a b", "x"),
            ("", "x"),
            ("X", "a\r\nY: b"),
        ] {
            assert!(check(name, value).is_none(), "{name}");
        }
    }
}
