//! `export`: active servers in a form that lives without this mcpod, or that another takes back. Never a secret.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::add::{Agreed, Consent, Request};
use super::config::choices;
use super::reference;
use super::{Active, Error, Orchestrator, socket_path};
use crate::activation::choices::{Choices, assignment};
use crate::activation::manifest::manifest;
use crate::activation::plan::Origin;
use crate::activation::units::{alone, needs_mcpod};
use crate::image::ImageReference;
use crate::quadlet::name::ServerName;
use crate::quadlet::value::Assignment;
use crate::unit_dir::{Place, UnitPath};

/// A set of servers, as one host hands it to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSet {
    /// The servers.
    pub servers: Vec<Exported>,
}

/// A server, as `add` would be told to add it: its fields are named as the options of that command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// Its name.
    pub name: ServerName,
    /// What it is added from: an id of the catalog, an image, a package, a repository.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The number of the launch option.
    #[serde(default)]
    pub launch: Option<usize>,
    /// The fingerprint of that option: another option is not added in its place.
    #[serde(default)]
    pub launch_hash: Option<String>,
    /// The digest of its image; empty where that is known to one host alone.
    #[serde(default)]
    pub digest: String,
    /// Its inputs, each `KEY=VALUE`.
    #[serde(default)]
    pub set: Vec<String>,
    /// Further variables, each `KEY=VALUE`.
    #[serde(default)]
    pub env: Vec<String>,
    /// The files and folders of the host that it sees beyond its inputs, each `PATH:ro` or `PATH:rw`.
    #[serde(default)]
    pub mount: Vec<String>,
    /// The names of the secrets that it needs.
    #[serde(default)]
    pub secret: Vec<String>,
    /// The network that it sees.
    #[serde(default)]
    pub network: Option<String>,
    /// Memory of a session.
    #[serde(default)]
    pub memory: Option<String>,
    /// Processors of a session.
    #[serde(default)]
    pub cpus: Option<String>,
    /// Threads and processes of a session.
    #[serde(default)]
    pub tasks: Option<u32>,
    /// Sessions at once.
    #[serde(default)]
    pub sessions: Option<u32>,
    /// How long a session may last.
    #[serde(default)]
    pub lifetime: Option<String>,
    /// Whether sessions have instances of their own.
    #[serde(default)]
    pub instances: Option<String>,
    /// Which command of a package is started.
    #[serde(default)]
    pub entry: Option<String>,
    /// Whether what a package runs when it is installed may run.
    #[serde(default)]
    pub scripts: bool,
    /// Whether its container runs also while nobody is connected.
    #[serde(default)]
    pub always_on: bool,
}

/// A field of an exported server that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server}: {field}: {why}")]
pub struct ExportedError {
    /// The server.
    pub server: ServerName,
    /// The field.
    pub field: &'static str,
    /// What is wrong.
    pub why: String,
}

impl Exported {
    fn of(active: &Active) -> Self {
        let Active {
            name,
            record,
            socket: _,
        } = active;
        let Choices {
            launch,
            inputs,
            environment,
            mounts,
            secrets,
            instances,
            network: _,
            memory,
            cpus,
            tasks,
            sessions,
            lifetime,
            entry,
            scripts,
            always_on,
            reuse: _,
        } = choices(record);
        // The id of an image that was built here says nothing elsewhere.
        let is_fetched = record.launch.ends_with(" image");
        Self {
            name: name.clone(),
            reference: if reference::is_direct(&record.given) {
                record.given.clone()
            } else {
                record.id.clone()
            },
            launch,
            launch_hash: record.launch_hash.clone(),
            digest: if is_fetched {
                record.digest.clone()
            } else {
                String::new()
            },
            set: inputs.iter().map(typed).collect(),
            env: environment.iter().map(typed).collect(),
            mount: mounts.iter().map(ToString::to_string).collect(),
            secret: secrets.into_keys().collect(),
            network: Some(record.network.clone()),
            memory: memory.map(|memory| memory.to_string()),
            cpus: cpus.map(|cpus| cpus.to_string()),
            tasks,
            sessions,
            lifetime: lifetime.map(|lifetime| lifetime.to_string()),
            instances: instances.map(|instances| instances.as_str().to_owned()),
            entry,
            scripts,
            always_on,
        }
    }

