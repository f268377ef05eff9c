//! The name servers of this host, asked from outside the container.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::message::{self, Answer, Asked, UDP_MAX, Unusable};
use super::namespace::DNS_PORT;

/// Where this host says who its name servers are (resolv.conf(5)).
pub(super) const RESOLV_CONF: &str = "/etc/resolv.conf";

/// How many of them are asked, as everybody does (MAXNS in resolv.h).
const SERVERS_MAX: usize = 3;

/// How often each is asked, and how long it may take. Clients give up after about ten seconds.
const ROUNDS: usize = 2;
const PATIENCE: Duration = Duration::from_millis(1500);

/// How many answers that are none of ours are read before a server is given up: somebody is guessing.
const STRAYS_MAX: usize = 16;

/// Asks the host's name servers, one after the other, until one answers.
pub(super) async fn ask(asked: &Asked, resolv_conf: &Path) -> Option<Answer> {
    // Read each time: it changes with the networks that a laptop sees.
    let configuration = std::fs::read_to_string(resolv_conf).unwrap_or_default();
    let servers = servers(&configuration);
    for server in servers.iter().cycle().take(servers.len() * ROUNDS) {
        match timeout(PATIENCE, over_udp(asked, *server)).await {
            Ok(Some(Ok(answer))) => return Some(answer),
            Ok(Some(Err(Unusable::Truncated))) => {
                if let Ok(Some(answer)) = timeout(PATIENCE, over_tcp(asked, *server)).await {
                    return Some(answer);
                }
            }
            Ok(Some(Err(Unusable::Failed | Unusable::Stray)) | None) | Err(_) => {}
        }
    }
    None
}

/// One question over UDP, from a port of its own, so that neither port nor number can be guessed.
async fn over_udp(asked: &Asked, server: SocketAddr) -> Option<Result<Answer, Unusable>> {
    let any: IpAddr = if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect(server).await.ok()?;
    let id = random()?;
    socket.send(&message::question(asked, id)?).await.ok()?;
    let mut buffer = [0; UDP_MAX];
    for _ in 0..STRAYS_MAX {
        let length = socket.recv(&mut buffer).await.ok()?;
        match message::answer(buffer.get(..length)?, asked, id) {
            Err(Unusable::Stray) => {}
            answer => return Some(answer),
        }
    }
    None
}

async fn over_tcp(asked: &Asked, server: SocketAddr) -> Option<Answer> {
    let mut stream = TcpStream::connect(server).await.ok()?;
    let id = random()?;
    let question = message::question(asked, id)?;
    stream.write_all(&framed(&question)?).await.ok()?;
    let length = stream.read_u16().await.ok()?;
    let mut reply = vec![0; length.into()];
    stream.read_exact(&mut reply).await.ok()?;
    message::answer(&reply, asked, id).ok()
}

/// A message as it goes over TCP: its length in front (RFC 1035, 4.2.2).
pub(super) fn framed(message: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(message.len()).ok()?;
    Some([&length.to_be_bytes()[..], message].concat())
}

fn random() -> Option<u16> {
    let mut bytes = [0; 2];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).ok()?;
    Some(u16::from_ne_bytes(bytes))
}

/// The name servers in a resolv.conf(5); the one on this host where it names none.
fn servers(configuration: &str) -> Vec<SocketAddr> {
    let named = configuration.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = words
            .next()
            .filter(|word| *word == "nameserver")
            .and(words.next())?;
        server(address)
    });
    let named: Vec<SocketAddr> = named.take(SERVERS_MAX).collect();
    if named.is_empty() {
        return vec![(Ipv4Addr::LOCALHOST, DNS_PORT).into()];
    }
    named
}

/// Reads an address, with the link that one of IPv6 may name behind a `%`.
fn server(address: &str) -> Option<SocketAddr> {
    let Some((address, link)) = address.split_once('%') else {
        return Some((address.parse::<IpAddr>().ok()?, DNS_PORT).into());
    };
    let number = link.parse().ok().or_else(|| {
        let index = std::fs::read_to_string(Path::new("/sys/class/net").join(link).join("ifindex"));
        index.ok()?.trim().parse().ok()
    })?;
    let address = address.parse::<Ipv6Addr>().ok()?;
    Some(std::net::SocketAddrV6::new(address, DNS_PORT, 0, number).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_as_everybody_does() {
        let text = "# nameserver 192.0.2.1\nsearch x\nnameserver\t203.0.113.53\nnameserver 2001:db8::53 \nnameserver fe80::1%7\n\
            nameserver no\nnameserver 203.0.113.54\n";
        let shown: Vec<String> = servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["203.0.113.53:53", "[2001:db8::53]:53", "[fe80::1%7]:53"]
        );
        assert_eq!(servers("options edns0")[0].to_string(), "127.0.0.1:53");
    }
}
