//! From a `server.yaml` to launch options.

mod variables;

use super::inputs::Inputs;
use super::yaml::{Config, PerCallTool, Record, Remote, Run};
use crate::catalog::artifact::{Artifact, Git};
use crate::catalog::input::{Input, InputKind, InputPath, InputValue};
use crate::catalog::launch::{
    self, Arg, Endpoint, EnvVar, Header, HttpProtocol, LaunchOption, Local, Network, Transport,
    Trust,
};
use crate::catalog::mount::Mount;
use crate::catalog::source::FieldError;
use crate::catalog::template::{Filter, Part, Syntax, Template};
use crate::catalog::text::Line;
use crate::catalog::tool_container::ToolContainer;

/// Words that name the host itself, and inside a container something else.
const HOST_WORDS: [&str; 3] = ["localhost", "127.0.0.1", "host.docker.internal"];

/// The ways to run a server, best first; none for one that is no MCP server.
pub(super) fn options(
    record: &Record,
    warnings: &mut Vec<Line>,
) -> Result<Vec<LaunchOption>, FieldError> {
    let none = Config::default();
    let config = record.config.as_ref().unwrap_or(&none);
    let options = match record.kind.as_str() {
        "server" => {
            let image = record.image.as_deref().ok_or_else(|| {
                FieldError::new("image", "a record of the type `server` names an image")
            })?;
            Builder::new(record, config, warnings).local(image)?
        }
        "remote" => {
            let remote = record.remote.as_ref().ok_or_else(|| {
                FieldError::new("remote", "a record of the type `remote` has an address")
            })?;
            vec![Builder::new(record, config, warnings).remote(remote)?]
        }
        // One that cannot be run is worth reading about.
        "poci" => match tools(record) {
            Ok(option) => vec![option],
            Err(FieldError { field, reason }) => {
                warnings.push(Line::new(&format!("{field}: {reason}")));
                Vec::new()
            }
        },
        other => {
            let reason = format!("{other:?} is none of server, remote, poci");
            return Err(FieldError::new("type", &reason));
        }
    };
    if let Some(name) = options.first().and_then(names_host) {
        let text =
            format!("{name} names this host: inside a container that is host.containers.internal");
        warnings.push(Line::new(&text));
    }
    Ok(options)
}

/// Tools of which each call is a container run of its own.
fn tools(record: &Record) -> Result<LaunchOption, FieldError> {
    let refused = |reason: &str| FieldError::new("tools", reason);
    let one = |tool: &PerCallTool| {
        let container = tool.container.as_ref();
        let container = container.ok_or_else(|| refused("a tool has no container"))?;
        let mounts = container.volumes.iter().map(|text| Mount::parse(text));
        let command = container.command.iter();
        let tool = ToolContainer {
            name: tool.name.clone(),
            description: tool.description.clone(),
            schema: serde_json::Value::from(tool.parameters.clone()).to_string(),
            image: container
                .image
                .parse()
                .map_err(|error| FieldError::new("tools.container.image", &error))?,
            command: command
                .map(|word| Template::parse(word, Syntax::DoubleBraces))
                .collect(),
            mounts: mounts
                .collect::<Result<_, _>>()
                .map_err(|error| FieldError::new("tools.container.volumes", &error))?,
        };
        // A path that no call names would be the catalog's own.
        let named = |mount: &Mount| {
            mount
                .source()
                .is_some_and(|source| source.literal().is_none())
        };
        if let Some(mount) = tool.mounts.iter().find(|mount| !named(mount)) {
            let source = mount.source().map(ToString::to_string).unwrap_or_default();
            let reason = format!("{source} of the host is named by the catalog, and by no call");
            return Err(FieldError::new("tools.container.volumes", &reason));
        }
        Ok(tool)
    };
    let tools = record
        .tools
        .iter()
        .map(one)
        .collect::<Result<Vec<_>, _>>()?;
    if tools.is_empty() {
        return Err(refused("a record of the type `poci` has tools"));
    }
    Ok(LaunchOption {
        trust: Trust::Declared,
        inputs: Vec::new(),
        run: launch::Run::Local(Box::new(Local {
            artifact: Artifact::Tools(tools),
            transport: Transport::Stdio,
            args: Vec::new(),
            env: Vec::new(),
            mounts: Vec::new(),
            user: None,
            network: Network::Unstated,
        })),
    })
}

/// What a launch option is put together from.
struct Builder<'a> {
    record: &'a Record,
    config: &'a Config,
    warnings: &'a mut Vec<Line>,
    inputs: Inputs,
    env: Vec<EnvVar>,
}

