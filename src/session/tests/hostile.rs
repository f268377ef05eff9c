//! Servers that break the rules: a call may suffer, the session does not.

use super::*;

/// A message of exactly `size` bytes that answers a call.
fn answer_of(size: usize, id: &Value) -> String {
    let frame =
        |filling: &str| format!(r#"{{"result":{{"x":"{filling}"}},"jsonrpc":"2.0","id":{id}}}"#);
    let rest = size - frame("").len();
    let message = frame(&"x".repeat(rest));
    assert_eq!(message.len(), size);
    message
}

#[tokio::test]
async fn sixteen_mebibytes_pass_and_one_byte_more_ends_the_call_alone() {
    for end in ["\n", "\r\n"] {
        let (session, mut peer) = legacy(opening(None)).await;
        let server = async {
            let id = peer.asked("a").await;
            let message = answer_of(MESSAGE_MAX, &id) + end;
            peer.write(&message).await;
            let id = peer.asked("b").await;
            let message = answer_of(MESSAGE_MAX + 1, &id) + end;
            peer.write(&message).await;
            let id = peer.asked("c").await;
            peer.answer(&id, json!({})).await;
        };
        let client = async {
            let result = session.request("a", None, LONG).await.unwrap();
            assert!(result.get().len() > MESSAGE_MAX - 100);
            let error = session.request("b", None, LONG).await.unwrap_err();
            assert_eq!(
                error.to_string(),
                "the server's answer has 16777217 bytes, the most is 16777216"
            );
            session.request("c", None, LONG).await.unwrap();
        };
        tokio::join!(server, client);
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_is_not_sent() {
    let (session, mut peer) = legacy(opening(None)).await;
    let big = raw(&format!("{{\"x\":\"{}\"}}", "x".repeat(MESSAGE_MAX)));
    let error = session.request("a", Some(&big), LONG).await.unwrap_err();
    assert!(matches!(
        error,
        SessionError::TooLarge {
            what: Oversized::Request,
            ..
        }
    ));
    session.close().await;
    assert_eq!(peer.line().await, None);
}

#[tokio::test]
async fn garbage_blank_lines_and_carriage_returns_do_no_harm() {
    let (session, mut peer) = legacy(opening(None)).await;
    let server = async {
        let id = peer.asked("a").await;
        peer.write("Listening...\r\n\r\n   \n42\n\"text\"\nnull\n{\"a\":1}\n[]\n[1]\n\u{feff}")
            .await;
        peer.write(&format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\r\n"
        ))
        .await;
    };
    let (result, ()) = tokio::join!(session.request("a", None, LONG), server);
    assert_eq!(result.unwrap().get(), "{}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_ends_its_call() {
    let (session, mut peer) = legacy(opening(None)).await;
    let server = async {
        for broken in [
            r#"{"jsonrpc":"2.0","id":ID,"result":{"x":NaN}}"#,
            r#"{"jsonrpc":"2.0","result":{},"id":ID,"error":{"code":1,"message":""}}"#,
            r#"{"jsonrpc":"1.0","id":ID,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":ID,"result":{},"result":{}}"#,
        ] {
            let id = peer.asked("a").await.to_string();
            peer.write(&(broken.replace("ID", &id) + "\n")).await;
        }
        let id = peer.asked("a").await;
        let mut line = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":\"").into_bytes();
        line.extend(b"\xff\"}\n");
        peer.write.write_all(&line).await.unwrap();
    };
    let client = async {
        for _ in 0..5 {
            let error = session.request("a", None, LONG).await.unwrap_err();
            assert!(matches!(error, SessionError::Protocol { .. }), "{error}");
        }
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn ids_and_numbers_of_any_size_pass_untouched() {
    let (says, mut heard) = mpsc::channel(8);
    let (session, mut peer) = legacy(Opening {
        incoming: Some(says),
        ..opening(None)
    })
    .await;
    let numbers = r"[9223372036854775807,-9223372036854775808,18446744073709551615,0.1000000000000000055511151231257827,1e400,-0.0,1.0]";
    let server = async {
        let id = peer.asked("a").await;
        peer.write(&format!(
            "{{ \"jsonrpc\" : \"2.0\", \"id\":{id},\"result\":{numbers}}}\n"
        ))
        .await;
        for id in [
            "18446744073709551615",
            "1.5",
            "\"\\u0061\"",
            "-3",
            "0.30000000000000000000004",
        ] {
            peer.write(&format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"x/y\"}}\n"
            ))
            .await;
            let answer = peer.line().await.unwrap();
            assert_eq!(
                answer,
                format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{numbers}}}")
            );
        }
    };
    let client = async {
        let result = session.request("a", None, LONG).await.unwrap();
        assert_eq!(result.get(), numbers);
        for _ in 0..5 {
            let Some(Incoming::Request(request)) = heard.recv().await else {
                panic!("no request");
            };
            request.answer(&result).await;
        }
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn a_batch_is_read_like_its_messages() {
    let (session, mut peer) = legacy(opening(None)).await;
    let server = async {
        let a = peer.asked("a").await;
        let b = peer.asked("a").await;
        peer.say(json!([
            {"jsonrpc": "2.0", "id": b, "result": {}},
            {"jsonrpc": "2.0", "method": "notifications/message"},
            {"jsonrpc": "2.0", "id": a, "error": {"code": -1, "message": "no\u{1b}[1m"}},
        ]))
        .await;
    };
    let (a, b, ()) = tokio::join!(
        session.request("a", None, LONG),
        session.request("a", None, LONG),
        server
    );
    assert_eq!(
        a.unwrap_err().to_string(),
        "the server answered: no[1m (error -1)"
    );
    b.unwrap();
}

#[tokio::test]
async fn ids_that_come_back_as_strings_are_understood() {
    let (session, mut peer) = legacy(opening(None)).await;
    let server = async {
        let id = peer.asked("a").await;
        peer.answer(&json!(id.to_string()), json!({})).await;
    };
    let (result, ()) = tokio::join!(session.request("a", None, LONG), server);
    result.unwrap();
}

#[tokio::test]
async fn a_server_that_pings_without_reading_gets_no_more_answers() {
    let (session, mut peer) = legacy(opening(None)).await;
    for id in 0..20_000 {
        peer.write(&format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n"
        ))
        .await;
    }
    let server = async {
        let mut pongs = 0;
        let id = loop {
            let message = peer.message().await;
            if message["method"] == "a" {
                break message["id"].clone();
            }
            pongs += 1;
        };
        peer.answer(&id, json!({})).await;
        pongs
    };
    let (result, pongs) = tokio::join!(session.request("a", None, LONG), server);
    result.unwrap();
    assert!((1000..20_000).contains(&pongs), "{pongs}");
}

#[tokio::test]
async fn a_last_message_without_its_lines_end_still_counts() {
    let (session, mut peer) = legacy(opening(None)).await;
    let server = async move {
        let id = peer.asked("a").await;
        peer.write(&format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}"
        ))
        .await;
    };
    let (result, ()) = tokio::join!(session.request("a", None, LONG), server);
    result.unwrap();
}

