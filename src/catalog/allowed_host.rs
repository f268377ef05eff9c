//! Allowed hosts: `HOST[:PORT]`, as catalogs and users write what a server has to reach.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most characters of a host's name (RFC 1035, 2.3.4), and of each part of it between dots.
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// A host that a server has to reach, written `HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AllowedHost {
    /// Which host, or which hosts.
    pub host: HostPattern,
    /// The port, of TCP and UDP; any, if there is none.
    pub port: Option<u16>,
}

/// Which hosts are meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// `*`: any host of the internet.
    Any,
    /// `*.example.com`: any host whose name ends so, in lower case and without the `*.`; not the one of that name itself.
    Below(String),
    /// The host of this name, in lower case.
    Name(String),
    /// `192.0.2.7`, `[2001:db8::7]`, `10.0.0.0/8`, `[fd00::]/8`.
    Addresses(AddressBlock),
}

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressBlock {
    /// The first address of the block.
    pub first: IpAddr,
    /// How many bits they have in common.
    pub prefix: u8,
}

/// The text is no `HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no host: it has the form HOST[:PORT], where HOST is a name, *.NAME, an address, ADDRESS/BITS or *, and an address of IPv6 stands in brackets"
)]
pub struct HostError {
    /// What was given.
    pub text: String,
}

impl AllowedHost {
    /// Whether whatever another one allows, this one does as well.
    pub fn covers(&self, other: &Self) -> bool {
        (self.port.is_none() || self.port == other.port) && self.host.covers(&other.host)
    }
}

impl HostPattern {
    /// Whether a host of this name, in lower case, is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Below(parent) => name
                .strip_suffix(parent.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            Self::Name(own) => own == name,
            Self::Addresses(_) => false,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            // An address may be of a network that is none of the internet's.
            (Self::Any, other) => !matches!(other, Self::Addresses(_)),
            (Self::Below(parent), Self::Below(other)) => parent == other || self.matches(other),
            (Self::Below(_) | Self::Name(_), Self::Name(name)) => self.matches(name),
            (Self::Addresses(block), Self::Addresses(other)) => block.covers(other),
            _ => false,
        }
    }
}

impl AddressBlock {
    /// A block of IPv4.
    pub const fn v4(first: [u8; 4], prefix: u8) -> Self {
        let [a, b, c, d] = first;
        Self {
            first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            prefix,
        }
    }

    /// A block of IPv6, by the first three of its groups; the others are zero.
    pub const fn v6(first: [u16; 3], prefix: u8) -> Self {
        let [a, b, c] = first;
        Self {
            first: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)),
            prefix,
        }
    }

    /// The block that an address alone is.
    pub const fn of(address: IpAddr) -> Self {
        let prefix = if address.is_ipv4() { 32 } else { 128 };
        Self {
            first: address,
            prefix,
        }
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differ = u32::from(first) ^ u32::from(address);
                differ.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differ = u128::from(first) ^ u128::from(address);
                differ.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }

    /// What a translator between the internet protocols (NAT64) has in IPv6 for a block of IPv4, under the prefix that is everybody's
    /// (RFC 6052, 2.1). A block of IPv6 has none.
    pub fn translated(&self) -> Option<Self> {
        let IpAddr::V4(first) = self.first else {
            return None;
        };
        let behind = 0x64_ff9b_u128 << 96 | u128::from(u32::from(first));
        Some(Self {
            first: IpAddr::V6(Ipv6Addr::from(behind)),
            prefix: 96 + self.prefix,
        })
    }

    fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.first)
    }

    /// Reads `ADDRESS`; the bits behind it, if there are any, stand apart.
    fn parse(address: &str, bits: Option<&str>) -> Option<Self> {
        let address: IpAddr = address.parse().ok()?;
        let whole = Self::of(address);
        let prefix = match bits {
            None => whole.prefix,
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= whole.prefix)?,
        };
        let shift = whole.prefix - prefix;
        let first = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(shift.into()).unwrap_or_default();
                IpAddr::V4(Ipv4Addr::from(u32::from(address) & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(shift.into()).unwrap_or_default();
                IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
            }
        };
        Some(Self { first, prefix })
    }
}

impl FromStr for AllowedHost {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let error = || HostError {
            text: text.to_owned(),
        };
        // What stands in brackets has colons of its own.
        let (host, behind) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, behind) = rest.split_once(']').ok_or_else(error)?;
                let (bits, port) = match behind.strip_prefix('/') {
                    Some(rest) => match rest.split_once(':') {
                        Some((bits, port)) => (Some(bits), Some(port)),
                        None => (Some(rest), None),
                    },
                    None if behind.is_empty() => (None, None),
                    None => (None, Some(behind.strip_prefix(':').ok_or_else(error)?)),
                };
                let block =
                    AddressBlock::parse(address, bits).filter(|block| block.first.is_ipv6());
                (HostPattern::Addresses(block.ok_or_else(error)?), port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host.parse().map_err(|()| error())?, Some(port)),
                None => (text.parse().map_err(|()| error())?, None),
            },
        };
        let port = match behind {
            None => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(
                port.parse()
                    .ok()
                    .filter(|port| *port > 0)
                    .ok_or_else(error)?,
            ),
            Some(_) => return Err(error()),
        };
        Ok(Self { host, port })
    }
}

