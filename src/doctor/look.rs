//! Looking: where the facts come from. Nothing is judged, and nothing is changed, but that Podman's socket may be started.

mod files;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::agents::Agent;
use super::catalog::Sources;
use super::installation::{Completion, Installation, Shell};
use super::network::Network;
use super::podman::{Podman, SocketUnit};
use super::security::{SecretLink, Security, StoredSecret};
use super::user::User;
use super::{Distribution, Facts};
use crate::catalog::Store;
use crate::catalog::refresh::{Limits, Refresh};
use crate::client_config::{self, AGENTS, Scope, Surroundings};
use crate::credentials::{self, Credentials, Protection};
use crate::host::{Dirs, Environment, Host};
use crate::orchestrator::Orchestrator;
use crate::podman;
use crate::quadlet::name::UnitName;
use crate::quadlet::version::PodmanVersion;
use crate::settings::Settings;
use crate::systemd::{ActiveState, LoadState, Systemd, SystemdError, UnitStatus};
use files::Root;

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at a host.
#[derive(Debug)]
pub struct Look {
    root: Root,
    host: Host,
    /// What each shell is to read.
    completions: Vec<(Shell, String)>,
    /// Folders, as far as they are known.
    dirs: Option<Dirs>,
    /// Why the settings cannot be used.
    bad_settings: Option<String>,
    settings: Settings,
    /// The user's systemd, or why there is none.
    systemd: Result<Systemd, SystemdError>,
    /// The chain, where there is a systemd to run it and a home.
    orchestrator: Option<Orchestrator>,
}

impl Look {
    /// Connects to what there is; `completions` is what each shell is to read.
    pub async fn at(host: Host, completions: Vec<(Shell, String)>) -> Self {
        let systemd = Systemd::connect(&host.runtime.bus()).await;
        let environment = match &systemd {
            Ok(systemd) => systemd.environment().await.unwrap_or_default(),
            Err(_) => BTreeMap::new(),
        };
        let dirs = host.dirs(&Environment::from(environment)).ok();
        let loaded = dirs.as_ref().map(|dirs| Settings::load(&dirs.config));
        let (settings, bad_settings) = match loaded {
            Some(Ok(settings)) => (settings, None),
            Some(Err(error)) => (Settings::default(), Some(in_words(error))),
            None => (Settings::default(), Some("HOME is not known".to_owned())),
        };
        let orchestrator = systemd
            .as_ref()
            .ok()
            .zip(dirs.as_ref())
            .map(|(systemd, dirs)| {
                Orchestrator::with(
                    host.clone(),
                    dirs.clone(),
                    settings.clone(),
                    systemd.clone(),
                )
            });
        Self {
            root: Root::of_host(),
            host,
            completions,
            dirs,
            bad_settings,
            settings,
            systemd,
            orchestrator,
        }
    }

    /// The chain, where there is a systemd to run it.
    pub fn orchestrator(&self) -> Option<&Orchestrator> {
        self.orchestrator.as_ref()
    }

    /// What the shells of this host are to read that do not yet.
    pub fn missing_completions(&self) -> Vec<(Shell, &str)> {
        let states = self.completion_states();
        let missing = self.completions.iter().filter(|(shell, _)| {
            states
                .iter()
                .any(|(other, state)| other == shell && *state != Completion::Installed)
        });
        missing
            .map(|(shell, text)| (*shell, text.as_str()))
            .collect()
    }

    /// Folders, as far as they are known.
    pub fn dirs(&self) -> Option<&Dirs> {
        self.dirs.as_ref()
    }

    /// Looks at everything.
    pub async fn facts(&self) -> Facts {
        let root = &self.root;
        let servers = match self.orchestrator() {
            Some(orchestrator) => orchestrator.checkup().await.map_err(in_words),
            // Said already.
            None => Ok(Vec::new()),
        };
        let podman = self.podman().await;
        let runtime = self.runtime(&podman).await;
        Facts {
            distribution: Distribution::of(&root.text("etc/os-release")),
            podman,
            user: self.user().await,
            network: Network {
                pasta: root.program("pasta"),
                nft: root.program("nft"),
                runtime,
            },
            security: self.security().await,
            room: root.room(self.host.uid, &self.folders()),
            installation: self.installation(),
            servers,
            catalog: self.catalog().await,
            agents: self.agents(),
        }
    }

