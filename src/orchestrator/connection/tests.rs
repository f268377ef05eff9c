//! Connections to a server of which a systemd for tests tells what instances come of them.

use std::collections::BTreeMap;

use tokio::net::UnixListener;

use super::*;
use crate::host::{Dirs, Host};
use crate::quadlet::name::UnitName;
use crate::settings::Settings;
use crate::systemd::fake::{Fake, Script};

/// A host with one server, `time`, that may have two sessions; as many as there are.
struct Place {
    folder: tempfile::TempDir,
    systemd: Fake,
    orchestrator: Orchestrator,
    active: Active,
    listener: UnixListener,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |path: &str| folder.path().join(path);
        for folder in ["run/mcpod", "config/systemd/user"] {
            std::fs::create_dir_all(path(folder)).unwrap();
        }
        let unit = "[Socket]\nAccept=yes\n[X-Mcpod]\nId=test:time\nName=time\nLaunch=1 image\nImage=docker.io/mcp/time\n\
             Digest=sha256:time\nNetwork=none\nLimits=memory 1G, tasks 512, sessions 2\nState=verified\n\
             Added=2026-11-22T10:00:00Z\n";
        std::fs::write(path("config/systemd/user/mcpod-time.socket"), unit).unwrap();
        let systemd = Fake::new(Script::default()).await;
        let environment = BTreeMap::from([(
            "XDG_RUNTIME_DIR".to_owned(),
            path("run").display().to_string(),
        )]);
        let dirs = Dirs {
            home: path("home"),
            config: path("config"),
            data: path("data"),
            cache: path("cache"),
            units: path("config"),
        };
        let orchestrator = Orchestrator::with(
            Host::new(1000, environment.into()),
            dirs,
            Settings::default(),
            systemd.systemd.clone(),
        );
        let active = orchestrator.find("time").unwrap();
        let listener = UnixListener::bind(&active.socket).unwrap();
        Self {
            folder,
            systemd,
            orchestrator,
            active,
            listener,
        }
    }

    /// Connects, while systemd tells of these instances.
    async fn connect(&self, told: &[u32]) -> (Hold, UnixStream) {
        let hold = self.orchestrator.hold(&self.active).await.unwrap();
        let connecting = self.orchestrator.connect_seeing(&self.active, &hold);
        let telling = async {
            self.listener.accept().await.unwrap();
            for number in told {
                self.systemd.unit("UnitNew", &unit(*number)).await;
            }
        };
        let (stream, ()) = tokio::join!(connecting, telling);
        (hold, stream.unwrap())
    }

    fn log(&self, number: u32, text: &str) {
        let pid = std::process::id();
        let path = format!("run/mcpod/time@{number}-{pid}-1000.log");
        std::fs::write(self.folder.path().join(path), text).unwrap();
    }

    async fn births(&self) -> Births {
        let mut births = Births::default();
        self.prepare(&mut births).await;
        births
    }

    async fn prepare(&self, births: &mut Births) {
        let systemd = &self.systemd.systemd;
        births.prepare(systemd, &self.active.name).await.unwrap();
    }
}

/// An instance of this process.
fn unit(number: u32) -> String {
    format!("mcpod-time@{number}-{}-1000.service", std::process::id())
}

fn noted(birth: &Birth) -> Option<UnitName> {
    let instance = birth.instance();
    instance.as_ref().map(|instance| instance.unit.clone())
}

fn name(number: u32) -> UnitName {
    UnitName::from_systemd(unit(number))
}

fn ended() -> SessionError {
    SessionError::Ended {
        garbage: None,
        cause: None,
    }
}

#[tokio::test]
async fn an_instance_that_is_told_of_anew_is_not_taken_for_the_next_ones() {
    let place = Place::new().await;
    let (first, _stream) = place.connect(&[0]).await;
    assert_eq!(noted(&first.birth), Some(name(0)));
    // systemd reads all units anew, and tells of them, while the next one connects.
    place.systemd.has(&unit(0));
    let (second, _stream) = place.connect(&[0, 1]).await;
    assert_eq!(noted(&second.birth), Some(name(1)));
    assert_eq!(noted(&first.birth), Some(name(0)));
}

