//! Sources whose address changes: what the old one sent is in use no more.

use std::fs;

use super::server::{Act, Server, item, list, say};
use super::*;

fn at(kind: &str, url: &str) -> String {
    format!("[[extra]]\nname = 'ours'\nkind = '{kind}'\nurl = '{url}'")
}

/// Refreshes from one address and then from another of the same kind.
async fn moved(kind: &str, from: &str, to: &str) -> (Vec<String>, Vec<String>, Option<String>) {
    let cache = tempfile::tempdir().unwrap();
    let before = refresh(cache.path(), &at(kind, from));
    run(&before, false).await;
    let old = names(&before.store, "ours");
    let after = refresh(cache.path(), &at(kind, to));
    let reports = run(&after, false).await;
    let error = report(&reports, "ours").last_error.clone();
    (old, names(&after.store, "ours"), error)
}

async fn api(name: &str) -> Server {
    Server::start(vec![list(&[item(name, "1.0.0", 1, "active")], None)]).await
}

async fn broken() -> Server {
    Server::start(vec![say("500 Internal", "", b""); 3]).await
}

#[tokio::test]
async fn another_api_has_its_own_servers() {
    let (old, new) = (api("old").await, api("new").await);
    let (before, after, error) = moved("official", &old.url, &new.url).await;
    assert_eq!(
        (before, after, error),
        (vec!["old".to_owned()], vec!["new".to_owned()], None)
    );
    // All of it is asked for: what the other one changed since says nothing.
    assert!(!new.asked()[0].contains("updated_since"));
}

#[tokio::test]
async fn another_api_that_fails_has_none() {
    let (old, new) = (api("old").await, broken().await);
    let (before, after, error) = moved("official", &old.url, &new.url).await;
    assert_eq!((before.len(), after.len()), (1, 0));
    assert!(error.is_some());
}

#[tokio::test]
async fn another_file_or_folder_has_its_own_servers() {
    let file = |name: &str| {
        say(
            "200 OK",
            "ETag: \"a\"\r\n",
            format!("[[server]]\nname = '{name}'").as_bytes(),
        )
    };
    let old = Server::start(vec![file("old")]).await;
    let new = Server::start(vec![file("new")]).await;
    let (_, after, _) = moved("toml", &old.url, &new.url).await;
    assert_eq!(after, ["new"]);
    assert!(!new.asked.lock().unwrap()[0].contains("if-none-match"));

    let data = tempfile::tempdir().unwrap();
    let old = data.path().join("old.toml");
    fs::write(&old, "[[server]]\nname = 'old'").unwrap();
    let old = old.display().to_string();
    let nowhere = data.path().join("nowhere").display().to_string();
    let (before, after, error) = moved("toml", &old, &nowhere).await;
    assert_eq!((before.len(), after.len()), (1, 0));
    assert!(error.is_some_and(|error| error.contains("nowhere")));
}

#[tokio::test]
async fn another_kind_of_source_at_the_same_address_is_another_source() {
    let cache = tempfile::tempdir().unwrap();
    let page = format!(r#"{{"servers": [{}]}}"#, item("old", "1.0.0", 1, "active"));
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("a.json"), page).unwrap();
    let url = data.path().display().to_string();
    let before = refresh(cache.path(), &at("official", &url));
    run(&before, false).await;
    assert_eq!(names(&before.store, "ours"), ["old"]);
    let after = refresh(cache.path(), &at("toml", &url));
    run(&after, false).await;
    assert_eq!(names(&after.store, "ours"), Vec::<String>::new());
}

#[tokio::test]
async fn the_refresh_of_one_source_drops_what_another_had_elsewhere() {
    let cache = tempfile::tempdir().unwrap();
    let old = api("old").await;
    let official = |url: &str| {
        format!(
            "official = {{ url = '{url}', enabled = true }}\n{}",
            at("toml", "/nowhere")
        )
    };
    let before = refresh(cache.path(), &official(&old.url));
    run(&before, false).await;
    assert_eq!(names(&before.store, "official"), ["old"]);
    let after = refresh(cache.path(), &official("http://127.0.0.1:9"));
    let ours = ["ours".to_owned()];
    let reports = after.run(&ours, true, |_| {}).await.unwrap();
    assert_eq!(report(&reports, "official").entries, 0);
    assert_eq!(names(&after.store, "official"), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_cut_off_at_another_address_is_not_gone_on_with() {
    let cache = tempfile::tempdir().unwrap();
    let cut = Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{".to_vec());
    let old = Server::start(vec![
        list(&[item("old", "1.0.0", 1, "active")], Some("first")),
        cut.clone(),
        cut.clone(),
        cut,
    ])
    .await;
    run(&refresh(cache.path(), &at("official", &old.url)), false).await;
    let new = api("new").await;
    let after = refresh(cache.path(), &at("official", &new.url));
    run(&after, false).await;
    assert!(!new.asked()[0].contains("cursor"));
    assert_eq!(names(&after.store, "ours"), ["new"]);
}
