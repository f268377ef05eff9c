//! Clients that mean no good, or do not know better.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

async fn web() -> (Place, Web) {
    let place = Place::with(&["mcpod-one.socket"]).await;
    place.server("one", &json!({"tools": [tool("do")]}));
    let limits = Limits {
        connections: 8,
        agents: 4,
        idle: Duration::from_mins(5),
        headers: Duration::from_millis(300),
        body: Duration::from_millis(300),
    };
    let web = Web::limited(&place, Shape::All, limits, Stay::Always).await;
    (place, web)
}

/// Writes these bytes on a connection, and gives all that comes back.
async fn raw(web: &Web, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is cut is an answer too.
    timeout(LONG, stream.read_to_end(&mut answer))
        .await
        .expect("an end")
        .ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let (_place, web) = web().await;
    for path in ["/mcp", "/mcp/one", "/mcp/none", "/healthz", "/metrics"] {
        let url = format!("http://{}{path}", web.address);
        for token in ["", "Bearer", "Bearer wrong"] {
            let request = web.client.get(&url).header("authorization", token);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 401, "{path}");
            assert_eq!(
                response.headers()["www-authenticate"],
                "Bearer realm=\"mcpod\""
            );
        }
        for (name, value) in [
            ("host", "evil.example.com"),
            ("origin", "https://evil.example.com"),
        ] {
            let answer = web.get(path, &[(name, value)]).await;
            assert_eq!(answer.status, 403, "{path} {name}");
        }
    }
    assert_eq!(
        web.get("/.well-known/oauth-protected-resource", &[])
            .await
            .status,
        404
    );
    assert_eq!(web.get("/mcp/none", &[]).await.status, 404);
    assert_eq!(web.get("/healthz", &[]).await.whole(), "ok\n");
    let metrics = web.get("/metrics", &[]).await.whole();
    assert!(metrics.contains("\nmcpod_servers 1\n"), "{metrics}");
    assert!(
        metrics.contains("mcpod_http_answers_total{status=\"401\"} 15\n"),
        "{metrics}"
    );
    web.stop().await;
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_the_session_lives_on() {
    let (_place, web) = web().await;
    let session = web.initialize("/mcp", &json!({})).await;
    let headers = [("mcp-session-id", session.as_str())];
    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        ("\u{0}", -32700),
        ("7", -32600),
        ("{}", -32600),
        ("[]", -32600),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
    ] {
        let answer = web.post("/mcp", &headers, body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.message().await["error"]["code"], code, "{body}");
    }
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{}1{}}}"#,
        "[".repeat(1 << 17),
        "]".repeat(1 << 17)
    );
    // However deep it is, it is a message.
    let answer = web.post("/mcp", &headers, &deep).await;
    assert_eq!(answer.message().await["result"], json!({}));
    let ping = ask(&json!(1), "ping", &json!({}));
    for (headers, status) in [
        (&[][..], 400),
        (&[("mcp-session-id", "0")], 404),
        (&[headers[0], headers[0]], 400),
        (&[headers[0], ("mcp-protocol-version", "1999-01-01")], 400),
    ] {
        assert_eq!(
            web.post("/mcp", headers, &ping).await.status,
            status,
            "{headers:?}"
        );
    }
    let plain = web.request(
        "POST",
        "/mcp",
        &[headers[0], BOTH, ("content-type", "text/plain")],
    );
    assert_eq!(web.send(plain.body(ping.clone())).await.status, 415);
    let picky = [
        headers[0],
        ("accept", "application/json"),
        ("content-type", "application/json"),
    ];
    let picky = web.request("POST", "/mcp", &picky);
    assert_eq!(web.send(picky.body(ping.clone())).await.status, 406);
    assert_eq!(
        web.send(web.request("PUT", "/mcp", &headers)).await.status,
        405
    );
    assert_eq!(
        web.post("/mcp", &headers, &ping).await.message().await["result"],
        json!({})
    );
    web.stop().await;
}

