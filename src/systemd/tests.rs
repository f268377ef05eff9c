mod commands;
mod watching;

use std::path::Path;
use std::time::{Duration, SystemTime};

use zbus::Variant;

use super::fake::{Fake, Script};
use super::{
    ActiveState, Event, Exit, InvocationId, JobResult, LoadState, Systemd, SystemdError, UnitResult,
};
use crate::quadlet::name::UnitName;

/// Longer than anything here takes; a test that waits so long has failed.
const LONG: Duration = Duration::from_secs(20);
/// Enough for what has to run out.
const SHORT: Duration = Duration::from_millis(50);

const INSTANCE: &str = "mcpod-time@3-1278-1000.service";

fn unit(name: &str) -> UnitName {
    UnitName::from_systemd(name)
}

#[tokio::test]
async fn a_job_that_ends_before_the_answer_is_seen() {
    let fake = Fake::new(Script::default()).await;
    fake.systemd
        .start(&unit("mcpod-time.socket"), LONG)
        .await
        .unwrap();
    fake.systemd
        .stop(&unit("mcpod-time.socket"), LONG)
        .await
        .unwrap();
    assert_eq!(
        fake.calls(),
        [
            "Subscribe",
            "StartUnit mcpod-time.socket replace",
            "StopUnit mcpod-time.socket replace"
        ]
    );
}

