//! Launch options: the ways in which a server can be run.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::allowed_host::AllowedHost;
use super::artifact::Artifact;
use super::input::{Input, InputPath};
use super::mount::Mount;
use super::template::Template;

/// One way to run a server, with the inputs that it needs.
///
/// **Invariant:** every input that one of its templates refers to is among [`inputs`](Self::inputs).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchOption {
    /// Who says that it runs so.
    pub trust: Trust,
    /// What its templates refer to, in the order of the source.
    pub inputs: Vec<Input>,
    /// Here or elsewhere.
    #[serde(flatten)]
    pub run: Run,
}

/// How much a launch option's data can be relied on, the most reliable first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// The source declares it.
    #[default]
    Declared,
    /// A file beside the source's list says so.
    Sidecar,
    /// It was read out of prose.
    Guessed,
}

/// Where the server runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Run {
    /// On this host, in a container.
    Local(Box<Local>),
    /// Elsewhere; only its address is known.
    Remote(Remote),
}

/// A server that runs on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// What it consists of.
    pub artifact: Artifact,
    /// How it is spoken to.
    pub transport: Transport,
    /// What stands behind its command.
    pub args: Vec<Arg>,
    /// Its environment, in order: a later variable may refer to an earlier one.
    pub env: Vec<EnvVar>,
    /// The files and volumes it sees.
    pub mounts: Vec<Mount>,
    /// The user it runs as; the image's own, if there is none.
    pub user: Option<Template>,
    /// What it has to reach.
    pub network: Network,
}

/// How a local server is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Lines on stdin and stdout.
    Stdio,
    /// HTTP, at an address as seen from inside the container.
    Http(Endpoint),
}

/// An HTTP address that speaks MCP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Which of the protocol's two ways over HTTP.
    pub protocol: HttpProtocol,
    /// The address.
    pub url: Template,
}

/// A way of speaking MCP over HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpProtocol {
    /// Streamable HTTP.
    #[default]
    StreamableHttp,
    /// HTTP with server-sent events, as before March 2025.
    Sse,
}

/// A server that runs elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// Its address.
    pub endpoint: Endpoint,
    /// What is sent with every request.
    pub headers: Vec<Header>,
    /// Whether one has to log in to it (OAuth).
    pub login: bool,
}

/// A header of every request to a remote server. Left out where its value turns out empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Template,
}

/// An argument of a local server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arg {
    /// One argument; several, or none, where the template ends in [`into`](super::Filter::Into).
    Positional(Template),
    /// An option with a value. Left out where its value turns out empty.
    Named {
        /// The option with its dashes.
        name: String,
        /// Its value.
        value: Template,
    },
}

/// A variable of a server's environment. Left unset where its value turns out empty.
///
/// A variable that the user supplies has an input as its whole value; one with a literal value is fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Template,
}

/// What a server has to reach over the network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Nothing at all.
    None,
    /// These hosts.
    Allow(Vec<AllowedHost>),
    /// Hosts that cannot be listed beforehand.
    Open,
    /// The source does not say.
    #[default]
    Unstated,
}

impl LaunchOption {
    /// The word for what is run: `image`, `npm`, `pypi`, `nuget`, `cargo`, `git`, `mcpb` or `remote`.
    pub fn kind(&self) -> &'static str {
        match &self.run {
            Run::Local(local) => local.artifact.kind(),
            Run::Remote(_) => "remote",
        }
    }

    /// Whether it needs a secret or a login that the user must have.
    pub fn requires_key(&self) -> bool {
        let login = matches!(&self.run, Run::Remote(remote) if remote.login);
        login
            || self
                .inputs
                .iter()
                .any(|input| input.secret && input.required)
    }

    /// Whether the value of one of its templates is a secret: it refers to a secret input, or to a variable that does.
    pub fn is_secret(&self, template: &Template) -> bool {
        refers(template, &self.secret_inputs(), &self.secret_variables())
    }

    /// The inputs that say what of the host is mounted, whatever kind they are declared to be.
    pub fn mounted(&self) -> BTreeSet<&str> {
        let Run::Local(local) = &self.run else {
            return BTreeSet::new();
        };
        let sources = local.mounts.iter().filter_map(|mount| match mount {
            Mount::Bind { source, .. } => Some(source),
            Mount::Each(each) => Some(each),
            Mount::Volume { .. } => None,
        });
        let inputs = sources.flat_map(Template::inputs);
        inputs.map(InputPath::as_str).collect()
    }

    /// All its templates.
    pub fn templates(&self) -> Vec<&Template> {
        match &self.run {
            Run::Local(local) => local.templates(),
            Run::Remote(remote) => {
                let headers = remote.headers.iter().map(|header| &header.value);
                std::iter::once(&remote.endpoint.url)
                    .chain(headers)
                    .collect()
            }
        }
    }

    fn secret_inputs(&self) -> BTreeSet<&str> {
        let secret = self.inputs.iter().filter(|input| input.secret);
        secret.map(|input| input.path.as_str()).collect()
    }

    fn secret_variables(&self) -> BTreeSet<&str> {
        let inputs = self.secret_inputs();
        let mut variables = BTreeSet::new();
        if let Run::Local(local) = &self.run {
            for EnvVar { name, value } in &local.env {
                if refers(value, &inputs, &variables) {
                    variables.insert(name.as_str());
                }
            }
        }
        variables
    }
}

/// Whether a template refers to one of these inputs or variables.
fn refers(template: &Template, inputs: &BTreeSet<&str>, variables: &BTreeSet<&str>) -> bool {
    template.inputs().any(|path| inputs.contains(path.as_str()))
        || template.variables().any(|name| variables.contains(name))
}

impl Local {
    fn templates(&self) -> Vec<&Template> {
        let Self {
            artifact: _,
            transport,
            args,
            env,
            mounts,
            user,
            network: _,
        } = self;
        let mut templates = Vec::new();
        if let Transport::Http(endpoint) = transport {
            templates.push(&endpoint.url);
        }
        templates.extend(args.iter().map(|arg| match arg {
            Arg::Positional(value) | Arg::Named { value, .. } => value,
        }));
        templates.extend(env.iter().map(|variable| &variable.value));
        templates.extend(mounts.iter().flat_map(Mount::templates));
        templates.extend(user);
        templates
    }
}
