//! Agents of the modern era: each request stands for itself, and says in its headers what its body says.

use super::super::passing::odd;
use super::*;

const VERSION: (&str, &str) = ("mcp-protocol-version", "2026-07-28");

fn headers<'a>(method: &'a str, name: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
    let mut headers = vec![VERSION, ("mcp-method", method)];
    headers.extend(name.map(|name| ("mcp-name", name)));
    headers
}

#[tokio::test]
async fn a_call_loses_nothing_and_hanging_up_cancels_it() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::All).await;
    let odd = odd();
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"x":1.0},"io.modelcontextprotocol/clientInfo":{"name":"n","version":"1"},"progressToken":7}"#;
    let asked = format!(
        r#"{{"jsonrpc":"2.0", "id":"\u0061b", "method":"tools/call","params":{{ "name":"one__do","arguments":{{{odd}}},{odd},{meta}}},"extra":[1.50]}}"#
    );
    let headers = headers("tools/call", Some("one__do"));
    let (answer, (mut instance, id)) = tokio::join!(web.post("/mcp", &headers, &asked), async {
        let mut instance = server.modern(&json!({"tools": {}})).await;
        let line = instance.line_but_lists(&[tool("do")]).await;
        let id = id_of(&line);
        let expected = asked
            .replace(r#""\u0061b""#, &id)
            .replace(r#""one__do""#, r#""do""#)
            .replace(r#""progressToken":7"#, &format!(r#""progressToken":{id}"#));
        assert_eq!(line, expected);
        (instance, id)
    });
    let progress = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progress":1.0,"progressToken":{id},{odd}}}}}"#
    );
    let result = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","content":[{{{odd}}}]}},"extra":1.0}}"#
    );
    instance.write(&progress).await;
    instance.write(&result).await;
    let mut events = answer.events();
    let token = format!(r#""progressToken":{id}"#);
    let Event(number, data) = events.message().await.unwrap();
    assert_eq!(
        (number, data),
        (None, progress.replace(&token, r#""progressToken":7"#))
    );
    let own = result.replace(&format!(r#""id":{id}"#), r#""id":"\u0061b""#);
    assert_eq!(events.message().await, Some(Event(None, own)));
    assert_eq!(events.next().await, None);

    // The same agent finds the same instance; when it hangs up, the server is told.
    let (answer, id) = tokio::join!(web.post("/mcp", &headers, &asked), async {
        id_of(&instance.line_but_lists(&[tool("do")]).await)
    });
    drop(answer.events());
    let cancelled = instance.message_but_lists(&[tool("do")]).await;
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"].to_string(), id);
    web.stop().await;
}

#[tokio::test]
async fn requests_with_the_same_id_at_once_are_two() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::Server("one".parse().unwrap())).await;
    let headers = headers("tools/call", Some("do"));
    let call = |n: u64| {
        let params = modern(json!({"name": "do", "arguments": {"n": n}}), &json!({}));
        ask(&json!(1), "tools/call", &params)
    };
    let (one, two) = (call(1), call(2));
    let (one, two, ()) = tokio::join!(
        web.post("/mcp", &headers, &one),
        web.post("/mcp", &headers, &two),
        async {
            let mut instance = server.modern(&json!({"tools": {}})).await;
            let mut asked = Vec::new();
            for _ in 0..2 {
                asked.push(instance.message_but_lists(&[tool("do")]).await);
            }
            for asked in asked.iter().rev() {
                let result =
                    json!({"resultType": "complete", "n": asked["params"]["arguments"]["n"]});
                instance.answer(&asked["id"], &result).await;
            }
        }
    );
    for (answer, n) in [(one, 1), (two, 2)] {
        let answer = answer.message().await;
        assert_eq!(
            (&answer["id"], &answer["result"]["n"]),
            (&json!(1), &json!(n))
        );
    }
    web.stop().await;
}

#[tokio::test]
async fn headers_must_say_what_the_body_says() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    place.server("two", &json!({"tools": [tool("do")]}));
    place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::All).await;
    let good = ask(&json!(9), "tools/list", &modern(json!({}), &json!({})));
    let future = good.replace("2026-07-28", "2099-01-01");
    let bare = ask(&json!(9), "tools/list", &json!({}));
    let version = |version| {
        [
            ("mcp-protocol-version", version),
            ("mcp-method", "tools/list"),
        ]
    };
    for (headers, body, status, code) in [
        (&version("2026-07-28")[..], &good, 200, Value::Null),
        (&[("mcp-method", "tools/list")], &good, 400, json!(-32020)),
        (&[VERSION], &good, 400, json!(-32020)),
        (
            &[VERSION, ("mcp-method", "tools/call")],
            &good,
            400,
            json!(-32020),
        ),
        (&version("2025-11-25"), &good, 400, json!(-32020)),
        (&version("2099-01-01"), &future, 400, json!(-32022)),
        (&version("2026-07-28"), &future, 400, json!(-32020)),
        (&version("2026-07-28"), &bare, 400, json!(-32602)),
        (&version("2099-01-01"), &bare, 400, json!(-32022)),
    ] {
        let answer = web.post("/mcp", headers, body).await;
        assert_eq!(answer.status, status, "{headers:?} {body}");
        let answer: Value = serde_json::from_str(&answer.whole()).unwrap();
        assert_eq!(answer["id"], 9, "{headers:?} {body}");
        assert_eq!(answer["error"]["code"], code, "{headers:?} {body}");
        if code == -32022 {
            assert_eq!(answer["error"]["data"]["supported"], json!(["2026-07-28"]));
        }
    }
    let unknown = ask(&json!(9), "future/thing", &modern(json!({}), &json!({})));
    let headers = headers("future/thing", None);
    let answer = web.post("/mcp", &headers, &unknown).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.message().await["error"]["code"], -32601);
    web.stop().await;
}

