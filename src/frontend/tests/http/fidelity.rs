//! Fidelity over HTTP, with the same one of everything as over stdio; and each line of the table of what this face cannot
//! carry, shown to be so.

use super::super::fidelity::{ASKED, QUESTIONS, RESULTS, SAID, hello, listed, lists, opened, with};
use super::*;

const MODERN: (&str, &str) = ("mcp-protocol-version", "2026-07-28");

/// The members of an agent's parameters in the modern era.
const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"x":1.0},"io.modelcontextprotocol/clientInfo":{"name":"n","version":"1","f":0.10}}"#;

/// Methods that the modern era has not.
const GONE: [&str; 2] = ["resources/subscribe", "resources/unsubscribe"];

/// A server, a face, and a session of the earlier era with a call that was answered.
async fn session() -> (Place, Web, String, Instance) {
    let place = Place::with(&["mcpod-one.socket"]).await;
    let server = place.server("one", &lists());
    let web = Web::start(&place, Shape::All).await;
    let params = hello();
    let begin = format!(r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{params}}}"#);
    let session = web.post("/mcp", &[], &begin).await.session.unwrap();
    let call = ask(&json!(100), "tools/call", &json!({"name": "one__do"}));
    let headers = [("mcp-session-id", session.as_str())];
    let (answer, instance) = tokio::join!(web.post("/mcp", &headers, &call), async {
        let mut instance = server.accept().await;
        let id = opened(&mut instance).await;
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
        instance.write(&answer).await;
        instance
    });
    assert_eq!(answer.message().await["id"], 100);
    (place, web, session, instance)
}

