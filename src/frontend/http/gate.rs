//! The gate: who may speak here at all.
//!
//! A page in the user's browser can send requests to this host, and with a name of its own that leads here (DNS
//! rebinding) even read the answers. So the name in `Host` must be one that nobody else's name server can answer for,
//! and so must that of an `Origin`. Everybody has to show the token, but on a unix socket, where the file's mode says
//! who may come.

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};

use super::token::Token;

/// Who may speak.
#[derive(Debug)]
pub(super) struct Gate {
    /// The names of this host, of which every `Origin` must be one.
    pub(super) names: Names,
    /// Whether `Host` must be one of them too: not on a unix socket, to which no name leads.
    pub(super) checks_host: bool,
    /// None on a unix socket.
    pub(super) token: Option<Token>,
}

/// The names under which this host is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// The address that is listened on.
    address: IpAddr,
    /// What the settings add.
    more: Vec<String>,
}

/// Why somebody is sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// `Host` is missing or names another host.
    Host,
    /// `Origin` is a page of another host.
    Origin,
    /// The token is missing or wrong.
    Token,
}

impl Gate {
    /// Lets a request in or says why not.
    pub(super) fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
        self.knows(uri, headers)?;
        match &self.token {
            Some(token) if !bearer(headers).is_some_and(|given| token.is(given)) => {
                Err(Refused::Token)
            }
            _ => Ok(()),
        }
    }

    /// Whether a request means this host, and comes from no page of another; whoever sends it.
    pub(super) fn knows(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
        if self.checks_host && !self.names.of_request(uri, headers) {
            return Err(Refused::Host);
        }
        let origin_is_ours = |origin: &str| {
            let uri = origin.parse::<Uri>().ok();
            let host = uri.as_ref().and_then(Uri::host);
            host.is_some_and(|host| self.names.contain(host))
        };
        for origin in headers.get_all(ORIGIN) {
            if !origin.to_str().is_ok_and(origin_is_ours) {
                return Err(Refused::Origin);
            }
        }
        Ok(())
    }
}

impl Names {
    /// Those of a host that listens on this address, or on a unix socket, and is known by these names too: `hosts`, and
    /// the one in `url`, where the page is found.
    pub(super) fn new(address: Option<IpAddr>, hosts: Vec<String>, url: Option<&str>) -> Self {
        let mut more = hosts;
        let url = url.and_then(|url| url.parse::<Uri>().ok());
        more.extend(url.as_ref().and_then(Uri::host).map(str::to_owned));
        Self {
            address: address.map_or(IpAddr::from([127, 0, 0, 1]), |address| {
                address.to_canonical()
            }),
            more,
        }
    }

    /// Whether the request is meant for this host.
    fn of_request(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        let host = host.to_str().ok();
        let host = host.and_then(|host| host.parse::<Authority>().ok());
        let in_line = uri.host().is_none_or(|host| self.contain(host));
        in_line && host.is_some_and(|host| self.contain(host.host()))
    }

    /// Whether a host's name, or its address, is one of these.
    fn contain(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(&host);
        let is_named = self
            .more
            .iter()
            .any(|more| more.eq_ignore_ascii_case(&host));
        if let Ok(address) = address.parse::<IpAddr>() {
            // An address is what it is, whatever a name server says.
            return address.is_loopback()
                || address == self.address
                || self.address.is_unspecified()
                || is_named;
        }
        host == "localhost" || host.ends_with(".localhost") || is_named
    }
}

