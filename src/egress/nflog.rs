//! What the kernel tells of packets that the rules refused (NFLOG, linux/netfilter/nfnetlink_log.h).

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

use super::ruleset::LOG_GROUP;

/// How long is waited for the kernel to say something.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much of a packet is wanted, in bytes: the longest head of IPv4 (60), and the ports behind it.
const COPIED: u32 = 64;

// linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nfnetlink_log.h
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NFNL_SUBSYS_ULOG: u16 = 4;
const NFULNL_MSG_PACKET: u16 = NFNL_SUBSYS_ULOG << 8;
const NFULNL_MSG_CONFIG: u16 = NFNL_SUBSYS_ULOG << 8 | 1;
const NFULA_CFG_CMD: u16 = 1;
const NFULA_CFG_MODE: u16 = 2;
const NFULNL_CFG_CMD_BIND: u8 = 1;
const NFULNL_COPY_PACKET: u8 = 2;
const NFULA_PAYLOAD: u16 = 9;
/// `struct nlmsghdr` and `struct nfgenmsg`.
const HEAD: usize = 16 + 4;

/// Where a refused packet was to go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Destination {
    /// The address.
    pub(super) address: IpAddr,
    /// The protocol by its number (IANA's Protocol Numbers).
    pub(super) protocol: u8,
    /// The port, where the protocol has any.
    pub(super) port: Option<u16>,
}

/// Opens a socket that hears of refused packets, in the network namespace of this thread.
pub(super) fn listen() -> io::Result<OwnedFd> {
    let netlink = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(NETFILTER),
    )?;
    set_socket_timeout(netlink.as_fd(), Timeout::Recv, Some(PATIENCE))?;
    let bind = attribute_of(NFULA_CFG_CMD, &[NFULNL_CFG_CMD_BIND]);
    let [a, b, c, d] = COPIED.to_be_bytes();
    let mode = attribute_of(NFULA_CFG_MODE, &[a, b, c, d, NFULNL_COPY_PACKET, 0]);
    for attribute in [bind, mode] {
        sendto(
            netlink.as_fd(),
            &request(&attribute),
            SendFlags::empty(),
            &SocketAddrNetlink::new(0, 0),
        )?;
        let mut answer = [0; 1024];
        let (_, length) = recv(netlink.as_fd(), &mut answer, RecvFlags::empty())?;
        acknowledged(answer.get(..length).unwrap_or_default())?;
    }
    Ok(netlink)
}

/// Waits a second at most for destinations of refused packets.
pub(super) fn read(netlink: &OwnedFd) -> io::Result<Vec<Destination>> {
    let mut buffer = [0; 8 << 10];
    match recv(netlink.as_fd(), &mut buffer, RecvFlags::empty()) {
        Ok((_, length)) => Ok(destinations(buffer.get(..length).unwrap_or_default())),
        // Nothing was refused, or more than could be told.
        Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn request(attribute: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEAD + attribute.len()).unwrap_or_default();
    [
        &length.to_ne_bytes()[..],
        &NFULNL_MSG_CONFIG.to_ne_bytes(),
        &(NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes(),
        &0_u32.to_ne_bytes(), // sequence
        &0_u32.to_ne_bytes(), // port
        &[0, 0],              // any family, version 0
        &LOG_GROUP.to_be_bytes(),
        attribute,
    ]
    .concat()
}

fn attribute_of(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or_default();
    let mut attribute = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    attribute
}

/// Reads `struct nlmsgerr`: whether the kernel did what it was asked.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let mut rest = answer.get(4..).ok_or_else(malformed)?;
    let kind = u16::from_ne_bytes(take(&mut rest).ok_or_else(malformed)?);
    let _flags_sequence_port = take::<10>(&mut rest).ok_or_else(malformed)?;
    let code = i32::from_ne_bytes(take(&mut rest).ok_or_else(malformed)?);
    match (kind, code) {
        (NLMSG_ERROR, 0) => Ok(()),
        (NLMSG_ERROR, code) => Err(io::Error::from_raw_os_error(code.saturating_neg())),
        _ => Err(malformed()),
    }
}

/// Reads all messages of a datagram; what is none of a packet is passed over.
fn destinations(datagram: &[u8]) -> Vec<Destination> {
    let mut found = Vec::new();
    let mut rest = datagram;
    while let Some(message) = message(&mut rest) {
        let (head, mut attributes) = message.split_at_checked(HEAD).unwrap_or_default();
        if head.get(4..6) != Some(&NFULNL_MSG_PACKET.to_ne_bytes()) {
            continue;
        }
        while let Some((kind, value)) = attribute(&mut attributes) {
            if kind == NFULA_PAYLOAD {
                found.extend(destination(value));
            }
        }
    }
    found
}

/// Where a packet of IP is to go.
fn destination(packet: &[u8]) -> Option<Destination> {
    let first = *packet.first()?;
    let (address, protocol, behind) = match first >> 4 {
        4 => {
            let address: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            let length = usize::from(first & 0xf) * 4;
            (
                Ipv4Addr::from(address).into(),
                *packet.get(9)?,
                packet.get(length..)?,
            )
        }
        // What stands between the head and the ports is not followed: it says what comes next instead.
        6 => {
            let address: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            (
                Ipv6Addr::from(address).into(),
                *packet.get(6)?,
                packet.get(40..)?,
            )
        }
        _ => return None,
    };
    let port: Option<[u8; 2]> = behind.get(2..4).and_then(|port| port.try_into().ok());
    Some(Destination {
        address,
        protocol,
        port: port
            .map(u16::from_be_bytes)
            .filter(|_| matches!(protocol, 6 | 17)),
    })
}

/// Takes a message with its head, and the bytes that fill it up to a multiple of four.
fn message<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(u32::from_ne_bytes(*rest.first_chunk()?)).ok()?;
    let (message, behind) = rest.split_at_checked(length)?;
    if length < HEAD {
        return None;
    }
    *rest = behind
        .get(length.next_multiple_of(4) - length..)
        .unwrap_or_default();
    Some(message)
}

