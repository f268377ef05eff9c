use futures_util::StreamExt as _;
use tokio::sync::broadcast;

use super::*;

/// A server of 2024-11-05: what is posted to its second address is answered on its stream.
async fn server(endpoint: &'static str) -> Server {
    let (said, _) = broadcast::channel::<String>(16);
    Server::start(move |seen| match (&seen.method, seen.path.as_str()) {
        (&Method::GET, "/mcp") => {
            let first = format!("event: endpoint\ndata: {endpoint}\n\n");
            let said = said.subscribe();
            let rest = futures_util::stream::unfold(said, |mut said| async move {
                let text = said.recv().await.ok()?;
                (!text.is_empty()).then_some((text, said))
            });
            let first = futures_util::stream::once(async move { first });
            let all = first.chain(rest).map(Ok::<_, std::convert::Infallible>);
            events(Body::from_stream(all))
        }
        (&Method::POST, "/messages?s=1") => {
            if seen.asks("end") {
                said.send(String::new()).unwrap();
            } else if seen.asks("initialize") {
                said.send(format!("event: message\ndata: {OPENED}\n\n"))
                    .unwrap();
            } else if seen.asks("ping") {
                let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
                said.send(format!("data: {answer}\n\n")).unwrap();
            }
            empty(StatusCode::ACCEPTED)
        }
        _ => empty(StatusCode::METHOD_NOT_ALLOWED),
    })
    .await
}

#[tokio::test]
async fn a_server_that_refuses_the_post_is_asked_for_its_stream() {
    let server = server("/messages?s=1").await;
    for protocol in [HttpProtocol::StreamableHttp, HttpProtocol::Sse] {
        let mut client = Client::with(&server.url, protocol, HeaderMap::new());
        assert_eq!(client.ask(INITIALIZE).await, OPENED);
        client.say(INITIALIZED).await;
        let answer = client
            .ask(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
            .await;
        assert_eq!(answer, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        // When its stream ends, nothing is left open.
        client
            .say(r#"{"jsonrpc":"2.0","id":2,"method":"never"}"#)
            .await;
        server.awaited(|seen| seen.asks("never")).await;
        let heard = client
            .ask(r#"{"jsonrpc":"2.0","id":3,"method":"end"}"#)
            .await;
        let mut ids = [heard, client.hear().await];
        ids.sort();
        assert!(
            ids[0].contains("\"id\":2") && ids[1].contains("\"id\":3"),
            "{ids:?}"
        );
        client.end().await;
        server.seen.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn its_messages_go_to_no_other_server() {
    let server = server("https://example.com/messages").await;
    let mut client = Client::with(&server.url, HttpProtocol::Sse, HeaderMap::new());
    let heard = client.ask(INITIALIZE).await;
    assert!(heard.contains("which is another server"), "{heard}");
    client.end().await;
}
