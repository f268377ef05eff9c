//! Where agents connect: a TCP port, with or without TLS, a unix socket, or a socket that systemd listens on.

mod address;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Mode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixSocket, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::caller::Ends;
pub use address::{Address, BadAddress};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 128;

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
    /// systemd listens on more than one socket for this, of which all but one would never be answered.
    #[error("systemd passed on {count} sockets, and only one can be served")]
    Several {
        /// How many there are.
        count: usize,
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
            Self::Several { .. } => Some(
                "leave one ListenStream= in mcpod.socket; a drop-in with another begins with an empty one"
                    .to_owned(),
            ),
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
        if !is_inherited(sockets.len())? {
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

/// Whether systemd passed on the socket, being one of so many.
fn is_inherited(count: usize) -> Result<bool, ListenError> {
    match count {
        0 | 1 => Ok(count == 1),
        count => Err(ListenError::Several { count }),
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
