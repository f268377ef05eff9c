//! A libpod service for tests: a unix socket that answers as a test says, below the real clients.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::Podman;

/// What the fake answers to one request.
pub(crate) enum Answer {
    /// A status and a JSON body.
    Json(u16, String),
    /// Status 200 and a body in HTTP chunks, step by step.
    Stream(Vec<Step>),
    /// These bytes and the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, the connection open.
    Silence,
}

/// A step of a streamed answer. The connection ends behind the last.
pub(crate) enum Step {
    /// Sends one HTTP chunk.
    Send(Vec<u8>),
    /// Waits for the test.
    Await(Arc<Notify>),
    /// Ends the body properly.
    Finish,
    /// Waits for the client to go, and says so.
    UntilGone(oneshot::Sender<()>),
}

/// The service; it ends with the value.
pub(crate) struct FakePodman {
    socket: PathBuf,
    /// The socket's, if nobody else's.
    _directory: Option<TempDir>,
    requests: Arc<Mutex<Vec<String>>>,
    _service: Service,
}

/// Ends with the value.
#[derive(Debug)]
struct Service(JoinHandle<()>);

impl FakePodman {
    /// Answers every request with what the function says to its first line, as `GET /PATH`.
    pub(crate) fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let fake = Self::at(directory.path().join("podman.sock"), answer);
        Self {
            _directory: Some(directory),
            ..fake
        }
    }

    /// Answers on this socket.
    pub(crate) fn at(
        socket: PathBuf,
        answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = UnixListener::bind(&socket).unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let service = serve(listener, Arc::clone(&requests), Arc::new(answer));
        Self {
            socket,
            _directory: None,
            requests,
            _service: Service(tokio::spawn(service)),
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.socket.clone()
    }

    pub(crate) fn client(&self) -> Podman {
        Podman::new(self.socket())
    }

    /// The requests so far: method and target.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn serve(
    listener: UnixListener,
    requests: Arc<Mutex<Vec<String>>>,
    answer: Arc<dyn Fn(&str) -> Answer + Send + Sync>,
) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        requests.lock().unwrap().push(request.clone());
        let answer = answer(&request);
        tokio::spawn(async move { say(&mut stream, answer).await });
    }
}

/// Reads a request and gives its method and target, and behind them its body if it has one.
async fn read_request(stream: &mut UnixStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let (line, fields) = head.split_once(" HTTP/1.1\r\n").unwrap();
    let length = fields.lines().find_map(|field| {
        field
            .to_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    if body.is_empty() {
        return line.to_owned();
    }
    format!("{line} {}", String::from_utf8(body).unwrap())
}

/// Says the answer. A client that went away is no failure of the fake.
async fn say(stream: &mut UnixStream, answer: Answer) {
    let steps = match answer {
        Answer::Raw(bytes) => {
            let _gone = stream.write_all(&bytes).await;
            return;
        }
        Answer::Json(status, body) => {
            let mut text = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n");
            write!(text, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
            let _gone = stream.write_all(text.as_bytes()).await;
            return;
        }
        Answer::Silence => {
            let _gone = stream.read_u8().await;
            return;
        }
        Answer::Stream(steps) => steps,
    };
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let _gone = stream.write_all(head).await;
    for step in steps {
        match step {
            Step::Send(bytes) => {
                let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                chunk.extend_from_slice(&bytes);
                chunk.extend_from_slice(b"\r\n");
                let _gone = stream.write_all(&chunk).await;
            }
            Step::Await(notify) => notify.notified().await,
            Step::Finish => {
                let _gone = stream.write_all(b"0\r\n\r\n").await;
            }
            Step::UntilGone(gone) => {
                let end = stream.read(&mut [0]).await;
                assert!(matches!(end, Ok(0) | Err(_)), "the client said more");
                gone.send(()).unwrap();
            }
        }
    }
}
