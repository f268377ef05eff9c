//! What an administrator and a user may set: drop-ins in TOML, merged, checked once.
//!
//! Read in this order, later ones winning key by key:
//! `/usr/lib/mcpod/config.d/*.toml`, `/etc/mcpod/config.d/*.toml` (a file there hides the one of the same name in
//! `/usr/lib`, as systemd's drop-ins do), `$XDG_CONFIG_HOME/mcpod/config.toml`. An unknown key is an error that
//! names the file, so that a misspelt limit is never silently no limit.

mod defaults;
mod file;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::activation::limits::{Cpus, Lifetime, Memory};
use crate::catalog::refresh::SourcesFile;
use crate::frontend::http::Address;
use crate::image::ImageReference;
use file::{
    AbsolutePath, BuildFile, DocumentUrl, File, HttpFile, PolicyFile, Proxy, SandboxFile,
    SessionsFile, parse,
};

/// The settings in force, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How sessions with servers behave.
    pub sessions: Sessions,
    /// What a server may use unless it is told otherwise at `add`.
    pub sandbox: Sandbox,
    /// How images are built.
    pub build: Build,
    /// What agents may do without asking the user.
    pub policy: Policy,
    /// What images must show before they are taken.
    pub trust: Trust,
    /// How users log in to remote servers.
    pub login: Login,
    /// Where the catalog comes from.
    pub sources: SourcesFile,
    /// How agents are served over HTTP.
    pub http: Http,
}

/// `[http]`: how agents are served over HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// Where to listen unless the command says so.
    pub address: Address,
    /// Names of this host by which it may be spoken to, beside `localhost`.
    pub hosts: Vec<String>,
    /// How long an agent may be silent before it is taken to be gone.
    pub idle: Duration,
    /// Where browsers find the page, with a slash at its end, if not at the address that is listened on: behind a reverse proxy.
    pub url: Option<String>,
}

/// `[build]`: how images are built from packages and repositories.
#[derive(Debug, Clone, PartialEq)]
pub struct Build {
    /// What packages of npm are installed on.
    pub node: ImageReference,
    /// What packages of PyPI are installed on.
    pub python: ImageReference,
    /// What tools of .NET are installed on.
    pub dotnet: ImageReference,
    /// What crates of Rust are compiled on.
    pub rust: ImageReference,
    /// What modules of Go are compiled on.
    pub go: ImageReference,
    /// A file of certificates that builds, and servers with a network, are to trust in place of their own: an absolute path.
    pub ca_bundle: Option<String>,
    /// The proxy by which builds, and servers with a network, reach the web.
    pub proxy: Option<String>,
    /// Memory of one build.
    pub memory: Memory,
    /// Threads and processes of one build.
    pub tasks: u32,
}

/// `[sessions]`: time limits and numbers of sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct Sessions {
    /// How long a server may take from the connection to its first answer.
    pub open_timeout: Duration,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// How many sessions one server may have at once.
    pub max: u32,
    /// How long a frontend keeps a session that nobody uses; `None` for as long as the agent is there.
    pub idle: Option<Duration>,
}

/// `[policy]`: what agents may do without asking the user.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What an agent may add.
    pub agent_add: AgentAdd,
    /// Whether an agent may run commands of the host as servers.
    pub allow_host_commands: bool,
}

/// `[login]`: how users log in to remote servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// Where the metadata document lies that says which client mcpod is. It is taken where the authorization server can read such
    /// documents.
    pub client_metadata_url: Option<String>,
}

/// `[trust]`: what images must show before they are taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// The registries, or parts of them, whose images must bear a sigstore signature.
    pub require_signature: Vec<String>,
}

impl Trust {
    /// The registry, or the part of one, by which an image must bear a signature.
    pub fn prefix_of(&self, image: &ImageReference) -> Option<&str> {
        let repository = image.repository();
        let is_in = |prefix: &&String| {
            let rest = repository.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.require_signature
            .iter()
            .find(is_in)
            .map(String::as_str)
    }
}

/// What an agent may add without asking the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentAdd {
    /// Entries of curated sources whose launch data is declared, as they are declared.
    Curated,
    /// Every entry of the catalog, as it is declared.
    Catalog,
    /// Nothing: the user is asked each time.
    Ask,
    /// Nothing, and the user is not asked either.
    Deny,
}

/// `[sandbox]`: limits of one session of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Sandbox {
    /// Memory of one session.
    pub memory: Memory,
    /// Processors that one session may use, `None` for as many as there are.
    pub cpus: Option<Cpus>,
    /// Threads and processes of one session.
    pub tasks: u32,
    /// How long one session may last, `None` for as long as its client wants.
    pub lifetime: Option<Lifetime>,
    /// What is done with the labels of folders that are mounted.
    pub selinux: Relabel,
}