    /// What `add` is to be asked for. Secrets are taken from where they are stored.
    pub fn request(&self, consent: Consent, probe: bool) -> Result<Request, ExportedError> {
        fn read<T: std::str::FromStr<Err: ToString>>(
            server: &ServerName,
            field: &'static str,
            text: Option<&str>,
        ) -> Result<Option<T>, ExportedError> {
            text.map(str::parse)
                .transpose()
                .map_err(|error: T::Err| ExportedError {
                    server: server.clone(),
                    field,
                    why: error.to_string(),
                })
        }
        let assignments = |field, texts: &[String]| {
            let read = texts.iter().map(|text| assignment(text));
            read.collect::<Result<Vec<Assignment>, _>>()
                .map_err(|error| ExportedError {
                    server: self.name.clone(),
                    field,
                    why: error.to_string(),
                })
        };
        let name = &self.name;
        let choices = Choices {
            launch: self.launch,
            inputs: assignments("set", &self.set)?,
            environment: assignments("env", &self.env)?,
            mounts: self
                .mount
                .iter()
                .map(|text| read(name, "mount", Some(text)))
                .filter_map(Result::transpose)
                .collect::<Result<_, _>>()?,
            secrets: self.secret.iter().map(|key| (key.clone(), None)).collect(),
            instances: read(name, "instances", self.instances.as_deref())?,
            network: read(name, "network", self.network.as_deref())?,
            memory: read(name, "memory", self.memory.as_deref())?,
            cpus: read(name, "cpus", self.cpus.as_deref())?,
            tasks: self.tasks,
            sessions: self.sessions,
            lifetime: read(name, "lifetime", self.lifetime.as_deref())?,
            entry: self.entry.clone(),
            scripts: self.scripts,
            always_on: self.always_on,
            reuse: false,
        };
        let is_direct = reference::is_direct(&self.reference);
        let agreed = self.launch_hash.as_ref().filter(|_| !is_direct);
        Ok(Request {
            reference: self.reference.clone(),
            name: Some(name.clone()),
            choices,
            probe,
            consent,
            agreed: agreed.map(|launch_hash| Agreed {
                id: self.reference.clone(),
                launch_hash: launch_hash.clone(),
            }),
        })
    }
}

fn typed(assignment: &Assignment) -> String {
    format!("{}={}", assignment.name, assignment.value)
}

impl Orchestrator {
    /// The servers of these names; all that are active where none is given.
    fn wanted(&self, names: &[String]) -> Result<Vec<Active>, Error> {
        if !names.is_empty() {
            return names.iter().map(|name| self.find(name)).collect();
        }
        let mut servers = Vec::new();
        for name in self.names()? {
            if let Some(active) = self.active(name)? {
                servers.push(active);
            }
        }
        Ok(servers)
    }

    /// Servers as another host takes them.
    pub fn export(&self, names: &[String]) -> Result<ServerSet, Error> {
        let servers = self.wanted(names)?;
        Ok(ServerSet {
            servers: servers.iter().map(Exported::of).collect(),
        })
    }

    /// The unit files of servers for a host without mcpod, by their paths below `~/.config`, the user's drop-ins among them.
    pub fn export_units(&self, names: &[String]) -> Result<Vec<(PathBuf, String)>, Error> {
        let mut files = Vec::new();
        for Active { name, record, .. } in self.wanted(names)? {
            // An image that was built here is pinned to an id that it has on no other host.
            let built = (!record.launch.ends_with(" image"))
                .then(|| ImageReference::built(&name).to_string());
            let template = UnitPath::quadlet(name.container_file());
            let no_units = [name.recipe_file(), name.build_hook_file(), name.hook_file()]
                .map(UnitPath::quadlet);
            let mut units = self.files(&name)?;
            units.push(socket_path(&name));
            units.extend(self.drop_ins(&name)?);
            for unit in units {
                let Some(text) = self.units.read(&unit)? else {
                    continue;
                };
                if let Some(line) = needs_mcpod(&text) {
                    return Err(Error::NothingAlone {
                        name,
                        line: line.to_owned(),
                    });
                }
                let text = if no_units.contains(&unit) {
                    text
                } else {
                    alone(&text)
                };
                let text = match &built {
                    Some(image) if unit == template => with_image(&text, image),
                    _ => text,
                };
                files.push((unit.below_config(), text));
            }
        }
        Ok(files)
    }

    /// What the user added to a server's template.
    fn drop_ins(&self, name: &ServerName) -> Result<Vec<UnitPath>, Error> {
        let folder = format!("{}.d", name.container_file());
        let files = self.units.files_in(Place::Quadlet, &folder)?;
        Ok(files
            .into_iter()
            .filter(|unit| Path::new(&unit.file).extension() == Some("conf".as_ref()))
            .collect())
    }

    /// Servers as manifests of Kubernetes, in one text.
    pub async fn export_manifests(&self, names: &[String]) -> Result<String, Error> {
        let mut manifests = Vec::new();
        for active in self.wanted(names)? {
            manifests.push(self.manifest(&active).await?);
        }
        Ok(manifests.join("\n"))
    }

    async fn manifest(&self, active: &Active) -> Result<String, Error> {
        let (candidate, number) = self.as_added(active)?;
        let choices = Choices {
            launch: Some(number),
            ..choices(&active.record)
        };
        let plan = self
            .plan_as(&candidate, active.name.clone(), choices)
            .await?;
        let pinned = super::config::pinned(&plan, &active.record)?;
        let image = match (&plan.origin, pinned) {
            // What it is pinned to is an id that no registry knows.
            (Origin::Build(_), _) => ImageReference::built(&active.name).to_string(),
            (Origin::Image(_), Some(pinned)) => pinned.to_string(),
            (Origin::Image(image), None) => image.to_string(),
            (Origin::Remote(_) | Origin::Tools(_) | Origin::Command(_), _) => {
                return Err(Error::NothingAlone {
                    name: active.name.clone(),
                    line: plan.origin.to_string(),
                });
            }
        };
        Ok(manifest(&plan, &image))
    }
}

/// A template with another image.
fn with_image(text: &str, image: &str) -> String {
    let lines = text.lines().map(|line| {
        if line.starts_with("Image=") {
            format!("Image={image}\n")
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}
