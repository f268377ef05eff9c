//! Relayed requests: what comes back stands where the server said it.

use super::*;

async fn relaying() -> (Session, Peer, mpsc::Receiver<Incoming>) {
    let (says, heard) = mpsc::channel(100);
    let (session, peer) = legacy(Opening {
        incoming: Some(says),
        ..opening(None)
    })
    .await;
    (session, peer, heard)
}

fn asking(id: &str) -> Frame {
    let text = r#"{"jsonrpc":"2.0","id":ID,"method":"tools/call","params":{"n":1.0,"_meta":{"progressToken":"t"}}}"#;
    Frame::parse(text.replace("ID", id)).unwrap()
}

#[tokio::test]
async fn all_that_is_said_keeps_its_order() {
    let (session, mut peer, mut heard) = relaying().await;
    let relayed = session.relay(&asking("\"a\""), true).await.unwrap();
    let asked = peer.message().await;
    let token = &asked["params"]["_meta"]["progressToken"];
    let said = |n| json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"n": n}});
    peer.say(said(1)).await;
    let progress = json!({"progressToken": token, "progress": 1});
    peer.say(json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}))
        .await;
    peer.say(said(2)).await;
    peer.answer(&asked["id"], json!({})).await;
    peer.say(said(3)).await;

    let mut order = Vec::new();
    for _ in 0..5 {
        order.push(match heard.recv().await.unwrap() {
            Incoming::Notification(frame) => frame.find(&["n"]).unwrap().unwrap().to_owned(),
            Incoming::Progress { asked, .. } => format!("progress of {asked}"),
            Incoming::Answer { asked, answer } => {
                assert_eq!(answer.unwrap().id(), Some(&relayed.id()));
                format!("answer to {asked}")
            }
            Incoming::Request(_) => panic!("a request"),
        });
    }
    assert_eq!(
        order,
        ["1", "progress of \"a\"", "2", "answer to \"a\"", "3"]
    );
}

#[tokio::test]
async fn a_cancellation_is_passed_on_as_it_was_written() {
    let (session, mut peer, _heard) = relaying().await;
    let relayed = session.relay(&asking("7"), false).await.unwrap();
    let asked = peer.message().await;
    assert_eq!(asked["params"]["_meta"], json!({}));
    let said = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"no","x":1.50}}"#;
    relayed.cancel(&Frame::parse(said).unwrap());
    let id = asked["id"].to_string();
    let passed = said.replace("\"requestId\":7", &format!("\"requestId\":{id}"));
    assert_eq!(peer.line().await.unwrap(), passed);
}

#[tokio::test]
async fn the_end_of_the_session_is_the_end_of_the_channel() {
    let (session, peer, mut heard) = relaying().await;
    let _relayed = session.relay(&asking("1"), false).await.unwrap();
    drop(peer);
    assert!(heard.recv().await.is_none());
    assert!(matches!(session.ended().await, SessionError::Ended { .. }));
}
