//! What the page asks before it goes on: what would be built or run, in its words, and nothing happens without a yes.

use super::page::Browser;
use super::*;

/// A job that is over, as it is shown.
async fn over(browser: &Browser<'_>, job: &str) -> String {
    loop {
        let got = browser.get(job).await;
        if got.text.contains("data-over") {
            return got.text;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All files below a folder.
fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect();
    files.sort();
    files
}

/// Whether systemd was told to read new units.
fn is_begun(calls: &[String]) -> bool {
    calls.iter().any(|call| call == "Reload")
}

#[tokio::test]
async fn what_needs_consent_is_asked_and_a_no_leaves_nothing_behind() {
    let place = Place::with(&[]).await;
    let _podman = place.podman(&[]);
    let web = Web::start(&place, Shape::All).await;
    let mut browser = Browser::new(&web);
    browser.sign_in().await;
    let key = browser.key().await;
    let add = [
        ("key", key.as_str()),
        ("id", "command:/bin/true --here"),
        ("name", "here"),
    ];
    let answer = async |job: &str, answer: &str| {
        let (_, id) = job.split_once("id=").unwrap();
        let fields = [("key", key.as_str()), ("id", id), ("do", answer)];
        let got = browser.post("/job", &fields).await;
        assert_eq!(got.status, 303, "{}", got.text);
        format!("/{}", got.location.unwrap())
    };
    let asked = async || {
        let got = browser.post("/add", &add).await;
        assert_eq!(got.status, 303, "{}", got.text);
        let job = format!("/{}", got.location.unwrap());
        let shown = over(&browser, &job).await;
        assert!(
            shown.contains("This would run command:")
                && shown
                    .contains("true --here on this host, in a sandbox but in no container. Go on?"),
            "{shown}"
        );
        job
    };
    let (job, before) = (asked().await, files(place.folder.path()));
    assert_eq!(answer(&job, "decline").await, job);
    let shown = over(&browser, &job).await;
    assert!(
        shown.contains("You said no: nothing was added.") && !shown.contains("agree"),
        "{shown}"
    );
    // It is too late to think better of it: what was filled in is forgotten.
    assert_eq!(answer(&job, "agree").await, job);
    assert_eq!(files(place.folder.path()), before);
    assert!(!is_begun(&place.systemd.calls()));

    let job = asked().await;
    let next = answer(&job, "agree").await;
    assert_ne!(next, job);
    // It goes on to what this host has not, and takes back what was done.
    let shown = over(&browser, &next).await;
    assert!(
        shown.contains("class=\"failure\"") && !shown.contains("Go on?"),
        "{shown}"
    );
    assert!(is_begun(&place.systemd.calls()));
    let shown = over(&browser, &job).await;
    assert!(shown.contains("This was answered."), "{shown}");
    // A yes counts once.
    assert_eq!(answer(&job, "agree").await, job);
    assert_eq!(files(&place.path("config")), Vec::<PathBuf>::new());
    web.stop().await;
}