#[tokio::test]
async fn a_subscription_bears_the_agents_own_id_and_ends_gracefully() {
    let place = Place::with(&["mcpod-one.socket", "mcpod-two.socket"]).await;
    place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::All).await;
    let params = modern(
        json!({"notifications": {"toolsListChanged": true}}),
        &json!({}),
    );
    let headers = headers("subscriptions/listen", None);
    let listen = ask(&json!("me"), "subscriptions/listen", &params);
    let mut events = web.post("/mcp", &headers, &listen).await.events();
    let is_mine = |message: &Value, method: &str| {
        assert_eq!(message["method"], method);
        let meta = &message["params"]["_meta"];
        assert_eq!(meta["io.modelcontextprotocol/subscriptionId"], "me");
    };
    is_mine(
        &events.value().await,
        "notifications/subscriptions/acknowledged",
    );
    place.server("two", &json!({"tools": [tool("more")]}));
    place.systemd.manager_signal("Reloading", &false).await;
    is_mine(&events.value().await, "notifications/tools/list_changed");
    web.stop().await;
    let end = events.value().await;
    assert_eq!(end["id"], "me");
    assert_eq!(end["result"]["resultType"], "complete");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn an_older_servers_question_is_answered_on_another_connection() {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &json!({"tools": [tool("do")]}));
    let web = Web::start(&place, Shape::All).await;
    let capabilities = json!({"elicitation": {}});
    let headers = headers("tools/call", Some("one__do"));
    let call = ask(
        &json!(1),
        "tools/call",
        &modern(json!({"name": "one__do"}), &capabilities),
    );
    let (answer, (mut instance, id)) = tokio::join!(web.post("/mcp", &headers, &call), async {
        let (mut instance, _) = server.legacy(&json!({"tools": {}})).await;
        let id = instance.message_but_lists(&[tool("do")]).await["id"].clone();
        let question = json!({"jsonrpc": "2.0", "id": 77, "method": "elicitation/create", "params": {"message": "?"}});
        instance.say(&question).await;
        (instance, id)
    });
    let asked = answer.message().await;
    assert_eq!(asked["id"], 1);
    assert_eq!(asked["result"]["resultType"], "input_required");
    let mut params = modern(json!({"name": "one__do"}), &capabilities);
    params["requestState"] = asked["result"]["requestState"].clone();
    params["inputResponses"] = json!({"question": {"action": "accept"}});
    let again = ask(&json!(2), "tools/call", &params);
    let other = Web {
        client: crate::tls::client().build().unwrap(),
        ..web
    };
    let (answer, ()) = tokio::join!(other.post("/mcp", &headers, &again), async {
        let given = instance.message_but_lists(&[tool("do")]).await;
        assert_eq!(
            (&given["id"], &given["result"]["action"]),
            (&json!(77), &json!("accept"))
        );
        instance.answer(&id, &json!({"content": []})).await;
    });
    let answer = answer.message().await;
    assert_eq!(
        (&answer["id"], &answer["result"]["content"]),
        (&json!(2), &json!([]))
    );
    other.stop().await;
}
