use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::*;
use crate::systemd::fake::{Fake, Script};

const INSTANCE: &str = "mcpod-time@3-1278-1000.service";

fn units(names: &[&str]) -> Vec<UnitName> {
    names
        .iter()
        .map(|name| UnitName::from_systemd(*name))
        .collect()
}

fn seen(names: &[&str], looks: u32) -> Vec<(UnitName, u32)> {
    units(names).into_iter().map(|unit| (unit, looks)).collect()
}

/// Waits until something is so. What a test closes is closed at once but for a moment in which another test, about to start a process,
/// has copies of all that is open.
pub(super) fn eventually(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "it was not so in time");
        std::thread::yield_now();
    }
}

#[test]
fn an_instance_is_convicted_when_its_client_was_gone_often_enough_in_a_row() {
    let mut suspects = Suspects::default();
    assert_eq!(suspects.convict(seen(&["a", "b"], 2)), []);
    assert_eq!(suspects.convict(seen(&["b", "c"], 2)), units(&["b"]));
    assert_eq!(suspects.convict(seen(&["a"], 2)), []);
    // One that could not be stopped is stopped again.
    assert_eq!(suspects.convict(seen(&["a"], 2)), units(&["a"]));
    assert_eq!(suspects.convict(seen(&["a"], 2)), units(&["a"]));
    assert_eq!(suspects.convict(Vec::new()), []);
    assert!(suspects.0.is_empty());
    for look in 1..=10 {
        let convicted = suspects.convict(seen(&["a"], 10));
        assert_eq!(convicted.len(), usize::from(look == 10), "{look}");
    }
}

#[test]
fn only_what_is_surely_without_client_is_suspected() {
    use ActiveState::{Activating, Active};
    for (active, connection, is_empty, expected) in [
        (Active, Connection::Open, false, None),
        (Active, Connection::HungUp, false, Some(2)),
        (Active, Connection::Absent, false, Some(3)),
        (Active, Connection::Hidden, false, None),
        (Activating, Connection::Open, false, None),
        (Activating, Connection::HungUp, false, Some(2)),
        (Activating, Connection::Absent, false, None),
        (Activating, Connection::Hidden, false, None),
        (Activating, Connection::Absent, true, Some(3)),
    ] {
        assert_eq!(
            looks(&active, connection, is_empty),
            expected,
            "{active} {connection:?} {is_empty}"
        );
    }
}

#[test]
fn the_unit_names_the_program_wherever_it_lies() {
    assert_eq!(guard_unit(PACKAGED_PROGRAM).unwrap(), GUARD_UNIT_TEXT);
    let unit = guard_unit("/home/u v/100%/mcpod").unwrap();
    assert!(
        unit.contains(" \"/home/u v/100%%/mcpod\" guard\n"),
        "{unit}"
    );
    assert!(!unit.contains(PACKAGED_PROGRAM));
    assert!(guard_unit("/home/u\u{7}/mcpod").is_err());
    assert!(guard_unit("mcpod").is_err());
}

/// The command of the guard's unit for a program, as systemd starts it where mcpod's runtime directory is below `runtime`.
fn started(program: &Path, runtime: &Path) -> Command {
    let unit = guard_unit(program.to_str().unwrap()).unwrap();
    let unit = UnitFile::parse(&unit).unwrap();
    let line = unit.get("Service", "ExecStart").unwrap().to_owned();
    let line = line.replace("%t", runtime.to_str().unwrap());
    let words = line.replace("$$", "$").replace("%%", "%");
    let (shell, rest) = words.split_once(" -c '").unwrap();
    let (script, arguments) = rest.split_once('\'').unwrap();
    let mut command = Command::new(shell);
    command
        .args(["-c", script])
        .args(arguments.split(' ').skip(1));
    command
}

