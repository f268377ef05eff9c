//! Offers of servers that say odd things.

use serde_json::{Value, json};

use super::*;

fn raw(value: &str) -> Box<RawValue> {
    RawValue::from_string(value.to_owned()).unwrap()
}

fn server(name: &str) -> Origin {
    Origin::Server(name.parse().unwrap())
}

fn tools(tools: &[&str]) -> Arc<Lists> {
    Arc::new(Lists {
        tools: tools.iter().map(|tool| raw(tool)).collect(),
        ..Lists::default()
    })
}

fn resources(resources: &[&str], templates: &[&str]) -> Arc<Lists> {
    let named = |member: &str, list: &[&str]| {
        list.iter()
            .map(|uri| raw(&json!({ member: uri, "name": "n" }).to_string()))
            .collect()
    };
    Arc::new(Lists {
        resources: named("uri", resources),
        templates: named("uriTemplate", templates),
        ..Lists::default()
    })
}

fn page(offer: &Offer, list: List) -> Value {
    let page = offer.page(list, None, |_| true).unwrap();
    serde_json::from_str(&format!("{{{page}}}")).unwrap()
}

#[test]
fn a_tool_gets_another_name_and_no_other_byte() {
    let tool = r#"{ "inputSchema":{"maximum":1e400,"x":0.10000000000000000000001}, "name" : "caf\u00e9","future":[1.0]}"#;
    let offer = Offer::of(&[(server("s"), tools(&[tool]))], Names::Prefixed);
    let (key, item) = offer.items(List::Tools).next().unwrap();
    assert_eq!(
        item.json,
        tool.replace(r#""caf\u00e9""#, &format!("\"{key}\""))
    );
    assert_eq!(item.own, "café");
    let alone = Offer::of(&[(server("s"), tools(&[tool]))], Names::Own);
    assert_eq!(alone.item(List::Tools, "café").unwrap().json, tool);
}

#[test]
fn lists_are_sorted_and_nothing_stands_twice() {
    let same = r#"{"name":"a"}"#;
    let offer = Offer::of(
        &[
            (server("z"), tools(&[r#"{"name":"b"}"#, same, same])),
            (
                server("a"),
                tools(&[
                    r#"{"title":"nameless"}"#,
                    r#"{"name":7}"#,
                    r#"{"name":"x","name":"y"}"#,
                    r#"{"name":"c"}"#,
                ]),
            ),
        ],
        Names::Prefixed,
    );
    let names: Vec<&str> = offer.items(List::Tools).map(|(name, _)| name).collect();
    assert_eq!(names, ["a__c", "z__a", "z__b"]);
}

#[test]
fn pages_lead_on_to_the_end() {
    let many: Vec<String> = (0..2500)
        .map(|n| json!({"name": format!("t{n}")}).to_string())
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let offer = Offer::of(&[(server("s"), tools(&many))], Names::Prefixed);
    let mut seen = HashSet::new();
    let mut cursor: Option<String> = None;
    for _ in 0..3 {
        let page = offer
            .page(List::Tools, cursor.as_deref(), |_| true)
            .unwrap();
        let page: Value = serde_json::from_str(&format!("{{{page}}}")).unwrap();
        for tool in page["tools"].as_array().unwrap() {
            assert!(seen.insert(tool["name"].to_string()));
        }
        cursor = page["nextCursor"].as_str().map(str::to_owned);
    }
    assert_eq!((seen.len(), cursor), (2500, None));
    for bad in ["x", "f", "ff", "äö"] {
        assert_eq!(
            offer.page(List::Tools, Some(bad), |_| true),
            Err(BadCursor),
            "{bad}"
        );
    }
}

#[test]
fn addresses_change_only_where_two_servers_have_the_same() {
    let a = resources(&["file:///a", "file:///both", "ui://both"], &["t://{x}"]);
    let b = resources(&["file:///both", "ui://both"], &["t://{x}", "b://{x}/end"]);
    let offer = Offer::of(&[(server("a"), a), (server("b"), b)], Names::Prefixed);
    let shown = page(&offer, List::Resources);
    let shown: Vec<&str> = shown["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| resource["uri"].as_str().unwrap())
        .collect();
    assert_eq!(
        shown,
        [
            "file:///a",
            "mcpod+a:file:///both",
            "mcpod+b:file:///both",
            "ui://both"
        ]
    );
    for (address, origin, own) in [
        ("file:///a", "a", "file:///a"),
        ("mcpod+b:file:///both", "b", "file:///both"),
        ("ui://both", "a", "ui://both"),
        ("mcpod+b:t://1", "b", "t://1"),
        ("b://1/end", "b", "b://1/end"),
    ] {
        assert_eq!(
            offer.resource(address),
            Some((server(origin), own.to_owned())),
            "{address}"
        );
    }
    assert_eq!(offer.resource("file:///unknown"), None);
    // Of a template that both have, only the joined address tells whose it is.
    assert_eq!(offer.resource("t://1"), None);
    for (origin, own, joined) in [
        ("b", "file:///both", true),
        ("b", "t://1", true),
        ("a", "file:///a", false),
        ("b", "b://1/end", false),
    ] {
        assert_eq!(offer.is_joined(&server(origin), own), joined, "{own}");
    }
}

#[test]
fn no_server_takes_the_addresses_of_another() {
    let a = resources(&["file:///a"], &[]);
    let evil = resources(&["mcpod+a:file:///a"], &["mcpod+a:{x}", "{+all}"]);
    let offer = Offer::of(&[(server("a"), a), (server("evil"), evil)], Names::Prefixed);
    let all: Vec<&str> = [List::Resources, List::Templates]
        .iter()
        .flat_map(|list| offer.items(*list))
        .map(|(shown, _)| shown)
        .collect();
    assert_eq!(
        all,
        [
            "file:///a",
            "mcpod+evil:mcpod+a:file:///a",
            "mcpod+evil:mcpod+a:{x}",
            "{+all}"
        ]
    );
    assert!(offer.is_joined(&server("evil"), "mcpod+a:x"));
    assert_eq!(
        offer.resource("mcpod+a:file:///a"),
        Some((server("a"), "file:///a".to_owned()))
    );
    assert_eq!(offer.resource("file:///b"), None);
}

#[test]
fn changes_are_told_by_list() {
    let offer = |sources: &[(Origin, Arc<Lists>)]| Offer::of(sources, Names::Prefixed);
    let one = offer(&[(server("s"), tools(&[r#"{"name":"a"}"#]))]);
    let other = offer(&[(server("s"), tools(&[r#"{"name":"a","x":1}"#]))]);
    let more = offer(&[
        (server("s"), tools(&[r#"{"name":"a"}"#])),
        (server("t"), resources(&[], &["t://{x}"])),
    ]);
    assert_eq!(one.changes(&one), Vec::<&str>::new());
    assert_eq!(one.changes(&other), ["tools"]);
    assert_eq!(one.changes(&more), ["resources"]);
}

#[test]
fn the_address_of_an_app_is_its_tools() {
    let first = tools(&[
        r#"{"name":"a","_meta":{"ui":{"resourceUri":"ui://a"}}}"#,
        r#"{"name":"b","_meta":{"ui/resourceUri":"ui://b"}}"#,
        r#"{"name":"c","_meta":{"ui":{"resourceUri":"file:///c"}}}"#,
    ]);
    let listed = resources(&["ui://b"], &[]);
    let both = [(server("a"), first), (server("b"), listed)];
    let offer = Offer::of(&both, Names::Prefixed);
    let owner = |address: &str| offer.resource(address).map(|(origin, _)| origin);
    assert_eq!(owner("ui://a"), Some(server("a")));
    assert_eq!(owner("ui://b"), Some(server("b")));
    // Such an address might be another server's own.
    assert_eq!(owner("file:///c"), None);
}

#[test]
fn who_has_resources_and_skills_is_declared() {
    let declaring = |capabilities: &str| {
        let words = format!(r#"{{"capabilities":{capabilities}}}"#);
        Arc::new(Lists {
            server: Some(raw(&words)),
            ..Lists::default()
        })
    };
    let skilled = r#"{"resources":{},"extensions":{"io.modelcontextprotocol/skills":{}}}"#;
    let sources = [
        (server("a"), declaring(skilled)),
        (server("b"), declaring("{}")),
    ];
    let offer = Offer::of(&sources, Names::Prefixed);
    let only = offer.only_resource("x://1").map(|(origin, _)| origin);
    assert_eq!(only, Some(server("a")));
    assert_eq!(offer.with_skills(), [server("a")]);
}
