//! Sidecars: JSON files beside a list, with what its lines have no room for.

use serde::Deserialize;

use super::{command, remote};
use crate::catalog::category::Category;
use crate::catalog::entry::{Entry, Record, Tool};
use crate::catalog::input::Input;
use crate::catalog::launch::{EnvVar, Header, HttpProtocol, LaunchOption, Run, Trust};
use crate::catalog::source::{FieldError, is_secret_name, is_variable_name, record};
use crate::catalog::template::{Syntax, Template};
use crate::catalog::text::Line;

/// A sidecar as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sidecar {
    source: Source,
    links: Option<Links>,
    install: Option<Install>,
    #[serde(default)]
    transport: Option<Vec<String>>,
    auth: Option<Auth>,
    tools: Option<Tools>,
    license: Option<Line>,
    description: Option<Line>,
    category: Option<String>,
    #[serde(skip)]
    record: Option<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    project_url: String,
}

#[derive(Debug, Deserialize)]
struct Links {
    endpoint: Option<String>,
    docs: Option<Line>,
}

#[derive(Debug, Deserialize)]
struct Install {
    commands: Option<Vec<String>>,
    env: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Auth {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Tools {
    names: Option<Vec<Line>>,
}

impl Sidecar {
    /// The sidecar of a file's bytes.
    pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Self, FieldError> {
        let mut sidecar: Self =
            serde_json::from_slice(bytes).map_err(|error| FieldError::new("JSON", &error))?;
        sidecar.record = Some(record(file, &String::from_utf8_lossy(bytes))?);
        Ok(sidecar)
    }

    /// The address of the project that it describes.
    pub(super) fn project(&self) -> &str {
        &self.source.project_url
    }

    /// Adds what it says to the entry of its project. Its launch data goes before what was guessed from prose.
    pub(super) fn complete(&self, entry: &mut Entry) {
        let mut launch = self.options();
        launch.append(&mut entry.launch);
        for option in launch {
            let known = |other: &&LaunchOption| artifact(other) == artifact(&option);
            if entry.launch.iter().find(known).is_none() {
                entry.launch.push(option);
            }
        }
        if let Some(license) = self.license.clone().filter(|license| !license.is_empty()) {
            entry.license = Some(license);
        }
        let longer = |text: &&Line| {
            entry
                .description
                .as_ref()
                .is_none_or(|own| own.len() < text.len())
        };
        if let Some(description) = self.description.as_ref().filter(longer) {
            entry.description = Some(description.clone());
        }
        if let Some(category) = self.category.as_deref().and_then(Category::fold)
            && !entry.categories.contains(&category)
        {
            entry.categories.push(category);
        }
        if let Some(Tools { names: Some(names) }) = &self.tools {
            entry.tools = names
                .iter()
                .map(|name| Tool {
                    name: name.clone(),
                    description: None,
                })
                .collect();
        }
        let docs = self.links.as_ref().and_then(|links| links.docs.clone());
        entry.website = docs
            .filter(|url| url.starts_with("https://"))
            .or_else(|| entry.website.take());
        entry.records.extend(self.record.clone());
    }

    /// The ways to run it: commands of a known form, then the address.
    fn options(&self) -> Vec<LaunchOption> {
        let commands = self
            .install
            .iter()
            .flat_map(|install| install.commands.iter().flatten());
        let mut options: Vec<LaunchOption> = commands
            .filter_map(|line| command::option(line, Trust::Sidecar))
            .collect();
        for option in &mut options {
            self.set_environment(option);
        }
        let sse = self.transport.iter().flatten().all(|kind| kind == "sse")
            && self
                .transport
                .as_ref()
                .is_some_and(|kinds| !kinds.is_empty());
        let protocol = if sse {
            HttpProtocol::Sse
        } else {
            HttpProtocol::StreamableHttp
        };
        let endpoint = self
            .links
            .as_ref()
            .and_then(|links| links.endpoint.as_deref());
        if let Some(mut option) =
            endpoint.and_then(|url| remote::of_url(url.trim(), protocol, Trust::Sidecar))
        {
            self.authorise(&mut option);
            options.push(option);
        }
        options
    }

    /// Asks for the variables that it names.
    fn set_environment(&self, option: &mut LaunchOption) {
        let Run::Local(local) = &mut option.run else {
            return;
        };
        for name in self
            .install
            .iter()
            .flat_map(|install| install.env.iter().flatten())
        {
            let Ok(path) = name.parse() else { continue };
            if !is_variable_name(name) || local.env.iter().any(|variable| variable.name == *name) {
                continue;
            }
            let mut input = Input::text(path);
            input.secret = is_secret_name(name);
            local.env.push(EnvVar {
                name: name.clone(),
                value: Template::input(input.path.clone()),
            });
            if !option.inputs.iter().any(|other| other.path == input.path) {
                option.inputs.push(input);
            }
        }
    }

    /// Asks for the key or the login that a remote server wants.
    fn authorise(&self, option: &mut LaunchOption) {
        let Run::Remote(remote) = &mut option.run else {
            return;
        };
        let kind = self.auth.as_ref().and_then(|auth| auth.kind.as_deref());
        let named = self
            .install
            .iter()
            .flat_map(|install| install.env.iter().flatten());
        let header = named
            .into_iter()
            .find(|name| name.to_ascii_uppercase().starts_with("X-"));
        let (name, prefix) = match (kind, header) {
            (Some("oauth"), _) => {
                remote.login = true;
                return;
            }
            (Some("api-key" | "bearer"), Some(header)) => (header.as_str(), ""),
            (Some("api-key" | "bearer"), None) => ("Authorization", "Bearer "),
            _ => return,
        };
        let Ok(path) = name.parse() else { return };
        let input = Input {
            secret: true,
            required: true,
            ..Input::text(path)
        };
        remote.headers.push(Header {
            name: name.to_owned(),
            value: Template::parse(
                &format!("{prefix}{{{{{}}}}}", input.path),
                Syntax::DoubleBraces,
            ),
        });
        option.inputs.push(input);
    }
}

/// What an option runs, to tell two apart.
pub(super) fn artifact(option: &LaunchOption) -> String {
    match &option.run {
        Run::Local(local) => format!("{:?}", local.artifact),
        Run::Remote(remote) => remote.endpoint.url.text().trim_end_matches('/').to_owned(),
    }
}
