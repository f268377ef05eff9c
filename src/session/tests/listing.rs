//! Lists of what a server offers.

use super::lists::{List, Lists, list, tools_hash};
use super::*;

#[tokio::test]
async fn lists_end_whatever_the_server_says() {
    let page = |cursor: Option<&str>| json!({"tools": [{"name": "t"}], "nextCursor": cursor});
    let ends: [(Vec<Value>, Result<usize, &str>); 6] = [
        (vec![page(Some("a")), page(Some("b")), page(None)], Ok(3)),
        (vec![page(Some(""))], Ok(1)),
        (vec![json!({})], Ok(0)),
        (
            vec![page(Some("a")), page(Some("b")), page(Some("a"))],
            Err("the server broke the protocol: tools/list: its pages go in a circle"),
        ),
        (
            vec![json!({"tools": [1]})],
            Err("the server broke the protocol: tools/list: an item of its list is no object"),
        ),
        (
            (0..1000).map(|n| page(Some(&n.to_string()))).collect(),
            Err("the server broke the protocol: tools/list: its list does not end"),
        ),
    ];
    for (pages, end) in ends {
        let (session, mut peer) = legacy(opening(None)).await;
        let server = async {
            let mut cursor = Value::Null;
            for page in pages {
                let asked = peer.message().await;
                assert_eq!(asked["params"]["cursor"], cursor);
                cursor = page["nextCursor"].clone();
                peer.answer(&asked["id"], page).await;
            }
        };
        let listed = list(&session, List::Tools, LONG);
        let (tools, ()) = tokio::join!(listed, server);
        let tools = tools
            .map(|tools| tools.len())
            .map_err(|error| error.to_string());
        assert_eq!(tools, end.map_err(str::to_owned));
    }
}

#[tokio::test]
async fn a_list_without_a_method_is_empty() {
    let (session, mut peer) = legacy(opening(None)).await;
    let server = async {
        for (method, key) in [("tools/list", "tools"), ("resources/list", "resources")] {
            let id = peer.asked(method).await;
            peer.write(&format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"{key}\":[{{\"name\":\"x\",\"unknown\": [1.10]}}]}}}}\n"
            ))
            .await;
        }
        let id = peer.asked("resources/templates/list").await;
        peer.refuse(&id, -32601).await;
    };
    let (lists, ()) = tokio::join!(Lists::collect(&session, LONG, None), server);
    assert!(lists.failed.is_empty(), "{:?}", lists.failed);
    let lists = lists.lists;
    assert_eq!(
        (
            lists.tools.len(),
            lists.resources.len(),
            lists.templates.len()
        ),
        (1, 1, 0)
    );
    assert_eq!(lists.tools[0].get(), r#"{"name":"x","unknown": [1.10]}"#);
}

#[tokio::test]
async fn a_list_that_fails_is_as_it_was_and_hides_no_other() {
    let (session, mut peer) = legacy(opening(None)).await;
    let server = async {
        let id = peer.asked("tools/list").await;
        peer.refuse(&id, -32603).await;
        let id = peer.asked("resources/list").await;
        peer.write(&format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"resources\":[{{\"name\":\"new\"}}]}}}}\n"
        ))
        .await;
        let id = peer.asked("resources/templates/list").await;
        peer.refuse(&id, -32603).await;
    };
    let before = Lists {
        tools: vec![raw(r#"{"name":"old"}"#)],
        resources: vec![raw(r#"{"name":"old"}"#)],
        ..Lists::default()
    };
    let collecting = Lists::collect(&session, LONG, Some(&before));
    let (collected, ()) = tokio::join!(collecting, server);
    assert_eq!(collected.lists.tools[0].get(), r#"{"name":"old"}"#);
    assert_eq!(collected.lists.resources[0].get(), r#"{"name":"new"}"#);
    let failed: Vec<List> = collected.failed.iter().map(|(list, _)| *list).collect();
    assert_eq!(failed, [List::Tools, List::Templates]);
}

#[test]
fn the_hash_of_tools_is_blind_to_order_alone() {
    let hash = |tools: &[&str]| tools_hash(&tools.iter().map(|tool| raw(tool)).collect::<Vec<_>>());
    let one = hash(&[
        r#"{"name":"a","inputSchema":{"x":[1,2],"y":{"b":1,"c":2}}}"#,
        r#"{"name":"b"}"#,
    ]);
    let same = hash(&[
        r#"{ "name":"\u0062" }"#,
        r#"{"inputSchema":{"y":{"c":2,"b":1},"x":[1,2]},"name":"a"}"#,
    ]);
    assert_eq!(one, same);
    assert_eq!(one.len(), 64);
    for other in [
        hash(&[
            r#"{"name":"a","inputSchema":{"x":[2,1],"y":{"b":1,"c":2}}}"#,
            r#"{"name":"b"}"#,
        ]),
        hash(&[
            r#"{"name":"a","inputSchema":{"x":[1,2],"y":{"b":1,"c":3}}}"#,
            r#"{"name":"b"}"#,
        ]),
        hash(&[r#"{"name":"a"}"#]),
        hash(&[]),
    ] {
        assert_ne!(one, other);
    }
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(hash(&[&deep]), hash(&[&deep]));
}