#[tokio::test]
async fn whatever_is_asked_and_answered_in_a_session_arrives_as_it_was() {
    let (_place, web, session, mut instance) = session().await;
    let headers = [("mcp-session-id", session.as_str())];
    for (at, (method, members, renamed)) in ASKED.into_iter().enumerate() {
        let params = with(members);
        let asked = format!(
            r#"{{"method":"{method}", "jsonrpc":"2.0","id":{at},"params":{params},"extra":1.0}}"#
        );
        let (answer, error) = tokio::join!(web.post("/mcp", &headers, &asked), async {
            let (passed, id) = instance.line_with_id().await;
            let mut expected = asked.replace(&format!(r#""id":{at}"#), &format!(r#""id":{id}"#));
            if let Some((shown, own)) = renamed {
                expected = expected.replace(shown, own);
            }
            assert_eq!(passed, expected, "{method}");
            let error = with(r#""code":-32042,"message":"é""#);
            let error = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
            instance.write(&error).await;
            error.replace(&format!(r#""id":{id}"#), &format!(r#""id":{at}"#))
        });
        assert_eq!(answer.text().await, error, "{method}");
    }
    let call = ask(&json!(50), "tools/call", &json!({"name": "one__do"}));
    for result in RESULTS {
        let (answer, shown) = tokio::join!(web.post("/mcp", &headers, &call), async {
            let (_, id) = instance.line_with_id().await;
            let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#, with(result));
            instance.write(&answer).await;
            answer.replace(&format!(r#""id":{id}"#), r#""id":50"#)
        });
        assert_eq!(answer.text().await, shown);
    }
    web.stop().await;
}

#[tokio::test]
async fn whatever_a_server_says_and_asks_in_a_session_arrives_in_its_order_as_it_was() {
    let (_place, web, session, mut instance) = session().await;
    let headers = [("mcp-session-id", session.as_str())];
    let mut events = web.get("/mcp", &headers).await.events();
    let said = SAID.map(|(method, members)| {
        let params = with(members);
        format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
    });
    for line in &said {
        instance.write(line).await;
    }
    for line in &said {
        let shown = line.replace(r#""t-1""#, r#""one:t-1""#);
        assert_eq!(events.message().await.unwrap().1, shown);
    }
    for (method, members) in QUESTIONS {
        let params = with(members);
        let question =
            format!(r#"{{"jsonrpc":"2.0","id":"q\/1","method":"{method}","params":{params}}}"#);
        instance.write(&question).await;
        let shown = events.message().await.unwrap().1;
        let id = id_of(&shown);
        let expected = question
            .replace(r#""q\/1""#, &id)
            .replace(r#""message":"m""#, r#""message":"one: m""#);
        assert_eq!(shown, expected, "{method}");
        let given = with(r#""action":"accept","content":{"n":1.0}"#);
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{given}}}"#);
        assert_eq!(web.post("/mcp", &headers, &answer).await.status, 202);
        let expected = answer.replace(&format!(r#""id":{id}"#), r#""id":"q\/1""#);
        assert_eq!(instance.line().await, expected, "{method}");
    }
    for method in ["notifications/roots/list_changed", "notifications/future"] {
        let params = with("");
        let line = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#);
        assert_eq!(web.post("/mcp", &headers, &line).await.status, 202);
        assert_eq!(instance.line().await, line);
    }
    web.stop().await;
}

/// An agent and a server of the modern era, with a session between them.
struct Newer {
    _place: Place,
    web: Web,
    instance: Instance,
}

impl Newer {
    async fn new() -> Self {
        let place = Place::with(&["mcpod-one.socket"]).await;
        let server = place.server("one", &lists());
        let web = Web::start(&place, Shape::All).await;
        let (first, body) = call(0);
        let (_, instance) = tokio::join!(web.post("/mcp", &first, &body), async {
            let mut instance = server
                .modern(&json!({"tools": {}, "prompts": {}, "resources": {}}))
                .await;
            let id = next(&mut instance).await.1;
            answer(&mut instance, &id, "").await;
            instance
        });
        Self {
            _place: place,
            web,
            instance,
        }
    }
}

/// A call of the modern era, as headers and body.
fn call(id: u64) -> (Vec<(&'static str, &'static str)>, String) {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"one__do",{META}}}}}"#
    );
    let headers = vec![
        MODERN,
        ("mcp-method", "tools/call"),
        ("mcp-name", "one__do"),
    ];
    (headers, body)
}

/// What an instance of a server of the modern era is asked next, lists aside, with its id.
async fn next(instance: &mut Instance) -> (String, String) {
    loop {
        let line = instance.line().await;
        let frame = crate::session::Frame::parse(line.clone()).unwrap();
        let id = frame.id().map(ToString::to_string);
        if frame.method().ends_with("/list") && frame.method() != "skills/list" {
            let id = serde_json::from_str(&id.unwrap()).unwrap();
            let list = listed(frame.method(), &lists());
            instance.answer(&id, &list).await;
        } else if frame.method() != "subscriptions/listen" {
            return (line, id.unwrap_or_default());
        }
    }
}

/// Answers with a result; gives it.
async fn answer(instance: &mut Instance, id: &str, members: &str) -> String {
    let result = with(members);
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    instance.write(&answer).await;
    answer
}

#[tokio::test]
async fn whatever_is_asked_and_answered_without_a_session_arrives_as_it_was() {
    let Newer {
        _place,
        web,
        mut instance,
    } = Newer::new().await;
    let asked = ASKED.into_iter().enumerate();
    for (at, (method, members, renamed)) in asked.filter(|(_, (method, ..))| !GONE.contains(method))
    {
        let comma = if members.is_empty() { "" } else { "," };
        let params = with(&format!("{members}{comma}{META}"));
        let body = format!(
            r#"{{"method":"{method}", "jsonrpc":"2.0","id":{at},"params":{params},"extra":1.0}}"#
        );
        let frame = crate::session::Frame::parse(body.clone()).unwrap();
        let named = ["name", "uri"].map(|key| frame.find(&[key]).unwrap());
        let named = named.into_iter().flatten().next();
        let named: Option<String> = named.map(|name| serde_json::from_str(name).unwrap());
        let mut headers = vec![MODERN, ("mcp-method", method)];
        headers.extend(named.as_deref().map(|name| ("mcp-name", name)));
        let posting = async {
            let answer = web.post("/mcp", &headers, &body).await;
            let status = answer.status;
            let text = answer.text().await;
            assert_eq!(status, 200, "{method}: {text}");
            text
        };
        let (answer, error) = tokio::join!(posting, async {
            let (passed, id) = next(&mut instance).await;
            let mut expected = body.replace(&format!(r#""id":{at}"#), &format!(r#""id":{id}"#));
            if let Some((shown, own)) = renamed {
                expected = expected.replace(shown, own);
            }
            assert_eq!(passed, expected, "{method}");
            let error = with(r#""code":-32042,"message":"é""#);
            let error = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
            instance.write(&error).await;
            error.replace(&format!(r#""id":{id}"#), &format!(r#""id":{at}"#))
        });
        assert_eq!(answer, error, "{method}");
    }
    let (headers, body) = call(50);
    for result in RESULTS {
        let (got, shown) = tokio::join!(web.post("/mcp", &headers, &body), async {
            let id = next(&mut instance).await.1;
            let shown = answer(&mut instance, &id, result).await;
            shown.replace(&format!(r#""id":{id}"#), r#""id":50"#)
        });
        assert_eq!(got.text().await, shown);
    }
    // What is said while one request is on its way comes with it, in its order.
    let said = SAID.map(|(method, members)| {
        let params = with(members);
        format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
    });
    let (got, last) = tokio::join!(web.post("/mcp", &headers, &body), async {
        let id = next(&mut instance).await.1;
        for line in &said {
            instance.write(line).await;
        }
        let last = answer(&mut instance, &id, "").await;
        last.replace(&format!(r#""id":{id}"#), r#""id":50"#)
    });
    let mut events = got.events();
    // Changes of resources come to those who subscribed to them.
    let heard = said
        .iter()
        .filter(|line| !line.contains("resources/updated"));
    for line in heard.chain([&last]) {
        let shown = line.replace(r#""t-1""#, r#""one:t-1""#);
        assert_eq!(events.message().await.unwrap().1, shown);
    }
    web.stop().await;
}

/// The lines of the table in the face's documentation: what, in which era, why.
fn table() -> Vec<[&'static str; 3]> {
    let lines = include_str!("../../http.rs").lines();
    let cells = lines.filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"));
    let lines = cells.map(|cells| cells.split(" | ").collect::<Vec<_>>().try_into().unwrap());
    // Behind the heading and the line below it.
    lines.skip(2).collect()
}

#[tokio::test]
async fn what_the_face_cannot_carry_is_what_its_table_says() {
    let shown = table();
    assert_eq!(shown.len(), 4, "{shown:?}");
    for [what, era, why] in shown {
        assert!(!why.is_empty());
        match (what.split([',', '\'']).next().unwrap(), era) {
            ("a server", "2026-07-28") => said_about_nothing().await,
            ("notifications of the client", "2026-07-28") => told_by_the_client().await,
            ("the order of messages that belong to different requests", "both") => {
                said_in_two_streams().await;
            }
            ("an answer that is cancelled by hanging up", "2026-07-28") => hung_up().await,
            other => panic!("nothing shows that the face cannot carry {other:?}"),
        }
    }
}

/// What a server says while nothing, or more than one request, is on its way is not told.
async fn said_about_nothing() {
    let Newer {
        _place,
        web,
        mut instance,
    } = Newer::new().await;
    let said = r#"{"jsonrpc":"2.0","method":"notifications/future","params":{}}"#;
    instance.write(said).await;
    let (headers, one) = call(1);
    let (_, two) = call(2);
    let (one, two, ()) = tokio::join!(
        web.post("/mcp", &headers, &one),
        web.post("/mcp", &headers, &two),
        async {
            let ids = [next(&mut instance).await.1, next(&mut instance).await.1];
            instance.write(said).await;
            for id in ids {
                answer(&mut instance, &id, "").await;
            }
        }
    );
    for got in [one, two] {
        assert!(got.text().await.contains("\"result\""));
    }
    web.stop().await;
}

/// It is taken, and reaches nobody.
async fn told_by_the_client() {
    let Newer {
        _place,
        web,
        mut instance,
    } = Newer::new().await;
    let told =
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/future","params":{{{META}}}}}"#);
    let headers = [MODERN, ("mcp-method", "notifications/future")];
    assert_eq!(web.post("/mcp", &headers, &told).await.status, 202);
    let (headers, body) = call(1);
    let (got, asked) = tokio::join!(web.post("/mcp", &headers, &body), async {
        let (asked, id) = next(&mut instance).await;
        answer(&mut instance, &id, "").await;
        asked
    });
    assert!(asked.contains("tools/call"), "{asked}");
    assert_eq!(id_of(&got.text().await), "1");
    web.stop().await;
}

/// Each request has a stream of its own: the second is read to its end while the first is not read at all.
async fn said_in_two_streams() {
    let Newer {
        _place,
        web,
        mut instance,
    } = Newer::new().await;
    let (headers, one) = call(1);
    let (_, two) = call(2);
    let (one, two, ()) = tokio::join!(
        web.post("/mcp", &headers, &one),
        web.post("/mcp", &headers, &two),
        async {
            for _ in 0..2 {
                let id = next(&mut instance).await.1;
                answer(&mut instance, &id, "").await;
            }
        }
    );
    assert_eq!(id_of(&two.text().await), "2");
    assert_eq!(id_of(&one.text().await), "1");
    web.stop().await;
}

/// Who hangs up has cancelled: the server is told, and its answer is for nobody.
async fn hung_up() {
    let Newer {
        _place,
        web,
        mut instance,
    } = Newer::new().await;
    let (headers, body) = call(1);
    let asked = {
        let posting = web.post("/mcp", &headers, &body);
        tokio::select! {
            _ = posting => panic!("nobody answered"),
            asked = next(&mut instance) => asked.1,
        }
    };
    let cancelled: Value = serde_json::from_str(&next(&mut instance).await.0).unwrap();
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"].to_string(), asked);
    web.stop().await;
}
