//! Folders of this host as sources, of every kind.

use std::fs;

use super::*;

const YAML: &str = "name: one\ntype: server\nimage: mcp/one\nmeta:\n  category: devops\n  tags: []\nabout:\n  title: One\n";
const LIST: &str = "## Things\n\n- [a/b](https://github.com/a/b): Does b.\n";
const TOML: &str = "[[server]]\nname = 'mine'\n";

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn extra_sources_are_of_four_kinds() {
    let cache = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    write(data.path(), "docker/servers/one/server.yaml", YAML);
    let page = format!(
        r#"{{"servers": [{}], "metadata": {{}}}}"#,
        item("two", "1.0.0", 1, "active")
    );
    write(data.path(), "official/page.json", &page);
    write(data.path(), "list/docs/things.md", LIST);
    write(data.path(), "toml/ours.toml", TOML);
    let sources: Vec<String> = ["docker", "official", "list", "toml"]
        .iter()
        .map(|kind| {
            let url = data.path().join(kind).display().to_string();
            format!("[[extra]]\nname = 'my-{kind}'\nkind = '{kind}'\nurl = '{url}'\n")
        })
        .collect();
    let refresh = refresh(cache.path(), &sources.concat());
    let reports = run(&refresh, false).await;
    for (source, name) in [
        ("my-docker", "one"),
        ("my-official", "two"),
        ("my-list", "b"),
        ("my-toml", "mine"),
    ] {
        let report = report(&reports, source);
        assert_eq!(
            (report.entries, &report.refused, &report.last_error),
            (1, &vec![], &None)
        );
        assert_eq!(names(&refresh.store, source), [name]);
    }
}

#[tokio::test]
async fn what_a_folder_held_counts_while_it_is_gone() {
    let cache = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    write(data.path(), "a/ours.toml", TOML);
    write(data.path(), "b/ours.toml", TOML);
    let sources: Vec<String> = ["a", "b"]
        .iter()
        .map(|name| {
            let url = data.path().join(name).display().to_string();
            format!("[[extra]]\nname = '{name}'\nkind = 'toml'\nurl = '{url}'\n")
        })
        .collect();
    let refresh = refresh(cache.path(), &sources.concat());
    run(&refresh, false).await;
    fs::remove_dir_all(data.path().join("a")).unwrap();
    // The other one changes, so that a new index is made.
    write(data.path(), "b/more.toml", "[[server]]\nname = 'more'\n");
    let reports = run(&refresh, true).await;
    let gone = report(&reports, "a");
    assert!(gone.last_error.is_some(), "{gone:?}");
    assert_eq!(gone.entries, 1);
    assert_eq!(names(&refresh.store, "a"), ["mine"]);
    assert_eq!(names(&refresh.store, "b"), ["mine", "more"]);
}

#[tokio::test]
async fn a_broken_index_is_made_anew_although_nothing_changed() {
    let cache = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    write(data.path(), "ours.toml", TOML);
    let url = data.path().display().to_string();
    let refresh = refresh(
        cache.path(),
        &format!("[[extra]]\nname = 'ours'\nkind = 'toml'\nurl = '{url}'"),
    );
    run(&refresh, false).await;
    let index = cache
        .path()
        .join("mcpod/catalog/index/current/entries/meta.json");
    fs::write(index, "{").unwrap();
    assert_eq!(names(&refresh.store, "ours"), Vec::<String>::new());
    run(&refresh, false).await;
    assert_eq!(names(&refresh.store, "ours"), ["mine"]);
}
