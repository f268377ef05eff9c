use proptest::prelude::*;

use super::*;
use crate::catalog::source::toml;
use crate::catalog::text::is_invisible;

fn names(query: &str, filters: &Filters) -> Vec<String> {
    let query = Query {
        text: query,
        filters: filters.clone(),
        limit: 5,
        ..Query::default()
    };
    let answer = Catalog::builtin().unwrap().search(&query).unwrap();
    answer.hits.iter().map(|hit| hit.name.to_string()).collect()
}

#[test]
fn what_is_meant_comes_first() {
    for (query, meant) in [
        ("time", "time"),
        ("what time is it in tokyo", "time"),
        ("send slack message", "slack"),
        ("browser automation", "playwright"),
        ("search github issues and pull requests", "github"),
        ("run sql on a sqlite file", "sqlite"),
        ("read and write local files", "filesystem"),
        ("create a jira ticket", "atlassian"),
        ("edit a notion page", "notion"),
        ("get the weather forecast", "openweather"),
        ("query mongodb collections", "mongodb"),
        ("get youtube video transcript", "youtube-transcript"),
        ("look up errors in sentry", "sentry"),
        ("kuberntes", "kubernetes"),
        ("playwrigth browser", "playwright"),
        ("elastic", "elasticsearch"),
    ] {
        let names = names(query, &Filters::default());
        assert_eq!(
            names.first().map(String::as_str),
            Some(meant),
            "{query}: {names:?}"
        );
    }
    for query in ["postgrs", "query a postgres database"] {
        assert!(
            names(query, &Filters::default()).contains(&"dbhub".to_owned()),
            "{query}"
        );
    }
}

#[test]
fn what_fits_nothing_finds_nothing() {
    assert_eq!(names("qqqqqqqq", &Filters::default()), Vec::<String>::new());
    assert_eq!(names("::", &Filters::default()), Vec::<String>::new());
}

#[test]
fn filters_hold() {
    let catalog = Catalog::builtin().unwrap();
    let all = catalog.size();
    let count = |filters: Filters| {
        catalog
            .search(&Query {
                filters,
                ..Query::default()
            })
            .unwrap()
            .total
    };
    assert_eq!(count(Filters::default()), all);
    assert_eq!(
        count(Filters {
            sources: vec!["docker".to_owned()],
            ..Filters::default()
        }),
        0
    );
    let no_key = Filters {
        no_key: true,
        ..Filters::default()
    };
    let databases = Filters {
        categories: vec![Category::Database],
        ..Filters::default()
    };
    let tagged = Filters {
        tags: vec!["SQL".to_owned()],
        ..Filters::default()
    };
    let official = Filters {
        official: true,
        ..Filters::default()
    };
    for filters in [no_key, databases, tagged, official] {
        let some = count(filters.clone());
        assert!(some > 0 && some < all, "{filters:?}: {some}");
    }
}

#[test]
fn what_is_deprecated_says_so_wherever_it_is_found() {
    let text = "[[server]]\nname = 'old'\ndescription = 'Does.'\ndeprecated = 'use new'\n[[server.tools]]\nname = 'do_it'";
    let catalog = Catalog::of(vec![toml::parse("mine", text).entries]).unwrap();
    let query = |text| Query {
        text,
        ..Query::default()
    };
    let hits = catalog.search(&query("old")).unwrap().hits;
    assert_eq!(hits[0].deprecated.as_deref(), Some("use new"));
    let shown = about(hits[0].deprecated.as_ref(), hits[0].description.as_ref());
    assert_eq!(shown, "(deprecated) Does.");
    let tools = catalog.search_tools(&query("do it")).unwrap().hits;
    assert_eq!(tools[0].deprecated.as_deref(), Some("use new"));
    assert_eq!(about(None, None), "");
}

#[test]
fn a_source_has_the_tools_of_what_it_lists_with_others() {
    let text =
        |tools: &str| format!("[[server]]\nname = 'x'\n{tools}\n[[server.launch]]\nimage = 'a/b'");
    let first = toml::parse("a", &text("")).entries;
    let second = toml::parse("b", &text("tools = ['do_it']")).entries;
    let catalog = Catalog::of(vec![first, second]).unwrap();
    for source in ["a", "b"] {
        let query = Query {
            text: "do it",
            filters: Filters {
                sources: vec![source.to_owned()],
                ..Filters::default()
            },
            ..Query::default()
        };
        assert_eq!(catalog.search_tools(&query).unwrap().total, 1, "{source}");
    }
}

#[test]
fn a_hit_has_the_fields_of_the_command_contract() {
    let hits = Catalog::builtin()
        .unwrap()
        .search(&Query {
            text: "time",
            limit: 1,
            ..Query::default()
        })
        .unwrap()
        .hits;
    let json = serde_json::to_value(&hits).unwrap();
    let fields: Vec<_> = json[0].as_object().unwrap().keys().cloned().collect();
    let contract = [
        "id",
        "name",
        "title",
        "description",
        "source",
        "categories",
        "tags",
        "official",
        "featured",
        "requires_key",
        "runnable",
        "launch",
        "deprecated",
        "score",
    ];
    assert_eq!(fields, contract);
    assert_eq!(json[0]["id"], "builtin:time");
    assert_eq!(json[0]["launch"], "image");
}

proptest! {
    #[test]
    fn no_query_panics_and_no_hit_hides_anything(query in any::<String>(), name in "\\PC{1,9}", text in any::<String>()) {
        let quoted = |text: &str| ::toml::Value::String(text.to_owned()).to_string();
        let source = format!("[[server]]\nname = {}\ndescription = {}\ntags = [{}]", quoted(&name), quoted(&text), quoted(&text));
        let catalog = Catalog::of(vec![toml::parse("mine", &source).entries]).unwrap();
        for hit in catalog.search(&Query { text: &query, ..Query::default() }).unwrap().hits {
            prop_assert!(hit.score.is_finite());
            let texts = [Some(hit.name), hit.description, hit.tags.first().cloned()];
            prop_assert!(!texts.iter().flatten().any(|line| line.contains(is_invisible)));
        }
    }
}
