//! Where agents connect: a TCP port, with or without TLS, a unix socket, or a socket that systemd listens on.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rustix::fs::Mode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixSocket, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::caller::Ends;

/// The port that is listened on unless another is named.
const PORT: u16 = 8931;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 128;

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
        Some(format!("http://{address}/mcp"))
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

/// How connections over TCP are kept from being read on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// They stay within this host.
    Loopback,
    /// TLS with a certificate and its key, in PEM files.
    Tls {
        /// The certificate, and those that it was signed with.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// Nothing; the user said so.
    Insecure,
}

/// Why there is nothing to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, not ours, or the like.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: Address,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others could read along.
    #[error("{address} can be reached from other hosts, and without TLS they could read along")]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// Somebody listens there already.
    #[error("somebody listens on {} already", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// What systemd passed on is no socket that listens.
    #[error("systemd passed on no stream socket that listens")]
    Inherited(#[source] io::Error),
    /// The certificate or the key cannot be used.
    #[error("cannot use {} for TLS: {reason}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl ListenError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exposed { .. } => Some(
                "give --tls-cert and --tls-key, or say --insecure where the network is protected otherwise"
                    .to_owned(),
            ),
            Self::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Some("another mcpod may serve there already; choose another address with --http".to_owned())
            }
            Self::Bind { .. } | Self::InUse { .. } | Self::Inherited(_) | Self::Tls { .. } => None,
        }
    }
}

/// Takes connections.
pub struct Listener {
    socket: Socket,
    tls: Option<TlsAcceptor>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("socket", &self.socket)
            .field("tls", &self.tls.is_some())
            .finish()
    }
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        _made: Option<Made>,
    },
}

/// A socket file that was made here, and is taken away with this.
#[derive(Debug)]
struct Made {
    path: PathBuf,
    inode: u64,
}

impl Drop for Made {
    fn drop(&mut self) {
        // Somebody may have put another one in its place.
        let is_ours = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| metadata.ino() == self.inode);
        if is_ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!("{} stays: {error}", self.path.display());
        }
    }
}

/// A connection's two directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Listener {
    /// Listens on an address.
    pub async fn bind(address: &Address, protection: &Protection) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Bind {
            address: address.clone(),
            source,
        };
        let socket = match address {
            Address::Tcp(tcp) => {
                check(*tcp, protection)?;
                Socket::Tcp(TcpListener::bind(tcp).await.map_err(failed)?)
            }
            Address::Unix(path) => {
                if UnixStream::connect(path).await.is_ok() {
                    return Err(ListenError::InUse { path: path.clone() });
                }
                let (listener, made) = bind_unix(path).map_err(failed)?;
                Socket::Unix {
                    listener,
                    _made: Some(made),
                }
            }
        };
        Ok(Self {
            socket,
            tls: tls(protection)?,
        })
    }

    /// Takes over the socket that systemd listens on for this process, if it was started so (sd_listen_fds(3)).
    pub fn inherited(protection: &Protection) -> Result<Option<Self>, ListenError> {
        let mut sockets = listenfd::ListenFd::from_env();
        if sockets.len() == 0 {
            return Ok(None);
        }
        let socket = if let Ok(Some(tcp)) = sockets.take_tcp_listener(0) {
            let taken = tcp
                .set_nonblocking(true)
                .and_then(|()| TcpListener::from_std(tcp));
            let tcp = taken.map_err(ListenError::Inherited)?;
            check(
                tcp.local_addr().map_err(ListenError::Inherited)?,
                protection,
            )?;
            Socket::Tcp(tcp)
        } else {
            let unix = sockets
                .take_unix_listener(0)
                .map_err(ListenError::Inherited)?;
            let unix =
                unix.ok_or_else(|| ListenError::Inherited(io::ErrorKind::NotFound.into()))?;
            let taken = unix
                .set_nonblocking(true)
                .and_then(|()| UnixListener::from_std(unix));
            Socket::Unix {
                listener: taken.map_err(ListenError::Inherited)?,
                _made: None,
            }
        };
        let tls = tls(protection)?;
        Ok(Some(Self { socket, tls }))
    }

    /// The address that is listened on; none for a unix socket.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix { .. } => None,
        }
    }

    /// Whether connections are encrypted.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Waits for a connection.
    pub(super) async fn accept(&self) -> io::Result<(Incoming, Ends)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, client) = listener.accept().await?;
                let server = stream.local_addr()?;
                // Else an answer in two pieces waits for the client's acknowledgement of the first, 40 ms and more.
                stream.set_nodelay(true)?;
                let incoming = Incoming {
                    stream: Box::new(stream),
                    tls: self.tls.clone(),
                };
                Ok((incoming, Ends::Tcp { client, server }))
            }
            Socket::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                let peer = stream.peer_cred().ok().and_then(|peer| peer.pid());
                let peer = peer.and_then(|pid| u32::try_from(pid).ok());
                let incoming = Incoming {
                    stream: Box::new(stream),
                    tls: None,
                };
                Ok((incoming, Ends::Unix(peer)))
            }
        }
    }
}

