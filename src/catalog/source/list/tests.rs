use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::catalog::shared_data;

fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

fn ids(parsed: &Parsed) -> Vec<&str> {
    parsed
        .entries
        .iter()
        .map(|entry| entry.id.native())
        .collect()
}

#[test]
fn bullets_become_entries() {
    let page = file(
        "docs/databases.md",
        "## 🗄️ Databases\n\nText, and a [link](https://a.b).\n\n- [Owner/Repo](https://github.com/Owner/Repo.git?utm=1): Reads [tables](https://x.y). Install: `npx -y repo-mcp`.\n\
        - [o/mono](https://github.com/o/mono/tree/main/src/sub/): Part.\n- [Product](https://product.example/about) - At https://mcp.product.example/sse or not.\n- [g](https://gitlab.com/a/b/c): G.\n\
        - [bad](javascript:1): Bad.\n- prose\n```\n- [c](https://c.d/e): Code.\n```\n## Clients\n- [client](https://github.com/c/c): No.\n",
    );
    let parsed = parse("awesome", &[page], &[]);
    assert_eq!(
        ids(&parsed),
        [
            "Owner/Repo",
            "o/mono#src/sub",
            "product.example/about",
            "gitlab.com/a/b/c"
        ]
    );
    let [refused] = parsed.refused.as_slice() else {
        panic!("{parsed:?}")
    };
    assert_eq!(
        (refused.record.as_str(), refused.field.as_str()),
        ("docs/databases.md:9", "url")
    );
    let [repo, part, product, _] = parsed.entries.as_slice() else {
        panic!("{parsed:?}")
    };
    assert_eq!(
        (repo.name.as_str(), repo.publisher.as_deref()),
        ("Repo", Some("Owner"))
    );
    assert_eq!(
        repo.description.as_deref(),
        Some("Reads tables. Install: npx -y repo-mcp.")
    );
    assert_eq!(repo.categories, [Category::Database]);
    assert_eq!(
        (repo.launch[0].kind(), repo.launch[0].trust),
        ("npm", Trust::Guessed)
    );
    assert_eq!(part.name.as_str(), "sub");
    assert_eq!(
        (product.launch[0].kind(), product.title.as_deref()),
        ("remote", Some("Product"))
    );
    assert!(product.website.is_some() && product.repository.is_none());
}

#[test]
fn a_server_in_two_lists_is_one_entry() {
    let ours = file(
        "a.md",
        "## Search\n- [o/r](https://github.com/o/r): Short.\n",
    );
    let theirs = file(
        "b.md",
        "## Official Servers\n- **[R](https://github.com/O/R)** - A longer text about it.\n",
    );
    let parsed = parse("awesome", &[ours, theirs], &[]);
    let [entry] = parsed.entries.as_slice() else {
        panic!("{parsed:?}")
    };
    assert_eq!(
        entry.description.as_deref(),
        Some("A longer text about it.")
    );
    assert!(entry.official);
    assert_eq!(entry.records.len(), 2);
}

#[test]
fn sidecars_complete_their_entries() {
    let page = file(
        "a.md",
        "- [o/r](https://github.com/o/r): Text. `npx -y a`\n",
    );
    let sidecar = file(
        "data/server-metadata/o-r.json",
        r#"{"id": "x", "source": {"projectUrl": "https://github.com/O/r"}, "install": {"commands": ["npx -y a", "rm -rf /"], "env": ["A_KEY", "A_URL"]},
        "links": {"endpoint": "https://a.io/mcp"}, "auth": {"type": "api-key"}, "license": "MIT", "tools": {"count": 2, "names": ["one", "two"]}}"#,
    );
    let stray = file(
        "data/server-metadata/stray.json",
        r#"{"source": {"projectUrl": "https://a.b/c/d"}}"#,
    );
    let broken = file("data/server-metadata/broken.json", "{");
    let parsed = parse("awesome", &[page], &[sidecar, stray, broken]);
    let entry = &parsed.entries[0];
    let launch: Vec<_> = entry
        .launch
        .iter()
        .map(|option| (option.kind(), option.trust, option.inputs.len()))
        .collect();
    assert_eq!(
        launch,
        [("npm", Trust::Sidecar, 2), ("remote", Trust::Sidecar, 1)]
    );
    assert_eq!(
        (entry.license.as_deref(), entry.tools.len()),
        (Some("MIT"), 2)
    );
    let fields: Vec<_> = parsed
        .refused
        .iter()
        .map(|refused| refused.field.as_str())
        .collect();
    assert_eq!(fields, ["source.projectUrl", "JSON"]);
}

/// Counts over TensorBlock's list of 2026-08-22.
#[test]
#[ignore = "reads ../shared/data"]
fn the_real_list_of_shared_data_is_read_whole() {
    let unpacked = shared_data::unpacked();
    let folder = unpacked.path().join("awesome-mcp-servers");
    let pages = shared_data::files(&folder.join("docs"), "md");
    let sidecars = shared_data::files(&folder.join("data/server-metadata"), "json");
    assert_eq!((pages.len(), sidecars.len()), (37, 143));
    let parsed = parse("awesome", &pages, &sidecars);
    // 7,796 bullets, and two that begin in bold type.
    assert_eq!(parsed.entries.len(), 7798);
    let refused: Vec<_> = parsed
        .refused
        .iter()
        .map(|refused| refused.field.as_str())
        .collect();
    assert_eq!(refused, ["source.projectUrl"]);
    assert!(
        parsed
            .entries
            .iter()
            .all(|entry| entry.description.is_some())
    );
    let count =
        |is: &dyn Fn(&Entry) -> bool| parsed.entries.iter().filter(|entry| is(entry)).count();
    assert_eq!(count(&|entry| entry.categories.is_empty()), 0);
    let mut kinds = BTreeMap::new();
    for entry in &parsed.entries {
        *kinds
            .entry(entry.launch.first().map_or("none", LaunchOption::kind))
            .or_insert(0) += 1;
    }
    let counts = [
        ("cargo", 3),
        ("image", 3),
        ("none", 7338),
        ("npm", 210),
        ("pypi", 40),
        ("remote", 204),
    ];
    assert_eq!(kinds, BTreeMap::from(counts));
}

/// Counts over wong2's list of 2026-07-13.
#[test]
#[ignore = "reads ../shared/data"]
fn the_real_list_of_shared_data_of_another_form_is_read_whole() {
    let unpacked = shared_data::unpacked();
    let pages = shared_data::files(&unpacked.path().join("mcpservers.org"), "md");
    let parsed = parse("awesome", &pages, &[]);
    assert_eq!(parsed.refused, []);
    let official = parsed.entries.iter().filter(|entry| entry.official).count();
    assert_eq!((parsed.entries.len(), official), (510, 260));
}

proptest! {
    #[test]
    fn no_page_panics(text in any::<String>(), lines in prop::collection::vec("(- |## |\\* )?[\\[\\]()*` a-z:/.#]{0,40}", 0..6)) {
        parse("awesome", &[file("a.md", &text), file("b.md", &lines.join("\n"))], &[file("c.json", &text)]);
    }
}
