//! What a server may reach, as its list of hosts says. Pure.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::catalog::{AddressBlock, AllowedHost, HostPattern};

/// The address at which pasta shows this host to a container; Podman writes it into the container's `/etc/hosts`.
pub const THIS_HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 1, 2));

/// The port of a SOCKS proxy whose address has none (IANA's registry of service names).
const SOCKS_PORT: u16 = 1080;

/// The names that Podman gives to [`THIS_HOST`] there.
const THIS_HOSTS_NAMES: [&str; 2] = ["host.containers.internal", "host.docker.internal"];

/// Addresses that are none of the internet's: of private networks, of links and hosts themselves, of many receivers, and those
/// that stand for other addresses (IANA's registries of special-purpose addresses). What is kept for documentation is not among
/// them: nobody has it. What a translator has for an address of IPv4 is one of them if that is: see [`and_translated`].
pub const PRIVATE: [AddressBlock; 24] = [
    AddressBlock::v4([0, 0, 0, 0], 8),
    AddressBlock::v4([10, 0, 0, 0], 8),
    AddressBlock::v4([100, 64, 0, 0], 10),
    AddressBlock::v4([127, 0, 0, 0], 8),
    AddressBlock::v4([168, 63, 129, 16], 32), // Azure's metadata
    AddressBlock::v4([169, 254, 0, 0], 16),
    AddressBlock::v4([172, 16, 0, 0], 12),
    AddressBlock::v4([192, 0, 0, 0], 24),
    AddressBlock::v4([192, 88, 99, 0], 24), // 6to4
    AddressBlock::v4([192, 168, 0, 0], 16),
    AddressBlock::v4([198, 18, 0, 0], 15),
    AddressBlock::v4([224, 0, 0, 0], 4),
    AddressBlock::v4([240, 0, 0, 0], 4),
    AddressBlock::v6([0, 0, 0], 32), // unspecified, loopback, of IPv4
    AddressBlock::v6([0x64, 0xff9b, 1], 48), // of a translator that may lead to any network (RFC 8215)
    AddressBlock::v6([0x100, 0, 0], 64),
    AddressBlock::v6([0x2001, 0, 0], 32), // Teredo
    AddressBlock::v6([0x2002, 0, 0], 16), // 6to4
    AddressBlock::v6([0x3ffe, 0, 0], 16),
    AddressBlock::v6([0x5f00, 0, 0], 16),
    AddressBlock::v6([0xfc00, 0, 0], 7),
    AddressBlock::v6([0xfe80, 0, 0], 10),
    AddressBlock::v6([0xfec0, 0, 0], 10),
    AddressBlock::v6([0xff00, 0, 0], 8),
];

/// Addresses that stay closed under the open network too: this host itself, its link, and where clouds answer for the secrets of
/// the machine that asks.
pub const OWN: [AddressBlock; 10] = [
    AddressBlock::v4([0, 0, 0, 0], 8),
    AddressBlock::v4([100, 100, 100, 200], 32), // Alibaba
    AddressBlock::v4([127, 0, 0, 0], 8),
    AddressBlock::v4([168, 63, 129, 16], 32), // Azure
    AddressBlock::v4([169, 254, 0, 0], 16),
    AddressBlock::v4([192, 0, 0, 192], 32), // Oracle
    AddressBlock::v6([0, 0, 0], 32),
    AddressBlock::v6([0xfe80, 0, 0], 10),
    AddressBlock {
        // Amazon: fd00:ec2::254
        first: IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
        prefix: 128,
    },
    AddressBlock {
        // Google: fd20:ce::254
        first: IpAddr::V6(std::net::Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
        prefix: 128,
    },
];

/// Blocks, and what a translator has for those of IPv4: where there is IPv6 alone, the internet's hosts of IPv4 are reached by such
/// addresses, and the user's own would be as well.
pub fn and_translated(blocks: &[AddressBlock]) -> impl Iterator<Item = AddressBlock> {
    let translated = blocks.iter().filter_map(AddressBlock::translated);
    blocks.iter().copied().chain(translated)
}

/// Whether a name is one by which containers know the host they run on.
pub fn is_this_host(name: &str) -> bool {
    THIS_HOSTS_NAMES.contains(&name)
}

/// The ports of a host that are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// All of them, and whatever else than TCP and UDP it speaks.
    All,
    /// These, of TCP and UDP.
    These(BTreeSet<u16>),
}

impl Ports {
    /// None yet.
    fn none() -> Self {
        Self::These(BTreeSet::new())
    }

    /// Opens one more; all, where there is none.
    fn open(&mut self, port: Option<u16>) {
        let Some(port) = port else {
            *self = Self::All;
            return;
        };
        if let Self::These(ports) = self {
            ports.insert(port);
        }
    }

    /// Whether nothing is open.
    pub fn is_none(&self) -> bool {
        *self == Self::none()
    }
}

