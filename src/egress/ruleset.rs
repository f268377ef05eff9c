//! The rules of a container's network namespace, as nft(8) reads them. Pure.
//!
//! What goes out is decided; nothing comes in but answers. The container's own loopback stays open. A packet that is refused is answered at
//! once, so that nobody waits for what will never come.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use super::policy::{OWN, PRIVATE, Policy, Ports, and_translated};
use crate::catalog::AddressBlock;

/// The group of NFLOG in which refused packets are told. It is the namespace's own.
pub const LOG_GROUP: u16 = 1;

/// How many addresses may be open at once, with their ports.
const ADMITTED_MAX: u32 = 8192;

/// The addresses among those at which the host's name servers may answer: pasta's for the host's own, then those of clouds.
const NAME_SERVERS: &str = "169.254.1.1, 168.63.129.16, 169.254.169.253, 169.254.169.254";

/// What neighbours must say to each other on a link of IPv6 (RFC 4890, 4.4).
const NEIGHBOURS: &str =
    "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert }";

/// The rules of the open network: all but the host itself, its link, and where clouds answer for their machines; of those, what is
/// listed by address.
pub fn open(policy: &Policy) -> String {
    let [(ip, own4), (ip6, own6)] = by_family(&OWN);
    let listed = listed(policy);
    format!(
        "\
table inet mcpod {{
    chain output {{
        type filter hook output priority filter; policy accept;
        oif lo accept
        {NEIGHBOURS} accept
        ip daddr {{ {NAME_SERVERS} }} meta l4proto {{ tcp, udp }} th dport 53 accept
{listed}        {ip} daddr {{ {own4} }} reject with icmpx admin-prohibited
        {ip6} daddr {{ {own6} }} reject with icmpx admin-prohibited
    }}
}}
"
    )
}

/// The rules of a list of hosts: what is not listed is closed, and what is listed by name opens when its name is answered.
pub fn allow(policy: &Policy) -> String {
    let listed = listed(policy);
    let mut anywhere = String::new();
    if !policy.anywhere.is_none() {
        for (family, blocks) in by_family(&PRIVATE) {
            writeln!(
                anywhere,
                "        {family} daddr {{ {blocks} }} goto refused"
            )
            .ok();
        }
        let ports = match &policy.anywhere {
            Ports::All => String::new(),
            Ports::These(ports) => {
                let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
                format!(
                    "meta l4proto {{ tcp, udp }} th dport {{ {} }} ",
                    ports.join(", ")
                )
            }
        };
        writeln!(anywhere, "        {ports}accept").ok();
    }
    format!(
        "\
table inet mcpod {{
    set all4 {{
        type ipv4_addr; flags timeout; size {ADMITTED_MAX};
    }}
    set all6 {{
        type ipv6_addr; flags timeout; size {ADMITTED_MAX};
    }}
    set ports4 {{
        type ipv4_addr . inet_service; flags timeout; size {ADMITTED_MAX};
    }}
    set ports6 {{
        type ipv6_addr . inet_service; flags timeout; size {ADMITTED_MAX};
    }}
    chain refused {{
        limit rate 10/second burst 20 packets log group {LOG_GROUP}
        reject with icmpx admin-prohibited
    }}
    chain output {{
        type filter hook output priority filter; policy drop;
        oif lo accept
        ct state established,related accept
        {NEIGHBOURS} accept
{listed}        ip daddr @all4 accept
        ip6 daddr @all6 accept
        meta l4proto {{ tcp, udp }} ip daddr . th dport @ports4 accept
        meta l4proto {{ tcp, udp }} ip6 daddr . th dport @ports6 accept
{anywhere}        goto refused
    }}
    chain input {{
        type filter hook input priority filter; policy drop;
        iif lo accept
        ct state established,related accept
        {NEIGHBOURS} accept
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
    }}
}}
"
    )
}

/// An address that was answered, to be opened for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The address.
    pub address: IpAddr,
    /// What of it.
    pub ports: Ports,
    /// For how long, at least a second.
    pub time: Duration,
}

/// What opens addresses: one transaction, all of it or nothing.
///
/// An element that is there already would keep its old time: it is added, so that it is there; deleted; and added anew.
pub fn admit<'a>(admissions: impl IntoIterator<Item = &'a Admission>) -> String {
    let mut script = String::new();
    for Admission {
        address,
        ports,
        time,
    } in admissions
    {
        let version = if address.is_ipv4() { 4 } else { 6 };
        let elements: Vec<(String, String)> = match ports {
            Ports::All => vec![(format!("all{version}"), address.to_string())],
            Ports::These(ports) => {
                let element = |port| (format!("ports{version}"), format!("{address} . {port}"));
                ports.iter().map(element).collect()
            }
        };
        for (set, element) in elements {
            let seconds = time.as_secs().max(1);
            for (verb, timeout) in [
                ("add", String::new()),
                ("delete", String::new()),
                ("add", format!(" timeout {seconds}s")),
            ] {
                writeln!(
                    script,
                    "{verb} element inet mcpod {set} {{ {element}{timeout} }}"
                )
                .ok();
            }
        }
    }
    script
}

