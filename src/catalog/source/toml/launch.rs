//! A `[[server.launch]]` table as it is written, and the launch option it stands for.

use serde::Deserialize;

use crate::catalog::allowed_host::HostError;
use crate::catalog::artifact::{Artifact, Bundle, Git, PackageError};
use crate::catalog::input::Input;
use crate::catalog::launch::{
    Arg, Endpoint, EnvVar, Header, HttpProtocol, LaunchOption, Local, Network, Remote, Run,
    Transport, Trust,
};
use crate::catalog::mount::{Mount, MountError};
use crate::catalog::template::{Filter, Part, Syntax, Template};
use crate::image::ReferenceError;

/// The references that our own format knows.
const SYNTAX: Syntax = Syntax::DoubleBracesAndDollars;

/// A `[[server.launch]]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Launch {
    image: Option<String>,
    package: Option<String>,
    git: Option<Git>,
    bundle: Option<Bundle>,
    remote: Option<String>,
    #[serde(default)]
    trust: Trust,
    /// The HTTP address of a local server as seen from inside its container; stdio, if there is none.
    http: Option<String>,
    /// Which way of HTTP, for `http` and `remote`.
    protocol: Option<HttpProtocol>,
    #[serde(default)]
    args: Vec<ArgRecord>,
    #[serde(default)]
    env: toml::Table,
    #[serde(default)]
    mounts: Vec<String>,
    user: Option<String>,
    network: Option<NetworkRecord>,
    #[serde(default)]
    headers: toml::Table,
    #[serde(default)]
    login: bool,
}

/// An argument: itself, or an option and its value.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ArgRecord {
    Positional(String),
    Named { name: String, value: String },
}

/// `"none"`, `"open"` or a list of hosts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum NetworkRecord {
    Word(String),
    Hosts(Vec<String>),
}

/// Why a table is no launch option.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaunchError {
    #[error("a launch option has exactly one of `image`, `package`, `git`, `bundle`, `remote`")]
    Artifact,
    #[error("{0}")]
    Image(ReferenceError),
    #[error("{0}")]
    Package(PackageError),
    #[error("{0}")]
    Mount(MountError),
    #[error("{0}")]
    Host(HostError),
    #[error("network {word:?} is neither `none` nor `open` nor a list of hosts")]
    Network { word: String },
    #[error("`{key}` is no text")]
    NoText { key: String },
    #[error("a {place} server has no `{key}`")]
    Misplaced {
        place: &'static str,
        key: &'static str,
    },
    #[error("input `{path}` is not declared")]
    UnknownInput { path: String },
    #[error("variable `{name}` is not set in `env`")]
    UnknownVariable { name: String },
    #[error("there is no filter `{name}`")]
    UnknownFilter { name: String },
}

impl Launch {
    /// The launch option, checked, with those of the server's inputs that it refers to.
    pub(super) fn into_option(self, inputs: &[Input]) -> Result<LaunchOption, LaunchError> {
        let trust = self.trust;
        let run = self.run()?;
        let mut option = LaunchOption {
            trust,
            inputs: Vec::new(),
            run,
        };
        check_references(&option, inputs)?;
        let templates = option.templates();
        let is_used = |input: &&Input| {
            templates
                .iter()
                .any(|template| template.inputs().any(|path| *path == input.path))
        };
        option.inputs = inputs.iter().filter(is_used).cloned().collect();
        Ok(option)
    }

    fn run(self) -> Result<Run, LaunchError> {
        match (
            &self.image,
            &self.package,
            &self.git,
            &self.bundle,
            &self.remote,
        ) {
            (Some(image), None, None, None, None) => {
                let image = image.parse().map_err(LaunchError::Image)?;
                self.local(Artifact::Image(image))
            }
            (None, Some(package), None, None, None) => {
                let package = package.parse().map_err(LaunchError::Package)?;
                self.local(Artifact::Package(package))
            }
            (None, None, Some(git), None, None) => {
                let git = git.clone();
                self.local(Artifact::Git(git))
            }
            (None, None, None, Some(bundle), None) => {
                let bundle = bundle.clone();
                self.local(Artifact::Bundle(bundle))
            }
            (None, None, None, None, Some(url)) => {
                let url = Template::parse(url, SYNTAX);
                self.remote(url)
            }
            _ => Err(LaunchError::Artifact),
        }
    }