/// The token that is shown (RFC 6750, 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(given), None) = (given.next(), given.next()) else {
        return None;
    };
    let (scheme, token) = given.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::frontend::http::token::TokenFile;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn at(address: &str, more: &[&str]) -> Gate {
        let more = more.iter().map(|name| (*name).to_owned()).collect();
        Gate {
            names: Names::new(Some(address.parse().unwrap()), more, None),
            checks_host: true,
            token: None,
        }
    }

    fn admits(gate: &Gate, all: &[(&'static str, &str)]) -> Result<(), Refused> {
        gate.admit(&Uri::from_static("/mcp"), &headers(all))
    }

    #[test]
    fn the_host_must_be_this_one() {
        let gate = at("127.0.0.1", &["box.lan"]);
        for host in [
            "localhost",
            "LocalHost:8931",
            "mcp.localhost:1",
            "127.0.0.1:8931",
            "[::1]:8931",
            "box.lan.",
        ] {
            assert_eq!(admits(&gate, &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "",
            "evil.example.com",
            "localhost.evil.example.com",
            "127.0.0.1.evil.example.com",
            "127.0.0.1@evil.example.com",
            "192.168.1.1",
            "a b",
        ] {
            assert_eq!(
                admits(&gate, &[("host", host)]),
                Err(Refused::Host),
                "{host}"
            );
        }
        assert_eq!(admits(&gate, &[]), Err(Refused::Host));
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(admits(&gate, &twice), Err(Refused::Host));
        let absolute = Uri::from_static("http://evil.example.com/mcp");
        let refused = gate.admit(&absolute, &headers(&[("host", "localhost")]));
        assert_eq!(refused, Err(Refused::Host));
        let everywhere = at("0.0.0.0", &[]);
        assert_eq!(admits(&everywhere, &[("host", "192.168.1.1")]), Ok(()));
        assert_eq!(
            admits(&everywhere, &[("host", "example.com")]),
            Err(Refused::Host)
        );
    }

    #[test]
    fn a_page_of_another_host_is_refused() {
        let gate = at("127.0.0.1", &[]);
        let of = |origin| admits(&gate, &[("host", "localhost"), ("origin", origin)]);
        for origin in [
            "http://localhost:6274",
            "https://127.0.0.1",
            "http://[::1]:3000",
        ] {
            assert_eq!(of(origin), Ok(()), "{origin}");
        }
        for origin in [
            "null",
            "",
            "https://evil.example.com",
            "http://localhost.evil.example.com",
        ] {
            assert_eq!(of(origin), Err(Refused::Origin), "{origin}");
        }
        assert_eq!(of("https://192.0.2.1"), Err(Refused::Origin));
    }

    #[test]
    fn where_the_page_is_found_its_own_forms_are_taken() {
        let url = Some("https://Box.example.com:8443/mcpod/");
        for address in [None, Some(IpAddr::from([127, 0, 0, 1]))] {
            let gate = Gate {
                names: Names::new(address, vec!["box.lan".to_owned()], url),
                checks_host: address.is_some(),
                token: None,
            };
            let of = |origin| admits(&gate, &[("host", "box.lan"), ("origin", origin)]);
            for origin in [
                "https://box.example.com:8443",
                "http://box.lan",
                "http://localhost:1",
            ] {
                assert_eq!(of(origin), Ok(()), "{origin}");
            }
            for origin in ["https://evil.example.com", "null"] {
                assert_eq!(of(origin), Err(Refused::Origin), "{origin}");
            }
            let by_url = [("host", "box.example.com")];
            assert_eq!(admits(&gate, &by_url), Ok(()));
            // Nobody is led to a unix socket by a name server.
            let strange = admits(&gate, &[("host", "evil.example.com")]);
            assert_eq!(strange.is_ok(), address.is_none());
        }
        let gate = Gate {
            names: Names::new(None, Vec::new(), Some("https://192.0.2.1/")),
            checks_host: false,
            token: None,
        };
        assert_eq!(admits(&gate, &[("origin", "https://192.0.2.1")]), Ok(()));
    }

    #[test]
    fn the_token_must_be_shown_once_and_whole() {
        let data = tempfile::tempdir().unwrap();
        let file = TokenFile::below(data.path());
        let token = file.read_or_make().unwrap();
        let gate = Gate {
            names: Names::new(None, Vec::new(), None),
            checks_host: false,
            token: Some(Token::open(file)),
        };
        let right = format!("Bearer {token}");
        let with = |value: &str| admits(&gate, &[("authorization", value)]);
        assert_eq!(with(&right), Ok(()));
        assert_eq!(with(&format!("bearer  {token}")), Ok(()));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            &token,
            "Basic eDp5",
            &format!("{right}0"),
        ] {
            assert_eq!(with(wrong), Err(Refused::Token), "{wrong}");
        }
        assert_eq!(admits(&gate, &[]), Err(Refused::Token));
        let twice = [("authorization", right.as_str()), ("authorization", &right)];
        assert_eq!(admits(&gate, &twice), Err(Refused::Token));
    }

    proptest! {
        #[test]
        fn no_name_of_others_passes(host in "[a-z0-9.:@\\[\\]/-]{0,24}") {
            let gate = at("127.0.0.1", &[]);
            if admits(&gate, &[("host", &host)]).is_ok() {
                let bare = host.trim_matches(|c| c == '[' || c == ']');
                let ours = ["localhost", "127.", "::", "0:"];
                prop_assert!(ours.iter().any(|ours| bare.contains(ours)), "{}", host);
            }
        }
    }
}