#[test]
fn the_unit_runs_the_program() {
    let runtime = tempfile::tempdir().unwrap();
    let echo = started(Path::new("/bin/echo"), runtime.path())
        .output()
        .unwrap();
    assert_eq!(echo.stdout, b"guard\n");
}

#[test]
fn where_the_program_is_gone_logs_have_a_bound() {
    let runtime = tempfile::tempdir().unwrap();
    let folder = runtime.path().join("mcpod");
    std::fs::create_dir(&folder).unwrap();
    let write = |file: &str, bytes: usize, minutes: u64| {
        let file = File::create(folder.join(file)).unwrap();
        file.set_len(bytes as u64).unwrap();
        let ago = std::time::SystemTime::now() - Duration::from_mins(minutes);
        file.set_modified(ago).unwrap();
    };
    write("flood@1-2-3.log", 2 << 20, 0);
    write("recent@1-2-3.log", 1000, 10);
    write("silent@1-2-3.log", 1000, 60);
    write("mcpod-silent@1-2-3.service.pid", 4, 60);
    write("over@1-2-3.log", 1000, 60);
    write("over@1-2-3.txt", 2 << 20, 60);

    let mut shell = started(&folder.join("none"), runtime.path())
        .spawn()
        .unwrap();
    eventually(|| !folder.join("over@1-2-3.log").exists());
    shell.kill().unwrap();
    shell.wait().unwrap();

    let size = |file: &str| std::fs::metadata(folder.join(file)).unwrap().len();
    assert_eq!(size("flood@1-2-3.log"), 0);
    assert_eq!(size("recent@1-2-3.log"), 1000);
    assert_eq!(size("silent@1-2-3.log"), 1000);
    assert_eq!(size("over@1-2-3.txt"), 2 << 20);
}

#[test]
fn the_shipped_units_can_be_read() {
    let guard = UnitFile::parse(GUARD_UNIT_TEXT).unwrap();
    assert_eq!(guard.get("Unit", "StopWhenUnneeded"), Some("yes"));
    assert_eq!(guard.get("Service", "Slice"), Some(SLICE_UNIT));
    let slice = UnitFile::parse(SLICE_UNIT_TEXT).unwrap();
    assert_eq!(slice.get("Unit", "Description"), Some("MCP servers"));
}

#[tokio::test]
async fn an_instance_is_stopped_when_its_client_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mcpod")).unwrap();
    let path = folder.path().join("mcpod/time.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let client = UnixStream::connect(&path).unwrap();
    let (server, _) = listener.accept().unwrap();
    let mut process = sleep(server);
    let fake = Fake::new(Script {
        processes: vec![process.id()],
        ..Script::default()
    })
    .await;

    let pace = Pace {
        relay: Duration::from_millis(1),
        scan: Duration::from_millis(1),
        grace: Duration::from_millis(2),
    };
    let systemd = fake.systemd.clone();
    let runtime = RuntimeDir::at(path.parent().unwrap());
    let guard = tokio::spawn(async move { run(&systemd, runtime, pace).await });
    let mut looks = 0;
    while looks < 5 {
        let calls = fake.calls();
        looks += calls
            .iter()
            .filter(|call| call.starts_with("ListUnits"))
            .count();
        assert!(!calls.iter().any(|call| call.starts_with("StopUnit")));
        tokio::task::yield_now().await;
    }
    drop(client);
    let stop = format!("StopUnit {INSTANCE} replace");
    while !fake.calls().contains(&stop) {
        tokio::task::yield_now().await;
    }

    // Without systemd there is nothing to guard.
    fake.hang_up().await;
    assert!(matches!(
        guard.await.unwrap(),
        Err(GuardError::Systemd(SystemdError::Closed))
    ));
    process.kill().unwrap();
    process.wait().unwrap();
}

fn sleep(stdin: UnixStream) -> Child {
    Command::new("sleep")
        .arg("600")
        .stdin(OwnedFd::from(stdin))
        .spawn()
        .unwrap()
}
