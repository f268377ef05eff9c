//! What a server says of its own accord, and what it is answered.

use super::*;

#[tokio::test]
async fn what_the_server_says_comes_in_its_order_and_before_the_answer() {
    let (says, mut heard) = mpsc::channel(100);
    let (session, mut peer) = legacy(Opening {
        incoming: Some(says),
        ..opening(None)
    })
    .await;
    let server = async {
        let id = peer.asked("tools/call").await;
        for n in 0..20 {
            peer.say(
                json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"n": n}}),
            )
            .await;
        }
        peer.answer(&id, json!({})).await;
    };
    let (result, ()) = tokio::join!(session.request("tools/call", None, LONG), server);
    result.unwrap();
    for n in 0..20 {
        let Ok(Incoming::Notification(frame)) = heard.try_recv() else {
            panic!("notification {n} is missing");
        };
        assert_eq!(frame.find(&["n"]).unwrap(), Some(n.to_string().as_str()));
    }
}

#[tokio::test]
async fn progress_of_a_task_goes_on_after_its_answer() {
    let (says, mut heard) = mpsc::channel(8);
    let (session, mut peer) = legacy(Opening {
        incoming: Some(says),
        ..opening(None)
    })
    .await;
    let server = async {
        let id = peer.asked("tools/call").await;
        peer.answer(&id, json!({"task": {}})).await;
        let params = json!({"progressToken": id, "progress": 1});
        peer.say(json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}))
            .await;
    };
    let wanted = CallOptions {
        progress: true,
        ..CallOptions::within(LONG)
    };
    let client = async {
        let call = session.call("tools/call", None, wanted).await.unwrap();
        let id = call.id();
        call.answer().await.unwrap();
        let Some(Incoming::Notification(progress)) = heard.recv().await else {
            panic!("no progress");
        };
        assert_eq!(
            progress.find(&["progressToken"]).unwrap(),
            Some(id.as_json())
        );
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn requests_of_the_server_are_answered_by_what_was_declared() {
    let (says, mut heard) = mpsc::channel(8);
    let (_session, mut peer) = legacy(Opening {
        client: Client::new(
            raw(r#"{"name":"agent","version":"1"}"#),
            raw(r#"{"roots":{}}"#),
        ),
        incoming: Some(says),
        ..opening(None)
    })
    .await;
    let ask = |id: &str, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method});
    peer.say(ask("p", "ping")).await;
    assert_eq!(
        peer.message().await,
        json!({"jsonrpc": "2.0", "id": "p", "result": {}})
    );
    peer.say(ask("s", "sampling/createMessage")).await;
    let refused = peer.message().await;
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!("s"), &json!(-32601))
    );

    peer.say(ask("r", "roots/list")).await;
    let Some(Incoming::Request(request)) = heard.recv().await else {
        panic!("no request");
    };
    assert_eq!(request.frame().method(), "roots/list");
    request.answer(&raw(r#"{"roots":[]}"#)).await;
    let answered = peer.line().await.unwrap();
    assert_eq!(
        answered,
        r#"{"jsonrpc":"2.0","id":"r","result":{"roots":[]}}"#
    );

    peer.say(ask("u", "unknown/method")).await;
    let Some(Incoming::Request(request)) = heard.recv().await else {
        panic!("no request");
    };
    let theirs = Frame::parse(r#"{"result":{"n":1.50},"x":0,"jsonrpc":"2.0","id":99}"#).unwrap();
    request.pass(&theirs).await;
    let passed = peer.line().await.unwrap();
    assert_eq!(
        passed,
        r#"{"result":{"n":1.50},"x":0,"jsonrpc":"2.0","id":"u"}"#
    );

    peer.say(ask("d", "unknown/method")).await;
    drop(heard.recv().await);
    assert_eq!(peer.message().await["error"]["code"], -32603);
}

#[tokio::test]
async fn a_modern_server_ends_a_subscription_and_asks_nothing() {
    let (session, mut peer) = modern(opening(None)).await;
    let call = session
        .call("subscriptions/listen", None, CallOptions::default())
        .await
        .unwrap();
    let id = peer.asked("subscriptions/listen").await;
    assert_eq!(id.to_string(), call.id().as_json());
    peer.say(json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}))
        .await;
    let params = json!({"requestId": id, "reason": "gone\u{7}"});
    peer.say(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}))
        .await;
    let error = call.answer().await.unwrap_err();
    assert_eq!(error.to_string(), "the server cancelled the call: gone");
    session.close().await;
    // Neither the ping was answered, nor the cancelled call cancelled.
    assert_eq!(peer.line().await, None);
}
