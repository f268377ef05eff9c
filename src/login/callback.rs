//! The end of a login: the browser is sent to an address of this host's loopback, where this listens (RFC 8252, section 7.3).

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, timeout};

use super::LoginError;

/// Where the browser is sent to.
const PATH: &str = "/callback";

/// How much of a request is read, in bytes, and how long it may take.
const HEAD_MAX: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// What the browser shows then.
const DONE: &str = "<!doctype html><meta charset=utf-8><title>mcpod</title><p>mcpod has heard from the server. You can close this page.";

/// Listens for the end of a login.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    port: u16,
}

impl Listener {
    /// Listens on a port of the loopback, or on any that is free.
    pub async fn bind(port: Option<u16>) -> Result<Self, LoginError> {
        let bound = async {
            let socket = TcpListener::bind(("127.0.0.1", port.unwrap_or(0))).await?;
            let port = socket.local_addr()?.port();
            Ok(Self { socket, port })
        };
        bound.await.map_err(LoginError::Listen)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address that the browser is to be sent to.
    pub fn redirect(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits until a browser comes to that address, and gives the address with all that was added to it.
    pub async fn visited(&self) -> Result<String, LoginError> {
        loop {
            let (stream, _) = self.socket.accept().await.map_err(LoginError::Listen)?;
            // One that says nothing, or something else, is none.
            if let Ok(Some(target)) = timeout(PATIENCE, target(stream)).await {
                return Ok(format!("http://127.0.0.1:{}{target}", self.port));
            }
        }
    }
}

/// Reads a request's target, if it is ours, and answers it.
async fn target(mut stream: TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if head.len() > HEAD_MAX || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.lines().next()?.split(' ');
    let target = (words.next() == Some("GET")).then(|| words.next())??;
    let is_ours = target
        .strip_prefix(PATH)
        .is_some_and(|rest| rest.starts_with('?'));
    let (status, body) = if is_ours {
        ("200 OK", DONE)
    } else {
        ("404 Not Found", "")
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // What the browser shows is no part of the login.
    stream.write_all(answer.as_bytes()).await.ok();
    stream.shutdown().await.ok();
    is_ours.then(|| target.to_owned())
}