impl<'a> Builder<'a> {
    fn new(record: &'a Record, config: &'a Config, warnings: &'a mut Vec<Line>) -> Self {
        let inputs = Inputs::declared(config, warnings);
        let mut builder = Self {
            record,
            config,
            warnings,
            inputs,
            env: Vec::new(),
        };
        for secret in config.secrets.iter().flatten() {
            builder.secret(secret);
        }
        builder
    }

    /// The image, and its sources as a second way.
    fn local(mut self, image: &str) -> Result<Vec<LaunchOption>, FieldError> {
        for variable in self.config.env.iter().flatten() {
            self.variable(variable);
        }
        let nothing = Run::default();
        let run = self.record.run.as_ref().unwrap_or(&nothing);
        for (name, value) in run.env.iter().flatten() {
            let value = self.value(value.as_deref().unwrap_or_default());
            self.set(name, value);
        }
        let mounts = self.mounts(run)?;
        let local = Local {
            artifact: Artifact::Image(
                image
                    .parse()
                    .map_err(|error| FieldError::new("image", &error))?,
            ),
            transport: Transport::Stdio,
            args: self.args(run),
            mounts,
            user: run
                .user
                .as_ref()
                .map(|user| self.template(user, Syntax::DoubleBraces)),
            network: network(run)?,
            env: std::mem::take(&mut self.env),
        };
        if run.ports.is_some() {
            self.warnings
                .push("run.ports: not understood, nothing is published".into());
        }
        if self.config.volumes.is_some() {
            self.warnings
                .push("config.volumes: in the wrong place, nothing is mounted".into());
        }
        let source = self.git().map(|git| Local {
            artifact: Artifact::Git(git),
            ..local.clone()
        });
        let image = self.option(launch::Run::Local(Box::new(local)));
        let source = source.map(|local| LaunchOption {
            run: launch::Run::Local(Box::new(local)),
            ..image.clone()
        });
        Ok(std::iter::once(image).chain(source).collect())
    }

    fn remote(mut self, remote: &Remote) -> Result<LaunchOption, FieldError> {
        let protocol = match remote.transport_type.as_deref() {
            Some("sse") => HttpProtocol::Sse,
            Some("streamable-http" | "http") | None => HttpProtocol::StreamableHttp,
            Some(other) => {
                let reason = format!("{other:?} is neither `streamable-http` nor `sse`");
                return Err(FieldError::new("remote.transport_type", &reason));
            }
        };
        let url = self.template(&remote.url, Syntax::DoubleBraces);
        if !remote.url.starts_with("https://") && !remote.url.starts_with("http://") {
            return Err(FieldError::new("remote.url", "it is no address of the web"));
        }
        let headers = remote.headers.iter().flatten().map(|(name, value)| Header {
            name: name.clone(),
            value: self.header(value.as_deref().unwrap_or_default()),
        });
        let run = launch::Remote {
            headers: headers.collect(),
            endpoint: Endpoint { protocol, url },
            login: !self.record.oauth.is_empty(),
        };
        Ok(self.option(launch::Run::Remote(run)))
    }

    /// The option with the inputs that it refers to.
    fn option(&mut self, run: launch::Run) -> LaunchOption {
        let mut option = LaunchOption {
            trust: Trust::Declared,
            inputs: Vec::new(),
            run,
        };
        let mut inputs = std::mem::take(&mut self.inputs);
        for (path, is_path) in references(&option) {
            let input = inputs.of(&path);
            if is_path && input.kind != InputKind::Path {
                input.kind = InputKind::Path;
                // The registry's defaults of paths are placeholders such as /Users/local-test: nothing to mount unasked.
                let default = input.default.take().map(|default| match default {
                    InputValue::One(text) => text,
                    InputValue::Many(texts) => texts.join(" "),
                });
                input.example = input.example.take().or_else(|| Line::some(&default?));
            }
        }
        let used: Vec<InputPath> = references(&option).map(|(path, _)| path).collect();
        option.inputs = inputs.into_list();
        option.inputs.retain(|input| used.contains(&input.path));
        for part in option.templates().into_iter().flat_map(Template::parts) {
            let Part::Input { filters, .. } = part else {
                continue;
            };
            for filter in filters {
                if let Filter::Unknown(name) = filter {
                    let text = format!("filter `{name}` is not known and does nothing");
                    self.warnings.push(Line::new(&text));
                }
            }
        }
        option
    }

    /// The words behind the image. One that is a secret is left out with its option: a command line is seen by everybody
    /// on the host, and the server has the secret in its environment anyway.
    fn args(&mut self, run: &Run) -> Vec<Arg> {
        let mut words: Vec<Template> = Vec::new();
        for word in run.command.iter().flatten() {
            let word = self.template(word, Syntax::DoubleBracesAndDollars);
            if !self.is_secret(&word) {
                words.push(word);
                continue;
            }
            if let [Part::Variable(_) | Part::Input { .. }] = word.parts() {
                let is_option =
                    |word: &mut Template| word.literal().is_some_and(|text| text.starts_with('-'));
                words.pop_if(is_option);
            }
            self.warn(&format!("run.command: {word} is a secret and no argument"));
        }
        words.into_iter().map(Arg::Positional).collect()
    }

