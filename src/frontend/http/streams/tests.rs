use futures_util::{FutureExt as _, StreamExt as _};

use super::*;
use crate::frontend::http::sse;

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
    assert!(reader.next().now_or_never().is_none());
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
    // It was heard when more is wanted.
    assert!(reader.next().await.is_some());
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

#[tokio::test]
async fn what_breaks_while_it_is_written_is_told_again_however_large_it_is() {
    let (streams, _deserted) = streams(true);
    let reader = streams.open(vec![asked(7)]).unwrap();
    let number = reader.stream;
    let text = "x".repeat(4 * KEPT);
    let answer = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"x":"{text}"}}}}"#);
    let (about, answer) = (Some(7.into()), frame(&answer));
    let length = answer.clone().into_string().len();
    streams
        .say(Said {
            about,
            frame: answer,
        })
        .await;
    let told = |reader| {
        let told = sse::stream(reader, sse::Events::Numbered, None);
        told.into_body().into_data_stream()
    };
    let mut broken = told(reader);
    // All of it was taken to be written, but for its end.
    while broken.next().await.unwrap().unwrap().len() < length {}
    drop(broken);
    let whole = told(streams.resume(number, 0).unwrap());
    let parts: Vec<_> = whole.map(Result::unwrap).collect().await;
    assert!(parts.concat().len() > length);
    // Now it was heard, and is too large to be kept.
    let again = streams.resume(number, 0);
    assert!(again.unwrap().next().await.is_none());
}

#[tokio::test]
async fn what_was_said_first_is_forgotten_first_on_whichever_stream() {
    let (streams, _deserted) = streams(true);
    let mut first = streams.open(vec![asked(1)]).unwrap();
    let mut second = streams.open(vec![asked(2)]).unwrap();
    let say = async |id: u64, reader: &mut Reader| {
        let (about, frame) = (Some(id.into()), notification(KEPT * 2 / 5));
        streams.say(Said { about, frame }).await;
        assert!(reader.next().await.is_some());
        assert!(reader.next().now_or_never().is_none());
    };
    say(2, &mut second).await;
    say(1, &mut first).await;
    say(1, &mut first).await;
    let number = first.stream;
    drop(first);
    let mut again = streams.resume(number, 0).unwrap();
    assert_eq!(again.next().await.unwrap().number, 1);
    let again = streams
        .resume(second.stream, 0)
        .unwrap()
        .next()
        .now_or_never();
    assert!(again.is_none());
}

#[tokio::test]
async fn little_waits_for_who_never_listens_but_questions_do() {
    let (streams, _deserted) = streams(true);
    let say = async |frame| streams.say(Said { about: None, frame }).await;
    say(frame(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#)).await;
    for _ in 0..20 {
        say(notification(IGNORED / 8)).await;
    }
    let waits = || lock(&streams.state).streams[&STANDING].unheard.bytes;
    assert!((IGNORED / 2..=IGNORED).contains(&waits()), "{}", waits());
    // One that is large for itself is not lost.
    say(notification(2 * IGNORED)).await;
    assert!(waits() > IGNORED);
    let mut standing = streams.stand().unwrap();
    assert!(standing.next().await.unwrap().asks);
    assert_eq!(standing.next().await.unwrap().number, 22);
    // Where somebody listens, all of it waits.
    for _ in 0..20 {
        say(notification(IGNORED / 8)).await;
    }
    assert!(waits() > 2 * IGNORED);
    drop(standing);
    assert!(waits() <= IGNORED);
}

#[tokio::test]
async fn who_claims_to_have_heard_what_was_not_said_hears_what_comes() {
    let (streams, _deserted) = streams(true);
    let number = streams.open(vec![asked(7)]).unwrap().stream;
    let mut reader = streams.resume(number, u64::MAX).unwrap();
    streams.say(result(7)).await;
    assert!(reader.next().await.unwrap().is_last);
}
