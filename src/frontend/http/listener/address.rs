//! Addresses: where the face listens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// The port that is listened on unless another is named.
const PORT: u16 = 8931;

/// An address that can be listened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An address of this host, and a port.
    Tcp(SocketAddr),
    /// The path of a unix socket.
    Unix(PathBuf),
}

/// A text that is no address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address such as 127.0.0.1:8931 nor unix:PATH")]
pub struct BadAddress(String);

impl Default for Address {
    fn default() -> Self {
        Self::Tcp((Ipv4Addr::LOCALHOST, PORT).into())
    }
}

impl Address {
    /// Where an agent of this host finds the face; nothing for a unix socket.
    pub fn url(&self) -> Option<String> {
        Some(format!("{}/mcp", self.origin()?))
    }

    /// The origin at which it is found from this host, without TLS; nothing for a unix socket.
    pub(in crate::frontend) fn origin(&self) -> Option<String> {
        let Self::Tcp(mut address) = *self else {
            return None;
        };
        // Who listens everywhere also listens here.
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        Some(format!("http://{address}"))
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(crate::text::shortened(text, 200));
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return (!path.as_os_str().is_empty())
                .then_some(Self::Unix(path))
                .ok_or_else(bad);
        }
        let named = text.replace("localhost", "127.0.0.1");
        let of_ip = |text: &str| {
            let ip: IpAddr = text.parse().ok()?;
            Some(SocketAddr::new(ip, PORT))
        };
        let address = named.parse().ok().or_else(|| of_ip(&named));
        address.map(Self::Tcp).ok_or_else(bad)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