/// A list of hosts, ready to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What is open by its address, whatever its name.
    pub addresses: Vec<(AddressBlock, Option<u16>)>,
    /// The ports that are open on any address of the internet.
    pub anywhere: Ports,
    /// What is open once its name was asked for.
    names: Vec<AllowedHost>,
}

impl Policy {
    /// Takes a list of hosts.
    pub fn new(hosts: &[AllowedHost]) -> Self {
        let mut policy = Self {
            addresses: Vec::new(),
            anywhere: Ports::none(),
            names: Vec::new(),
        };
        for allowed in hosts {
            match &allowed.host {
                HostPattern::Addresses(block) => policy.addresses.push((*block, allowed.port)),
                // Found without asking anybody.
                HostPattern::Name(name) if is_this_host(name) => {
                    let block = AddressBlock::of(THIS_HOST);
                    policy.addresses.push((block, allowed.port));
                }
                HostPattern::Any => policy.anywhere.open(allowed.port),
                HostPattern::Name(_) | HostPattern::Below(_) => policy.names.push(allowed.clone()),
            }
        }
        policy
    }

    /// The way to a proxy that runs on this host, or is listed by its address: under the open network the host is closed else.
    pub fn to_proxy(url: &str) -> Self {
        let host = reqwest::Url::parse(url).ok().and_then(|url| {
            let port = url.port_or_known_default().unwrap_or(SOCKS_PORT);
            format!("{}:{port}", url.host_str()?).parse().ok()
        });
        Self::new(host.as_slice())
    }

    /// Whether a name, in lower case, may be asked for; and which ports are then to be opened that are not open anyway.
    pub fn name(&self, name: &str) -> Option<Ports> {
        let mut ports = Ports::none();
        for allowed in &self.names {
            if allowed.host.matches(name) {
                ports.open(allowed.port);
            }
        }
        (!ports.is_none() || !self.anywhere.is_none()).then_some(ports)
    }

    /// Whether a name may stand for an address. Whoever answers for an allowed name must not open the user's own network with it.
    pub fn may_be_answered(&self, address: IpAddr) -> bool {
        let is_listed = self
            .addresses
            .iter()
            .any(|(block, _)| block.contains(address));
        is_listed || !and_translated(&PRIVATE).any(|block| block.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    fn policy(hosts: &[&str]) -> Policy {
        let hosts: Vec<AllowedHost> = hosts.iter().map(|host| host.parse().unwrap()).collect();
        Policy::new(&hosts)
    }

    fn these(ports: &[u16]) -> Ports {
        Ports::These(ports.iter().copied().collect())
    }

    #[test]
    fn names_open_the_ports_that_were_listed_with_them() {
        let listed = policy(&[
            "a.example:443",
            "a.example:80",
            "*.example:22",
            "all.example",
            "10.0.0.1",
        ]);
        assert_eq!(listed.name("a.example"), Some(these(&[22, 80, 443])));
        assert_eq!(listed.name("b.example"), Some(these(&[22])));
        assert_eq!(listed.name("all.example"), Some(Ports::All));
        assert_eq!(listed.name("example"), None);
        assert_eq!(listed.name("10.0.0.1"), None);
        let anywhere = policy(&["*:443", "a.example:80"]);
        assert_eq!(anywhere.name("b.example"), Some(these(&[])));
        assert_eq!(anywhere.name("a.example"), Some(these(&[80])));
        assert_eq!(anywhere.anywhere, these(&[443]));
        assert_eq!(policy(&["*:443", "*"]).anywhere, Ports::All);
    }

    #[test]
    fn this_host_is_its_address_and_no_name_to_ask_for() {
        let listed = policy(&["host.containers.internal:80"]);
        assert_eq!(listed.name("host.containers.internal"), None);
        assert_eq!(listed.addresses, [(AddressBlock::of(THIS_HOST), Some(80))]);
    }

    #[test]
    fn no_name_stands_for_a_private_address_unless_that_is_listed() {
        let listed = policy(&["a.example", "10.1.0.0/16", "*"]);
        for (address, may) in [
            ("203.0.113.7", true),
            ("2001:db8::7", true),
            ("8.8.8.8", true),
            ("10.1.2.3", true),
            ("10.2.2.3", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("169.254.1.2", false),
            ("192.168.1.1", false),
            ("172.31.255.255", false),
            ("100.100.100.200", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("::ffff:203.0.113.7", false),
            ("::203.0.113.7", false),
            ("64:ff9b::a00:1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("64:ff9b::808:808", true),
            ("64:ff9b:1::808:808", false),
            ("2002:a00:1::", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(
                listed.may_be_answered(address.parse().unwrap()),
                may,
                "{address}"
            );
        }
    }

    proptest! {
        #[test]
        fn an_address_of_ipv4_is_private_as_the_standard_library_knows_it(address in any::<Ipv4Addr>()) {
            let listed = policy(&["a.example"]);
            let known = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast()
                || address.is_broadcast() || address.is_unspecified();
            if known {
                prop_assert_eq!(listed.may_be_answered(address.into()), false);
            }
        }
    }
}
