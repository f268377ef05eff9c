//! `config`: the inputs of an active server, shown and changed. Its sessions end, so that the next ones begin with the new values.

use std::collections::BTreeMap;

use serde::Serialize;

use super::planning::bundle_of;
use super::reference::{self, Candidate};
use super::{Active, Error, Orchestrator, build, socket_path, work};
use crate::activation::choices::{Choices, Network};
use crate::activation::inputs::InputError;
use crate::activation::plan::{Origin, Plan, PlanError, fingerprint};
use crate::activation::record::Record;
use crate::activation::units::UnitTexts;
use crate::catalog::{InputKind, InputValue, LaunchOption, Pattern};
use crate::image::{ImageDigest, ImageReference, Pinned};
use crate::quadlet::name::ServerName;
use crate::quadlet::value::Assignment;
use crate::unit_dir::{Replacement, UnitPath};

/// An input of an active server.
#[derive(Debug, Clone, Serialize)]
pub struct Configured {
    /// What it is called.
    pub name: String,
    /// What its value is to be.
    pub kind: InputKind,
    /// Whether it takes a list of values.
    pub many: bool,
    /// The values it can have; any, if there are none.
    pub choices: Vec<String>,
    /// What its values match, if the entry says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// The values that the user gave; none of a secret.
    pub values: Vec<String>,
    /// What counts where the user gave none.
    pub default: Option<InputValue>,
    /// Whether it is a secret.
    pub secret: bool,
    /// Whether it has a value that the user gave.
    pub set: bool,
    /// Whether the server cannot run without it.
    pub required: bool,
    /// Whether the entry names it; else it is a variable that the user added.
    pub declared: bool,
    /// What it is for.
    pub description: Option<String>,
}

/// What is to be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Values, in place of those that the inputs of these names have.
    pub set: Vec<Assignment>,
    /// Variables of its environment beyond its inputs, in place of those of these names.
    pub environment: Vec<Assignment>,
    /// The names of inputs and variables that are to have no value of the user's.
    pub unset: Vec<String>,
    /// The network it is to see from now on.
    pub network: Option<Network>,
}

impl Orchestrator {
    /// The inputs of an active server with their values.
    pub fn config(&self, typed: &str) -> Result<Vec<Configured>, Error> {
        let active = self.find(typed)?;
        let record = &active.record;
        let option = self.launch_of(&active)?;
        let mut configured: Vec<Configured> = option
            .inputs
            .iter()
            .map(|input| {
                let name = input.path.to_string();
                let values = values(&record.inputs, &name);
                let secret = input.secret || record.secrets.contains(&name);
                Configured {
                    kind: input.kind,
                    many: input.many,
                    choices: input.choices.clone(),
                    pattern: input.pattern.clone(),
                    set: !values.is_empty() || record.secrets.contains(&name),
                    values,
                    default: input.default.clone().filter(|_| !secret),
                    secret,
                    required: input.required,
                    declared: true,
                    description: input.description.as_ref().map(ToString::to_string),
                    name,
                }
            })
            .collect();
        let variables = record.environment.iter().map(|variable| &variable.name);
        for name in variables.chain(&record.secrets) {
            if configured.iter().all(|known| known.name != *name) {
                configured.push(Configured {
                    name: name.clone(),
                    kind: InputKind::Text,
                    many: false,
                    choices: Vec::new(),
                    pattern: None,
                    values: values(&record.environment, name),
                    default: None,
                    secret: record.secrets.contains(name),
                    set: true,
                    required: false,
                    declared: false,
                    description: Some("a variable of its environment".to_owned()),
                });
            }
        }
        Ok(configured)
    }

    /// How an active server is run, with what its bundle says where it is one.
    pub fn launch_of(&self, active: &Active) -> Result<LaunchOption, Error> {
        let (candidate, number) = self.as_added(active)?;
        let option = candidate.launch.get(number.saturating_sub(1));
        let option = option.ok_or_else(|| Error::EntryChanged {
            name: active.name.clone(),
            id: active.record.id.clone(),
        })?;
        Ok(self.completed(option).unwrap_or_else(|| option.clone()))
    }