    async fn podman(&self) -> Podman {
        let socket = self.unit(podman::SOCKET_UNIT).await;
        let socket = socket.map(|unit| match (unit.load, unit.active) {
            (LoadState::Masked, _) => SocketUnit::Masked,
            (LoadState::NotFound, _) => SocketUnit::Missing,
            (_, ActiveState::Failed) => SocketUnit::Failed,
            (_, active) if active.is_over() => SocketUnit::Down,
            _ => SocketUnit::Listening,
        });
        let program = self.root.program("podman");
        let version = match (socket, &program) {
            (Some(SocketUnit::Listening), _) => {
                let socket = podman::Podman::socket_below(self.host.runtime.path());
                podman::Podman::new(socket)
                    .version()
                    .await
                    .map_err(in_words)
            }
            (_, Some(program)) => version_of(program).await,
            (_, None) => Err("it is not there".to_owned()),
        };
        Podman {
            program,
            socket,
            version,
            generator: self.root.generator(),
            short_names: self
                .root
                .short_names(self.dirs.as_ref().map(|dirs| dirs.config.as_path())),
        }
    }

    /// What Podman runs containers by, if it says so. Its service may have read its settings long ago; but the program needs namespaces,
    /// which may be forbidden here.
    async fn runtime(&self, podman: &Podman) -> Option<String> {
        if let Some(runtime) = runtime_of(podman.program.as_ref()?).await {
            return Some(runtime);
        }
        if podman.socket != Some(SocketUnit::Listening) {
            return None;
        }
        let socket = podman::Podman::socket_below(self.host.runtime.path());
        podman::Podman::new(socket).runtime().await.ok()
    }

    /// A unit of the user's, as systemd knows it.
    async fn unit(&self, name: &str) -> Option<UnitStatus> {
        let systemd = self.systemd.as_ref().ok()?;
        systemd.status(&UnitName::from_systemd(name)).await.ok()
    }

    async fn user(&self) -> User {
        let Host { uid, .. } = self.host;
        let name = self.root.user_name(uid);
        let (manager, group) = match &self.systemd {
            Ok(systemd) => {
                let version = systemd.version().await;
                let version = version.map(|version| version.text);
                let group = systemd.control_group().await.ok();
                (
                    version.map_err(|error| (error.to_string(), error.hint())),
                    group,
                )
            }
            Err(error) => (Err((chain(error), error.hint())), None),
        };
        User {
            manager,
            lingers: self.root.has(&format!("var/lib/systemd/linger/{name}")),
            subids: self.root.subids(&name, uid),
            namespaces: self.root.namespaces(),
            controllers: self.root.controllers(group.as_deref()),
            journal: self.host.journal_readable(),
            name,
        }
    }

    async fn security(&self) -> Security {
        let secrets = match self.orchestrator() {
            Some(orchestrator) => orchestrator.list_secrets().await.map_err(in_words),
            None => Err("your systemd does not answer".to_owned()),
        };
        let stored = |secret: crate::orchestrator::secrets::Listed| StoredSecret {
            name: secret.name,
            encrypted: secret.encrypted,
        };
        let secrets = secrets.map(|secrets| secrets.into_iter().map(stored).collect());
        let service = Credentials::at(credentials::SERVICE);
        let is_there = service.is_there();
        // A TPM takes its time. A service that refuses is told of where secrets are stored.
        let protection = tokio::task::spawn_blocking(move || service.protection());
        let protection = protection.await.ok().and_then(Result::ok);
        Security {
            credentials: is_there,
            protection: protection.unwrap_or(Protection::None),
            tpm: self.root.has("sys/class/tpm/tpm0"),
            secrets,
            secret_link: self.secret_link().await,
            selinux: self.root.selinux(),
            apparmor: self.root.apparmor(),
        }
    }

    /// The link by which Podman finds this program; nothing where no secret was ever encrypted.
    async fn secret_link(&self) -> Option<SecretLink> {
        let (link, store) = self.orchestrator()?.secret_store();
        std::fs::symlink_metadata(&link).ok()?;
        // A TPM takes its time.
        let sealed = tokio::task::spawn_blocking(move || {
            let mut failures = store
                .ids()
                .unwrap_or_default()
                .into_iter()
                .filter_map(|id| store.lookup(&id).err());
            let first = failures.next()?;
            Some((1 + failures.count(), chain(&first)))
        });
        Some(SecretLink {
            leads_somewhere: link.exists(),
            sealed: sealed.await.ok().flatten(),
        })
    }

