use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[tokio::test]
async fn a_session_is_begun_listened_to_and_ended() {
    let asks = "id: e1\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"s1\",\"method\":\"roots/list\"}\n\n";
    let server = Server::start(move |seen| match seen.method {
        Method::GET => events(unending(asks)),
        Method::DELETE => empty(StatusCode::NO_CONTENT),
        _ if seen.asks("initialize") => opened("secret-session"),
        _ if seen.asks("tools/list") => {
            json(200, r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#)
        }
        _ => empty(StatusCode::ACCEPTED),
    })
    .await;
    let mut client = Client::of(&server.url);
    assert_eq!(client.ask(INITIALIZE).await, OPENED);
    client.say(INITIALIZED).await;
    client
        .say(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
        .await;
    let mut heard = [client.hear().await, client.hear().await];
    heard.sort();
    assert!(
        heard[0].contains(r#""id":"s1","method":"roots/list""#),
        "{heard:?}"
    );
    assert!(heard[1].contains(r#""tools":[]"#), "{heard:?}");
    let answer = r#"{"jsonrpc":"2.0","id":"s1","result":{"roots":[]}}"#;
    client.say(answer).await;
    server.awaited(|seen| seen.body == answer).await;
    assert_eq!(client.end().await, Vec::<String>::new());

    let seen = server.seen();
    assert_eq!(seen[0].header("mcp-session-id"), None);
    assert_eq!(seen[0].header("mcp-protocol-version"), None);
    assert_eq!(
        seen[0].header("accept"),
        Some("application/json, text/event-stream")
    );
    // Nothing passes what says that the session has begun.
    assert!(seen[1].asks("notifications/initialized"), "{seen:?}");
    for later in &seen[1..] {
        assert_eq!(
            later.header("mcp-session-id"),
            Some("secret-session"),
            "{later:?}"
        );
        assert_eq!(
            later.header("mcp-protocol-version"),
            Some("2025-06-18"),
            "{later:?}"
        );
    }
    assert_eq!(seen.last().unwrap().method, Method::DELETE);
}

#[tokio::test]
async fn messages_are_the_texts_they_came_as() {
    let odd = r#"{ "result" : {"x":1.10,"big":123456789012345678901234567890,"ä":"\u00e4"} , "id":"a\u0062", "jsonrpc":"2.0","later":[]}"#;
    let server = Server::start(move |_| json(200, odd)).await;
    let mut client = Client::of(&server.url);
    let request = r#"{"method":"x/y", "params" : {"f":1.50},"id":"a\u0062","jsonrpc":"2.0"}"#;
    assert_eq!(client.ask(request).await, odd);
    assert_eq!(server.seen()[0].body, request);
    client.end().await;
}

#[tokio::test]
async fn a_stream_brings_progress_before_the_answer() {
    let stream = "event: message\ndata: {\"jsonrpc\":\"2.0\",\ndata:  \"method\":\"notifications/progress\"}\n\n: still here\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"again\":true}}\n\n";
    let server = Server::start(move |_| events(stream)).await;
    let mut client = Client::of(&server.url);
    let progress = client
        .ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#)
        .await;
    // On one line, whatever the lines of the stream were.
    assert_eq!(
        progress,
        r#"{"jsonrpc":"2.0",  "method":"notifications/progress"}"#
    );
    assert_eq!(
        client.hear().await,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#
    );
    assert_eq!(client.end().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_stream_that_ends_is_resumed_where_it_ended() {
    let server = Server::start(|seen| match seen.method {
        Method::POST => events("id: 7\nretry: 1\ndata:\n\n"),
        _ => events("data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"),
    })
    .await;
    let mut client = Client::of(&server.url);
    let answer = client
        .ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#)
        .await;
    assert_eq!(answer, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert_eq!(server.seen()[1].header("last-event-id"), Some("7"));
    client.end().await;
}

#[tokio::test]
async fn a_session_that_the_server_forgot_is_begun_anew() {
    let begun = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |seen| match seen.header("mcp-session-id") {
        _ if seen.method != Method::POST => empty(StatusCode::METHOD_NOT_ALLOWED),
        None => match begun.fetch_add(1, Ordering::Relaxed) {
            0 => opened("one"),
            _ => opened("two"),
        },
        Some("two") if seen.asks("tools/list") => {
            json(200, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)
        }
        Some("one") if seen.asks("tools/list") => empty(StatusCode::NOT_FOUND),
        _ => empty(StatusCode::ACCEPTED),
    })
    .await;
    let mut client = Client::of(&server.url);
    client.ask(INITIALIZE).await;
    client.say(INITIALIZED).await;
    let answer = client
        .ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
        .await;
    assert_eq!(answer, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    client.end().await;
}

#[tokio::test]
async fn a_request_of_the_modern_era_says_in_headers_what_it_says() {
    let tools = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"größe","inputSchema":{"properties":{"region":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"N"}}}}]}}"#;
    let server = Server::start(move |seen| {
        if seen.asks("tools/list") {
            json(200, tools)
        } else {
            json(200, r#"{"jsonrpc":"2.0","id":2,"result":{}}"#)
        }
    })
    .await;
    let mut client = Client::of(&server.url);
    client.ask(&modern(1, "tools/list", "")).await;
    let call = modern(
        2,
        "tools/call",
        r#""name":"größe","arguments":{"region":" eu","n":42}"#,
    );
    client.ask(&call).await;
    client.end().await;
    let seen = server.seen();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0].header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(seen[0].header("mcp-method"), Some("tools/list"));
    assert_eq!(seen[0].header("mcp-name"), None);
    assert_eq!(seen[1].header("mcp-name"), Some("=?base64?Z3LDtsOfZQ==?="));
    assert_eq!(seen[1].header("mcp-param-region"), Some("=?base64?IGV1?="));
    assert_eq!(seen[1].header("mcp-param-n"), Some("42"));
    assert_eq!(seen[1].header("mcp-session-id"), None);
}

#[tokio::test]
async fn headers_that_a_tool_wants_are_learned_when_they_are_missed() {
    let server = Server::start(|seen| {
        if seen.asks("tools/list") {
            let id = usize::from(!seen.body.contains("mcpod-tools-0"));
            let next = if id == 0 { r#","nextCursor":"more""# } else { "" };
            let tool = if id == 0 { "other" } else { "t" };
            json(200, format!(
                r#"{{"jsonrpc":"2.0","id":"mcpod-tools-{id}","result":{{"tools":[{{"name":"{tool}","inputSchema":{{"properties":{{"a":{{"x-mcp-header":"A"}}}}}}}}]{next}}}}}"#
            ))
        } else if seen.header("mcp-param-a") == Some("x") {
            json(200, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)
        } else {
            json(400, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"Mcp-Param-A is missing"}}"#)
        }
    })
    .await;
    let mut client = Client::of(&server.url);
    let call = modern(1, "tools/call", r#""name":"t","arguments":{"a":"x"}"#);
    assert_eq!(
        client.ask(&call).await,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#
    );
    client.end().await;
}

#[tokio::test]
async fn what_is_cancelled_is_told_in_one_era_and_hung_up_in_the_other() {
    let server = Server::start(|seen| match seen.method {
        Method::POST if seen.asks("notifications/cancelled") => empty(StatusCode::ACCEPTED),
        Method::POST if seen.body.contains("\"id\":9") => {
            json(200, r#"{"jsonrpc":"2.0","id":9,"result":{}}"#)
        }
        _ => events(unending(
            "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n",
        )),
    })
    .await;
    let mut client = Client::of(&server.url);
    client
        .ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#)
        .await;
    client
        .say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#)
        .await;
    server
        .awaited(|seen| seen.asks("notifications/cancelled"))
        .await;
    client.ask(&modern(2, "tools/call", r#""name":"t""#)).await;
    client
        .say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#)
        .await;
    let answer = client
        .ask(r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#)
        .await;
    assert!(answer.contains("\"id\":9"), "{answer}");
    let told = server.seen();
    let told = told
        .iter()
        .filter(|seen| seen.asks("notifications/cancelled"));
    assert_eq!(told.count(), 1);
    // Neither keeps the bridge from ending.
    assert_eq!(client.end().await, Vec::<String>::new());
}

#[tokio::test]
async fn told_to_stop_it_ends_the_session_first() {
    let server = Server::start(|seen| match seen.method {
        Method::DELETE => empty(StatusCode::OK),
        Method::GET => events(unending(": nothing\n\n")),
        _ if seen.asks("initialize") => opened("s"),
        _ if seen.asks("tools/call") => events(unending(": nothing\n\n")),
        _ => empty(StatusCode::ACCEPTED),
    })
    .await;
    let mut client = Client::of(&server.url);
    client.ask(INITIALIZE).await;
    client.say(INITIALIZED).await;
    client
        .say(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#)
        .await;
    server.awaited(|seen| seen.asks("tools/call")).await;
    client.stop.send(()).unwrap();
    client.bridge.await.unwrap().unwrap();
    assert_eq!(server.seen().last().unwrap().method, Method::DELETE);
}
