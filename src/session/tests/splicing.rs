//! Changes to a text: what is not meant stays byte for byte.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::splice::{SpliceError, find, put, remove, replace, walk_members};
use super::*;

/// A member as it is built into a text: space before, key, space around the colon, value, space behind.
#[derive(Debug, Clone)]
struct Built {
    space: [&'static str; 4],
    key: String,
    value: String,
}

/// Writes an object of such members.
fn object(members: &[Built]) -> String {
    let text = |Built {
                    space: [a, b, c, d],
                    key,
                    value,
                }: &Built| { format!("{a}{}{b}:{c}{value}{d}", quoted(key)) };
    let members: Vec<String> = members.iter().map(text).collect();
    format!("{{{}}}", members.join(","))
}

fn space() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", " ", "\t ", "\r"])
}

/// JSON as no printer of ours would write it.
pub(super) fn a_value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        select(vec![
            "null",
            "true",
            "\"\\ud800\"",
            "\"\\/\\u0041\"",
            "{}",
            "[ ]"
        ])
        .prop_map(str::to_owned),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|text| quoted(&text)),
    ];
    scalar.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            vec((space(), inner.clone()), 0..4).prop_map(|elements| {
                let elements: Vec<String> = elements
                    .into_iter()
                    .map(|(space, value)| space.to_owned() + &value)
                    .collect();
                format!("[{}]", elements.join(","))
            }),
            members_of(inner, 0..4).prop_map(|members| object(&members)),
        ]
    })
}

/// Members with keys of their own.
fn members_of(
    value: impl Strategy<Value = String>,
    count: std::ops::Range<usize>,
) -> impl Strategy<Value = Vec<Built>> {
    let space = [space(), space(), space(), space()];
    vec((space, "[a-c\"\\\\ é]{0,3}", value), count).prop_map(|members| {
        let built =
            |(n, (space, key, value)): (usize, ([&'static str; 4], String, String))| Built {
                space,
                key: format!("{key}{n}"),
                value,
            };
        members.into_iter().enumerate().map(built).collect()
    })
}

fn set<'a>(key: &'a str, value: &'a str) -> Put<'a> {
    Put {
        key,
        value,
        existing: Existing::Replace,
    }
}

/// The members of an object as they are written.
fn written(object: &str) -> Vec<(String, String)> {
    let mut members = Vec::new();
    walk_members(object, |member| {
        members.push((member.key.to_owned(), member.value.to_owned()));
    })
    .unwrap();
    members
}

proptest! {
    #[test]
    fn a_member_is_replaced_where_it_stands(
        members in members_of(a_value(), 1..5),
        which in any::<prop::sample::Index>(),
        new in a_value(),
    ) {
        let text = object(&members);
        let mut wanted = members.clone();
        let which = which.index(members.len());
        wanted[which].value.clone_from(&new);
        let key = &members[which].key;
        prop_assert_eq!(find(&text, &[key]).unwrap(), Some(members[which].value.as_str()));
        prop_assert_eq!(put(&text, &[], &[set(key, &new)]).unwrap(), object(&wanted));
        let keep = Put { existing: Existing::Keep, ..set(key, &new) };
        prop_assert_eq!(put(&text, &[], &[keep]).unwrap(), text);
    }

    #[test]
    fn a_member_inside_is_replaced_where_it_stands(
        outside in members_of(a_value(), 1..4),
        inside in members_of(a_value(), 1..4),
        (out, inn) in any::<(prop::sample::Index, prop::sample::Index)>(),
        new in a_value(),
    ) {
        let (out, inn) = (out.index(outside.len()), inn.index(inside.len()));
        let nested = |inside: &[Built]| {
            let mut outside = outside.clone();
            outside[out].value = object(inside);
            object(&outside)
        };
        let mut wanted = inside.clone();
        wanted[inn].value.clone_from(&new);
        let changed = put(&nested(&inside), &[&outside[out].key], &[set(&inside[inn].key, &new)]);
        prop_assert_eq!(changed.unwrap(), nested(&wanted));
    }

    #[test]
    fn new_members_go_behind_the_last(members in members_of(a_value(), 0..5), new in a_value()) {
        let text = object(&members);
        let changed = put(&text, &[], &[set("new", &new), set("newer", "1.0")]).unwrap();
        let mut wanted = written(&text);
        wanted.extend([("\"new\"".to_owned(), new.clone()), ("\"newer\"".to_owned(), "1.0".to_owned())]);
        prop_assert_eq!(written(&changed), wanted);
        prop_assert_eq!(changed.len(), text.len() + usize::from(!members.is_empty()) + ",'new':'newer':1.0".len() + new.len());
        let made = put(&text, &["on", "the way"], &[set("new", &new)]).unwrap();
        prop_assert_eq!(find(&made, &["on", "the way", "new"]).unwrap(), Some(new.as_str()));
        prop_assert_eq!(remove(&made, &["on"]).unwrap(), text);
    }

    #[test]
    fn a_member_is_taken_out_in_one_piece(
        members in members_of(a_value(), 1..5),
        which in any::<prop::sample::Index>(),
    ) {
        let text = object(&members);
        let which = which.index(members.len());
        let removed = remove(&text, &[&members[which].key]).unwrap();
        let mut wanted = written(&text);
        wanted.remove(which);
        prop_assert_eq!(written(&removed), wanted);
        let alike = |(a, b): &(u8, u8)| a == b;
        let front = text.bytes().zip(removed.bytes()).take_while(alike).count();
        let back = text.bytes().rev().zip(removed.bytes().rev()).take_while(alike).count();
        prop_assert!(front + back >= removed.len(), "{text} became {removed}");
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}", path in vec("[a-c]?", 0..3), members in members_of(a_value(), 0..3)) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        for text in [text, object(&members)] {
            let _found = find(&text, &path);
            let _removed = remove(&text, &path);
            if let Ok(changed) = put(&text, &path, &[set("a", "1")]) {
                prop_assert!(serde_json::from_str::<&RawValue>(&changed).is_ok(), "{text} became {changed}");
            }
        }
    }
}

