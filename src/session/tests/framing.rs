//! Frames: what a message is, and what changes in it.

use proptest::prelude::*;

use super::splicing::a_value;
use super::*;

fn parse(text: &str) -> Result<Frame, Unreadable> {
    Frame::parse(text)
}

#[test]
fn the_envelope_says_what_a_message_is() {
    for (text, kind, id, payload) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#,
            Kind::Request,
            Some("1"),
            None,
        ),
        (
            r#"{"params":[1],"method":"m","id":"x","jsonrpc":"2.0"}"#,
            Kind::Request,
            Some("\"x\""),
            Some("[1]"),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"m","params":{}}"#,
            Kind::Notification,
            None,
            Some("{}"),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"m","id":null}"#,
            Kind::Notification,
            None,
            None,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":null}"#,
            Kind::Result,
            Some("1"),
            Some("null"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":null}"#,
            Kind::Result,
            Some("1"),
            Some("{}"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":null,"error":{}}"#,
            Kind::Error,
            Some("1"),
            Some("{}"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"error":{}}"#,
            Kind::Error,
            None,
            Some("{}"),
        ),
        (
            r#"{"jsonrpc":"2.0","error":{},"unknown":[{"id":9}]}"#,
            Kind::Error,
            None,
            Some("{}"),
        ),
        (
            r#"{"\u006asonrpc":"2.0","i\u0064":1,"result":0}"#,
            Kind::Result,
            Some("1"),
            Some("0"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":0,"\ud800":1}"#,
            Kind::Result,
            Some("1"),
            Some("0"),
        ),
    ] {
        let frame = parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(frame.kind(), kind, "{text}");
        assert_eq!(frame.id().map(Id::as_json), id, "{text}");
        assert_eq!(frame.payload(), payload, "{text}");
        assert_eq!(frame.as_str(), text);
    }
    assert_eq!(
        parse(r#"{"jsonrpc":"2.0","method":"tools\/call"}"#)
            .unwrap()
            .method(),
        "tools/call"
    );
}

#[test]
fn what_is_no_message_is_told_with_its_reason() {
    for (text, reason) in [
        ("", "it is no JSON object"),
        ("hello", "it is no JSON object"),
        ("1", "it is no JSON object"),
        ("{}", "\"jsonrpc\" is not \"2.0\""),
        (
            r#"{"jsonrpc":2.0,"id":1,"result":1}"#,
            "\"jsonrpc\" is not \"2.0\"",
        ),
        (
            r#"{"jsonrpc":"2.0"}"#,
            "it has neither a method nor an answer",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1}"#,
            "it has neither a method nor an answer",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"error":null}"#,
            "it has neither a method nor an answer",
        ),
        (
            r#"{"jsonrpc":"2.0","result":1}"#,
            "it answers, but has no id",
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"result":1}"#,
            "it answers, but has no id",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{}}"#,
            "it has a result and an error",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"m","result":1}"#,
            "it has a method and an answer",
        ),
        (
            r#"{"jsonrpc":"2.0","id":[1],"method":"m"}"#,
            "its id is neither a number nor a string",
        ),
        (
            r#"{"jsonrpc":"2.0","id":true,"result":1}"#,
            "its id is neither a number nor a string",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            "its method is no text",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"id":2,"result":1}"#,
            "\"id\" is there twice",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"a","m\u0065thod":"b"}"#,
            "\"m\\u0065thod\" is there twice",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().reason, reason, "{text}");
    }
    let broken = parse(r#"{"jsonrpc":"2.0","id":1,"result":{"a":}}"#).unwrap_err();
    assert!(broken.reason.contains("column 39"), "{}", broken.reason);
    assert_eq!(broken.answers.as_ref().map(Id::as_json), Some("1"));
    let asking = parse(r#"{"jsonrpc":"2.0","id":1,"method":"m","result":1}"#).unwrap_err();
    assert_eq!(
        (asking.answers, asking.asks.as_ref().map(Id::as_json)),
        (None, Some("1"))
    );
}

#[test]
fn a_line_holds_none_one_or_several() {
    let read = |line: &str| read_line(line.as_bytes().to_vec()).collect::<Vec<_>>();
    assert!(read("").is_empty() && read(" \t\r").is_empty() && read("\u{feff}").is_empty());
    let one = r#"{"jsonrpc":"2.0","method":"m"}"#;
    assert_eq!(
        read(&format!("\u{feff} {one}\r"))[0]
            .as_ref()
            .unwrap()
            .as_str(),
        one
    );
    let several = read(&format!("[{one},1, {one} ]"));
    let ok: Vec<bool> = several.iter().map(Result::is_ok).collect();
    assert_eq!(ok, [true, false, true]);
    assert_eq!(several[2].as_ref().unwrap().as_str(), one);
    for refused in ["[]", "[", &format!("[{}1]", "1,".repeat(5000))] {
        let read = read(refused);
        assert!(matches!(read.as_slice(), [Err(_)]), "{}", read.len());
    }
}

#[test]
fn messages_of_ours_read_as_what_they_are() {
    let id = Id::from_json("\"a\"").unwrap();
    let result = raw("[1.0]");
    for frame in [
        Frame::request(&id, "m\"\n", None),
        Frame::request(&id, "m", Some(&result)),
        Frame::notification("m", None),
        Frame::notification("m", Some(&result)),
        Frame::result(&id, &result),
        Frame::error(&id, -32601, "no \"such\"\nmethod"),
    ] {
        let read = parse(frame.as_str()).unwrap();
        assert_eq!(read.kind(), frame.kind());
        assert_eq!(read.id(), frame.id());
        assert_eq!(read.method(), frame.method());
        assert_eq!(read.payload(), frame.payload());
        assert!(!frame.as_str().contains('\n'));
    }
}

#[test]
fn changes_leave_the_rest_as_it_was() {
    let text = r#" { "params" : {"name":"t", "_meta":{"progressToken":1} }, "id" : 7 ,"x":[1.0], "jsonrpc":"2.0","method":"m"}"#;
    let frame = parse(text.trim()).unwrap();
    let id = Id::from_json("\"agent-7\"").unwrap();
    let changed = frame
        .with_progress_token(&Id::from(99))
        .unwrap()
        .with_id(&id)
        .with(
            &["a"],
            &[Put {
                key: "b",
                value: "0",
                existing: Existing::Keep,
            }],
        )
        .unwrap();
    assert_eq!(
        changed.as_str(),
        r#"{ "params" : {"name":"t", "_meta":{"progressToken":99},"a":{"b":0} }, "id" : "agent-7" ,"x":[1.0], "jsonrpc":"2.0","method":"m"}"#
    );
    assert_eq!(changed.id(), Some(&id));
    let without = changed
        .without(&["a"])
        .unwrap()
        .without(&["_meta", "progressToken"])
        .unwrap();
    assert_eq!(
        without.with_id(&Id::from(7)).as_str(),
        r#"{ "params" : {"name":"t", "_meta":{} }, "id" : 7 ,"x":[1.0], "jsonrpc":"2.0","method":"m"}"#
    );
    let bare = parse(r#"{"jsonrpc":"2.0","id":1,"method":"m" }"#).unwrap();
    assert_eq!(
        bare.with_progress_token(&Id::from(1)).unwrap().as_str(),
        r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"progressToken":1}} }"#
    );
    let progress = parse(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":0.10}}"#).unwrap();
    assert_eq!(
        progress.with_progress_token(&id).unwrap().payload(),
        Some(r#"{"progressToken":"agent-7","progress":0.10}"#)
    );
}

/// A value without line ends.
fn a_line() -> impl Strategy<Value = String> {
    a_value().prop_map(|value| value.replace('\r', " "))
}

proptest! {
    #[test]
    fn an_answer_keeps_every_byte_beside_its_id(result in a_line(), extra in a_line(), order in 0..24_usize) {
        let mut members = vec![
            "\"jsonrpc\":\"2.0\"".to_owned(),
            format!("\"result\" : {result}"),
            format!("\"extra\":{extra}"),
            "\"id\":12345678901234567890123".to_owned(),
        ];
        // Every order of the four.
        let (mut order, mut shuffled) = (order, Vec::new());
        for left in (1..=4).rev() {
            shuffled.push(members.remove(order % left));
            order /= left;
        }
        let text = format!("{{{}}}", shuffled.join(" , "));
        let frame = parse(&text).unwrap();
        prop_assert_eq!(frame.payload(), Some(result.as_str()));
        let id = Id::from_json("\"i\"").unwrap();
        let changed = frame.clone().with_id(&id);
        prop_assert_eq!(changed.as_str(), text.replacen("12345678901234567890123", "\"i\"", 1));
        prop_assert_eq!(changed.payload(), Some(result.as_str()));
        let back = changed.with_payload("0").with_payload(&result).with_id(frame.id().unwrap());
        prop_assert_eq!(back.as_str(), text);
    }

    /// What is found in a message that was asked before, and changed since, is what is found in its text.
    #[test]
    fn finding_keeps_up_with_changes(result in a_line(), value in a_line(), id_first in any::<bool>()) {
        let payload = format!(r#"{{"k":{result},"_meta":{{"k":{value}}},"n":null,"t":1,"t":2}}"#);
        let text = if id_first {
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{payload}}}"#)
        } else {
            format!(r#"{{"result":{payload},"id":1,"jsonrpc":"2.0"}}"#)
        };
        let paths: [&[&str]; 8] = [
            &[], &["k"], &["_meta"], &["_meta", "k"], &["_meta", "k", "x"], &["n", "k"], &["t"], &["new"],
        ];
        let mut frame = parse(&text).unwrap();
        let puts = [
            Put { key: "k", value: "\"longer than it was before\"", existing: Existing::Replace },
            Put { key: "new", value: "{}", existing: Existing::Keep },
        ];
        for step in 0..5 {
            for path in paths {
                prop_assert_eq!(frame.find(path), splice::find(frame.payload().unwrap(), path), "{:?}", path);
            }
            frame = match step {
                0 => frame.with_id(&Id::from_json("\"another\"").unwrap()),
                1 => frame.with(&[], &puts).unwrap(),
                2 => frame.with(&["_meta"], &puts).unwrap(),
                _ => frame.without(&["_meta", "new"]).unwrap().with_id(&1.into()),
            };
        }
    }

    #[test]
    fn no_line_makes_it_panic(line in proptest::collection::vec(any::<u8>(), 0..60), text in "[\\[\\]{}\":,0-9a-z\\\\ ]{0,40}") {
        for frame in [line, text.into_bytes()].into_iter().flat_map(read_line).flatten() {
                prop_assert!(serde_json::from_str::<Value>(frame.as_str()).is_ok());
        }
    }
}
