//! Agents of the earlier era: sessions, streams and their resumption.

use super::super::passing::odd;
use super::*;

#[tokio::test]
async fn a_session_passes_everything_as_it_is() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::All).await;
    let session = web.initialize("/mcp", &json!({"sampling": {}})).await;
    let headers = [("mcp-session-id", session.as_str())];
    let odd = odd();
    let asked = format!(
        r#"{{"jsonrpc":"2.0", "id":"\u0061b", "method":"tools/call","params":{{ "name":"one__do","arguments":{{{odd}}},{odd},"_meta":{{"progressToken":"t/1","traceparent":"00-x"}} }},"extra":[1.50]}}"#
    );
    let (answer, mut instance) = tokio::join!(web.post("/mcp", &headers, &asked), async {
        let (mut instance, initialize) = server.legacy(&json!({"tools": {}})).await;
        assert_eq!(
            initialize["params"]["capabilities"],
            json!({"sampling": {}})
        );
        assert_eq!(initialize["params"]["clientInfo"]["future"], true);
        let passed = instance.line_but_lists(&[tool("do")]).await;
        let id = id_of(&passed);
        let expected = asked
            .replace(r#""\u0061b""#, &id)
            .replace(r#""one__do""#, r#""do""#)
            .replace(r#""t/1""#, &id);
        assert_eq!(passed, expected);
        (instance, id)
    });
    let (instance, id) = (&mut instance.0, instance.1.clone());
    let progress = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progress":1.0,"progressToken":{id},{odd}}}}}"#
    );
    let log = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":{{{odd}}}}}}}"#
    );
    let unknown =
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/future","params":{{{odd}}}}}"#);
    let question = format!(
        r#"{{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{{{odd}}}}}"#
    );
    let result = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"future",{odd}}}],"structuredContent":[1e400],"isError":false,{odd}}},"extra":1.0}}"#
    );
    for line in [&log, &progress, &unknown, &question] {
        instance.write(line).await;
    }
    let mut events = answer.events();
    assert_eq!(
        events.next().await,
        Some(Event(Some("2-0".to_owned()), String::new()))
    );
    let mut heard = async || events.message().await.unwrap().1;
    assert_eq!(heard().await, log);
    let token = format!(r#""progressToken":{id}"#);
    assert_eq!(
        heard().await,
        progress.replace(&token, r#""progressToken":"t/1""#)
    );
    assert_eq!(heard().await, unknown);
    assert_eq!(heard().await, question.replace(r#""id":"q""#, r#""id":1"#));
    let given = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{{odd}}}}}"#);
    assert_eq!(web.post("/mcp", &headers, &given).await.status, 202);
    assert_eq!(
        instance.line_but_lists(&[tool("do")]).await,
        given.replace(r#""id":1"#, r#""id":"q""#)
    );
    instance.write(&result).await;
    let own = result.replace(&format!(r#""id":{id}"#), r#""id":"\u0061b""#);
    assert_eq!(heard().await, own);
    assert_eq!(events.next().await, None);
    web.stop().await;
    assert_eq!(instance.line_or_end().await, None);
}

#[tokio::test]
async fn a_prompt_answer_is_one_object() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::Lazy).await;
    let session = web.initialize("/mcp/one", &json!({})).await;
    let headers = [
        ("mcp-session-id", session.as_str()),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    let answer = web
        .post(
            "/mcp/one",
            &headers,
            &ask(&json!(1), "tools/list", &json!({})),
        )
        .await;
    assert_eq!(answer.status, 200);
    let answer: Value = serde_json::from_str(&answer.whole()).unwrap();
    assert_eq!(answer["result"]["tools"], json!([tool("do")]));
    let batch = format!(
        "[{},{}]",
        ask(&json!(2), "ping", &json!({})),
        ask(&json!(3), "tools/list", &json!({}))
    );
    let mut events = web.post("/mcp/one", &headers, &batch).await.events();
    let ids = [
        events.value().await["id"].clone(),
        events.value().await["id"].clone(),
    ];
    assert_eq!(ids, [json!(2), json!(3)]);
    assert_eq!(events.next().await, None);
    web.stop().await;
}

#[tokio::test]
async fn what_belongs_to_no_request_comes_on_the_standing_stream() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::All).await;
    let session = web.initialize("/mcp", &json!({})).await;
    let headers = [("mcp-session-id", session.as_str())];
    let mut events = web.get("/mcp", &headers).await.events();
    assert_eq!(
        events.next().await,
        Some(Event(Some("0-0".to_owned()), String::new()))
    );
    place.server("two", &json!({"tools": [tool("more")]}));
    place.systemd.manager_signal("Reloading", &false).await;
    let Event(id, data) = events.message().await.unwrap();
    assert!(data.contains("notifications/tools/list_changed"), "{data}");
    // The connection breaks; what is said meanwhile is told afterwards, and nothing twice.
    drop(events);
    std::fs::remove_file(place.path("config/systemd/user/mcpod-two.socket")).unwrap();
    place.systemd.manager_signal("Reloading", &false).await;
    let last = id.unwrap();
    let again = [headers[0], ("last-event-id", last.as_str())];
    let mut events = web.get("/mcp", &again).await.events();
    let Event(id, data) = events.message().await.unwrap();
    assert!(data.contains("notifications/tools/list_changed"), "{data}");
    assert_eq!(id.as_deref(), Some("0-2"));
    // Whoever comes later hears instead.
    let mut later = web.get("/mcp", &headers).await.events();
    assert_eq!(
        later.next().await,
        Some(Event(Some("0-2".to_owned()), String::new()))
    );
    assert_eq!(events.next().await, None);
    web.stop().await;
    assert_eq!(later.next().await, None);
}

