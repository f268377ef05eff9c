//! The frontend between an agent and servers that follow a script: the agent on pipes, each server on a real unix
//! socket in a temporary runtime directory, systemd over a socket pair.

mod adding;
mod changes;
mod configuring;
mod crossing;
mod dying;
mod eras;
mod fidelity;
mod http;
mod passing;
mod place;
mod registry;
mod shapes;
mod skills;
mod tasks;
mod trust;
mod watching;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, split,
};
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::podman::fake::{Answer, FakePodman};
use crate::systemd::fake::Fake;
pub(super) use place::Place;

/// Longer than any step of a test takes.
const LONG: Duration = Duration::from_secs(20);

/// What the Podman of a test says to whatever it cannot do.
const NOT_HERE: &str = "there are no images in this test";

/// A server that listens on its socket.
struct Server {
    name: String,
    listener: UnixListener,
    systemd: Arc<Fake>,
    accepted: AtomicU32,
}

/// One end of a conversation in lines.
struct Speaker<R, W> {
    lines: Lines<BufReader<R>>,
    write: W,
}

/// A server's end of one connection.
type Instance = Speaker<OwnedReadHalf, OwnedWriteHalf>;

/// What tells the frontend to stop.
type Stopped = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// The agent.
struct Client {
    speaker: Speaker<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>,
    serving: JoinHandle<std::io::Result<()>>,
    stop: oneshot::Sender<()>,
}

impl Server {
    /// The unit of its instance of that number.
    fn instance(&self, number: u32) -> String {
        let pid = std::process::id();
        format!("mcpod-{}@{number}-{pid}-1000.service", self.name)
    }

    /// Waits for a connection, and tells of its instance as systemd does.
    async fn accept(&self) -> Instance {
        let accepted = timeout(LONG, self.listener.accept()).await;
        let (stream, _) = accepted.expect("a connection").unwrap();
        let number = self.accepted.fetch_add(1, Ordering::Relaxed);
        self.systemd.unit("UnitNew", &self.instance(number)).await;
        let (read, write) = stream.into_split();
        Speaker::new(read, write)
    }

    /// Waits for a connection and opens it as a server of the earlier era; gives the client's `initialize` too.
    async fn legacy(&self, capabilities: &Value) -> (Instance, Value) {
        let mut instance = self.accept().await;
        let mut asked = instance.message().await;
        if asked["method"] == "server/discover" {
            let error = json!({"code": -32601, "message": "method not found"});
            instance
                .say(&json!({"jsonrpc": "2.0", "id": asked["id"], "error": error}))
                .await;
            asked = instance.message().await;
        }
        assert_eq!(asked["method"], "initialize", "{asked}");
        let result = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities,
            "serverInfo": {"name": self.name, "version": "1"}});
        instance.answer(&asked["id"], &result).await;
        let initialized = instance.message().await;
        assert_eq!(initialized["method"], "notifications/initialized");
        (instance, asked)
    }

    /// Waits for a connection and opens it as a server of the modern era.
    async fn modern(&self, capabilities: &Value) -> Instance {
        let mut instance = self.accept().await;
        let asked = instance.message().await;
        assert_eq!(asked["method"], "server/discover");
        let result = json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": capabilities,
            "ttlMs": 0, "cacheScope": "private"});
        instance.answer(&asked["id"], &result).await;
        instance
    }
}

impl<R: tokio::io::AsyncRead + Unpin, W: tokio::io::AsyncWrite + Unpin> Speaker<R, W> {
    fn new(read: R, write: W) -> Self {
        Self {
            lines: BufReader::new(read).lines(),
            write,
        }
    }

    /// The next line; nothing when the other side has closed.
    async fn line_or_end(&mut self) -> Option<String> {
        let line = timeout(LONG, self.lines.next_line()).await;
        line.expect("a line in time").unwrap()
    }

    async fn line(&mut self) -> String {
        self.line_or_end().await.expect("a line, not the end")
    }

    async fn message(&mut self) -> Value {
        serde_json::from_str(&self.line().await).unwrap()
    }

