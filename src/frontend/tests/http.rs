//! The HTTP face on a port of this host, spoken to by an ordinary client and by hostile ones.

mod asking;
mod consent;
mod fidelity;
mod hostile;
mod legacy;
mod modern;
mod page;

use std::net::SocketAddr;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::*;
use crate::frontend::http::token::TokenFile;
use crate::frontend::http::{self, Face, Limits, Listener, Protection, Stay};

/// A face that serves, and a client.
struct Web {
    address: SocketAddr,
    token: String,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
}

/// Headers of a request.
type Headers<'a> = &'a [(&'static str, &'a str)];

const BOTH: (&str, &str) = ("accept", "application/json, text/event-stream");

/// An answer: at once or as a stream.
struct Answer {
    status: u16,
    session: Option<String>,
    body: Body,
}

enum Body {
    Whole(String),
    Events(Events),
}

/// Events as they come.
struct Events {
    bytes: BoxStream<'static, reqwest::Result<axum::body::Bytes>>,
    text: String,
}

/// An event: its id, and its data.
#[derive(Debug, PartialEq)]
struct Event(Option<String>, String);

impl Web {
    async fn start(place: &Place, shape: Shape) -> Self {
        Self::limited(place, shape, Limits::default(), Stay::Always).await
    }

    async fn limited(place: &Place, shape: Shape, limits: Limits, stay: Stay) -> Self {
        let frontend = Frontend::start(place.orchestrator(), shape).await.unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(&any, &Protection::Loopback).await.unwrap();
        let address = listener.tcp().unwrap();
        let file = TokenFile::below(&place.path("data"));
        let face = Face::new(frontend, &listener, file.clone(), Vec::new(), limits).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let stopped = async {
                stopped.await.ok();
            };
            http::serve(&face, listener, stay, stopped).await
        });
        Self {
            address,
            token: file.read_or_make().unwrap(),
            client: crate::tls::client().build().unwrap(),
            stop: Some(stop),
            serving,
        }
    }

    fn request(&self, method: &str, path: &str, headers: Headers<'_>) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        let mut request = self
            .client
            .request(method.parse().unwrap(), url)
            .bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = timeout(LONG, request.send()).await.expect("an answer");
        let response = response.unwrap();
        let header = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        let is_stream = header("content-type").as_deref() == Some("text/event-stream");
        Answer {
            status: response.status().as_u16(),
            session: header("mcp-session-id"),
            body: if is_stream {
                Body::Events(Events {
                    bytes: response.bytes_stream().boxed(),
                    text: String::new(),
                })
            } else {
                Body::Whole(response.text().await.unwrap())
            },
        }
    }

    async fn post(&self, path: &str, headers: Headers<'_>, body: &str) -> Answer {
        let headers = [headers, &[BOTH, ("content-type", "application/json")]].concat();
        let request = self.request("POST", path, &headers);
        self.send(request.body(body.to_owned())).await
    }

    async fn get(&self, path: &str, headers: Headers<'_>) -> Answer {
        self.send(self.request("GET", path, headers)).await
    }

    /// Begins a session with these capabilities; gives its id.
    async fn initialize(&self, path: &str, capabilities: &Value) -> String {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities,
            "clientInfo": {"name": "test", "version": "0.1", "future": true}});
        let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let answer = self.post(path, &[], &body.to_string()).await;
        assert_eq!(answer.status, 200);
        let session = answer.session.clone().expect("a session");
        assert_eq!(
            answer.message().await["result"]["protocolVersion"],
            "2025-11-25"
        );
        let body = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let headers = [("mcp-session-id", session.as_str())];
        let answer = self.post(path, &headers, &body.to_string()).await;
        assert_eq!(answer.status, 202);
        session
    }

    /// Tells the face to end, and waits until it did.
    async fn stop(mut self) {
        drop(self.stop.take());
        let served = timeout(LONG, self.serving).await;
        served.expect("it ends").unwrap().unwrap();
    }
}

impl Answer {
    /// The whole body.
    fn whole(self) -> String {
        match self.body {
            Body::Whole(text) => text,
            Body::Events(_) => panic!("a stream of events"),
        }
    }

    fn events(self) -> Events {
        match self.body {
            Body::Events(events) => events,
            Body::Whole(text) => panic!("{}: {text}", self.status),
        }
    }

    /// The only message, however it comes.
    async fn message(self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    async fn text(self) -> String {
        match self.body {
            Body::Whole(text) => text,
            Body::Events(mut events) => events.message().await.expect("a message").1,
        }
    }
}

impl Events {
    /// The next event; nothing when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let mut id = None;
                let mut data = None;
                for line in event.lines() {
                    match line.split_once(": ") {
                        Some(("id", value)) => id = Some(value.to_owned()),
                        Some(("data", value)) => data = Some(value.to_owned()),
                        _ => {}
                    }
                }
                self.text = rest.to_owned();
                if let Some(data) = data {
                    return Some(Event(id, data));
                }
            }
            let bytes = timeout(LONG, self.bytes.next()).await.expect("an event")?;
            self.text
                .push_str(std::str::from_utf8(&bytes.ok()?).unwrap());
        }
    }

    /// The next event with data.
    async fn message(&mut self) -> Option<Event> {
        loop {
            let event = self.next().await?;
            if !event.1.is_empty() {
                return Some(event);
            }
        }
    }

    async fn value(&mut self) -> Value {
        let event = self.message().await.expect("a message, not the end");
        serde_json::from_str(&event.1).unwrap()
    }
}

fn ask(id: &Value, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// The id in a message, as it is written.
fn id_of(message: &str) -> String {
    let frame = crate::session::Frame::parse(message).unwrap();
    frame.id().unwrap().to_string()
}
