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
async fn what_is_too_large_or_leads_elsewhere_is_refused_with_the_reason() {
    let cache = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    write(data.path(), "servers/one/server.yaml", YAML);
    write(data.path(), "servers/one/tools.json", &" ".repeat(5000));
    write(data.path(), "servers/large/server.yaml", &"#".repeat(5000));
    write(data.path(), "servers/led/readme.md", "text");
    write(
        data.path(),
        "elsewhere/server.yaml",
        &YAML.replace("one", "led"),
    );
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, data.path().join(at)).unwrap();
    link("../../elsewhere/server.yaml", "servers/led/server.yaml");
    link("../elsewhere", "servers/gone");
    let url = data.path().display();
    let mut refresh = refresh(
        cache.path(),
        &format!("docker = {{ url = '{url}', enabled = true }}"),
    );
    refresh.limits.file = 4096;
    let reports = run(&refresh, false).await;
    let docker = report(&reports, "docker");
    let refused: Vec<String> = docker.refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        refused,
        [
            "servers/gone: file: it is a link",
            "servers/large/server.yaml: file: it has 5000 bytes; 4096 are the most",
            "servers/led/server.yaml: file: it is no file",
            "servers/one/tools.json: file: it has 5000 bytes; 4096 are the most",
        ]
    );
    assert_eq!(docker.refused_count, 4);
    assert_eq!(names(&refresh.store, "docker"), ["one"]);
    refresh.limits.files = 2;
    write(data.path(), "servers/one/more", "");
    let reports = run(&refresh, true).await;
    let refused = report(&reports, "docker").refused[0].to_string();
    assert_eq!(refused, "servers: file: it has 4 files; only 2 are read");
}

#[tokio::test]
async fn all_that_is_refused_is_counted() {
    let cache = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    write(
        data.path(),
        "many.toml",
        &"[[server]]\ncolour = 1\n".repeat(777),
    );
    let url = data.path().display();
    let source = format!("[[extra]]\nname = 'many'\nkind = 'toml'\nurl = '{url}'");
    let refresh = refresh(cache.path(), &source);
    let reports = run(&refresh, false).await;
    let many = report(&reports, "many");
    assert_eq!((many.refused_count, many.refused.len()), (777, 500));
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
