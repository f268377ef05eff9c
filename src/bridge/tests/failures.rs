use super::*;

const CALL: &str = r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"t"}}"#;

/// What a client hears of a call that a server answers so.
async fn heard(answer: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static) -> String {
    let server = Server::start(answer).await;
    let mut client = Client::of(&server.url);
    let heard = client.ask(CALL).await;
    // What was refused once does not end the connection.
    let again = client.ask(&CALL.replace(":5,", ":6,")).await;
    assert_eq!(again.replace(":6,", ":5,"), heard);
    client.end().await;
    heard.replace(&server.url, "URL")
}

fn error(message: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":5,"error":{{"code":-32603,"message":"{message}"}}}}"#)
}

#[tokio::test]
async fn whatever_the_server_says_the_client_hears_an_error() {
    let page = "<!doctype html><html><head><title>Sign in\n now</title></head></html>";
    assert_eq!(
        heard(move |_| typed(200, "text/html; charset=utf-8", page)).await,
        error(
            "URL answers what is no MCP: text/html: Sign in now (look for the address of its MCP endpoint, often /mcp)"
        )
    );
    assert_eq!(
        heard(|_| json(200, "[1, 2")).await,
        error(
            "URL answers what is no MCP: application/json: [1, 2 (look for the address of its MCP endpoint, often /mcp)"
        )
    );
    assert_eq!(
        heard(|_| typed(401, "text/plain", "who are you?\u{1b}[31m")).await,
        error(
            "URL wants a login (401 Unauthorized): who are you?[31m (log in with mcpod login, or set the secret that it wants)"
        )
    );
    assert_eq!(
        heard(|_| typed(403, "text/plain", "")).await,
        error("URL refuses access (403 Forbidden)")
    );
    assert_eq!(
        heard(|_| {
            let mut response = typed(429, "text/plain", "slow down");
            response.headers_mut().insert("retry-after", 30.into());
            response
        })
        .await,
        error("URL is asked too often (429 Too Many Requests), again after 30 s")
    );
    assert_eq!(
        heard(move |_| typed(500, "text/html", page)).await,
        error("URL answers 500 Internal Server Error: Sign in now")
    );
    assert_eq!(
        heard(|_| events(": nothing\n\n")).await,
        error("URL ended its stream without an answer")
    );
    assert_eq!(
        heard(|_| empty(StatusCode::ACCEPTED)).await,
        error(
            "URL answers what is no MCP: no media type (look for the address of its MCP endpoint, often /mcp)"
        )
    );
}

#[tokio::test]
async fn an_error_of_json_rpc_is_the_servers_own() {
    let own = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: no session", "data":1.0}}"#;
    assert_eq!(
        heard(move |_| json(400, own)).await,
        r#"{"jsonrpc":"2.0","id":5,"error":{"code":-32000,"message":"Bad Request: no session", "data":1.0}}"#
    );
}

#[tokio::test]
async fn what_has_no_end_is_not_read_to_it() {
    use futures_util::{StreamExt as _, stream};

    let endless = |kind: &'static str, begins: &'static str| {
        move |_: &Seen| {
            let first = [Ok::<_, std::convert::Infallible>(begins.to_owned())];
            let piece = "x".repeat(1 << 16);
            let rest = stream::repeat_with(move || Ok(piece.clone()));
            typed(
                200,
                kind,
                Body::from_stream(stream::iter(first).chain(rest)),
            )
        }
    };
    let too_large = error("URL answers with more than 16777216 bytes");
    assert_eq!(heard(endless("application/json", "{")).await, too_large);
    assert_eq!(
        heard(endless("text/event-stream", "data: {")).await,
        too_large
    );
    // Of what is an error anyway no more is read than is shown.
    let page = heard(endless("text/html", "<title>on and on</title>")).await;
    assert!(page.contains("text/html: on and on"), "{page}");
}

#[tokio::test]
async fn no_other_server_is_spoken_to() {
    let other = Server::start(|_| empty(StatusCode::OK)).await;
    let elsewhere = other.url.clone();
    let to_other = move |_: &Seen| {
        let mut response = empty(StatusCode::TEMPORARY_REDIRECT);
        let location = format!("{elsewhere}?key=hunter2").parse().unwrap();
        response.headers_mut().insert("location", location);
        response
    };
    let heard = heard(to_other).await;
    let expected = format!("URL leads to {}, which is another server", other.url);
    assert!(heard.contains(&expected), "{heard}");
    assert!(other.seen().is_empty(), "{:?}", other.seen());
}

#[tokio::test]
async fn another_place_of_the_server_is_asked_the_same_with_all_headers() {
    let server = Server::start(|seen| {
        if seen.path == "/mcp/" {
            return json(200, r#"{"jsonrpc":"2.0","id":5,"result":{}}"#);
        }
        let mut response = empty(StatusCode::MOVED_PERMANENTLY);
        let headers = response.headers_mut();
        headers.insert("location", "/mcp/".parse().unwrap());
        response
    })
    .await;
    let mut headers = HeaderMap::new();
    headers.insert("x-key", "hunter2".parse().unwrap());
    let mut client = Client::with(&server.url, HttpProtocol::StreamableHttp, headers);
    assert_eq!(
        client.ask(CALL).await,
        r#"{"jsonrpc":"2.0","id":5,"result":{}}"#
    );
    client.end().await;
    let last = server.seen().pop().unwrap();
    assert_eq!((last.method, last.body.as_str()), (Method::POST, CALL));
    assert_eq!(last.headers["x-key"], "hunter2");

    let circles = heard(|_| {
        let mut response = empty(StatusCode::FOUND);
        response
            .headers_mut()
            .insert("location", "/mcp".parse().unwrap());
        response
    });
    assert!(circles.await.contains("without end"));
}

#[tokio::test]
async fn nobody_there_is_an_answer_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp?key=hunter2", listener.local_addr().unwrap());
    drop(listener);
    let mut client = Client::of(&url);
    let heard = client.ask(CALL).await;
    assert!(heard.contains("cannot reach http://127.0.0.1:"), "{heard}");
    assert!(
        heard.contains("refused") && !heard.contains("hunter2"),
        "{heard}"
    );
    client.end().await;
}
