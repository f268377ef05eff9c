//! Sessions against peers that follow a script, over an in-process pipe.

mod calls;
mod framing;
mod hostile;
mod incoming;
mod listing;
mod openings;
mod peers;
mod relaying;
mod splicing;
mod splitting;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf, split,
};
use tokio::sync::mpsc;

use super::*;

/// Longer than any test takes, unless time is paused.
const LONG: Duration = Duration::from_secs(30);

/// The server's end of a pipe.
struct Peer {
    lines: BufReader<ReadHalf<DuplexStream>>,
    write: WriteHalf<DuplexStream>,
}

/// A pipe: the end for the session, and the server's.
fn pipe() -> (DuplexStream, Peer) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (read, write) = split(theirs);
    let lines = BufReader::new(read);
    (ours, Peer { lines, write })
}

impl Peer {
    /// The next line from the session, without its end; nothing when it has closed.
    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).await.unwrap();
        (read > 0).then(|| line.trim_end_matches('\n').to_owned())
    }

    /// The next message from the session.
    async fn message(&mut self) -> Value {
        let line = self.line().await.expect("a message, not the end");
        serde_json::from_str(&line).unwrap()
    }

    /// The next message, which must be this request; gives its id.
    async fn asked(&mut self, method: &str) -> Value {
        let message = self.message().await;
        assert_eq!(message["method"], method, "{message}");
        message["id"].clone()
    }

    /// Writes bytes as they are.
    async fn write(&mut self, text: &str) {
        self.write.write_all(text.as_bytes()).await.unwrap();
    }

    /// Writes a message.
    async fn say(&mut self, message: Value) {
        self.write(&format!("{message}\n")).await;
    }

    /// Answers with a result.
    async fn answer(&mut self, id: &Value, result: Value) {
        self.say(json!({"jsonrpc": "2.0", "id": id, "result": result}))
            .await;
    }

    /// Answers with an error.
    async fn refuse(&mut self, id: &Value, code: i64) {
        let error = json!({"code": code, "message": "no"});
        self.say(json!({"jsonrpc": "2.0", "id": id, "error": error}))
            .await;
    }

    /// Answers `initialize` as a server of 2025-11-25 does, and takes the notification behind it.
    async fn initialize(&mut self) {
        let id = self.asked("initialize").await;
        self.answer(&id, initialized("2025-11-25")).await;
        let told = self.message().await;
        assert_eq!(
            told,
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
        );
    }
}

/// An `InitializeResult`.
fn initialized(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": {"tools": {}, "resources": {}},
        "serverInfo": {"name": "scripted", "version": "1"},
    })
}

/// A `DiscoverResult`.
fn discovered(versions: &[&str]) -> Value {
    json!({
        "resultType": "complete",
        "supportedVersions": versions,
        "capabilities": {"tools": {}},
        "ttlMs": 0,
        "cacheScope": "private",
    })
}

/// How the tests open sessions.
fn opening(era: Option<&str>) -> Opening {
    Opening {
        client: Client::mcpod(),
        era: era.map(|version| version.parse().unwrap()),
        timeout: LONG,
        incoming: None,
    }
}

/// A connector that gives out these streams, one after the other.
fn streams(
    streams: impl IntoIterator<Item = DuplexStream>,
) -> impl FnMut() -> std::future::Ready<io::Result<DuplexStream>> {
    let mut streams: VecDeque<_> = streams.into_iter().collect();
    move || {
        let none = || io::Error::from(io::ErrorKind::ConnectionRefused);
        std::future::ready(streams.pop_front().ok_or_else(none))
    }
}

/// An open session of the older era, and its server.
async fn legacy(opening: Opening) -> (Session, Peer) {
    let (stream, mut peer) = pipe();
    let opening = Opening {
        era: Some("2025-11-25".parse().unwrap()),
        ..opening
    };
    let (session, ()) = tokio::join!(opening.open(streams([stream])), peer.initialize());
    (session.unwrap(), peer)
}

/// An open session of the modern era, and its server.
async fn modern(opening: Opening) -> (Session, Peer) {
    let (stream, mut peer) = pipe();
    let answer = async {
        let id = peer.asked("server/discover").await;
        peer.answer(&id, discovered(&["2026-07-28"])).await;
    };
    let (session, ()) = tokio::join!(opening.open(streams([stream])), answer);
    (session.unwrap(), peer)
}

/// JSON that was written in a test.
fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}
