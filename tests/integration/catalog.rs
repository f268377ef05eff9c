//! `refresh`, `sources`, `search` and `show`, over sources of the test's own.

use serde_json::{Value, json};

use crate::bare::{Bare, Ran};

const OURS: &str = r#"
[[server]]
name = "anvil"
title = "Anvil"
description = "Forges anvils of any weight."
categories = ["devops"]
tags = ["Forge", "iron"]
official = true
featured = true
[[server.tools]]
name = "forge_anvil"
description = "Forges one more"
[[server.launch]]
image = "docker.io/acme/anvil"

[[server]]
name = "anvil-shop"
description = "Sells anvils."
tags = ["shop"]
[[server.input]]
path = "key"
secret = true
required = true
[[server.launch]]
image = "docker.io/acme/shop"
[server.launch.env]
SHOP_KEY = "{{key}}"

[[server]]
name = "anvil-lore"
description = "Tells of anvils."

[[server]]
name = "bad"
colour = "red"
"#;

/// A host whose only source is the file above.
fn host() -> Bare {
    let host = Bare::with_sources(
        "[[sources.extra]]\nname = 'ours'\nkind = 'toml'\nurl = '~/ours.toml'\n",
    );
    host.write("ours.toml", OURS);
    let refreshed = host.run(&["refresh"]);
    assert_eq!(refreshed.code, Some(0), "{refreshed:?}");
    host
}

#[track_caller]
fn ids(ran: &Ran) -> Vec<String> {
    let hits = ran.json();
    let hits = hits.as_array().unwrap().iter();
    hits.map(|hit| hit["id"].as_str().unwrap().to_owned())
        .collect()
}

/// What `sources --json` or `refresh --json` says of a source.
#[track_caller]
fn of_source(ran: &Ran, name: &str) -> Value {
    let reports = ran.json();
    let mut reports = reports.as_array().unwrap().iter();
    reports
        .find(|report| report["name"] == name)
        .unwrap()
        .clone()
}

#[test]
fn sources_say_what_they_have_and_what_was_refused() {
    let host = host();
    let sources = host.run(&["sources", "--json"]);
    let names: Vec<_> = sources
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["name"].clone())
        .collect();
    assert_eq!(
        names,
        [
            "builtin",
            "docker",
            "ours",
            "official",
            "awesome",
            "mcpservers"
        ]
    );
    let ours = of_source(&sources, "ours");
    let fields: Vec<_> = ours.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        fields,
        [
            "name",
            "kind",
            "urls",
            "enabled",
            "entries",
            "refused",
            "refused_count",
            "fetched_at",
            "age",
            "last_error",
            "again_at"
        ]
    );
    assert_eq!(
        (&ours["entries"], &ours["last_error"], &ours["enabled"]),
        (&json!(3), &Value::Null, &json!(true))
    );
    assert!(ours["age"].as_i64().is_some_and(|age| age < 600), "{ours}");
    let refused = ours["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 1);
    // Which record, which field, and why.
    let reason = refused[0].to_string();
    assert!(
        reason.contains("bad") && reason.contains("colour"),
        "{reason}"
    );
    let shown = host.run(&["sources"]);
    assert!(
        shown.stdout.contains("ours") && shown.stderr.contains("colour"),
        "{shown:?}"
    );
}

#[test]
fn what_fits_is_found_by_words_and_filters() {
    let host = host();
    let search = |words: &[&str]| {
        ids(&host.run(&[&["search", "anvil", "--source", "ours", "--json"], words].concat()))
    };
    assert_eq!(search(&[])[0], "ours:anvil");
    assert_eq!(search(&[]).len(), 3);
    for (filter, found) in [
        (&["--official"][..], &["ours:anvil"][..]),
        (&["--featured"], &["ours:anvil"]),
        (&["--tag", "forge"], &["ours:anvil"]),
        (&["--category", "devops"], &["ours:anvil"]),
        (&["--no-key"], &["ours:anvil"]),
        (&["--runnable"], &["ours:anvil", "ours:anvil-shop"]),
        (&["--tag", "nothing"], &[]),
    ] {
        assert_eq!(search(filter), found, "{filter:?}");
    }
    // Pages fit together.
    let pages: Vec<String> = (0..4)
        .flat_map(|page| search(&["--limit", "1", "--offset", &page.to_string()]))
        .collect();
    assert_eq!(pages, search(&[]));
    // Typos and beginnings.
    assert_eq!(
        ids(&host.run(&["search", "anvli", "--json"]))[0],
        "ours:anvil"
    );
    assert_eq!(
        ids(&host.run(&["search", "anv", "--json"]))[0],
        "ours:anvil"
    );
    let hit = host.run(&["search", "anvil", "--json"]).json()[0].clone();
    assert_eq!(
        (
            &hit["official"],
            &hit["requires_key"],
            &hit["runnable"],
            &hit["launch"],
            &hit["tags"]
        ),
        (
            &json!(true),
            &json!(false),
            &json!(true),
            &json!("image"),
            &json!(["forge", "iron"])
        )
    );
}

