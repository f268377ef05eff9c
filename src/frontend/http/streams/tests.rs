use futures_util::FutureExt as _;

use super::*;

fn frame(text: &str) -> Frame {
    Frame::parse(text).unwrap()
}

fn notification(bytes: usize) -> Frame {
    let text = "x".repeat(bytes);
    frame(&format!(
        r#"{{"jsonrpc":"2.0","method":"m","params":{{"x":"{text}"}}}}"#
    ))
}

fn result(id: u64) -> Said {
    Said {
        about: Some(id.into()),
        frame: frame(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)),
    }
}

fn streams(resumable: bool) -> (Arc<Streams>, mpsc::UnboundedReceiver<Id>) {
    let (gone, deserted) = mpsc::unbounded_channel();
    (Streams::new(resumable, gone), deserted)
}

fn asked(id: u64) -> Asked {
    Asked {
        id: id.into(),
        own: None,
    }
}

#[tokio::test]
async fn what_was_heard_is_kept_within_bounds() {
    let (streams, _deserted) = streams(true);
    let mut reader = streams.open(vec![asked(7)]).unwrap();
    for _ in 0..20 {
        let about = Some(7.into());
        let frame = notification(KEPT / 10);
        streams.say(Said { about, frame }).await;
        assert!(reader.next().await.is_some());
    }
    let kept: usize = {
        let state = lock(&streams.state);
        let events = state.streams.values().flat_map(|stream| &stream.events);
        events.map(|event| event.text.len()).sum()
    };
    assert!(kept <= KEPT && kept > KEPT / 2, "{kept}");
    let number = reader.stream;
    drop(reader);
    // What is left is told again, and what comes then.
    let mut again = streams.resume(number, 0).unwrap();
    assert!(again.next().await.unwrap().number > 1);
    while again.next().now_or_never().is_some() {}
    streams.say(result(7)).await;
    assert!(again.next().await.unwrap().is_last);
    assert!(again.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn servers_wait_for_an_agent_that_reads_and_not_for_one_that_does_not() {
    let (streams, _deserted) = streams(true);
    let mut reader = streams.open(vec![asked(7)]).unwrap();
    let say = async || {
        let frame = notification(UNHEARD / 4);
        let about = Some(7.into());
        streams.say(Said { about, frame }).await;
    };
    for _ in 0..4 {
        say().now_or_never().expect("there is room");
    }
    let mut fifth = std::pin::pin!(say());
    assert!(fifth.as_mut().now_or_never().is_none());
    assert!(reader.next().await.is_some());
    fifth.await;
    // Nobody reads for long: the stream is cut, and what nobody waits for is dropped.
    say().await;
    assert!(reader.next().await.is_none());
    let unheard: usize = lock(&streams.state)
        .streams
        .values()
        .map(|stream| stream.unheard.bytes)
        .sum();
    assert!(unheard <= UNHEARD + UNHEARD / 2, "{unheard}");
}

#[tokio::test]
async fn in_the_modern_era_hanging_up_takes_back_what_was_asked() {
    let (streams, mut deserted) = streams(false);
    let reader = streams.open(vec![asked(7)]).unwrap();
    assert!(streams.open(vec![asked(7)]).is_err());
    drop(reader);
    assert_eq!(deserted.try_recv().unwrap(), 7.into());
    assert_eq!((streams.waiting(), streams.listeners()), (0, 0));
    // What comes for nobody is passed over.
    streams.say(result(7)).await;
    let frame = notification(1);
    streams.say(Said { about: None, frame }).await;
    let mut reader = streams.open(vec![asked(8)]).unwrap();
    streams.say(result(8)).await;
    assert!(reader.next().await.unwrap().is_last);
    drop(reader);
    assert!(deserted.try_recv().is_err());
}

#[tokio::test]
async fn questions_find_somebody_who_listens() {
    let (streams, _deserted) = streams(true);
    let question = || Said {
        about: None,
        frame: frame(r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}"#),
    };
    let mut reader = streams.open(vec![asked(7)]).unwrap();
    streams.say(question()).await;
    assert!(reader.next().await.is_some());
    let mut standing = streams.stand().unwrap();
    streams.say(question()).await;
    assert!(standing.next().await.is_some());
    assert!(reader.next().now_or_never().is_none());
}