/// The rules for what is listed by address, one on a line.
fn listed(policy: &Policy) -> String {
    let mut listed = String::new();
    for (block, port) in &policy.addresses {
        let family = family(block.first);
        writeln!(
            listed,
            "        {family} daddr {block} {}accept",
            to_port(*port)
        )
        .ok();
    }
    listed
}

/// What narrows a rule to a port.
fn to_port(port: Option<u16>) -> String {
    port.map_or_else(String::new, |port| {
        format!("meta l4proto {{ tcp, udp }} th dport {port} ")
    })
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ip" } else { "ip6" }
}

/// Blocks as nft takes several, of IPv4 and of IPv6, those of translators with them.
fn by_family(blocks: &[AddressBlock]) -> [(&'static str, String); 2] {
    ["ip", "ip6"].map(|wanted| {
        let of = and_translated(blocks).filter(|block| family(block.first) == wanted);
        let of: Vec<String> = of.map(|block| block.to_string()).collect();
        (wanted, of.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::AllowedHost;

    fn policy(hosts: &[&str]) -> Policy {
        let hosts: Vec<AllowedHost> = hosts.iter().map(|host| host.parse().unwrap()).collect();
        Policy::new(&hosts)
    }

    /// The lines of the chain of what goes out.
    fn output(rules: &str) -> Vec<&str> {
        let lines = rules.lines().map(str::trim);
        let chain = lines.skip_while(|line| *line != "chain output {");
        chain.take_while(|line| *line != "chain input {").collect()
    }

    #[test]
    fn the_rules_of_a_list() {
        let rules = allow(&policy(&[
            "a.example:443",
            "192.0.2.7:80",
            "[fd00::]/8",
            "*:8443",
        ]));
        let [(_, private4), (_, private6)] = by_family(&PRIVATE);
        assert!(private6.contains("64:ff9b::a00:0/104"), "{private6}");
        let expected = [
            "chain output {",
            "type filter hook output priority filter; policy drop;",
            "oif lo accept",
            "ct state established,related accept",
            &format!("{NEIGHBOURS} accept"),
            "ip daddr 192.0.2.7/32 meta l4proto { tcp, udp } th dport 80 accept",
            "ip6 daddr fd00::/8 accept",
            "ip daddr @all4 accept",
            "ip6 daddr @all6 accept",
            "meta l4proto { tcp, udp } ip daddr . th dport @ports4 accept",
            "meta l4proto { tcp, udp } ip6 daddr . th dport @ports6 accept",
            &format!("ip daddr {{ {private4} }} goto refused"),
            &format!("ip6 daddr {{ {private6} }} goto refused"),
            "meta l4proto { tcp, udp } th dport { 8443 } accept",
            "goto refused",
            "}",
        ];
        assert_eq!(output(&rules), expected);
    }

    #[test]
    fn nothing_is_open_anywhere_unless_it_is_listed() {
        let rules = allow(&policy(&["a.example"]));
        let output = output(&rules).into_iter();
        let accepted: Vec<&str> = output
            .filter_map(|line| line.strip_suffix(" accept"))
            .collect();
        assert_eq!(
            accepted,
            [
                "oif lo",
                "ct state established,related",
                NEIGHBOURS,
                "ip daddr @all4",
                "ip6 daddr @all6",
                "meta l4proto { tcp, udp } ip daddr . th dport @ports4",
                "meta l4proto { tcp, udp } ip6 daddr . th dport @ports6"
            ]
        );
        assert!(rules.contains("hook output priority filter; policy drop;"));
    }

    #[test]
    fn an_address_is_opened_for_its_ports_and_its_time() {
        let admission = |address: &str, ports| Admission {
            address: address.parse().unwrap(),
            ports,
            time: Duration::from_secs(65),
        };
        let script = admit(&[
            admission("203.0.113.7", Ports::These([80, 443].into())),
            admission("2001:db8::7", Ports::All),
            admission("203.0.113.8", Ports::These([].into())),
        ]);
        let expected = [
            "add element inet mcpod ports4 { 203.0.113.7 . 80 }",
            "delete element inet mcpod ports4 { 203.0.113.7 . 80 }",
            "add element inet mcpod ports4 { 203.0.113.7 . 80 timeout 65s }",
            "add element inet mcpod ports4 { 203.0.113.7 . 443 }",
            "delete element inet mcpod ports4 { 203.0.113.7 . 443 }",
            "add element inet mcpod ports4 { 203.0.113.7 . 443 timeout 65s }",
            "add element inet mcpod all6 { 2001:db8::7 }",
            "delete element inet mcpod all6 { 2001:db8::7 }",
            "add element inet mcpod all6 { 2001:db8::7 timeout 65s }",
        ];
        assert_eq!(script.lines().collect::<Vec<_>>(), expected);
    }
}