impl FromStr for HostPattern {
    type Err = ();

    /// Reads everything but an address of IPv6.
    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        if let Some(block) = AddressBlock::parse(address, bits) {
            return Ok(Self::Addresses(block));
        }
        let lower = text.to_ascii_lowercase();
        let lower = lower.strip_suffix('.').unwrap_or(&lower);
        match lower.strip_prefix("*.") {
            Some(parent) if is_name(parent) => Ok(Self::Below(parent.to_owned())),
            None if is_name(lower) => Ok(Self::Name(lower.to_owned())),
            _ => Err(()),
        }
    }
}

/// Whether a text is a host's name. One that ends in a number would be read as an address by some.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(legal)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= NAME_MAX
        && text.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Below(parent) => write!(f, "*.{parent}"),
            Self::Name(name) => f.write_str(name),
            Self::Addresses(block) => {
                match block.first {
                    IpAddr::V4(first) => write!(f, "{first}")?,
                    IpAddr::V6(first) => write!(f, "[{first}]")?,
                }
                if *block == AddressBlock::of(block.first) {
                    return Ok(());
                }
                write!(f, "/{}", block.prefix)
            }
        }
    }
}

impl fmt::Display for AddressBlock {
    /// As nftables reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl TryFrom<String> for AllowedHost {
    type Error = HostError;

    fn try_from(text: String) -> Result<Self, HostError> {
        text.parse()
    }
}

impl From<AllowedHost> for String {
    fn from(host: AllowedHost) -> Self {
        host.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    fn host(text: &str) -> AllowedHost {
        text.parse().unwrap()
    }

    #[test]
    fn hosts_are_read_and_written_as_they_are_meant() {
        for (text, written) in [
            ("API.Example.com:443", "api.example.com:443"),
            ("*", "*"),
            ("*:8081", "*:8081"),
            ("*.example.com", "*.example.com"),
            ("example.com.", "example.com"),
            ("192.0.2.7:80", "192.0.2.7:80"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("[2001:DB8::7]:443", "[2001:db8::7]:443"),
            ("[fd00::1]/8:53", "[fd00::]/8:53"),
            ("[::1]", "[::1]"),
            ("_a.b_c:1", "_a.b_c:1"),
        ] {
            assert_eq!(host(text).to_string(), written);
            assert_eq!(host(written), host(text));
        }
        for text in [
            "",
            ":443",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a b",
            "a..b",
            "-a",
            "a-",
            "*a",
            "**",
            "*.",
            "a.*",
            "*.1",
            "300.1.1.1",
            "1.2.3",
            "10.0.0.0/33",
            "10.0.0.0/",
            "[::1",
            "[10.0.0.1]",
            "[::1]x",
            "[::1]/129",
            "2001:db8::7",
            "a,b",
            "a/b",
            "http://a",
            "é.com",
            &"a".repeat(64),
            &"a.".repeat(128),
            "$(x)",
            "a\n",
        ] {
            assert!(text.parse::<AllowedHost>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_wildcard_means_what_is_below_it() {
        for (pattern, name, matches) in [
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "badexample.com", false),
            ("*.example.com", "a.example.com.evil.example", false),
            ("example.com", "example.com", true),
            ("example.com", "a.example.com", false),
            ("*", "anything", true),
            ("192.0.2.7", "192.0.2.7", false),
        ] {
            assert_eq!(
                host(pattern).host.matches(name),
                matches,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn what_is_covered_is_no_wider() {
        for (one, other, covers) in [
            ("*", "a.b:1", true),
            ("*", "10.0.0.1", false),
            ("*:443", "a.b:443", true),
            ("*:443", "a.b", false),
            ("*.b", "a.b", true),
            ("*.b", "*.a.b", true),
            ("*.a.b", "*.b", false),
            ("a.b", "a.b:80", true),
            ("a.b:80", "a.b:81", false),
            ("10.0.0.0/8", "10.1.0.0/16:80", true),
            ("10.1.0.0/16", "10.0.0.0/8", false),
            ("a.b", "*", false),
        ] {
            assert_eq!(host(one).covers(&host(other)), covers, "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn a_block_is_read_back_and_holds_its_own(address in any::<IpAddr>(), bits in 0_u8..=128, other in any::<IpAddr>()) {
            let bits = bits.min(AddressBlock::of(address).prefix);
            let block = AddressBlock::parse(&address.to_string(), Some(&bits.to_string())).unwrap();
            assert!(block.contains(address) && block.contains(block.first));
            let allowed = AllowedHost { host: HostPattern::Addresses(block), port: Some(1) };
            prop_assert_eq!(&host(&allowed.to_string()), &allowed);
            let alike = AddressBlock::parse(&other.to_string(), Some(&bits.to_string()));
            prop_assert_eq!(block.contains(other), alike == Some(block));
        }

        #[test]
        fn whatever_is_read_is_written_so_that_it_is_read_again(text in ".{0,40}") {
            if let Ok(read) = text.parse::<AllowedHost>() {
                prop_assert_eq!(host(&read.to_string()), read);
            }
        }
    }
}