/// A connection that has come in.
pub(super) struct Incoming {
    stream: Box<dyn Stream>,
    tls: Option<TlsAcceptor>,
}

impl Incoming {
    /// The connection, once both sides agree on how it is encrypted.
    pub(super) async fn opened(self) -> io::Result<Box<dyn Stream>> {
        match self.tls {
            None => Ok(self.stream),
            Some(tls) => Ok(Box::new(tls.accept(self.stream).await?)),
        }
    }
}

/// Only what stays within the host may go without protection unasked.
fn check(address: SocketAddr, protection: &Protection) -> Result<(), ListenError> {
    if *protection == Protection::Loopback && !address.ip().to_canonical().is_loopback() {
        return Err(ListenError::Exposed { address });
    }
    Ok(())
}

/// Makes a socket that its owner alone can connect to, from the moment it is there. One that is left of somebody who
/// listens no more is replaced.
fn bind_unix(path: &Path) -> io::Result<(UnixListener, Made)> {
    use std::os::unix::fs::FileTypeExt as _;

    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let socket = UnixSocket::new_stream()?;
    // The file takes its mode from the socket (unix(7)), so there is no moment at which others can connect.
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    socket.bind(path)?;
    let inode = std::fs::symlink_metadata(path)?.ino();
    let made = Made {
        path: path.to_owned(),
        inode,
    };
    Ok((socket.listen(BACKLOG)?, made))
}

/// What is needed to speak TLS, if it is to be spoken.
fn tls(protection: &Protection) -> Result<Option<TlsAcceptor>, ListenError> {
    let Protection::Tls { certificate, key } = protection else {
        return Ok(None);
    };
    crate::tls::install();
    let failed = |path: &Path, reason: &dyn fmt::Display| ListenError::Tls {
        path: path.to_owned(),
        reason: reason.to_string(),
    };
    let read = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain: Vec<_> = read.map_err(|error| failed(certificate, &error))?;
    if chain.is_empty() {
        return Err(failed(certificate, &"it holds no certificate"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, &error))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| failed(key, &error))?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, shown) in [
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("127.0.0.1", "127.0.0.1:8931"),
            ("localhost:1", "127.0.0.1:1"),
            ("::1", "[::1]:8931"),
            ("[::]:80", "[::]:80"),
            ("unix:/run/x.sock", "unix:/run/x.sock"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
        for text in ["", "unix:", "example.com:80", "127.0.0.1:99999", "/run/x"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        assert_eq!(Address::default().to_string(), "127.0.0.1:8931");
    }

    #[tokio::test]
    async fn other_hosts_are_not_listened_to_unless_that_is_asked_for() {
        let everywhere = "0.0.0.0:0".parse().unwrap();
        let error = Listener::bind(&everywhere, &Protection::Loopback)
            .await
            .unwrap_err();
        assert!(matches!(error, ListenError::Exposed { .. }), "{error}");
        assert!(error.hint().unwrap().contains("--tls-cert"));
        let listener = Listener::bind(&everywhere, &Protection::Insecure)
            .await
            .unwrap();
        assert!(listener.tcp().is_some() && !listener.has_tls());
    }

    #[tokio::test]
    async fn a_unix_socket_is_its_owners_alone_and_goes_with_its_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let address = Address::Unix(path.clone());
        let listener = Listener::bind(&address, &Protection::Loopback)
            .await
            .unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Listener::bind(&address, &Protection::Loopback)
            .await
            .unwrap_err();
        assert!(matches!(second, ListenError::InUse { .. }), "{second}");
        drop(listener);
        assert!(!path.exists());
        // What a killed process leaves is replaced; what is no socket is not.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        drop(
            Listener::bind(&address, &Protection::Loopback)
                .await
                .unwrap(),
        );
        std::fs::write(&path, "precious").unwrap();
        Listener::bind(&address, &Protection::Loopback)
            .await
            .unwrap_err();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn what_is_no_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let certificate = folder.path().join("cert.pem");
        std::fs::write(&certificate, "nothing").unwrap();
        let protection = Protection::Tls {
            certificate: certificate.clone(),
            key: certificate,
        };
        let address = "127.0.0.1:0".parse().unwrap();
        let error = Listener::bind(&address, &protection).await.unwrap_err();
        assert!(error.to_string().contains("cert.pem"), "{error}");
    }
}