    /// A launch option with what its bundle says; nothing where that is not known, since it was never fetched.
    pub(super) fn completed(&self, option: &LaunchOption) -> Option<LaunchOption> {
        match bundle_of(option) {
            None => Some(option.clone()),
            Some(bundle) => self.bundles().known(bundle)?.complete(option).ok(),
        }
    }

    /// What an active server was added from, and the number of its launch option: as it was then, not whatever has its name by now.
    pub(super) fn as_added(&self, active: &Active) -> Result<(Candidate, usize), Error> {
        let record = &active.record;
        let changed = || Error::EntryChanged {
            name: active.name.clone(),
            id: record.id.clone(),
        };
        // What is in no catalog is what was typed, a version of a package included.
        let reference = if reference::is_direct(&record.given) {
            &record.given
        } else {
            &record.id
        };
        let candidate = match reference::resolve(&self.catalog()?, reference) {
            Err(Error::NoSuchEntry { .. } | Error::Ambiguous { .. }) => return Err(changed()),
            candidate => candidate?,
        };
        let number = launch_number(record).ok_or_else(changed)?;
        let Some(hash) = &record.launch_hash else {
            return Ok((candidate, number));
        };
        // Others may have come before it.
        let is_it = |(_, option): &(usize, &LaunchOption)| fingerprint(option) == *hash;
        let found = (1..).zip(&candidate.launch).find(is_it);
        let (number, _) = found.ok_or_else(changed)?;
        let id = record.id.clone();
        Ok((Candidate { id, ..candidate }, number))
    }

    /// The files by which a server's image was built, as they are.
    pub(super) fn built_files(
        &self,
        name: &ServerName,
    ) -> Result<BTreeMap<UnitPath, String>, Error> {
        let mut built = BTreeMap::new();
        for file in build::build_files(name) {
            if let Some(text) = self.units.read(&file)? {
                built.insert(file, text);
            }
        }
        Ok(built)
    }

    /// Changes inputs of an active server and ends its sessions. Its image and its limits stay.
    pub async fn configure(
        &self,
        typed: &str,
        change: &Change,
        on_wait: impl FnOnce(),
    ) -> Result<(), Error> {
        self.find(typed)?;
        let lock = self.lock(on_wait).await?;
        // Found again: whoever had the lock may have removed it.
        let active = self.find(typed)?;
        let (name, old) = (&active.name, &active.record);
        self.check_unedited(name)?;
        let mut choices = choices(old);
        for Assignment { name, .. } in &change.set {
            choices.inputs.retain(|input| input.name != *name);
        }
        for Assignment { name, value } in &change.set {
            let is_variable = choices
                .environment
                .iter_mut()
                .find(|variable| variable.name == *name);
            match is_variable {
                Some(variable) => variable.value.clone_from(value),
                None => choices.inputs.push(Assignment::new(name, value)),
            }
        }
        for variable in &change.environment {
            choices
                .environment
                .retain(|earlier| earlier.name != variable.name);
            choices.environment.push(variable.clone());
        }
        for unset in &change.unset {
            let known = choices.inputs.len() + choices.environment.len();
            choices.inputs.retain(|input| input.name != *unset);
            choices
                .environment
                .retain(|variable| variable.name != *unset);
            if choices.inputs.len() + choices.environment.len() == known {
                let given = choices.inputs.iter().chain(&choices.environment);
                return Err(PlanError::Input(InputError::Unknown {
                    id: format!("{name}, as it was added,"),
                    name: unset.clone(),
                    known: given.map(|given| given.name.clone()).collect(),
                })
                .into());
            }
        }

        if let Some(network) = &change.network {
            choices.network = Some(network.clone());
        }

        let (candidate, number) = self.as_added(&active)?;
        choices.launch = Some(number);
        let mut plan = self.plan_as(&candidate, name.clone(), choices).await?;
        keep_images(&mut plan, old);
        let podman = self.podman().await?;
        let version = podman.supported_version().await?;
        self.check_network(&podman, &plan).await?;
        let pinned = pinned(&plan, old)?;
        let program = self.link()?;
        let built = self.built_files(name)?;
        let mut record = work::record(&plan, &old.given, pinned.as_ref(), old.state);
        record.image.clone_from(&old.image);
        record.tools_hash.clone_from(&old.tools_hash);
        record.added = old.added;
        record.state = old.state;
        record.previous.clone_from(&old.previous);
        record.tools = old.tools;
        let texts = work::texts(&plan, pinned.as_ref(), &record, &built, &program, version)?;
        let secrets = &plan.invocation.secrets;
        self.store_secrets(&podman, secrets, Some(&plan.id), &|| {})
            .await?;
        self.units.replace(&lock, &self.change(name, texts)?)?;
        self.systemd.reload().await?;
        self.stop_instances(name).await?;
        self.start_always_on(name, plan.always_on).await;
        Ok(())
    }

