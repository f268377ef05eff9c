//! Calls: answers out of order, progress, cancellation, time limits.

use super::*;

fn tool(name: &str) -> Box<RawValue> {
    raw(&json!({ "name": name }).to_string())
}

#[tokio::test]
async fn answers_find_their_calls_in_any_order() {
    let (session, mut peer) = legacy(opening(None)).await;
    let server = async {
        let mut asked = Vec::new();
        for _ in 0..50 {
            let call = peer.message().await;
            asked.push((call["id"].clone(), call["params"]["name"].clone()));
        }
        asked.reverse();
        for (id, name) in asked {
            peer.answer(&id, json!({ "of": name })).await;
        }
    };
    let calls = (0..50).map(|n| {
        let session = session.clone();
        async move {
            let name = format!("t{n}");
            let result = session
                .request("tools/call", Some(&tool(&name)), LONG)
                .await;
            assert_eq!(result.unwrap().get(), format!("{{\"of\":\"{name}\"}}"));
        }
    });
    tokio::join!(server, futures_util::future::join_all(calls));
}

#[tokio::test]
async fn progress_comes_in_order_and_before_the_answer() {
    let (session, mut peer) = legacy(opening(None)).await;
    let options = CallOptions {
        progress: true,
        ..CallOptions::within(LONG)
    };
    let server = async {
        let call = peer.message().await;
        let token = &call["params"]["_meta"]["progressToken"];
        assert_eq!(*token, call["id"]);
        for step in 0..500 {
            let params = json!({"progressToken": token, "progress": step});
            peer.say(
                json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}),
            )
            .await;
        }
        peer.answer(&call["id"], json!({})).await;
    };
    let client = async {
        let mut call = session
            .call("tools/call", Some(&tool("t")), options)
            .await
            .unwrap();
        let mut seen = 0;
        while let Step::Progress(frame) = call.next().await.unwrap() {
            assert_eq!(
                frame.find(&["progress"]).unwrap(),
                Some(seen.to_string().as_str())
            );
            seen += 1;
        }
        assert_eq!(seen, 500);
        assert!(matches!(call.next().await, Err(SessionError::Closed)));
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn progress_is_asked_for_only_where_it_is_wanted() {
    let (session, mut peer) = legacy(opening(None)).await;
    let params = raw(r#"{"name":"t","_meta":{"progressToken":7,"x":1.0}}"#);
    let _call = session
        .call("tools/call", Some(&params), CallOptions::default())
        .await
        .unwrap();
    assert_eq!(
        peer.line().await.unwrap(),
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t","_meta":{"x":1.0}}}"#
    );
    let wanted = CallOptions {
        progress: true,
        ..CallOptions::default()
    };
    let _call = session
        .call("tools/call", Some(&params), wanted)
        .await
        .unwrap();
    assert_eq!(
        peer.line().await.unwrap(),
        r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":3,"x":1.0}}}"#
    );
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_and_its_late_answer_ignored() {
    let (session, mut peer) = legacy(opening(None)).await;
    let call = session
        .call("tools/call", None, CallOptions::default())
        .await
        .unwrap();
    let id = peer.asked("tools/call").await;
    drop(call);
    let cancelled = peer.message().await;
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"], id);
    peer.answer(&id, json!({"late": true})).await;

    let server = async {
        let next = peer.asked("tools/list").await;
        assert_ne!(next, id);
        peer.answer(&next, json!({"in time": true})).await;
    };
    let (result, ()) = tokio::join!(session.request("tools/list", None, LONG), server);
    assert_eq!(result.unwrap().get(), r#"{"in time":true}"#);
}

#[tokio::test]
async fn a_call_that_was_answered_is_not_cancelled() {
    let (session, mut peer) = legacy(opening(None)).await;
    let server = async {
        let id = peer.asked("a").await;
        peer.answer(&id, json!({})).await;
        let id = peer.asked("b").await;
        peer.answer(&id, json!({})).await;
    };
    let client = async {
        let mut call = session
            .call("a", None, CallOptions::default())
            .await
            .unwrap();
        assert!(matches!(call.next().await, Ok(Step::Answer(_))));
        drop(call);
        session.request("b", None, LONG).await.unwrap();
    };
    tokio::join!(server, client);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_cancelled_at_the_server() {
    let (session, mut peer) = legacy(opening(None)).await;
    let started = tokio::time::Instant::now();
    let server = async {
        let id = peer.asked("tools/call").await;
        let cancelled = peer.message().await;
        assert_eq!(cancelled["params"]["requestId"], id);
        assert_eq!(cancelled["params"]["reason"], "no answer after 60.0s");
    };
    let (result, ()) = tokio::join!(
        session.request("tools/call", None, Duration::from_mins(1)),
        server
    );
    let Err(SessionError::TimedOut {
        method,
        after,
        garbage: None,
    }) = result
    else {
        panic!("{result:?}");
    };
    assert_eq!(
        (method.as_str(), after),
        ("tools/call", Duration::from_mins(1))
    );
    assert_eq!(started.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn progress_prolongs_the_time_but_not_the_limit() {
    let (session, mut peer) = legacy(opening(None)).await;
    let options = CallOptions {
        timeout: Some(Duration::from_secs(10)),
        limit: Some(Duration::from_secs(35)),
        progress: true,
    };
    let server = async {
        let id = peer.asked("slow").await;
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(8)).await;
            let params = json!({"progressToken": id, "progress": 1});
            peer.say(
                json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}),
            )
            .await;
        }
    };
    let client = async {
        let started = tokio::time::Instant::now();
        let call = session.call("slow", None, options).await.unwrap();
        let error = call.answer().await.unwrap_err();
        assert!(matches!(error, SessionError::TimedOut { .. }), "{error}");
        assert_eq!(started.elapsed().as_secs(), 35);
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn parameters_on_several_lines_are_sent_on_one() {
    let (session, mut peer) = legacy(opening(None)).await;
    let params = raw("{\n  \"name\": \"t\\n\"\r\n}");
    let _call = session
        .call("a", Some(&params), CallOptions::default())
        .await
        .unwrap();
    assert_eq!(
        peer.line().await.unwrap(),
        r#"{"jsonrpc":"2.0","id":2,"method":"a","params":{   "name": "t\n"  }}"#
    );
    let pretty = Frame::parse("{\n\"jsonrpc\":\"2.0\",\n\"method\":\"m\"\n}").unwrap();
    session.pass(pretty).await.unwrap();
    assert_eq!(
        peer.line().await.unwrap(),
        r#"{ "jsonrpc":"2.0", "method":"m" }"#
    );
}

#[tokio::test]
async fn a_server_that_ends_ends_its_calls_and_those_to_come() {
    let (session, mut peer) = legacy(opening(None)).await;
    let server = async move {
        peer.asked("a").await;
        peer.asked("a").await;
    };
    let (a, b, ()) = tokio::join!(
        session.request("a", None, LONG),
        session.request("a", None, LONG),
        server
    );
    for ended in [a.map(drop), b.map(drop), Err(session.ended().await)] {
        assert!(
            matches!(ended, Err(SessionError::Ended { garbage: None, .. })),
            "{ended:?}"
        );
    }
    let after = session.request("a", None, LONG).await;
    assert!(matches!(after, Err(SessionError::Ended { .. })));
    assert!(matches!(
        session.notify("n", None).await,
        Err(SessionError::Ended { .. })
    ));
}

#[tokio::test]
async fn closing_ends_calls_and_the_stream() {
    let (session, mut peer) = legacy(opening(None)).await;
    let call = session
        .call("a", None, CallOptions::default())
        .await
        .unwrap();
    peer.asked("a").await;
    let dropped = session
        .call("b", None, CallOptions::default())
        .await
        .unwrap();
    drop(dropped);
    session.close().await;
    assert!(matches!(call.answer().await, Err(SessionError::Closed)));
    assert!(matches!(
        session.request("c", None, LONG).await,
        Err(SessionError::Closed)
    ));
    // What was queued before is written.
    peer.asked("b").await;
    assert_eq!(peer.message().await["method"], "notifications/cancelled");
    assert_eq!(peer.line().await, None);
}

#[tokio::test]
async fn a_session_is_closed_when_nobody_has_it() {
    let (session, mut peer) = legacy(opening(None)).await;
    let call = session
        .call("a", None, CallOptions::default())
        .await
        .unwrap();
    peer.asked("a").await;
    drop(session);
    assert!(matches!(call.answer().await, Err(SessionError::Closed)));
    assert_eq!(peer.line().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_read_cannot_hold_a_closed_session() {
    let (session, peer) = legacy(opening(None)).await;
    let big = raw(&format!("{{\"x\":\"{}\"}}", "x".repeat(1024 * 1024)));
    let call = session
        .call("a", Some(&big), CallOptions::default())
        .await
        .unwrap();
    session.close().await;
    drop((call, peer));
}

#[tokio::test]
async fn modern_requests_bear_their_meta_and_keep_what_is_given() {
    let (session, mut peer) = modern(opening(Some("2026-07-28"))).await;
    let params = raw(
        r#"{"name":"t","_meta":{"io.modelcontextprotocol/clientInfo":{"name":"agent"},"traceparent":"00-1"}}"#,
    );
    let _call = session
        .call("tools/call", Some(&params), CallOptions::default())
        .await
        .unwrap();
    let call = peer.message().await;
    assert_eq!(
        call["params"],
        json!({"name": "t", "_meta": {
            "io.modelcontextprotocol/clientInfo": {"name": "agent"},
            "traceparent": "00-1",
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }})
    );
    let _call = session
        .call("tools/list", None, CallOptions::default())
        .await
        .unwrap();
    let call = peer.message().await;
    assert_eq!(
        call["params"]["_meta"]["io.modelcontextprotocol/clientInfo"]["name"],
        "mcpod"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_crossed_on_several_threads() {
    let (session, mut peer) = legacy(opening(None)).await;
    let server = tokio::spawn(async move {
        // Cancelled calls make as many notifications, and are answered all the same.
        while let Some(line) = peer.line().await {
            let call: Value = serde_json::from_str(&line).unwrap();
            let id = &call["id"];
            if id.is_null() {
                continue;
            }
            for step in 0..3 {
                let params = json!({"progressToken": id, "progress": step});
                peer.say(
                    json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}),
                )
                .await;
            }
            peer.answer(id, json!({"of": call["params"]["n"]})).await;
        }
    });
    let callers = (0..8).map(|caller| {
        let session = session.clone();
        tokio::spawn(async move {
            for n in 0..200 {
                let n = caller * 1000 + n;
                let wanted = CallOptions {
                    progress: true,
                    ..CallOptions::within(LONG)
                };
                let params = raw(&format!("{{\"n\":{n}}}"));
                let mut call = session.call("a", Some(&params), wanted).await.unwrap();
                if n % 7 == 0 {
                    continue;
                }
                for step in 0..3 {
                    let Step::Progress(progress) = call.next().await.unwrap() else {
                        panic!("progress {step} is missing");
                    };
                    assert_eq!(
                        progress.find(&["progress"]).unwrap(),
                        Some(step.to_string().as_str())
                    );
                }
                let Step::Answer(answer) = call.next().await.unwrap() else {
                    panic!("more progress than there was");
                };
                assert_eq!(answer.payload().unwrap(), format!("{{\"of\":{n}}}"));
            }
        })
    });
    for caller in futures_util::future::join_all(callers).await {
        caller.unwrap();
    }
    // What was cancelled last may still be spoken of: this is answered behind it.
    session.request("a", None, LONG).await.unwrap();
    session.close().await;
    server.await.unwrap();
}

/// The frontend runs sessions in tasks of their own.
#[test]
fn sessions_can_move_between_threads() {
    fn movable<F: Future + Send>(_: impl FnOnce(Session) -> F) {}
    movable(|_| opening(None).open(|| tokio::net::UnixStream::connect("/nowhere")));
    movable(|session| async move { session.request("a", None, LONG).await });
    movable(|session| async move {
        let call = session.call("a", None, CallOptions::default()).await?;
        call.answer().await
    });
}
