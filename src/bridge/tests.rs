//! Bridges to servers that are made here, over loopback.

mod failures;
mod prior;
mod streamable;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use reqwest::Url;
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf,
};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{BridgeError, Target, run};
use crate::catalog::HttpProtocol;

/// How long a test waits for what must come, however busy the host is.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request as the server saw it.
#[derive(Debug, Clone)]
struct Seen {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The method of the message in it.
    fn asks(&self, method: &str) -> bool {
        self.body.contains(&format!("\"method\":\"{method}\""))
    }
}

/// A server that answers as a function says.
struct Server {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(answer: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let kept = Arc::clone(&seen);
        let service = axum::Router::new().fallback(move |request: Request| {
            let (kept, answer) = (Arc::clone(&kept), answer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                let seen = Seen {
                    method: parts.method,
                    path: parts.uri.to_string(),
                    headers: parts.headers,
                    body: String::from_utf8(body.to_vec()).unwrap(),
                };
                kept.lock().unwrap().push(seen.clone());
                answer(&seen)
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { url, seen, task }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until a request was seen, and gives it.
    async fn awaited(&self, is_it: impl Fn(&Seen) -> bool) -> Seen {
        let seen = async {
            loop {
                if let Some(seen) = self.seen().into_iter().find(|seen| is_it(seen)) {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap()
    }
}

/// A client behind a bridge.
struct Client {
    read: BufReader<ReadHalf<DuplexStream>>,
    write: WriteHalf<DuplexStream>,
    bridge: JoinHandle<Result<(), BridgeError>>,
    stop: oneshot::Sender<()>,
}

impl Client {
    fn of(url: &str) -> Self {
        Self::with(url, HttpProtocol::StreamableHttp, HeaderMap::new())
    }

    fn with(url: &str, protocol: HttpProtocol, headers: HeaderMap) -> Self {
        let target = Target {
            url: Url::parse(url).unwrap(),
            protocol,
            headers,
        };
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (input, output) = tokio::io::split(theirs);
        let (stop, stopped) = oneshot::channel();
        let bridge = tokio::spawn(run(target, input, output, async {
            stopped.await.ok();
        }));
        let (read, write) = tokio::io::split(ours);
        Self {
            read: BufReader::new(read),
            write,
            bridge,
            stop,
        }
    }

    async fn say(&mut self, line: &str) {
        self.write
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
    }

    async fn hear(&mut self) -> String {
        let mut line = String::new();
        let read = self.read.read_line(&mut line);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    async fn ask(&mut self, line: &str) -> String {
        self.say(line).await;
        self.hear().await
    }

    /// Ends the client's side and gives what still comes.
    async fn end(mut self) -> Vec<String> {
        self.write.shutdown().await.unwrap();
        let mut rest = Vec::new();
        loop {
            let line = self.hear().await;
            if line.is_empty() {
                break;
            }
            rest.push(line);
        }
        self.bridge.await.unwrap().unwrap();
        drop(self.stop);
        rest
    }
}

fn json(status: u16, body: impl Into<Body>) -> Response {
    typed(status, "application/json", body)
}

fn events(body: impl Into<Body>) -> Response {
    typed(200, "text/event-stream", body)
}

fn typed(status: u16, kind: &str, body: impl Into<Body>) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .body(body.into())
        .unwrap()
}

fn empty(status: StatusCode) -> Response {
    Response::builder()
        .status(status)
        .body(Body::empty())
        .unwrap()
}

/// A body that says this and then goes on for ever without a word.
fn unending(begins: &'static str) -> Body {
    use futures_util::StreamExt as _;
    let begins =
        futures_util::stream::once(async move { Ok::<_, std::convert::Infallible>(begins) });
    Body::from_stream(begins.chain(futures_util::stream::pending()))
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const OPENED: &str = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}"#;

/// An answer that begins a session.
fn opened(session: &str) -> Response {
    let mut response = json(200, OPENED);
    response
        .headers_mut()
        .insert("mcp-session-id", session.parse().unwrap());
    response
}

/// A request of the modern era.
fn modern(id: u32, method: &str, params: &str) -> String {
    let comma = if params.is_empty() { "" } else { "," };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{comma}"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}
