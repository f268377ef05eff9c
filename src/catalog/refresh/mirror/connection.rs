//! Connections to repositories that a silent server cannot hold up: gix waits for ever for one that speaks git's own
//! protocol.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gix::protocol::transport::client::blocking_io::Transport;
use gix::protocol::transport::client::blocking_io::http;
use gix::protocol::transport::client::git::ConnectMode;
use gix::protocol::transport::client::git::blocking_io::Connection as Daemon;
use gix::remote::{Connection, Direction};

use super::AnyError;
use super::guard::Stop;

/// The port of git's own protocol (git-daemon(1)).
const PORT: u16 = 9418;

/// Connects to the repository of a remote. Each read may wait that long.
pub(super) fn open<'r, 'repo>(
    remote: &'r gix::Remote<'repo>,
    patience: Duration,
    stop: &Stop,
) -> Result<Connection<'r, 'static, 'repo, Box<dyn Transport + Send>>, AnyError> {
    let (url, version) = remote.sanitized_url_and_version(Direction::Fetch)?;
    if url.scheme != gix::url::Scheme::Git {
        let connection = remote.connect(Direction::Fetch)?;
        let options = remote
            .repo()
            .transport_options(url.to_bstring().as_slice(), None)?;
        let options = options.and_then(|options| options.downcast::<http::Options>().ok());
        return Ok(match options {
            Some(mut options) => {
                options.backend = Some(backend(patience));
                connection.with_transport_options(options)
            }
            None => connection,
        });
    }
    let host = url.host().ok_or("its address names no host")?.to_owned();
    let stream = connect(&host, url.port.unwrap_or(PORT), patience)?;
    stop.watch(stream.try_clone()?);
    let daemon = Daemon::new(
        stream.try_clone()?,
        stream,
        version,
        url.path.clone(),
        Some((host, url.port)),
        ConnectMode::Daemon,
        false,
    );
    Ok(remote.to_connection_with_transport(Box::new(daemon) as Box<dyn Transport + Send>))
}

fn connect(host: &str, port: u16, patience: Duration) -> std::io::Result<TcpStream> {
    let mut failed = None;
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => {
                stream.set_read_timeout(Some(patience))?;
                stream.set_write_timeout(Some(patience))?;
                return Ok(stream);
            }
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| std::io::Error::other("its host has no address")))
}

/// What has HTTP wait no longer than that for anything.
fn backend(patience: Duration) -> Arc<Mutex<dyn std::any::Any + Send + Sync>> {
    Arc::new(Mutex::new(http::reqwest::Options {
        configure_client: Some(Box::new(move |client| {
            Ok(client.connect_timeout(patience).timeout(patience))
        })),
        configure_request: None,
    }))
}