#[tokio::test]
async fn nothing_is_read_without_end() {
    let (_place, web) = web().await;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n",
        web.token
    );
    let announced = format!("{head}Content-Length: 99999999999\r\n\r\n{{");
    assert!(
        raw(&web, announced.as_bytes())
            .await
            .starts_with("HTTP/1.1 413 ")
    );
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(1 << 20)).repeat(17);
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n");
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    // It answers before all is written, and may cut the rest off.
    stream.write_all(chunked.as_bytes()).await.ok();
    let mut answer = vec![0; 64];
    if let Ok(read) = timeout(LONG, stream.read(&mut answer))
        .await
        .expect("an end")
    {
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 413 "),
            "{answer}"
        );
    }
    let many: String = "X-Y: z\r\n".repeat(200);
    assert!(
        raw(&web, format!("{head}{many}\r\n").as_bytes())
            .await
            .starts_with("HTTP/1.1 431 ")
    );
    let long = format!("{head}X: {}\r\n\r\n", "y".repeat(1 << 20));
    assert!(
        raw(&web, long.as_bytes())
            .await
            .starts_with("HTTP/1.1 431 ")
    );
    assert!(
        raw(&web, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 400 ")
    );
    // Who never says what it wants is cut off.
    assert_eq!(raw(&web, b"POST /mcp HTTP/1.1\r\nHost: local").await, "");
    assert_eq!(raw(&web, b"").await, "");
    assert_eq!(web.get("/healthz", &[]).await.status, 200);
    web.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let (_place, web) = web().await;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{{",
        web.token
    );
    let mut stream = TcpStream::connect(web.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = String::new();
    timeout(LONG, stream.read_to_string(&mut answer))
        .await
        .expect("an end")
        .ok();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    web.stop().await;
}

#[tokio::test]
async fn there_is_room_for_so_many_and_no_more() {
    let (_place, web) = web().await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(web.initialize("/mcp", &json!({})).await);
    }
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let fifth = web
        .post("/mcp", &[], &ask(&json!(0), "initialize", &params))
        .await;
    assert_eq!(fifth.status, 503);
    let listing = ask(&json!(1), "tools/list", &modern(json!({}), &json!({})));
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
    ];
    assert_eq!(web.post("/mcp", &headers, &listing).await.status, 503);
    let ended = web.request("DELETE", "/mcp", &[("mcp-session-id", &sessions[0])]);
    assert_eq!(web.send(ended).await.status, 204);
    assert_eq!(web.post("/mcp", &headers, &listing).await.status, 200);

    // One connection is the client's own.
    let mut open = Vec::new();
    for _ in 0..7 {
        open.push(TcpStream::connect(web.address).await.unwrap());
    }
    let mut one_more = TcpStream::connect(web.address).await.unwrap();
    let mut nothing = String::new();
    timeout(LONG, one_more.read_to_string(&mut nothing))
        .await
        .expect("an end")
        .ok();
    assert_eq!(nothing, "");
    web.stop().await;
}