    fn local(self, artifact: Artifact) -> Result<Run, LaunchError> {
        let misplaced = |key| LaunchError::Misplaced {
            place: "local",
            key,
        };
        if !self.headers.is_empty() {
            return Err(misplaced("headers"));
        }
        if self.login {
            return Err(misplaced("login"));
        }
        let transport = match (self.http, self.protocol) {
            (None, None) => Transport::Stdio,
            (None, Some(_)) => return Err(misplaced("protocol` without `http")),
            (Some(url), protocol) => Transport::Http(Endpoint {
                protocol: protocol.unwrap_or_default(),
                url: Template::parse(&url, SYNTAX),
            }),
        };
        Ok(Run::Local(Box::new(Local {
            artifact,
            transport,
            args: self.args.into_iter().map(arg).collect(),
            env: pairs(self.env, |name, value| EnvVar { name, value })?,
            mounts: self
                .mounts
                .iter()
                .map(|text| Mount::parse(text))
                .collect::<Result<_, _>>()
                .map_err(LaunchError::Mount)?,
            user: self.user.map(|user| Template::parse(&user, SYNTAX)),
            network: self.network.map_or(Ok(Network::Unstated), network)?,
        })))
    }

    fn remote(self, url: Template) -> Result<Run, LaunchError> {
        for (key, is_given) in [
            ("http", self.http.is_some()),
            ("args", !self.args.is_empty()),
            ("env", !self.env.is_empty()),
            ("mounts", !self.mounts.is_empty()),
            ("user", self.user.is_some()),
            ("network", self.network.is_some()),
        ] {
            if is_given {
                return Err(LaunchError::Misplaced {
                    place: "remote",
                    key,
                });
            }
        }
        Ok(Run::Remote(Remote {
            endpoint: Endpoint {
                protocol: self.protocol.unwrap_or_default(),
                url,
            },
            headers: pairs(self.headers, |name, value| Header { name, value })?,
            login: self.login,
        }))
    }
}

fn arg(record: ArgRecord) -> Arg {
    match record {
        ArgRecord::Positional(value) => Arg::Positional(Template::parse(&value, SYNTAX)),
        ArgRecord::Named { name, value } => Arg::Named {
            name,
            value: Template::parse(&value, SYNTAX),
        },
    }
}

/// The pairs of a table of texts, in the order of the file.
fn pairs<T>(
    table: toml::Table,
    make: impl Fn(String, Template) -> T,
) -> Result<Vec<T>, LaunchError> {
    let pair = |(name, value)| match value {
        toml::Value::String(text) => Ok(make(name, Template::parse(&text, SYNTAX))),
        _ => Err(LaunchError::NoText { key: name }),
    };
    table.into_iter().map(pair).collect()
}

fn network(record: NetworkRecord) -> Result<Network, LaunchError> {
    match record {
        NetworkRecord::Word(word) => match word.as_str() {
            "none" => Ok(Network::None),
            "open" => Ok(Network::Open),
            _ => Err(LaunchError::Network { word }),
        },
        NetworkRecord::Hosts(hosts) => {
            let hosts = hosts
                .iter()
                .map(|host| host.parse())
                .collect::<Result<_, _>>();
            hosts.map(Network::Allow).map_err(LaunchError::Host)
        }
    }
}

/// Refuses references to nothing: an input that is not declared, a variable that is not set, a filter that is none.
fn check_references(option: &LaunchOption, inputs: &[Input]) -> Result<(), LaunchError> {
    let variables: &[EnvVar] = match &option.run {
        Run::Local(local) => &local.env,
        Run::Remote(_) => &[],
    };
    for part in option.templates().into_iter().flat_map(Template::parts) {
        match part {
            Part::Literal(_) => {}
            Part::Input { path, filters } => {
                if !inputs.iter().any(|input| input.path == *path) {
                    return Err(LaunchError::UnknownInput {
                        path: path.to_string(),
                    });
                }
                for filter in filters {
                    if let Filter::Unknown(name) = filter {
                        return Err(LaunchError::UnknownFilter { name: name.clone() });
                    }
                }
            }
            Part::Variable(name) => {
                if !variables.iter().any(|variable| variable.name == *name) {
                    return Err(LaunchError::UnknownVariable { name: name.clone() });
                }
            }
        }
    }
    Ok(())
}