/// Takes `struct nlattr` and its value, with the bytes that fill it up to a multiple of four.
fn attribute<'a>(rest: &mut &'a [u8]) -> Option<(u16, &'a [u8])> {
    let length = usize::from(u16::from_ne_bytes(take(rest)?));
    let kind = u16::from_ne_bytes(take(rest)?);
    let (value, behind) = rest.split_at_checked(length.checked_sub(4)?)?;
    *rest = behind
        .get(length.next_multiple_of(4) - length..)
        .unwrap_or_default();
    Some((kind, value))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            protocol,
            port,
        } = self;
        match (protocol, port) {
            (6, Some(port)) => write!(f, "{address} port {port} (TCP)"),
            (17, Some(port)) => write!(f, "{address} port {port} (UDP)"),
            (1 | 58, _) => write!(f, "{address} (ICMP)"),
            (protocol, _) => write!(f, "{address} (protocol {protocol})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    fn told(packet: &[u8]) -> Vec<u8> {
        let attributes = [
            attribute_of(1, &[8, 0, 3, 0]),
            attribute_of(NFULA_PAYLOAD, packet),
        ]
        .concat();
        let mut message = request(&attributes);
        message[4..6].copy_from_slice(&NFULNL_MSG_PACKET.to_ne_bytes());
        message
    }

    fn v4(protocol: u8, port: u16) -> Vec<u8> {
        let mut packet = vec![
            0x45, 0, 0, 44, 0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 203, 0, 113, 7, 0x80, 0,
        ];
        packet.extend(port.to_be_bytes());
        packet
    }

    #[test]
    fn a_datagram_says_where_packets_were_to_go() {
        let mut v6 = vec![0x60, 0, 0, 0, 0, 8, 17, 64];
        v6.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        v6.extend("2001:db8::53".parse::<Ipv6Addr>().unwrap().octets());
        v6.extend([0x80, 0, 0, 53]);
        let datagram = [told(&v4(6, 443)), told(&v6), told(&v4(1, 0)), told(&[0x70])].concat();
        let shown: Vec<String> = destinations(&datagram)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            shown,
            [
                "203.0.113.7 port 443 (TCP)",
                "2001:db8::53 port 53 (UDP)",
                "203.0.113.7 (ICMP)"
            ]
        );
    }

    #[test]
    fn the_kernel_says_yes_or_why_not() {
        let answer = |code: i32| {
            [
                &request(&[])[..4],
                &NLMSG_ERROR.to_ne_bytes(),
                &[0; 10],
                &code.to_ne_bytes(),
            ]
            .concat()
        };
        assert!(acknowledged(&answer(0)).is_ok());
        assert_eq!(
            acknowledged(&answer(-1)).unwrap_err().raw_os_error(),
            Some(1)
        );
        assert!(acknowledged(&[]).is_err());
    }

    proptest! {
        #[test]
        fn no_datagram_makes_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), packet in prop::collection::vec(any::<u8>(), 0..80)) {
            drop(destinations(&bytes));
            drop(destinations(&told(&packet)));
            drop(acknowledged(&bytes));
        }
    }
}