#[tokio::test]
async fn a_version_that_is_not_known_is_refused_whatever_it_comes_with() {
    let (_place, web) = web().await;
    let session = web.initialize("/mcp", &json!({})).await;
    let note = json!({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}).to_string();
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {}}).to_string();
    for version in ["1999-01-01", "2026-07-28", ""] {
        let headers = [
            ("mcp-session-id", session.as_str()),
            ("mcp-protocol-version", version),
        ];
        if version != "2026-07-28" {
            assert_eq!(web.post("/mcp", &headers, &note).await.status, 400);
        }
        assert_eq!(web.post("/mcp", &headers, &answer).await.status, 400);
        assert_eq!(web.get("/mcp", &headers).await.status, 400);
        let ended = web.request("DELETE", "/mcp", &headers);
        assert_eq!(web.send(ended).await.status, 400);
    }
    let headers = [
        ("mcp-session-id", session.as_str()),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    assert_eq!(web.post("/mcp", &headers, &note).await.status, 202);
    assert_eq!(web.get("/mcp", &headers).await.status, 200);
    let ended = web.request("DELETE", "/mcp", &headers);
    assert_eq!(web.send(ended).await.status, 204);
    web.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_among_others_is_answered_too() {
    let (_place, web) = web().await;
    let session = web.initialize("/mcp", &json!({})).await;
    let headers = [("mcp-session-id", session.as_str())];
    let ping = ask(&json!(2), "ping", &json!({}));
    let batch = format!(r#"[{{"jsonrpc":"2.0","id":1,"method":7}},{ping},7]"#);
    let mut events = web.post("/mcp", &headers, &batch).await.events();
    let mut answers = [events.value().await, events.value().await];
    answers.sort_by_key(|answer| answer["id"].as_u64());
    assert_eq!(answers[0]["error"]["code"], -32600, "{answers:?}");
    assert_eq!(answers[1]["result"], json!({}), "{answers:?}");
    assert_eq!(events.next().await, None);
    web.stop().await;
}

#[tokio::test]
async fn who_says_too_much_of_itself_or_not_what_it_wants_is_no_visitor() {
    let (_place, web) = web().await;
    let long = json!({"name": "x".repeat(1 << 16), "version": "1"});
    let params =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": long.clone()});
    let initialize = ask(&json!(0), "initialize", &params);
    assert_eq!(web.post("/mcp", &[], &initialize).await.status, 400);
    let listing = ask(&json!(1), "tools/list", &modern(json!({}), &long));
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
    ];
    assert_eq!(web.post("/mcp", &headers, &listing).await.status, 400);
    let listing = ask(&json!(1), "tools/list", &modern(json!({}), &json!({})));
    for method in ["ping", ""] {
        let headers = [headers[0], ("mcp-method", method)];
        assert_eq!(web.post("/mcp", &headers, &listing).await.status, 400);
    }
    let metrics = web.get("/metrics", &[]).await.whole();
    for nobody in ["\nmcpod_http_sessions 0\n", "\nmcpod_http_agents 0\n"] {
        assert!(metrics.contains(nobody), "{metrics}");
    }
    web.stop().await;
}

#[tokio::test]
async fn a_stranger_keeps_no_connection() {
    let place = Place::with(&[]).await;
    let web = Web::start(&place, Shape::All).await;
    let asked = async |stream: &mut TcpStream, path: &str, token: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 1 << 16];
        let read = timeout(LONG, stream.read(&mut answer)).await;
        String::from_utf8_lossy(&answer[..read.expect("an answer").unwrap()]).into_owned()
    };
    let mut connect = Vec::new();
    for _ in 0..3 {
        connect.push(TcpStream::connect(web.address).await.unwrap());
    }
    let [known, stranger, reader] = connect.as_mut_slice() else {
        panic!("three");
    };
    let answer = asked(known, "/healthz", &web.token).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = asked(stranger, "/healthz", "wrong").await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    // What everybody may see makes nobody known.
    let answer = asked(reader, "/icon.svg", "wrong").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // Nothing but time passes.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::time::resume();
    for gone in [stranger, reader] {
        let mut rest = Vec::new();
        let end = timeout(LONG, gone.read_to_end(&mut rest)).await;
        end.expect("an end").ok();
    }
    let answer = asked(known, "/healthz", &web.token).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    web.stop().await;
}

#[tokio::test]
async fn a_renewed_token_ends_what_the_old_one_opened() {
    let place = Place::with(&[]).await;
    let limits = Limits {
        idle: Duration::from_secs(4),
        ..Limits::default()
    };
    let mut web = Web::limited(&place, Shape::All, limits, Stay::Always).await;
    let session = web.initialize("/mcp", &json!({})).await;
    let headers = [("mcp-session-id", session.as_str())];
    let mut events = web.get("/mcp", &headers).await.events();
    events.next().await.expect("it has begun");
    web.token = TokenFile::below(&place.path("data")).renew().unwrap();
    assert_eq!(events.next().await, None);
    // Whoever has the new one goes on.
    assert_eq!(web.get("/healthz", &[]).await.status, 200);
    web.stop().await;
}
