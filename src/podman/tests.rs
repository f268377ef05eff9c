//! The client against a fake service, over a real socket.

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::fake::{Answer, FakePodman, Step};
use super::progress::{PullProgress, PullSnapshot};
use super::pull::LayerStatus;
use super::*;

/// The digest of the recorded image's own manifest; two of lists stand beside it in `RepoDigests`.
const OWN: &str = "sha256:a4dd996c4be9d0a5a9ed655b3d2f7fe43ac01690dc3f0059875b84357232bf0f";

fn time() -> ImageReference {
    "mcp/time".parse().unwrap()
}

fn inspect_answer() -> Answer {
    let answer = include_str!("../../tests/fixtures/podman/inspect.json");
    Answer::Json(200, answer.to_owned())
}

fn lines(lines: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = lines
        .iter()
        .map(|line| Step::Send(format!("{line}\n").into_bytes()))
        .collect();
    steps.push(Step::Finish);
    steps
}

/// A service that streams these steps for a pull, once, and has the image afterwards.
fn pulling(steps: Vec<Step>) -> FakePodman {
    let steps = Mutex::new(Some(steps));
    FakePodman::start(move |request| {
        if request.starts_with("POST /v5.0.0/libpod/images/pull?") {
            Answer::Stream(steps.lock().unwrap().take().unwrap())
        } else {
            inspect_answer()
        }
    })
}

async fn pull(steps: Vec<Step>) -> (Result<Image, PodmanError>, Vec<PullEvent>) {
    let fake = pulling(steps);
    let mut events = Vec::new();
    let image = fake
        .client()
        .pull(&time(), |event| events.push(event))
        .await;
    (image, events)
}

fn layer(id: &str, status: LayerStatus) -> PullEvent {
    PullEvent::Layer {
        id: id.to_owned(),
        status,
        current: None,
        total: None,
    }
}