/// What is done with the SELinux labels of the user's folders that are mounted into a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relabel {
    /// They stay. Where SELinux is enforced the server then sees only what is labelled for containers.
    #[default]
    Keep,
    /// All containers may see them from then on.
    Shared,
    /// This server alone may see them from then on.
    Private,
}

impl Relabel {
    /// The option of `podman run --volume` for it.
    pub fn option(self) -> Option<&'static str> {
        match self {
            Self::Keep => None,
            Self::Shared => Some("z"),
            Self::Private => Some("Z"),
        }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file or folder is there but cannot be read.
    #[error("cannot read the settings in {}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is no TOML, or has an unknown key or an unusable value.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong and where, from the parser.
        message: String,
    },
}

impl Settings {
    /// Reads the administrator's drop-ins and the user's file below `user_config` (`$XDG_CONFIG_HOME`).
    pub fn load(user_config: &Path) -> Result<Self, SettingsError> {
        Self::load_from(
            &[
                Path::new("/usr/lib/mcpod/config.d"),
                Path::new("/etc/mcpod/config.d"),
            ],
            &user_config.join("mcpod/config.toml"),
        )
    }

    /// Reads from the given folders, a later one hiding files of an earlier one, and then from the user's file.
    pub fn load_from(folders: &[&Path], user_file: &Path) -> Result<Self, SettingsError> {
        let mut drop_ins = BTreeMap::new();
        for folder in folders {
            for path in toml_files(folder)? {
                drop_ins.insert(path.file_name().map(ToOwned::to_owned), path);
            }
        }
        let mut settings = Self::default();
        for path in drop_ins.into_values().chain([user_file.to_owned()]) {
            match std::fs::read_to_string(&path) {
                Ok(text) => settings.apply(parse(&path, &text)?),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(SettingsError::Unreadable { path, source }),
            }
        }
        Ok(settings)
    }

    fn apply(&mut self, file: File) {
        let File {
            sessions,
            sandbox,
            build,
            policy,
            trust,
            login,
            sources,
            http,
        } = file;
        if let Some(DocumentUrl(url)) = login.client_metadata_url {
            self.login.client_metadata_url = Some(url);
        }
        if let Some(prefixes) = trust.require_signature {
            self.trust.require_signature = prefixes.into_iter().map(|prefix| prefix.0).collect();
        }
        let HttpFile {
            address,
            hosts,
            idle,
            url,
        } = http;
        set(&mut self.http.address, address.map(|address| address.0));
        set(&mut self.http.hosts, hosts);
        set(&mut self.http.idle, idle.map(|idle| idle.0));
        if let Some(url) = url {
            self.http.url = Some(url.0);
        }
        self.sources.merge(sources);
        let SessionsFile {
            open_timeout,
            call_timeout,
            max,
            idle,
        } = sessions;
        set(
            &mut self.sessions.open_timeout,
            open_timeout.map(|span| span.0),
        );
        set(
            &mut self.sessions.call_timeout,
            call_timeout.map(|span| span.0),
        );
        set(&mut self.sessions.max, max.map(Into::into));
        set(&mut self.sessions.idle, idle.map(|idle| idle.0));
        let PolicyFile {
            agent_add,
            allow_host_commands,
        } = policy;
        set(&mut self.policy.agent_add, agent_add);
        set(&mut self.policy.allow_host_commands, allow_host_commands);
        let SandboxFile {
            memory,
            cpus,
            tasks,
            lifetime,
            selinux,
        } = sandbox;
        if lifetime.is_some() {
            self.sandbox.lifetime = lifetime;
        }
        set(&mut self.sandbox.selinux, selinux);
        set(&mut self.sandbox.memory, memory);
        if cpus.is_some() {
            self.sandbox.cpus = cpus;
        }
        set(&mut self.sandbox.tasks, tasks.map(Into::into));
        let BuildFile {
            node,
            python,
            dotnet,
            rust,
            go,
            ca_bundle,
            proxy,
            memory,
            tasks,
        } = build;
        set(&mut self.build.node, node);
        set(&mut self.build.python, python);
        set(&mut self.build.dotnet, dotnet);
        set(&mut self.build.rust, rust);
        set(&mut self.build.go, go);
        if let Some(AbsolutePath(path)) = ca_bundle {
            self.build.ca_bundle = Some(path);
        }
        if let Some(Proxy(url)) = proxy {
            self.build.proxy = Some(url);
        }
        set(&mut self.build.memory, memory);
        set(&mut self.build.tasks, tasks.map(Into::into));
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn toml_files(folder: &Path) -> Result<Vec<PathBuf>, SettingsError> {
    let unreadable = |source| SettingsError::Unreadable {
        path: folder.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(unreadable(source)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
