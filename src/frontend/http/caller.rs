//! Who calls: which process is at the other end of a connection.
//!
//! In the modern era there are no sessions, and yet each agent has sessions of its own with servers. Over stdio an agent
//! is a process that starts `serve`; over HTTP it is the process that the kernel says is at the other end. Where it
//! cannot say, as over the network, the address stands for it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;

/// The longest list of connections that is looked through, in bytes.
const LIST_MAX: usize = 8 * 1024 * 1024;

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// A process of this host, and when it started in ticks since boot: numbers are used again.
    Process(u32, u64),
    /// Somebody at an address.
    Address(IpAddr),
    /// Somebody on this host who does not show.
    Hidden,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) ends: Ends,
    caller: OnceCell<Caller>,
    asked: AtomicBool,
}

/// What is known of the ends of a connection when it comes in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ends {
    /// A unix socket, with the process at the other end if it shows.
    Unix(Option<u32>),
    /// TCP.
    Tcp {
        /// The other end.
        client: SocketAddr,
        /// This end.
        server: SocketAddr,
    },
}

impl Caller {
    /// Whether it is a process that has ended. Of others, and where processes do not show, that is not known.
    pub(super) fn is_gone(&self) -> bool {
        let Self::Process(pid, began) = self else {
            return false;
        };
        match started(*pid) {
            Some(started) => started != *began,
            None => started(std::process::id()).is_some(),
        }
    }
}

impl Connection {
    /// A connection that has come in.
    pub(super) fn new(ends: Ends) -> Self {
        Self {
            ends,
            caller: OnceCell::new(),
            asked: AtomicBool::new(false),
        }
    }

    /// Notes that something was asked by it, by somebody who may.
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether anything was asked by it so.
    pub(super) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Who is at the other end; looked up when it is first asked for.
    pub(super) async fn caller(&self) -> Caller {
        let look = async || match self.ends {
            Ends::Unix(pid) => pid.map_or(Caller::Hidden, process),
            Ends::Tcp { client, server } if client.ip().to_canonical().is_loopback() => {
                let found = tokio::task::spawn_blocking(move || {
                    let inode = inode(client, server)?;
                    holder(inode)
                });
                match found.await {
                    Ok(Some(pid)) => process(pid),
                    _ => Caller::Hidden,
                }
            }
            Ends::Tcp { client, .. } => Caller::Address(client.ip().to_canonical()),
        };
        self.caller.get_or_init(look).await.clone()
    }
}

fn process(pid: u32) -> Caller {
    started(pid).map_or(Caller::Hidden, |started| Caller::Process(pid, started))
}

/// When a process started: the 22nd field of `/proc/PID/stat` (proc_pid_stat(5)), of which the second can hold anything
/// but ends with the last parenthesis.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, behind) = stat.rsplit_once(')')?;
    behind.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The socket at the client's end of a connection within this host.
fn inode(client: SocketAddr, server: SocketAddr) -> Option<u64> {
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .iter()
        .find_map(|list| find(&read(list).ok()?, client, server))
}

fn read(path: &str) -> io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(LIST_MAX as u64).read_to_string(&mut text)?;
    Ok(text)
}

/// Finds a socket in the kernel's list (proc_net_tcp(5)): its own address in the second column, the other end's in the
/// third, its inode in the tenth.
fn find(list: &str, client: SocketAddr, server: SocketAddr) -> Option<u64> {
    let same = |written: &str, address: SocketAddr| {
        parsed(written).is_some_and(|(ip, port)| {
            port == address.port() && ip.to_canonical() == address.ip().to_canonical()
        })
    };
    list.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let is_it = same(columns.next()?, client) && same(columns.next()?, server);
        // It has no inode any more once its process closed it.
        let inode: u64 = is_it.then(|| columns.nth(6))??.parse().ok()?;
        (inode != 0).then_some(inode)
    })
}