#[tokio::test]
async fn an_instance_that_comes_late_is_its_own_connections() {
    let place = Place::new().await;
    let mut births = place.births().await;
    let [late, next, last] = std::array::from_fn(|_| Arc::<Birth>::default());
    births.await_one(&late);
    place.prepare(&mut births).await;
    let number = births.await_one(&next);
    for number in [0, 1] {
        place.systemd.unit("UnitNew", &unit(number)).await;
    }
    let (systemd, server) = (&place.systemd.systemd, &place.active.name);
    births.come(number, systemd, server).await;
    assert_eq!((noted(&late), noted(&next)), (Some(name(0)), Some(name(1))));
    assert!(!births.is_only());

    // One that is there before it is told of is found as well; one that was closed keeps nobody's place.
    births.await_one(&late);
    late.give_up();
    births.await_one(&next);
    place.systemd.has(&unit(2));
    place.prepare(&mut births).await;
    assert_eq!(noted(&next), Some(name(2)));
    let number = births.await_one(&last);
    for number in [2, 3] {
        place.systemd.unit("UnitNew", &unit(number)).await;
    }
    births.come(number, systemd, server).await;
    assert_eq!((noted(&late), noted(&last)), (None, Some(name(3))));
}

#[tokio::test]
async fn one_that_died_is_not_said_to_have_been_refused() {
    let place = Place::new().await;
    let (hold, _stream) = place.connect(&[0]).await;
    place.systemd.die(&unit(0), "exit-code", 1, 3, 1).await;
    let told = hold.explain(&place.active, ended()).await.to_string();
    assert!(told.contains("(exit-code, exit code 3)"), "{told}");
    // Whose connection was closed before there was an instance was.
    let hold = place.orchestrator.hold(&place.active).await.unwrap();
    let told = hold.explain(&place.active, ended()).await.to_string();
    assert!(told.contains("has 2 sessions"), "{told}");

    let told = place.orchestrator.died(&place.active).await.to_string();
    assert!(told.contains("has 2 sessions"), "{told}");
    place.log(0, "what it said");
    let told = place.orchestrator.died(&place.active).await.to_string();
    assert!(told.contains("what it said"), "{told}");
}

#[tokio::test]
async fn nobody_is_told_what_the_instance_of_another_said() {
    let place = Place::new().await;
    let (first, _stream) = place.connect(&[0]).await;
    place.log(0, "what is the first one's");
    let timed_out = || SessionError::TimedOut {
        method: "tools/call".to_owned(),
        after: Duration::from_secs(1),
        garbage: None,
    };
    let told = first.explain(&place.active, timed_out()).await;
    assert_eq!(told.last_words, "what is the first one's");
    let (systemd, server) = (&place.systemd.systemd, &place.active.name);
    let second = place.orchestrator.hold(&place.active).await.unwrap();
    let mut births = second.way.births.lock().await;
    births.prepare(systemd, server).await.unwrap();
    births.await_one(&second.birth);
    drop(births);
    let told = second.explain(&place.active, timed_out()).await;
    assert_eq!(told.last_words, "");
}

#[tokio::test]
async fn a_server_that_hangs_leaves_room_for_others() {
    let place = Place::new().await;
    let openings = (0..6).map(|_| Box::pin(place.orchestrator.connect(&place.active)));
    let opening = futures_util::future::join_all(openings);
    let hanging = async {
        let mut silent = Vec::new();
        for number in 0..4 {
            silent.push(place.listener.accept().await.unwrap());
            place.systemd.unit("UnitNew", &unit(number)).await;
        }
        let further = timeout(Duration::from_millis(300), place.listener.accept());
        (further.await.is_err(), silent)
    };
    let (waits, _silent) = tokio::select! {
        _ = opening => panic!("a silent server cannot be opened"),
        hanging = hanging => hanging,
    };
    assert!(waits, "the fifth opening does not wait");
}