#[test]
fn a_place_can_be_explained() {
    let host = host();
    let hit = host.run(&["search", "anvil", "--explain", "--json"]).json()[0].clone();
    assert_eq!(hit["why"]["words"][0]["word"], "anvil");
    let factors = hit["why"]["factors"].to_string();
    assert!(
        factors.contains("recommended") || factors.contains("featured"),
        "{factors}"
    );
    let shown = host.run(&["search", "anvil", "--explain"]).stdout;
    assert!(
        shown.contains("anvil in") && shown.contains("  x "),
        "{shown}"
    );
}

#[test]
fn tools_are_found_with_their_servers() {
    let host = host();
    let found = host
        .run(&["search", "--tools", "forge", "one", "--json"])
        .json();
    assert_eq!(
        (&found[0]["tool"], &found[0]["id"]),
        (&json!("forge_anvil"), &json!("ours:anvil"))
    );
    assert!(
        host.run(&["search", "--tools", "forge"])
            .stdout
            .contains("forge_anvil")
    );
}

#[test]
fn an_entry_is_shown_with_what_it_needs_and_where_it_was_read() {
    let host = host();
    let shown = host.run(&["show", "anvil-shop"]).stdout;
    for part in [
        "Sells anvils.",
        "docker.io/acme/shop",
        "key (required, secret, a text)",
        "Read from",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let json = host.run(&["show", "ours:anvil", "--json"]).json();
    assert_eq!(json["id"], "ours:anvil");
    // The record as its source sent it.
    assert!(
        json["records"]
            .to_string()
            .contains("Forges anvils of any weight."),
        "{json}"
    );
}

#[test]
fn a_source_that_fails_hinders_no_other() {
    let host = Bare::with_sources(
        "[sources.docker]\nurl = '/nowhere'\n[[sources.extra]]\nname = 'ours'\nkind = 'toml'\nurl = '~/ours.toml'\n",
    );
    host.write("ours.toml", OURS);
    let refreshed = host.run(&["refresh", "--json"]);
    assert_eq!(refreshed.code, Some(1), "{refreshed:?}");
    let error = of_source(&refreshed, "docker")["last_error"].to_string();
    assert!(error.contains("/nowhere"), "{error}");
    assert_eq!(of_source(&refreshed, "ours")["entries"], 3);
    assert_eq!(ids(&host.run(&["search", "anvil", "--json"])).len(), 3);
}

#[test]
fn only_sources_in_force_are_refreshed_and_only_in_time() {
    let host = host();
    let unknown = host.run(&["refresh", "theirs"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("ours"), "{unknown:?}");
    let off = host.run(&["refresh", "docker"]);
    assert_eq!(off.code, Some(2), "{off:?}");
    assert!(off.stderr.contains("enabled = true"), "{off:?}");
    // It was refreshed a moment ago.
    host.write("ours.toml", "");
    host.run(&["refresh"]);
    assert_eq!(ids(&host.run(&["search", "anvil", "--json"])).len(), 3);
    let forced = host.run(&["refresh", "ours", "--force"]);
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert_eq!(
        ids(&host.run(&["search", "anvil", "--json"])),
        Vec::<String>::new()
    );
}

#[test]
fn a_record_is_shown_word_for_word_and_nothing_of_it_is_hidden() {
    let hidden = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{e0041}');
    let text =
        "[[server]] # \u{202e}evil\u{e0041}\u{9b}31m\nname = \"old\"\ndeprecated = \"use new\"";
    let host = Bare::with_sources(
        "[[sources.extra]]\nname = 'ours'\nkind = 'toml'\nurl = '~/ours.toml'\n",
    );
    host.write("ours.toml", text);
    assert_eq!(host.run(&["refresh"]).code, Some(0));
    let shown = host.run(&["show", "ours:old", "--json"]);
    assert!(!shown.stdout.contains(hidden), "{shown:?}");
    assert_eq!(shown.json()["records"][0]["text"], text);
    let found = host.run(&["search", "old", "--source", "ours"]).stdout;
    assert!(found.contains("(deprecated)"), "{found}");
    let hit = host.run(&["search", "old", "--source", "ours", "--json"]);
    assert_eq!(hit.json()[0]["deprecated"], "use new");
}

#[test]
fn a_source_that_failed_says_when_it_is_asked_again() {
    let host = Bare::with_sources("[sources.docker]\nurl = '/nowhere'\n");
    let first = host.run(&["refresh"]);
    assert_eq!(first.code, Some(1), "{first:?}");
    // It is not asked again, and it is still what is wrong.
    let second = host.run(&["refresh"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("min, or --force asks"), "{second:?}");
    let again = of_source(&host.run(&["sources", "--json"]), "docker")["again_at"].clone();
    assert!(again.is_string(), "{again}");
}
