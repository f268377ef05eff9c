//! A plan: what will run under a name, and how. Everything that unit files are made from, decided and checked.

mod error;

use std::collections::BTreeSet;
use std::fmt;

use sha2::{Digest as _, Sha256};

pub use error::PlanError;

use super::build::Build;
use super::choices::{Choices, Instances, Network};
use super::endpoint::Endpoint;
use super::inputs::Inputs;
use super::invocation::{Bind, Invocation, stored, with_values};
use super::limits::Limits;
use crate::catalog::{self, Artifact, LaunchOption, Local, Run, ToolContainer, Transport};
use crate::image::ImageReference;
use crate::quadlet::name::ServerName;
use crate::quadlet::value::Assignment;
use crate::settings::{Relabel, Settings};

/// What will run, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The name it will be active under.
    pub name: ServerName,
    /// The entry's id in the catalog, or the reference it was given by.
    pub id: String,
    /// Which of the entry's launch options, counted from 1, and its kind.
    pub launch: String,
    /// The fingerprint of that option: see [`fingerprint`].
    pub launch_hash: String,
    /// Where it comes from; an image is pinned when it is here.
    pub origin: Origin,
    /// Where it listens in its container, if it does and does not speak on its standard input and output.
    pub http: Option<Endpoint>,
    /// Whether a server that listens runs without clients too.
    pub always_on: bool,
    /// What it is started with.
    pub invocation: Invocation,
    /// The inputs that the user gave, for the record.
    pub inputs: Vec<Assignment>,
    /// The variables that the user chose, for the record.
    pub environment: Vec<Assignment>,
    /// The files and folders of the host that the user chose, for the record.
    pub mounts: Vec<Bind>,
    /// What is done with the labels of what is mounted.
    pub relabel: Relabel,
    /// How many instances there may be at once.
    pub instances: Instances,
    /// The network it sees.
    pub network: Network,
    /// The file of certificates that it is to trust in place of its own, where it has a network.
    pub ca_bundle: Option<String>,
    /// The proxy by which it reaches the web, where it has the open network.
    pub proxy: Option<String>,
    /// What one session may use.
    pub limits: Limits,
}

/// Where a server comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From a registry of images, as the entry names it.
    Image(ImageReference),
    /// It is built here.
    Build(Build),
    /// Each call of its tools has one: a server of mcpod's own runs them.
    Tools(Vec<ToolContainer>),
    /// There is none: a program of this host runs, of this absolute path once that is known.
    Command(String),
    /// Nowhere: the server runs elsewhere.
    Remote(Endpoint),
}

impl Origin {
    /// How it is built, if it is.
    pub fn build(&self) -> Option<&Build> {
        match self {
            Self::Image(_) | Self::Tools(_) | Self::Command(_) | Self::Remote(_) => None,
            Self::Build(build) => Some(build),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(reference) => reference.fmt(f),
            Self::Build(build) => build.fmt(f),
            Self::Tools(tools) => {
                let images: BTreeSet<String> =
                    tools.iter().map(|tool| tool.image.to_string()).collect();
                f.write_str(&images.into_iter().collect::<Vec<_>>().join(" "))
            }
            Self::Command(program) => write!(f, "command:{program}"),
            Self::Remote(endpoint) => f.write_str(&endpoint.shown),
        }
    }
}

fn list(words: &[String]) -> String {
    words.join(", ")
}

impl Plan {
    /// Whether it runs in a container of this host, which has a network of its own.
    pub fn is_container(&self) -> bool {
        match self.origin {
            Origin::Image(_) | Origin::Build(_) => true,
            Origin::Remote(_) | Origin::Tools(_) | Origin::Command(_) => false,
        }
    }