#[tokio::test]
async fn hundreds_of_other_jobs_do_not_stall_ours() {
    let script = Script {
        other_jobs: 1000,
        ..Script::default()
    };
    let fake = Fake::new(script).await;
    fake.systemd
        .start(&unit("mcpod-time.socket"), LONG)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_job_that_fails_says_how() {
    for (word, result) in [
        ("failed", JobResult::Failed),
        ("dependency", JobResult::Dependency),
    ] {
        let script = Script {
            job_result: Some(word),
            ..Script::default()
        };
        let fake = Fake::new(script).await;
        let error = fake
            .systemd
            .start(&unit("mcpod-time.socket"), LONG)
            .await
            .unwrap_err();
        assert!(error.hint().unwrap().contains("mcpod-time.socket"));
        match error {
            SystemdError::JobFailed { unit, result: said } => {
                assert_eq!((unit.as_str(), said), ("mcpod-time.socket", result));
            }
            error => panic!("{error:?}"),
        }
    }
}

#[tokio::test]
async fn a_job_without_end_times_out() {
    let script = Script {
        job_result: None,
        ..Script::default()
    };
    let fake = Fake::new(script).await;
    let error = fake
        .systemd
        .start(&unit("mcpod-time.socket"), SHORT)
        .await
        .unwrap_err();
    assert!(
        matches!(error, SystemdError::TimedOut { waited: SHORT, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_unit_that_is_not_there_cannot_start_and_is_stopped() {
    let fake = Fake::new(Script::default()).await;
    let missing = unit("mcpod-missing.socket");
    let error = fake.systemd.start(&missing, LONG).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "systemd has no unit mcpod-missing.socket"
    );
    fake.systemd.stop(&missing, LONG).await.unwrap();
    fake.systemd.disable(&[&missing]).await.unwrap();
    fake.systemd.reset_failed(&missing).await.unwrap();
    let error = fake.systemd.enable(&[&missing]).await.unwrap_err();
    assert!(
        matches!(error, SystemdError::NoSuchUnit { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_end_of_a_unit_is_awaited_through_its_clean_up() {
    let fake = Fake::new(Script::default()).await;
    let unit = unit(INSTANCE);
    fake.is_now("deactivating");
    let mut end = std::pin::pin!(fake.systemd.await_end(&unit, LONG));
    let told = async {
        while !fake.calls().contains(&"Subscribe".to_owned()) {
            tokio::task::yield_now().await;
        }
        // Something of it changes, but it is not over.
        let still = [("ActiveState", Variant::from("deactivating"))];
        fake.changed(unit.as_str(), "Unit", &still).await;
    };
    tokio::select! {
        end = &mut end => panic!("{end:?}"),
        () = told => {}
    }
    fake.is_now("failed");
    let over = [("ActiveState", Variant::from("failed"))];
    fake.changed(unit.as_str(), "Unit", &over).await;
    end.await.unwrap();
    // One that is over already.
    fake.systemd.await_end(&unit, LONG).await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_told_in_systemds_words() {
    let fake = Fake::new(Script::default()).await;
    let error = fake
        .systemd
        .start(&unit("masked.socket"), LONG)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "systemd refused StartUnit masked.socket: Unit masked.socket is masked."
    );
}

#[tokio::test]
async fn a_connection_that_ends_ends_what_waits_for_it() {
    let script = Script {
        hang_up: true,
        ..Script::default()
    };
    let fake = Fake::new(script).await;
    let mut watch = fake.systemd.watch().await.unwrap();
    let error = fake
        .systemd
        .start(&unit("mcpod-time.socket"), LONG)
        .await
        .unwrap_err();
    assert!(matches!(error, SystemdError::Closed), "{error:?}");
    assert_eq!(watch.next().await, None);

    let fake = Fake::new(Script {
        job_result: None,
        ..Script::default()
    })
    .await;
    let systemd = fake.systemd.clone();
    let started =
        tokio::spawn(async move { systemd.start(&unit("mcpod-time.socket"), LONG).await });
    while !fake
        .calls()
        .iter()
        .any(|call| call.starts_with("StartUnit"))
    {
        tokio::task::yield_now().await;
    }
    fake.hang_up().await;
    let error = started.await.unwrap().unwrap_err();
    assert!(matches!(error, SystemdError::Closed), "{error:?}");
}

#[tokio::test]
async fn no_bus_is_told_with_its_place_and_a_way_out() {
    let error = Systemd::connect(Path::new("/nowhere/bus"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "there is no user bus at /nowhere/bus");
    assert!(error.hint().unwrap().contains("loginctl enable-linger"));
}

#[tokio::test]
async fn a_socket_that_is_no_bus_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let (connected, ()) = tokio::join!(Systemd::connect(&path), async {
        drop(listener.accept().await.unwrap());
    });
    let error = connected.unwrap_err();
    assert!(matches!(error, SystemdError::NoEntry { .. }), "{error:?}");
}

#[tokio::test]
async fn units_are_enabled_disabled_and_read_again() {
    let fake = Fake::new(Script::default()).await;
    let socket = unit("mcpod-time.socket");
    fake.systemd.enable(&[&socket]).await.unwrap();
    fake.systemd.disable(&[&socket]).await.unwrap();
    fake.systemd.reload().await.unwrap();
    assert_eq!(
        fake.calls(),
        [
            "EnableUnitFiles [\"mcpod-time.socket\"] false false",
            "DisableUnitFiles [\"mcpod-time.socket\"] false",
            "Reload"
        ]
    );
}

#[tokio::test]
async fn environment_and_version_are_read() {
    let fake = Fake::new(Script::default()).await;
    let environment = fake.systemd.environment().await.unwrap();
    assert_eq!(environment.len(), 2);
    assert_eq!(environment["XDG_CONFIG_HOME"], "/home/u/c=d");
    let version = fake.systemd.version().await.unwrap();
    assert_eq!(
        (version.text.as_str(), version.number),
        ("257.13-1~deb13u1", 257)
    );
}

#[tokio::test]
async fn units_are_listed_in_order() {
    let fake = Fake::new(Script::default()).await;
    let units = fake.systemd.list(&["mcpod-*"]).await.unwrap();
    let names: Vec<&str> = units.iter().map(|listing| listing.unit.as_str()).collect();
    assert_eq!(names, ["mcpod-time.socket", INSTANCE]);
    assert_eq!(
        (&units[0].active, &units[0].job),
        (&ActiveState::Active, &None)
    );

    let instances = fake
        .systemd
        .instances(&"time".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(instances.len(), 1);
    assert_eq!(instances[0].pid, Some(1278));
    assert_eq!(
        fake.calls()[1],
        "ListUnitsByPatterns [] [\"mcpod-time@*.service\"]"
    );
}

#[tokio::test]
async fn the_state_of_a_service_and_of_a_socket_is_read() {
    let fake = Fake::new(Script::default()).await;
    let status = fake.systemd.status(&unit(INSTANCE)).await.unwrap();
    assert_eq!(
        (&status.load, &status.active),
        (&LoadState::Loaded, &ActiveState::Failed)
    );
    assert!(status.need_daemon_reload);
    assert_eq!(
        status.since,
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1))
    );
    assert_eq!(
        status.invocation.map(|run| run.to_string()).as_deref(),
        Some("000102030405060708090a0b0c0d0e0f")
    );
    let service = status.service.unwrap();
    assert_eq!(service.result, UnitResult::OomKill);
    assert_eq!(service.exit, Some(Exit::Signal(9)));
    assert_eq!(
        (service.memory, service.memory_max),
        (None, Some(512 << 20))
    );
    assert_eq!((service.tasks, service.tasks_max), (Some(3), None));
    assert_eq!(service.cpu, Some(Duration::from_millis(1500)));
    assert_eq!(service.main_pid, Some(4321));

    let status = fake
        .systemd
        .status(&unit("mcpod-time.socket"))
        .await
        .unwrap();
    let socket = status.socket.unwrap();
    assert_eq!(socket.listens, ["/run/time.sock"]);
    assert_eq!(
        (socket.connections, socket.accepted, socket.refused),
        (2, 40, 1)
    );
    assert!(status.service.is_none());
}

#[tokio::test]
async fn the_processes_of_a_unit_are_told() {
    let script = Script {
        processes: vec![7, 8],
        ..Script::default()
    };
    let fake = Fake::new(script).await;
    let processes = fake.systemd.processes(&unit(INSTANCE)).await.unwrap();
    assert_eq!(processes, [7, 8]);
    let error = fake
        .systemd
        .processes(&unit("gone.service"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, SystemdError::NoSuchUnit { .. }),
        "{error:?}"
    );
}