#[tokio::test]
async fn a_version_is_asked_for_and_compared() {
    let fake = FakePodman::start(|_| Answer::Json(200, r#"{"Version":"5.4.2"}"#.to_owned()));
    let version = fake.client().supported_version().await.unwrap();
    assert_eq!(version.to_string(), "5.4.2");
    assert_eq!(fake.requests(), ["GET /v4.3.1/libpod/version"]);

    let fake = FakePodman::start(|_| Answer::Json(200, r#"{"Version":"4.9.3"}"#.to_owned()));
    let error = fake.client().supported_version().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Podman 4.9.3 is too old: mcpod needs 5.4.0 or later"
    );
}

#[tokio::test]
async fn the_ways_a_socket_can_be_out_of_order_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("podman.sock");
    let podman = Podman::new(&path);
    let failures = async || {
        let pull = podman.pull(&time(), |_| {}).await.unwrap_err();
        (podman.version().await.unwrap_err(), pull)
    };

    let (version, pull) = failures().await;
    assert!(
        matches!(version, PodmanError::SocketMissing { .. }),
        "{version:?}"
    );
    assert!(
        matches!(pull, PodmanError::SocketMissing { .. }),
        "{pull:?}"
    );
    assert!(version.is_down() && pull.is_down());

    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let (version, pull) = failures().await;
    assert!(
        matches!(version, PodmanError::NotListening { .. }),
        "{version:?}"
    );
    assert!(matches!(pull, PodmanError::NotListening { .. }), "{pull:?}");
    assert!(version.is_down() && pull.is_down());

    let too_long = Podman::new(directory.path().join("x".repeat(200)));
    let error = too_long.version().await.unwrap_err();
    assert!(matches!(error, PodmanError::Connection { .. }), "{error:?}");

    // Root passes every permission, so there is nothing to see as root.
    if !rustix::process::geteuid().is_root() {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
        let (version, pull) = failures().await;
        assert!(
            matches!(version, PodmanError::NotPermitted { .. }),
            "{version:?}"
        );
        assert!(matches!(pull, PodmanError::NotPermitted { .. }), "{pull:?}");
    }
}

#[tokio::test]
async fn an_image_is_read_as_podman_shows_it() {
    let fake = FakePodman::start(|_| inspect_answer());
    let image = fake.client().image(&time()).await.unwrap().unwrap();
    assert_eq!(
        fake.requests(),
        ["GET /v4.3.1/libpod/images/docker.io/mcp/time:latest/json"]
    );
    assert_eq!(image.repo_digests.len(), 6);
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let expected = Image {
        id: "fa22db3ded323101fb5e80ab5f9b1719da8580624c1b08ef7db4114d727d271b".to_owned(),
        digest: OWN.parse().unwrap(),
        repo_digests: image.repo_digests.clone(),
        size: 741_699,
        entrypoint: vec!["/init".to_owned(), "-P".to_owned()],
        cmd: vec!["x".to_owned()],
        env: vec![pair("PATH", "/bin"), pair("A", "b=c")],
        user: Some("1000:1000".to_owned()),
        exposed_ports: vec!["53/udp".to_owned(), "8080/tcp".to_owned()],
        labels: [pair("io.buildah.version", "1.39.3"), pair("l", "v")].into(),
        architecture: "amd64".to_owned(),
    };
    assert_eq!(image, expected);
}

#[tokio::test]
async fn an_image_may_say_next_to_nothing() {
    let nulls = r#""Config":{"Env":null,"Cmd":null,"User":"","ExposedPorts":null},"Annotations":null,"History":[{"created":null}],"Healthcheck":{"Test":["CMD"]}"#;
    for rest in ["\"Config\":{}", "\"Size\":-1", nulls] {
        let answer = format!(r#"{{"Id":"1","Digest":"{OWN}",{rest}}}"#);
        let fake = FakePodman::start(move |_| Answer::Json(200, answer.clone()));
        let image = fake.client().image(&time()).await.unwrap().unwrap();
        assert_eq!((image.size, image.user), (0, None));
        assert!(image.env.is_empty() && image.cmd.is_empty() && image.exposed_ports.is_empty());
    }
}

#[tokio::test]
async fn every_legal_reference_can_be_asked_for() {
    let missing = r#"{"cause":"image not known","message":"failed to find image x: x: image not known","response":404}"#;
    let fake = FakePodman::start(|request| {
        if request.contains("/images/json?") {
            Answer::Json(200, "[]".to_owned())
        } else {
            Answer::Json(404, missing.to_owned())
        }
    });
    for reference in ["[::1]:5000/x:1", "a.b/c_d/e--f:T_.-", &format!("x@{OWN}")] {
        let reference = reference.parse().unwrap();
        assert_eq!(fake.client().image(&reference).await.unwrap(), None);
        assert!(!fake.client().remove_image(&reference).await.unwrap());
    }
}

#[tokio::test]
async fn a_digest_is_removed_only_where_it_is_a_name() {
    let pinned = time().pinned(&OWN.parse().unwrap());
    for (names, expected) in [
        (format!("\"docker.io/mcp/time:latest\",\"{pinned}\""), true),
        ("\"docker.io/mcp/time:latest\"".to_owned(), false),
    ] {
        let list = format!(r#"[{{"Id":"1","Names":[{names}]}}]"#);
        let fake = FakePodman::start(move |request| match request {
            delete if delete.starts_with("DELETE ") => Answer::Json(200, "{}".to_owned()),
            _ => Answer::Json(200, list.clone()),
        });
        let removed = fake.client().remove_image(&pinned).await.unwrap();
        assert_eq!(removed, expected);
        let deletions = fake
            .requests()
            .into_iter()
            .filter(|r| r.starts_with("DELETE "));
        assert_eq!(deletions.count(), usize::from(expected));
    }
}

#[tokio::test]
async fn an_image_that_is_used_stays() {
    let refusal = r#"{"cause":"image is in use by a container","message":"image used by dd1628ef: image is in use by a container: consider listing external containers and force-removing image","response":409}"#;
    let fake = FakePodman::start(|_| Answer::Json(409, refusal.to_owned()));
    let error = fake.client().remove_image(&time()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "docker.io/mcp/time:latest is in use: image used by dd1628ef: image is in use by a container: consider listing external containers and force-removing image"
    );
}

#[tokio::test]
async fn answers_that_make_no_sense_are_errors() {
    for body in ["", "<html>", "[]", "{}", r#"{"Digest":"x","Id":"y"}"#] {
        let fake = FakePodman::start(move |_| Answer::Json(200, body.to_owned()));
        let error = fake.client().image(&time()).await.unwrap_err();
        assert!(matches!(error, PodmanError::Unreadable { .. }), "{error:?}");
        let error = fake.client().version().await.unwrap_err();
        assert!(matches!(error, PodmanError::Unreadable { .. }), "{error:?}");
    }
    for bytes in [
        "",
        "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
    ] {
        let fake = FakePodman::start(move |_| Answer::Raw(bytes.into()));
        let error = fake.client().version().await.unwrap_err();
        assert!(matches!(error, PodmanError::Connection { .. }), "{error:?}");
        let error = fake.client().pull(&time(), |_| {}).await.unwrap_err();
        assert!(
            matches!(
                error,
                PodmanError::Connection { .. } | PodmanError::PullInterrupted { .. }
            ),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_its_words() {
    let refusal =
        r#"{"cause":"that is all","message":"a \u001b[2Jproblem: that is all","response":500}"#;
    let fake = FakePodman::start(|_| Answer::Json(500, refusal.to_owned()));
    let error = fake.client().image(&time()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Podman refused an image with status 500: a [2Jproblem: that is all"
    );
    let fake = FakePodman::start(|_| Answer::Json(500, "plain words".to_owned()));
    let error = fake.client().remove_image(&time()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Podman refused the removal of an image with status 500: plain words"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_not_waited_for() {
    let fake = FakePodman::start(|_| Answer::Silence);
    let error = fake.client().version().await.unwrap_err();
    assert!(
        matches!(error, PodmanError::TimedOut { waited, .. } if waited == Duration::from_mins(1)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_pull_tells_its_steps_and_gives_the_image() {
    let (image, events) = pull(lines(&[
        r#"{"status":"Pulling fs layer","progressDetail":{},"id":"9e88"}"#,
        r#"{"status":"Downloading","progressDetail":{"current":9469952,"total":22857469},"progress":"[=>  ]","id":"9e88"}"#,
        r#"{"status":"Already exists","progressDetail":{},"id":"77aa"}"#,
        "",
        r#"{"status":"something new","id":"9e88"}"#,
        r#"{"stream":"Writing \u001b[2Jmanifest\n"}"#,
        r#"{"unknown":true}"#,
        r#"{"status":"Download complete","progressDetail":{},"id":"9e88"}"#,
    ]))
    .await;
    assert_eq!(image.unwrap().architecture, "amd64");
    let downloading = PullEvent::Layer {
        id: "9e88".to_owned(),
        status: LayerStatus::Downloading,
        current: Some(9_469_952),
        total: Some(22_857_469),
    };
    let message = |text: &str| PullEvent::Message(text.to_owned());
    assert_eq!(
        events,
        [
            layer("9e88", LayerStatus::Waiting),
            downloading,
            layer("77aa", LayerStatus::Exists),
            message("something new"),
            message("Writing [2Jmanifest"),
            layer("9e88", LayerStatus::Done),
        ]
    );
}

#[tokio::test]
async fn a_pull_asks_for_byte_counts_and_for_what_the_registry_has_now() {
    let fake = pulling(lines(&[]));
    fake.client().pull(&time(), |_| {}).await.unwrap();
    assert_eq!(
        fake.requests(),
        [
            "POST /v5.0.0/libpod/images/pull?reference=docker.io%2Fmcp%2Ftime%3Alatest&compatMode=true&policy=always",
            "GET /v4.3.1/libpod/images/docker.io/mcp/time:latest/json",
        ]
    );
}

#[tokio::test]
async fn a_recorded_pull_adds_up() {
    let recorded = include_bytes!("../../tests/fixtures/podman/pull.jsonl");
    let (image, events) = pull(vec![Step::Send(recorded.to_vec()), Step::Finish]).await;
    assert!(image.is_ok());
    assert_eq!(events.len(), 26);
    let mut progress = PullProgress::default();
    for event in &events {
        assert!(matches!(event, PullEvent::Layer { .. }), "{event:?}");
        progress.apply(event);
    }
    let expected = PullSnapshot {
        layers_done: 5,
        layers_total: 5,
        bytes_done: 118_685_016,
        bytes_total: 118_685_016,
    };
    assert_eq!(progress.snapshot(), expected);
}

#[tokio::test]
async fn a_tag_is_pulled_again_by_its_digest_and_a_digest_is_not() {
    let pulls = |fake: &FakePodman| {
        let pulls = fake
            .requests()
            .into_iter()
            .filter(|r| r.starts_with("POST "));
        pulls.collect::<Vec<_>>()
    };
    let answer = |request: &str| match request {
        pull if pull.starts_with("POST ") => {
            Answer::Stream(lines(&[r#"{"id":"1","status":"Already exists"}"#]))
        }
        _ => inspect_answer(),
    };
    let fake = FakePodman::start(answer);
    let mut count = 0;
    let image = fake
        .client()
        .pull_pinned(&time(), |_| count += 1)
        .await
        .unwrap();
    assert_eq!(count, 1, "the second pull is not told");
    let [by_tag, by_digest] = pulls(&fake).try_into().unwrap();
    assert!(by_tag.contains("time%3Alatest&"), "{by_tag}");
    assert!(by_digest.contains("time%40sha256%3Aa4dd"), "{by_digest}");

    let fake = FakePodman::start(answer);
    let pinned = image.pin(&time());
    fake.client().pull_pinned(&pinned, |_| {}).await.unwrap();
    assert_eq!(pulls(&fake).len(), 1);
}

#[tokio::test]
async fn a_failure_before_the_first_layer_and_one_behind_it_are_told_apart() {
    let fake = FakePodman::start(|_| {
        Answer::Json(
            404,
            r#"{"message":"manifest unknown: manifest unknown"}"#.to_owned(),
        )
    });
    let error = fake.client().pull(&time(), |_| {}).await.unwrap_err();
    assert!(
        matches!(error, PodmanError::ImageNotFound { .. }),
        "{error:?}"
    );
    let fake = FakePodman::start(|_| Answer::Json(500, "gateway\u{1b} trouble".to_owned()));
    let error = fake.client().pull(&time(), |_| {}).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot pull docker.io/mcp/time:latest: status 500 Internal Server Error: gateway trouble"
    );

    let failed = r#"{"progressDetail":{},"errorDetail":{"message":"writing blob: unexpected EOF"},"error":"writing blob: unexpected EOF"}"#;
    let old = r#"{"progressDetail":{},"error":"writing blob: unexpected EOF"}"#;
    for failed in [failed, old] {
        let layer = r#"{"status":"Pulling fs layer","id":"1"}"#;
        let (image, events) = pull(lines(&[layer, failed])).await;
        assert_eq!(events.len(), 1);
        assert_eq!(
            image.unwrap_err().to_string(),
            "the pull of docker.io/mcp/time:latest was interrupted: writing blob: unexpected EOF"
        );
        let error = pull(lines(&[failed])).await.0.unwrap_err();
        assert!(
            matches!(error, PodmanError::RegistryUnreachable { .. }),
            "{error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pull_that_falls_silent_is_given_up() {
    let fake = FakePodman::start(|_| Answer::Silence);
    let error = fake.client().pull(&time(), |_| {}).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot reach the registry of docker.io/mcp/time:latest: timeout: nothing came for 900s"
    );
    let never = Arc::new(Notify::new());
    let layer = Step::Send(b"{\"status\":\"Pulling fs layer\",\"id\":\"1\"}\n".to_vec());
    let error = pull(vec![layer, Step::Await(never)]).await.0.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the pull of docker.io/mcp/time:latest was interrupted: timeout: nothing came for 900s"
    );
}

#[test]
fn requests_can_be_made_in_any_task() {
    fn is_send(_: &impl Send) {}
    let (podman, reference) = (Podman::new("/nowhere"), time());
    is_send(&podman.version());
    is_send(&podman.image(&reference));
    is_send(&podman.remove_image(&reference));
    is_send(&podman.pull_pinned(&reference, |_| {}));
}

#[tokio::test]
async fn chunks_may_end_anywhere() {
    let text = "{\"status\":\"ä€\u{10348}\"}\n{\"id\":\"1\",\"status\":\"Download complete\"}";
    let whole = pull(vec![Step::Send(text.into()), Step::Finish]).await.1;
    assert_eq!(whole.len(), 2);
    let cut = text
        .bytes()
        .map(|byte| Step::Send(vec![byte]))
        .chain([Step::Finish])
        .collect();
    assert_eq!(pull(cut).await.1, whole);
}

#[tokio::test]
async fn steps_are_told_as_they_come() {
    let seen = Arc::new(Notify::new());
    let step = |id: u8| {
        let line = format!("{{\"id\":\"{id}\",\"status\":\"Pulling fs layer\"}}\n");
        [
            Step::Send(line.into_bytes()),
            Step::Await(Arc::clone(&seen)),
        ]
    };
    // The service goes on only when the step before was seen.
    let fake = pulling((0..5).flat_map(step).chain([Step::Finish]).collect());
    let mut count = 0;
    let image = fake
        .client()
        .pull(&time(), |_| {
            count += 1;
            seen.notify_one();
        })
        .await;
    assert!(image.is_ok());
    assert_eq!(count, 5);
}

#[tokio::test]
async fn a_dropped_pull_ends_its_request() {
    let (gone, is_gone) = oneshot::channel();
    let line = Step::Send(b"{\"id\":\"1\",\"status\":\"Pulling fs layer\"}\n".to_vec());
    let fake = pulling(vec![line, Step::UntilGone(gone)]);
    let (podman, reference, begun) = (fake.client(), time(), Notify::new());
    tokio::select! {
        _ = podman.pull(&reference, |_| begun.notify_one()) => panic!("it cannot end"),
        () = begun.notified() => {}
    }
    is_gone.await.unwrap();
}

#[tokio::test]
async fn a_line_without_an_end_is_not_read_for_ever() {
    let steps = (0..64).map(|_| Step::Send(vec![b' '; 16 * 1024])).collect();
    let error = pull(steps).await.0.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read Podman's answer when asked for a pull: a line has more than 262144 bytes"
    );
}

#[tokio::test]
async fn a_line_that_is_no_object_of_json_is_an_error() {
    for line in [
        "Internal Server Error",
        "[1]",
        "\"x\"",
        "{\"status\":1}",
        "\u{1b}[2J",
    ] {
        let error = pull(lines(&[line])).await.0.unwrap_err();
        assert!(matches!(error, PodmanError::Unreadable { .. }), "{error:?}");
    }
    let error = pull(vec![Step::Send(vec![0xff, 0xfe, b'\n'])])
        .await
        .0
        .unwrap_err();
    assert!(matches!(error, PodmanError::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_is_cut_interrupts_the_pull() {
    let begun = || Step::Send(b"{\"id\":\"1\",\"status\":\"Pulling fs layer\"}\n{\"id\"".to_vec());
    let error = pull(vec![begun()]).await.0.unwrap_err();
    assert!(
        matches!(error, PodmanError::PullInterrupted { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("lost the connection to Podman"),
        "{error}"
    );
}

#[tokio::test]
async fn a_pull_that_leaves_no_image_is_interrupted() {
    let fake = FakePodman::start(|request| {
        if request.starts_with("POST") {
            Answer::Stream(lines(&[]))
        } else {
            Answer::Json(404, r#"{"message":"x: image not known"}"#.to_owned())
        }
    });
    let error = fake.client().pull(&time(), |_| {}).await.unwrap_err();
    assert!(
        matches!(error, PodmanError::PullInterrupted { .. }),
        "{error:?}"
    );
}