#[test]
fn objects_on_the_way_are_made_where_there_are_none() {
    let token = [set("t", "1")];
    for (text, changed) in [
        ("{}", r#"{"m":{"n":{"t":1}}}"#),
        (" { } ", r#" {"m":{"n":{"t":1}} } "#),
        (r#"{"m":null}"#, r#"{"m":{"n":{"t":1}}}"#),
        (r#"{"m":{"n":null }}"#, r#"{"m":{"n":{"t":1} }}"#),
        (r#"{"a":1 }"#, r#"{"a":1,"m":{"n":{"t":1}} }"#),
        (r#"{"\u006d":{"n":{}}}"#, r#"{"\u006d":{"n":{"t":1}}}"#),
    ] {
        assert_eq!(put(text, &["m", "n"], &token).unwrap(), changed);
    }
    assert_eq!(put("{}", &[], &[]).unwrap(), "{}");
    assert_eq!(put(r#"{"m":{}}"#, &["m"], &[]).unwrap(), r#"{"m":{}}"#);
}

#[test]
fn what_readers_would_disagree_on_is_refused() {
    let twice = r#"{"a":{"b":1,"\u0062":2},"\u0061":{}}"#;
    let duplicate = |key: &str| SpliceError::Duplicate {
        key: key.to_owned(),
    };
    assert_eq!(find(twice, &["a"]), Err(duplicate("a")));
    assert_eq!(remove(twice, &["a"]), Err(duplicate("a")));
    assert_eq!(put(twice, &["a"], &[set("b", "0")]), Err(duplicate("a")));
    let inside = r#"{"a":{"b":1,"\u0062":2}}"#;
    assert_eq!(put(inside, &["a"], &[set("b", "0")]), Err(duplicate("b")));
    assert_eq!(find(inside, &["a", "c"]), Ok(None));
}

#[test]
fn what_is_no_object_is_not_entered() {
    let no = |key: &str| SpliceError::NotAnObject {
        key: key.to_owned(),
    };
    assert_eq!(find("[1]", &["a"]), Err(no("the message")));
    assert_eq!(find(r#"{"a":[1]}"#, &["a", "b"]), Err(no("a")));
    assert_eq!(put(r#"{"a":1}"#, &["a"], &[set("b", "0")]), Err(no("a")));
    assert_eq!(remove(r#"{"a":"x"}"#, &["a", "b"]), Err(no("a")));
    assert_eq!(find("null", &["a"]), Ok(None));
    assert_eq!(remove("null", &["a"]).unwrap(), "null");
    assert_eq!(remove("{}", &[]).unwrap(), "{}");
    assert!(matches!(find("{", &["a"]), Err(SpliceError::Json { .. })));
    assert!(matches!(find("{}}", &["a"]), Err(SpliceError::Json { .. })));
}

#[test]
fn parts_are_replaced_together() {
    let text = r#"[{"n":"a"},{"n":"b"}]"#;
    let mut parts = Vec::new();
    splice::walk_elements(text, |tool| {
        parts.push((find(tool, &["n"]).unwrap().unwrap(), "\"x__y\""));
    })
    .unwrap();
    parts.reverse();
    assert_eq!(
        replace(text, &parts).unwrap(),
        r#"[{"n":"x__y"},{"n":"x__y"}]"#
    );
    let elsewhere = text.to_owned();
    assert_eq!(
        replace(text, &[(&elsewhere, "")]),
        Err(SpliceError::Misplaced)
    );
    assert_eq!(
        replace(text, &[(text, ""), (text.get(1..3).unwrap(), "")]),
        Err(SpliceError::Misplaced)
    );
}

#[test]
fn nesting_has_no_bottom() {
    let deep = format!(
        "{}{}",
        "{\"a\":".repeat(100_000),
        "1".to_owned() + &"}".repeat(100_000)
    );
    assert!(find(&deep, &["a", "a", "b"]).unwrap().is_none());
    assert!(put(&deep, &["a"], &[set("t", "1")]).is_ok());
}