/// An address as the kernel lists it: words of four bytes in the host's order, as hexadecimal digits, and the port.
fn parsed(written: &str) -> Option<(IpAddr, u16)> {
    let (ip, port) = written.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = ip.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = Vec::with_capacity(16);
            for at in 0..4 {
                bytes.extend(word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?))
        }
        _ => return None,
    };
    Some((ip, port))
}

/// The process that holds a socket, among those that this user may look at.
fn holder(inode: u64) -> Option<u32> {
    let wanted = format!("socket:[{inode}]");
    let processes = std::fs::read_dir("/proc").ok()?;
    processes.filter_map(Result::ok).find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let open = std::fs::read_dir(process.path().join("fd")).ok()?;
        let holds = open.filter_map(Result::ok).any(|descriptor| {
            let target = std::fs::read_link(descriptor.path());
            target.is_ok_and(|target| target.as_os_str() == wanted.as_str())
        });
        holds.then_some(pid)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn caller(listen: &str) -> (Caller, TcpStream) {
        let listener = TcpListener::bind(listen).await.unwrap();
        let server = listener.local_addr().unwrap();
        let stream = TcpStream::connect(server).await.unwrap();
        let (_accepted, client) = listener.accept().await.unwrap();
        let connection = Connection::new(Ends::Tcp { client, server });
        (connection.caller().await, stream)
    }

    #[tokio::test]
    async fn a_process_of_this_host_is_known() {
        let own = std::process::id();
        let myself = Caller::Process(own, started(own).unwrap());
        for listen in ["127.0.0.1:0", "[::1]:0"] {
            let (caller, _stream) = caller(listen).await;
            assert_eq!(caller, myself, "{listen}");
        }
        assert_eq!(
            Connection::new(Ends::Unix(Some(own))).caller().await,
            myself
        );
    }

    #[test]
    fn a_process_is_gone_when_it_has_ended_or_another_has_its_number() {
        let mut child = std::process::Command::new("sleep");
        let mut child = child.arg("1000").spawn().unwrap();
        let caller = process(child.id());
        assert!(matches!(caller, Caller::Process(..)) && !caller.is_gone());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(caller.is_gone());
        let own = std::process::id();
        assert!(!process(own).is_gone());
        assert!(Caller::Process(own, 0).is_gone());
        assert!(!Caller::Hidden.is_gone());
        assert!(!Caller::Address([192, 0, 2, 7].into()).is_gone());
    }

    #[tokio::test]
    async fn others_are_known_by_their_address_or_not_at_all() {
        let client = "192.0.2.7:40000".parse().unwrap();
        let server = "192.0.2.1:8931".parse().unwrap();
        let connection = Connection::new(Ends::Tcp { client, server });
        assert_eq!(connection.caller().await, Caller::Address(client.ip()));
        let client = "127.0.0.1:1".parse().unwrap();
        let connection = Connection::new(Ends::Tcp { client, server });
        assert_eq!(connection.caller().await, Caller::Hidden);
        assert_eq!(
            Connection::new(Ends::Unix(None)).caller().await,
            Caller::Hidden
        );
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_kernels_list_is_read() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:22E3 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 7 1 0 100 0 0 10 0\n   \
            1: 0100007F:C001 0100007F:22E3 01 00000000:00000000 00:00000000 00000000  1000        0 9 1 0 20 4 0 10 -1\n";
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let found = |client, server| find(list, at(client), at(server));
        assert_eq!(found("127.0.0.1:49153", "127.0.0.1:8931"), Some(9));
        assert_eq!(found("[::ffff:127.0.0.1]:49153", "127.0.0.1:8931"), Some(9));
        assert_eq!(found("127.0.0.1:8931", "127.0.0.1:49153"), None);
        let six = "x\n 0: 00000000000000000000000001000000:0001 0000000000000000FFFF00000100007F:0002 01 a b c d e 5\n";
        assert_eq!(find(six, at("[::1]:1"), at("127.0.0.1:2")), Some(5));
    }

    proptest! {
        #[test]
        fn no_list_makes_it_stumble(list in "[0-9A-F: x\nä]{0,200}") {
            let address = "127.0.0.1:1".parse().unwrap();
            find(&list, address, address);
        }
    }
}