#[tokio::test]
async fn a_stream_that_says_nothing_is_kept_alive() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let place = Place::with(&["mcpod-one.socket"]).await;
    place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::All).await;
    let session = web.initialize("/mcp", &json!({})).await;
    let request = format!(
        "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nAccept: text/event-stream\r\n\
         Mcp-Session-Id: {session}\r\n\r\n",
        web.token
    );
    let mut stream = tokio::net::TcpStream::connect(web.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = async || {
        let mut bytes = vec![0; 4096];
        let count = timeout(LONG, stream.read(&mut bytes)).await;
        let count = count.expect("something").unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    let mut begun = String::new();
    while !begun.contains("0-0") {
        begun += &read().await;
    }
    assert!(begun.starts_with("HTTP/1.1 200 "), "{begun}");
    for _ in 0..2 {
        // Nothing but time passes.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(15)).await;
        tokio::time::resume();
        let kept = read().await;
        assert!(kept.contains(": \n\n"), "{kept:?}");
    }
    web.stop().await;
}

#[tokio::test]
async fn a_broken_stream_is_resumed_where_it_broke() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::All).await;
    let session = web.initialize("/mcp", &json!({})).await;
    let headers = [("mcp-session-id", session.as_str())];
    let call = json!({"name": "one__do", "_meta": {"progressToken": "t"}});
    let call = ask(&json!(5), "tools/call", &call);
    let (answer, (mut instance, id)) = tokio::join!(web.post("/mcp", &headers, &call), async {
        let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
        let id = instance.message_but_lists(&[tool("do")]).await["id"].clone();
        (instance, id)
    });
    let mut events = answer.events();
    let Event(primed, _) = events.next().await.unwrap();
    for progress in 1..=3 {
        let params = json!({"progress": progress, "progressToken": id});
        instance
            .say(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}))
            .await;
    }
    let Event(first, data) = events.message().await.unwrap();
    assert!(data.contains("\"progress\":1"));
    drop(events);
    instance.answer(&id, &json!({"content": []})).await;
    for (after, expected) in [(first.unwrap(), 2..=3), (primed.unwrap(), 1..=3)] {
        let again = [headers[0], ("last-event-id", after.as_str())];
        let mut events = web.get("/mcp", &again).await.events();
        for progress in expected {
            assert_eq!(events.value().await["params"]["progress"], progress);
        }
        let answer = events.value().await;
        assert_eq!(
            (&answer["id"], &answer["result"]["content"]),
            (&json!(5), &json!([]))
        );
        assert_eq!(events.next().await, None);
    }
    for nonsense in ["99-1", "x", "-", "2-x", "18446744073709551616-0"] {
        let again = [headers[0], ("last-event-id", nonsense)];
        assert_eq!(web.get("/mcp", &again).await.status, 400, "{nonsense}");
    }
    web.stop().await;
}

#[tokio::test]
async fn a_cancelled_request_ends_its_stream() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::All).await;
    let session = web.initialize("/mcp", &json!({})).await;
    let headers = [("mcp-session-id", session.as_str())];
    let call = ask(&json!(5), "tools/call", &json!({"name": "one__do"}));
    let (answer, (mut instance, id)) = tokio::join!(web.post("/mcp", &headers, &call), async {
        let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
        let id = instance.message_but_lists(&[tool("do")]).await["id"].clone();
        (instance, id)
    });
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}});
    assert_eq!(
        web.post("/mcp", &headers, &cancel.to_string()).await.status,
        202
    );
    assert_eq!(answer.events().message().await, None);
    let cancelled = instance.message_but_lists(&[tool("do")]).await;
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"], id);
    web.stop().await;
}