    /// The change that gives a server these files in place of those that it has; its record comes last.
    pub(super) fn change(
        &self,
        name: &ServerName,
        texts: UnitTexts,
    ) -> Result<Vec<Replacement>, Error> {
        let UnitTexts { socket, others } = texts;
        let mut gone = self.files(name)?;
        gone.retain(|path| !others.contains_key(path));
        let gone = gone.into_iter().map(|path| (path, None));
        let others = others.into_iter().map(|(path, text)| (path, Some(text)));
        let socket = (socket_path(name), Some(socket));
        let change = gone.chain(others).chain([socket]);
        Ok(change
            .map(|(path, text)| Replacement { path, text })
            .collect())
    }
}

/// What the user chose when the server was added, and since.
pub(super) fn choices(record: &Record) -> Choices {
    Choices {
        launch: launch_number(record),
        inputs: record.inputs.clone(),
        environment: record.environment.clone(),
        mounts: record.mounts.clone(),
        secrets: record
            .secrets
            .iter()
            .map(|name| (name.clone(), None))
            .collect(),
        instances: Some(record.instances),
        network: record.network.parse().ok(),
        memory: Some(record.limits.memory),
        cpus: record.limits.cpus,
        tasks: Some(record.limits.tasks),
        sessions: Some(record.limits.sessions),
        lifetime: record.limits.lifetime,
        entry: record.entry.clone(),
        scripts: record.scripts,
        always_on: record.always_on,
        // It has them already.
        reuse: true,
    }
}

/// The number of the launch option, counted from 1.
pub(super) fn launch_number(record: &Record) -> Option<usize> {
    record.launch.split(' ').next()?.parse().ok()
}

fn values(given: &[Assignment], name: &str) -> Vec<String> {
    let of_name = given.iter().filter(|given| given.name == name);
    of_name.map(|given| given.value.clone()).collect()
}

/// Keeps the images to which tools were pinned when they were added.
fn keep_images(plan: &mut Plan, record: &Record) {
    let Origin::Tools(tools) = &mut plan.origin else {
        return;
    };
    let images = record
        .image
        .split(' ')
        .filter_map(|image| image.parse().ok());
    let images: Vec<ImageReference> = images.collect();
    for tool in tools {
        let pinned = images
            .iter()
            .find(|image| image.repository() == tool.image.repository());
        if let Some(pinned) = pinned {
            tool.image = pinned.clone();
        }
    }
}

/// The image that a server is pinned to; nothing where it has none, or where only its name is known.
pub(super) fn pinned(plan: &Plan, record: &Record) -> Result<Option<Pinned>, Error> {
    if record.digest.is_empty() {
        return Ok(None);
    }
    let digest: ImageDigest = record.digest.parse()?;
    Ok(Some(match &plan.origin {
        Origin::Image(_) => {
            let name: ImageReference = record.image.parse()?;
            Pinned::Fetched(name.pinned(&digest))
        }
        Origin::Build(_) => Pinned::Built(digest.into()),
        Origin::Tools(_) | Origin::Command(_) | Origin::Remote(_) => return Ok(None),
    }))
}