    /// The agents that are installed or have mcpod in their configuration.
    fn agents(&self) -> Option<Vec<Agent>> {
        let dirs = self.dirs()?;
        // What projects have is seen in their folders.
        let project = dirs.home.clone();
        let around = Surroundings::of(&self.host, dirs, project, &self.settings.http.address);
        let seen = AGENTS.iter().filter_map(|agent| {
            let (_, state) = agent.state(Scope::User, &around)?;
            let concerns = state != client_config::State::Absent || agent.is_installed(&around);
            concerns.then_some(Agent {
                id: agent.id,
                title: agent.title,
                state,
            })
        });
        Some(seen.collect())
    }

    fn installation(&self) -> Installation {
        let units = self
            .orchestrator()
            .and_then(|orchestrator| orchestrator.every_own_unit(self.root.path()).ok());
        Installation {
            units: units.unwrap_or_default(),
            completions: self.completion_states(),
            settings: self.bad_settings.clone(),
        }
    }

    /// The shells that are there, and whether each completes mcpod's commands.
    fn completion_states(&self) -> Vec<(Shell, Completion)> {
        let of = |(shell, text): &(Shell, String)| {
            let completion = self.completion(*shell, text);
            self.root
                .program(shell.as_str())
                .map(|_| (*shell, completion))
        };
        self.completions.iter().filter_map(of).collect()
    }

    fn completion(&self, shell: Shell, text: &str) -> Completion {
        let packaged = |file: &&str| self.root.has(&format!("usr/share/{file}"));
        let users = self
            .dirs
            .as_ref()
            .map(|dirs| dirs.data.join(shell.user_file()));
        let users = users.and_then(|file| std::fs::read_to_string(file).ok());
        match users {
            Some(users) if users == text => Completion::Installed,
            Some(_) => Completion::Outdated,
            None if shell.package_files().iter().any(packaged) => Completion::Installed,
            None => Completion::Missing,
        }
    }

    async fn catalog(&self) -> Option<Sources> {
        let dirs = self.dirs.as_ref()?;
        let refresh = Refresh {
            store: Store::below(&dirs.cache),
            sources: self.settings.sources.sources(),
            limits: Limits::default(),
        };
        let timer = match self.orchestrator() {
            Some(orchestrator) => orchestrator.has_timer().await.ok(),
            None => None,
        };
        Some(Sources {
            reports: refresh.reports(),
            timer,
        })
    }

    /// The folders that must not be full, what they hold, and how many free bytes are enough.
    fn folders(&self) -> Vec<(PathBuf, &'static str, u64)> {
        const MIB: u64 = 1 << 20;
        let mut folders = vec![(
            self.host.runtime.path().to_owned(),
            "sessions and their secrets",
            64 * MIB,
        )];
        if let Some(dirs) = &self.dirs {
            folders.extend([
                (dirs.data.join("containers"), "images", 2048 * MIB),
                (dirs.units.join("systemd/user"), "units", 8 * MIB),
                (dirs.cache.join("mcpod"), "the catalog", 256 * MIB),
                (dirs.data.join("mcpod"), "secrets", 8 * MIB),
            ]);
        }
        folders
    }
}

/// What `podman --version` says, which asks no service.
async fn version_of(program: &Path) -> Result<PodmanVersion, String> {
    let said = said_by(program, &["--version"]).await?;
    let version = said.rsplit(' ').next().unwrap_or_default();
    version.parse().map_err(in_words)
}

/// What Podman runs containers by, as its program says.
async fn runtime_of(program: &Path) -> Option<String> {
    let said = said_by(program, &["info", "--format={{.Host.OCIRuntime.Name}}"]).await;
    said.ok().filter(|name| !name.is_empty())
}

/// What a program writes, without the space around it.
async fn said_by(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let asked = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(output) => output.map_err(in_words)?,
        Err(_) => return Err(format!("{} does not end", program.display())),
    };
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// An error with its causes, in a line.
fn in_words(error: impl std::error::Error + Send + Sync + 'static) -> String {
    crate::text::one_line(&format!("{:#}", anyhow::Error::new(error)))
}

/// The same, of one that is needed further.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    crate::text::one_line(&words)
}