#[tokio::test]
async fn sessions_have_servers_of_their_own_and_end_when_told_to() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::All).await;
    let call = ask(&json!(5), "tools/call", &json!({"name": "one__do"}));
    let mut all = Vec::new();
    for who in ["a", "b"] {
        let session = web.initialize("/mcp", &json!({})).await;
        let headers = [("mcp-session-id", session.as_str())];
        let (answer, instance) = tokio::join!(web.post("/mcp", &headers, &call), async {
            let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
            let id = instance.message_but_lists(&[tool("do")]).await["id"].clone();
            instance.answer(&id, &json!({"who": who})).await;
            instance
        });
        assert_eq!(answer.message().await["result"]["who"], who);
        all.push((session, instance));
    }
    let (first, mut instance) = all.remove(0);
    // By another door it is not there.
    let elsewhere = web.send(web.request("DELETE", "/mcp/one", &[("mcp-session-id", &first)]));
    assert_eq!(elsewhere.await.status, 404);
    let ended = web.send(web.request("DELETE", "/mcp", &[("mcp-session-id", &first)]));
    assert_eq!(ended.await.status, 204);
    assert_eq!(instance.line_or_end().await, None);
    let gone = web.post("/mcp", &[("mcp-session-id", &first)], &call).await;
    assert_eq!(gone.status, 404);
    let (second, mut instance) = all.remove(0);
    let headers = [("mcp-session-id", second.as_str())];
    let (answer, ()) = tokio::join!(web.post("/mcp", &headers, &call), async {
        let id = instance.message_but_lists(&[tool("do")]).await["id"].clone();
        instance.answer(&id, &json!({"who": "b"})).await;
    });
    assert_eq!(answer.message().await["result"]["who"], "b");
    web.stop().await;
}

#[tokio::test]
async fn who_is_silent_for_long_is_gone_and_who_listens_is_not() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    place.server("one", &json!({"tools": [tool("do")]}));
    let limits = Limits {
        idle: Duration::from_millis(400),
        headers: Duration::from_millis(400),
        ..Limits::default()
    };
    let web = Web::limited(&place, Shape::All, limits, Stay::WhileNeeded).await;
    let silent = web.initialize("/mcp", &json!({})).await;
    let listening = web.initialize("/mcp", &json!({})).await;
    let headers = [("mcp-session-id", listening.as_str())];
    let events = web.get("/mcp", &headers).await.events();
    let ping = ask(&json!(1), "ping", &json!({}));
    let ended = async {
        // Asking keeps a session alive, so it is asked for otherwise.
        loop {
            let metrics = web.get("/metrics", &[]).await.whole();
            if metrics.contains("\nmcpod_http_sessions 1\n") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, ended).await.expect("it ends");
    let gone = web
        .post("/mcp", &[("mcp-session-id", &silent)], &ping)
        .await;
    assert_eq!(gone.status, 404);
    let alive = web.post("/mcp", &headers, &ping).await;
    assert_eq!(alive.message().await["result"], json!({}));
    drop(events);
    // With nobody there, the process is not needed: nobody tells it to stop.
    let Web {
        serving,
        stop: _stop,
        client,
        ..
    } = web;
    drop(client);
    timeout(LONG, serving)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn what_is_kept_for_somebody_who_never_comes_back_is_closed() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let lists = json!({"resources": [{"uri": "file:///a", "name": "a"}]});
    let server = place.server("one", &lists);
    let limits = Limits {
        idle: Duration::from_millis(100),
        ..Limits::default()
    };
    let web = Web::limited(&place, Shape::All, limits, Stay::Always).await;
    let session = web.initialize("/mcp", &json!({})).await;
    let headers = [("mcp-session-id", session.as_str())];
    let subscribe = ask(
        &json!(1),
        "resources/subscribe",
        &json!({"uri": "file:///a"}),
    );
    let (answer, mut instance) = tokio::join!(web.post("/mcp", &headers, &subscribe), async {
        let (mut instance, _) = server
            .legacy(&json!({"resources": {"subscribe": true}}))
            .await;
        let asked = instance.message().await;
        assert_eq!(asked["method"], "resources/subscribe");
        instance.answer(&asked["id"], &json!({})).await;
        instance
    });
    assert_eq!(answer.message().await["result"], json!({}));
    assert_eq!(instance.line_or_end().await, None);
    web.stop().await;
}
