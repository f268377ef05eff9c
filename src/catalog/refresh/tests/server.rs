//! A server that misbehaves on demand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What the server does with a request.
#[derive(Clone)]
pub(super) enum Act {
    /// Sends this as it is.
    Say(Vec<u8>),
    /// Sends this and then the same bytes again and again.
    Flood(Vec<u8>),
    /// Says nothing until whoever asked is gone.
    Wait,
}

pub(super) fn say(status: &str, headers: &str, body: &[u8]) -> Act {
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    Act::Say([head.as_bytes(), body].concat())
}

pub(super) fn json(body: &str) -> Act {
    say("200 OK", "", body.as_bytes())
}

/// A server that answers one request after the other as it was told, and keeps what it was asked.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) async fn start(acts: Vec<Act>) -> Self {
        Self::start_with(|_| acts).await
    }

    /// Starts with acts that name the server's own address.
    pub(super) async fn start_with(acts: impl FnOnce(&str) -> Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let acts = acts(&url);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let mut acts = VecDeque::from(acts);
        tokio::spawn(async move {
            while let Some(act) = acts.pop_front() {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                        break;
                    }
                    request.push(byte[0]);
                }
                log.lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&request).into_owned());
                match act {
                    Act::Say(bytes) => {
                        stream.write_all(&bytes).await.ok();
                    }
                    Act::Wait => while stream.read(&mut [0]).await.is_ok_and(|count| count > 0) {},
                    Act::Flood(bytes) => {
                        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok();
                        while stream.write_all(&bytes).await.is_ok() {}
                    }
                }
                stream.shutdown().await.ok();
            }
        });
        Self { url, asked }
    }

    /// The first lines of the requests.
    pub(super) fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter_map(|request| request.lines().next().map(str::to_owned))
            .collect()
    }
}

/// An item of the API, last changed on that day of a January.
pub(super) fn item(name: &str, version: &str, day: u32, status: &str) -> String {
    format!(
        r#"{{"server": {{"name": "a.b/{name}", "version": "{version}"}}, "_meta": {{"io.modelcontextprotocol.registry/official": {{"status": "{status}", "publishedAt": "2025-01-{day:02}T00:00:00Z", "updatedAt": "2025-01-{day:02}T00:00:00Z"}}}}}}"#
    )
}

/// A page of the API.
pub(super) fn list(items: &[String], next: Option<&str>) -> Act {
    let next = next.map_or("null".to_owned(), |next| format!("{next:?}"));
    json(&format!(
        r#"{{"servers": [{}], "metadata": {{"nextCursor": {next}}}}}"#,
        items.join(",")
    ))
}