    fn is_secret(&mut self, word: &Template) -> bool {
        let mut inputs: Vec<InputPath> = word.inputs().cloned().collect();
        for name in word.variables() {
            let set = self.env.iter().find(|variable| variable.name == name);
            inputs.extend(
                set.iter()
                    .flat_map(|variable| variable.value.inputs())
                    .cloned(),
            );
        }
        inputs
            .iter()
            .any(|path| self.inputs.has(path) && self.inputs.of(path).secret)
    }

    fn mounts(&mut self, run: &Run) -> Result<Vec<Mount>, FieldError> {
        let volumes = run.volumes.iter().flatten();
        volumes
            .map(|text| {
                Mount::parse(&self.without_name(text))
                    .map_err(|error| FieldError::new("run.volumes", &error))
            })
            .collect()
    }

    /// The repository that the image is built from, if its address is one.
    fn git(&self) -> Option<Git> {
        let source = self.record.source.as_ref()?;
        let url = source
            .project
            .clone()
            .filter(|url| url.starts_with("https://"))?;
        Some(Git {
            url,
            reference: source.commit.clone().or_else(|| source.branch.clone()),
            folder: source.directory.clone(),
            dockerfile: source.dockerfile.clone(),
        })
    }

    fn template(&self, text: &str, syntax: Syntax) -> Template {
        Template::parse(&self.without_name(text), syntax)
    }

    /// The text with `{{path}}` where it says `{{server.path}}`: every reference begins with the server's own name.
    fn without_name(&self, text: &str) -> String {
        let name = &self.record.name;
        text.replace(&format!("{{{{{name}."), "{{")
            .replace(&format!("{{{{ {name}."), "{{")
    }

    /// The path of an input: its name without the server's, or else another name in lower case.
    fn path(&self, name: &str, other: &str) -> Option<InputPath> {
        let own = name
            .strip_prefix(&self.record.name)
            .and_then(|rest| rest.strip_prefix('.'));
        let path = own.unwrap_or(name).parse();
        path.ok().or_else(|| other.to_lowercase().parse().ok())
    }

    fn warn(&mut self, text: &str) {
        self.warnings.push(Line::new(text));
    }
}

/// The inputs that an option refers to, and whether the value is a path of the host.
fn references(option: &LaunchOption) -> impl Iterator<Item = (InputPath, bool)> {
    let sources: Vec<&Template> = match &option.run {
        launch::Run::Local(local) => local.mounts.iter().filter_map(Mount::source).collect(),
        launch::Run::Remote(_) => Vec::new(),
    };
    let is_path = |filter: &Filter| {
        matches!(
            filter,
            Filter::Volume | Filter::VolumeTarget | Filter::MountAs { .. }
        )
    };
    let mut found = Vec::new();
    for template in option.templates() {
        let is_source = sources.iter().any(|source| std::ptr::eq(*source, template));
        for part in template.parts() {
            if let Part::Input { path, filters } = part {
                found.push((path.clone(), is_source || filters.iter().any(is_path)));
            }
        }
    }
    found.into_iter()
}

fn network(run: &Run) -> Result<Network, FieldError> {
    if run.disable_network == Some(true) {
        return Ok(Network::None);
    }
    let Some(hosts) = &run.allow_hosts else {
        return Ok(Network::Unstated);
    };
    let hosts = hosts
        .iter()
        .map(|host| host.parse())
        .collect::<Result<_, _>>();
    hosts
        .map(Network::Allow)
        .map_err(|error| FieldError::new("run.allowHosts", &error))
}

/// The name of an input or a variable whose default, example or value speaks of this host.
fn names_host(option: &LaunchOption) -> Option<String> {
    let launch::Run::Local(local) = &option.run else {
        return None;
    };
    let speaks = |text: &str| HOST_WORDS.iter().any(|word| text.contains(word));
    let speaking = |input: &&Input| {
        let default = match &input.default {
            Some(InputValue::One(text)) => text,
            _ => "",
        };
        speaks(default) || input.example.as_deref().is_some_and(speaks)
    };
    let input = option
        .inputs
        .iter()
        .find(speaking)
        .map(|input| input.path.to_string());
    let variable = local
        .env
        .iter()
        .find(|variable| speaks(variable.value.text()));
    input.or_else(|| variable.map(|variable| variable.name.clone()))
}