    /// The next line, and the id in it as JSON.
    async fn line_with_id(&mut self) -> (String, String) {
        let line = self.line().await;
        let id = crate::session::Frame::parse(line.clone()).unwrap();
        (line, id.id().unwrap().to_string())
    }

    async fn write(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.write.write_all(line.as_bytes()).await.unwrap();
        self.write.flush().await.unwrap();
    }

    async fn say(&mut self, message: &Value) {
        self.write(&message.to_string()).await;
    }

    /// Answers a call, and the question for the tools of its session with these; they come in either order.
    async fn answer_showing(&mut self, tools: &[Value]) {
        for _ in 0..2 {
            let asked = self.message().await;
            let result = match asked["method"].as_str() {
                Some("tools/list") => json!({"tools": tools}),
                _ => json!({}),
            };
            self.answer(&asked["id"], &result).await;
        }
    }

    /// The next message that asks for no list; a list of tools is answered with these.
    async fn message_but_lists(&mut self, tools: &[Value]) -> Value {
        serde_json::from_str(&self.line_but_lists(tools).await).unwrap()
    }

    /// As a line.
    async fn line_but_lists(&mut self, tools: &[Value]) -> String {
        loop {
            let line = self.line().await;
            // As a frame: it may hold numbers that no value can.
            let message = crate::session::Frame::parse(line.clone()).unwrap();
            match message.method() {
                "subscriptions/listen" => {}
                "tools/list" => {
                    let id = serde_json::from_str(message.id().unwrap().as_json()).unwrap();
                    self.answer(&id, &json!({ "tools": tools })).await;
                }
                _ => return line,
            }
        }
    }

    async fn answer(&mut self, id: &Value, result: &Value) {
        self.say(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
            .await;
    }
}

impl Client {
    fn of(frontend: &Arc<Frontend>) -> Self {
        let frontend = Arc::clone(frontend);
        Self::served(|read, write, stopped| async move {
            stdio::serve(&frontend, read, write, stopped).await
        })
    }

    /// An agent that is there before the frontend, whose start waits.
    fn at_once(
        orchestrator: Arc<Orchestrator>,
        shape: Shape,
        until_known: oneshot::Receiver<()>,
    ) -> Self {
        Self::served(|read, write, stopped| async move {
            let starting = async {
                until_known.await.unwrap();
                Frontend::start(Arc::clone(&orchestrator), shape.clone()).await
            };
            let served =
                stdio::serve_at_once(&orchestrator, &shape, starting, read, write, stopped);
            served.await.unwrap()
        })
    }

    fn served<F>(
        serve: impl FnOnce(ReadHalf<DuplexStream>, WriteHalf<DuplexStream>, Stopped) -> F
        + Send
        + 'static,
    ) -> Self
    where
        F: Future<Output = std::io::Result<()>> + Send,
    {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (read, write) = split(theirs);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let stopped: Stopped = Box::pin(async {
                stopped.await.ok();
            });
            serve(read, write, stopped).await
        });
        let (read, write) = split(ours);
        Self {
            speaker: Speaker::new(read, write),
            serving,
            stop,
        }
    }

    /// Asks, and gives the result or error.
    async fn ask(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.send(id, method, params).await;
        let answer = self.speaker.message().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    async fn send(&mut self, id: u64, method: &str, params: Value) {
        self.speaker
            .say(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await;
    }

    /// Says `initialize` with these capabilities.
    async fn initialize(&mut self, capabilities: Value) -> Value {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities,
            "clientInfo": {"name": "test", "version": "0.1", "future": true}});
        let answer = self.ask(0, "initialize", params).await;
        self.speaker
            .say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        answer["result"].clone()
    }

    async fn message(&mut self) -> Value {
        self.speaker.message().await
    }
}

/// Parameters of the modern era.
fn modern(mut params: Value, capabilities: &Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "new", "version": "1"});
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
    params
}

/// A tool as servers list it.
fn tool(name: &str) -> Value {
    json!({"name": name, "inputSchema": {"type": "object"}})
}