#[tokio::test]
async fn parameters_that_contradict_themselves_are_not_sent() {
    let (session, mut peer) = legacy(opening(None)).await;
    for bad in [r#"{"_meta":{},"_meta":{}}"#, r#"{"_meta":[]}"#] {
        let error = session
            .request("a", Some(&raw(bad)), LONG)
            .await
            .unwrap_err();
        assert!(matches!(error, SessionError::Unsendable { .. }), "{error}");
    }
    let _call = session
        .call("a", Some(&raw("[1,2]")), CallOptions::default())
        .await
        .unwrap();
    assert_eq!(peer.message().await["params"], json!([1, 2]));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_read_cannot_hold_a_call_beyond_its_time() {
    let (session, _peer) = legacy(opening(None)).await;
    let big = raw(&format!("{{\"x\":\"{}\"}}", "x".repeat(MESSAGE_MAX / 2)));
    let started = tokio::time::Instant::now();
    let calls = (0..6).map(|_| session.request("a", Some(&big), Duration::from_mins(1)));
    for result in futures_util::future::join_all(calls).await {
        assert!(matches!(result, Err(SessionError::TimedOut { .. })));
    }
    assert_eq!(started.elapsed().as_secs(), 60);
}

#[tokio::test]
async fn what_waits_for_room_when_the_session_ends_is_not_taken_for_sent() {
    let (session, mut peer) = legacy(opening(None)).await;
    let big = raw(&format!(
        "{{\"x\":\"{}\"}}",
        "x".repeat(MESSAGE_MAX / 4 * 3)
    ));
    let call = || session.call("a", Some(&big), CallOptions::default());
    let _two = (call().await.unwrap(), call().await.unwrap());
    let server = async {
        // It says no more, and only then reads what it was sent.
        peer.write.shutdown().await.unwrap();
        session.ended().await;
        loop {
            peer.line().await;
        }
    };
    tokio::select! {
        third = call() => assert!(matches!(third, Err(SessionError::Ended { .. })), "{third:?}"),
        () = server => {}
    }
}