    /// Decides how a server will run under a name. `launch` are the ways to run it, best first.
    pub fn new(
        id: &str,
        launch: &[LaunchOption],
        name: ServerName,
        choices: &Choices,
        settings: &Settings,
    ) -> Result<Self, PlanError> {
        let id = id.to_owned();
        let (number, option) = choose(&id, launch, choices.launch)?;
        let secrets = with_values(&choices.secrets);
        let inputs = Inputs::new(&id, option, &choices.inputs, &secrets)?;
        inputs.require(&id)?;
        let (origin, http, invocation, declared) = match &option.run {
            Run::Local(local) => (
                origin(local, choices, settings)?,
                Endpoint::of_local(&id, local, &inputs)?,
                Invocation::new(&id, &name, local, &inputs, choices)?,
                &local.network,
            ),
            Run::Remote(_)
                if choices
                    .network
                    .as_ref()
                    .is_some_and(|network| *network != Network::Open) =>
            {
                let what = "the open network, since it runs elsewhere".to_owned();
                return Err(PlanError::Needs { id, what });
            }
            Run::Remote(remote) => {
                let mut secrets = stored(&name, &inputs);
                let endpoint =
                    Endpoint::of_remote(&id, &name, remote, &inputs, choices, &mut secrets)?;
                let invocation = Invocation {
                    secrets,
                    ..Invocation::default()
                };
                (
                    Origin::Remote(endpoint),
                    None,
                    invocation,
                    &catalog::Network::Open,
                )
            }
        };
        if matches!(origin, Origin::Command(_) | Origin::Tools(_)) && !invocation.secrets.is_empty()
        {
            return Err(PlanError::SecretExposed {
                id,
                place: "its environment, which other processes of yours can read where no container is",
            });
        }
        // All sessions of one that listens share its only container.
        let shared = http.is_none() && invocation.volumes.iter().any(|volume| !volume.read_only);
        let instances = choices.instances.unwrap_or(if shared {
            Instances::Single
        } else {
            Instances::Private
        });
        let chosen = choices.network.clone();
        let network = chosen.unwrap_or_else(|| Network::from(declared));
        // What keeps a server to its hosts works in the network namespace of its own container.
        if matches!(origin, Origin::Command(_) | Origin::Tools(_))
            && matches!(network, Network::Allow(_))
        {
            let what = format!("the network {network} without a container of its own");
            return Err(PlanError::Needs { id, what });
        }
        Ok(Self {
            name,
            launch: format!("{number} {}", option.kind()),
            launch_hash: fingerprint(option),
            id,
            origin,
            always_on: choices.always_on && http.is_some(),
            http,
            invocation,
            inputs: choices.inputs.clone(),
            environment: choices.environment.clone(),
            mounts: choices.mounts.clone(),
            relabel: settings.sandbox.selinux,
            instances,
            ca_bundle: settings
                .build
                .ca_bundle
                .clone()
                .filter(|_| network != Network::None),
            // Past a list of hosts a proxy would lead anywhere.
            proxy: settings
                .build
                .proxy
                .clone()
                .filter(|_| network == Network::Open),
            network,
            limits: Limits {
                memory: choices.memory.unwrap_or(settings.sandbox.memory),
                cpus: choices.cpus.or(settings.sandbox.cpus),
                tasks: choices.tasks.unwrap_or(settings.sandbox.tasks),
                sessions: choices.sessions.unwrap_or(settings.sessions.max),
                lifetime: choices.lifetime.or(settings.sandbox.lifetime),
            },
        })
    }
}

/// Where the image of a launch option comes from.
pub fn origin(local: &Local, choices: &Choices, settings: &Settings) -> Result<Origin, PlanError> {
    Ok(match &local.artifact {
        Artifact::Image(image) => Origin::Image(image.clone()),
        Artifact::Package(package) => Origin::Build(Build::of_package(
            package,
            choices.entry.as_deref(),
            choices.scripts,
            &settings.build,
        )?),
        Artifact::Git(git) => Origin::Build(Build::of_repository(
            git,
            choices.entry.as_deref(),
            choices.scripts,
        )?),
        Artifact::Tools(tools) => Origin::Tools(tools.clone()),
        Artifact::Command(program) => Origin::Command(program.clone()),
        Artifact::Bundle(bundle) => Origin::Build(Build::of_bundle(bundle)),
    })
}

/// Whether a way to run a server is one that can be made active.
pub fn is_supported(option: &LaunchOption) -> bool {
    let Run::Local(local) = &option.run else {
        return true;
    };
    // What is started by mcpod or by systemd itself has no network of its own that a bridge could enter.
    let is_bare = matches!(local.artifact, Artifact::Tools(_) | Artifact::Command(_));
    !is_bare || local.transport == Transport::Stdio
}

fn not_runnable(id: &str, options: &[&LaunchOption]) -> PlanError {
    let offers: Vec<String> = options
        .iter()
        .map(|option| option.kind().to_owned())
        .collect();
    PlanError::NotRunnable {
        id: id.to_owned(),
        offers: list(&offers),
    }
}

/// The launch option to take, with its number: the chosen one, or the first that can be run.
pub fn choose<'a>(
    id: &str,
    launch: &'a [LaunchOption],
    chosen: Option<usize>,
) -> Result<(usize, &'a LaunchOption), PlanError> {
    let id = || id.to_owned();
    if launch.is_empty() {
        return Err(PlanError::NoLaunch { id: id() });
    }
    let options: Vec<(usize, &LaunchOption)> = match chosen {
        None => (1..).zip(launch).collect(),
        Some(number) => {
            let option = number.checked_sub(1).and_then(|at| launch.get(at));
            let option = option.ok_or_else(|| PlanError::NoSuchLaunch {
                id: id(),
                count: launch.len(),
                chosen: number,
            })?;
            vec![(number, option)]
        }
    };
    for (number, option) in &options {
        if is_supported(option) {
            return Ok((*number, option));
        }
    }
    let options: Vec<&LaunchOption> = options.into_iter().map(|(_, option)| option).collect();
    Err(not_runnable(&id(), &options))
}

/// A hash over all that a launch option says: by it is known again what a user agreed to, whatever the catalog says later.
pub fn fingerprint(option: &LaunchOption) -> String {
    // Nothing in an option is a map with keys that are no text, which is all that could fail.
    let text = serde_json::to_vec(option).unwrap_or_default();
    format!("sha256:{:x}", Sha256::digest(text))
}

/// The names of the inputs that a launch option, if there is one that can be run, keeps secret.
pub fn secret_inputs(id: &str, launch: &[LaunchOption], chosen: Option<usize>) -> Vec<String> {
    choose(id, launch, chosen).map_or_else(
        |_| Vec::new(),
        |(_, option)| {
            let secret = option.inputs.iter().filter(|input| input.secret);
            secret.map(|input| input.path.to_string()).collect()
        },
    )
}
