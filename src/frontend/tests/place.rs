//! The host of a test.

use std::collections::BTreeMap;

use super::*;
use crate::catalog::{Store, merge, source};
use crate::host::{Dirs, Host};
use crate::settings::Settings;
use crate::systemd::fake::Script;

/// A host of its own: folders, a systemd, servers.
pub(in crate::frontend) struct Place {
    pub(super) folder: tempfile::TempDir,
    pub(super) systemd: Arc<Fake>,
    pub(super) settings: Settings,
}

impl Place {
    /// A place where these units are up.
    pub(in crate::frontend) async fn with(units: &[&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for path in ["run/mcpod", "config/systemd/user", "cache/mcpod/lists"] {
            std::fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let systemd = Fake::new(Script {
            units: units.to_vec(),
            ..Script::default()
        })
        .await;
        Self {
            folder,
            systemd: Arc::new(systemd),
            settings: Settings::default(),
        }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Makes a server active, with what it offers in the cache, and listens on its socket.
    pub(super) fn server(&self, name: &str, lists: &Value) -> Server {
        self.write_unit(name);
        self.write_lists(name, lists);
        let listener = UnixListener::bind(self.path(&format!("run/mcpod/{name}.sock"))).unwrap();
        Server {
            name: name.to_owned(),
            listener,
            systemd: Arc::clone(&self.systemd),
            accepted: AtomicU32::new(0),
        }
    }

    pub(super) fn write_unit(&self, name: &str) {
        let unit = format!(
            "[Socket]\nAccept=yes\n[X-Mcpod]\nId=test:{name}\nName={name}\nLaunch=1 image\nImage=docker.io/mcp/{name}\n\
             Digest=sha256:{name}\nNetwork=none\nLimits=memory 1G, tasks 512, sessions 16\nState=verified\n\
             Added=2026-11-22T10:00:00Z\n"
        );
        let path = self.path(&format!("config/systemd/user/mcpod-{name}.socket"));
        std::fs::write(path, unit).unwrap();
    }

    pub(super) fn write_lists(&self, name: &str, lists: &Value) {
        let mut all = json!({"tools": [], "prompts": [], "resources": [], "templates": []});
        for (key, list) in lists.as_object().unwrap() {
            all[key] = list.clone();
        }
        let kept = json!({"digest": format!("sha256:{name}"), "lists": all});
        let path = self.path(&format!("cache/mcpod/lists/{name}.json"));
        std::fs::write(path, kept.to_string()).unwrap();
    }

    /// Fills the catalog with the entries of these sources, in mcpod's own format.
    pub(super) fn catalog(&self, sources: &[(&str, &str)]) {
        let entries = sources.iter().map(|(source, text)| {
            let parsed = source::toml::parse(source, text);
            assert!(parsed.refused.is_empty(), "{:?}", parsed.refused);
            parsed.entries
        });
        let listings = merge(entries.collect());
        Store::below(&self.path("cache"))
            .replace(&listings)
            .unwrap();
    }

    /// Runs a Podman that has these secrets and nothing else: every other request fails.
    pub(super) fn podman(&self, secrets: &'static [(&str, &str)]) -> FakePodman {
        std::fs::create_dir_all(self.path("run/podman")).unwrap();
        FakePodman::at(self.path("run/podman/podman.sock"), move |request| {
            if request.contains("/version") {
                return Answer::Json(200, json!({"Version": "5.4.2"}).to_string());
            }
            let secret = secrets
                .iter()
                .find(|(name, _)| request.contains(&format!("secrets/{name}/json")));
            match secret {
                Some((name, value)) => {
                    let spec = json!({"Name": name, "Driver": {"Name": "shell"}});
                    Answer::Json(200, json!({"Spec": spec, "SecretData": value}).to_string())
                }
                None if request.contains("/secrets/") => {
                    Answer::Json(404, json!({"message": "no such secret"}).to_string())
                }
                None => Answer::Json(500, json!({"message": NOT_HERE}).to_string()),
            }
        })
    }

    pub(in crate::frontend) fn orchestrator(&self) -> Arc<Orchestrator> {
        let environment: BTreeMap<String, String> = BTreeMap::from([(
            "XDG_RUNTIME_DIR".to_owned(),
            self.path("run").display().to_string(),
        )]);
        let dirs = Dirs {
            home: self.path("home"),
            config: self.path("config"),
            data: self.path("data"),
            cache: self.path("cache"),
            units: self.path("config"),
        };
        let host = Host::new(1000, environment.into());
        let systemd = self.systemd.systemd.clone();
        Arc::new(Orchestrator::with(
            host,
            dirs,
            self.settings.clone(),
            systemd,
        ))
    }

    /// Starts the frontend for one agent.
    pub(super) async fn agent(&self, shape: Shape) -> Client {
        let frontend = Frontend::start(self.orchestrator(), shape).await.unwrap();
        Client::of(&frontend)
    }
}
