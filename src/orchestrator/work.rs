//! The work of `add` and of a trial: the steps that change something, and the texts of what they write.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::add::{Added, SOCKET_START, Step};
use super::trust::Tried;
use super::{Active, Error, Orchestrator, hook_path, socket_path};
use crate::activation::plan::{Origin, Plan};
use crate::activation::record::{Record, State, Tools};
use crate::activation::units::{self, UnitTexts};
use crate::image::Pinned;
use crate::podman::Podman;
use crate::quadlet::name::UnitName;
use crate::quadlet::version::PodmanVersion;
use crate::session::definitions::Definitions;
use crate::systemd::LoadState;
use crate::unit_dir::{Lock, UnitPath};

/// The steps that change something; all are undone by `take_down`.
pub(super) struct Work<'a> {
    pub(super) orchestrator: &'a Orchestrator,
    pub(super) lock: &'a Lock,
    pub(super) podman: &'a Podman,
    pub(super) plan: &'a Plan,
    pub(super) given: &'a str,
    pub(super) version: PodmanVersion,
}

/// A server that listens.
pub(super) struct Raised {
    /// With the record as it was written.
    pub(super) active: Active,
    /// What its units name, if that is an image.
    pub(super) pinned: Option<Pinned>,
    /// The files by which its image was built.
    pub(super) built: BTreeMap<UnitPath, String>,
    /// The link by which its units name this program.
    pub(super) program: String,
    /// What it showed, if it was tried.
    pub(super) tried: Option<Tried>,
}

impl Work<'_> {
    pub(super) async fn activate(
        &self,
        pinned: Option<Pinned>,
        probe: bool,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Added, Error> {
        let (orchestrator, name) = (self.orchestrator, &self.plan.name);
        let raised = self.raise(pinned, probe, tell).await?;
        let Raised {
            mut active,
            pinned,
            built,
            program,
            tried,
        } = raised;
        let record = &mut active.record;
        record.state = State::Unverified;
        if let Some(tried) = &tried {
            orchestrator.write_accepted(name, &Definitions::of(&tried.all))?;
            record.tools_hash = Some(tried.tools_hash());
            record.state = State::Verified;
        }
        let done = texts(
            self.plan,
            pinned.as_ref(),
            record,
            &built,
            &program,
            self.version,
        )?;
        orchestrator
            .units
            .write(self.lock, &socket_path(name), &done.socket)?;
        // Else systemd would warn of a file that changed since it was read.
        orchestrator.systemd.reload().await?;
        Ok(Added {
            active,
            lists: tried.map(|tried| tried.lists),
        })
    }

    /// Does all but the last: the server listens, and was tried, and its record says that it is being added.
    pub(super) async fn raise(
        &self,
        pinned: Option<Pinned>,
        probe: bool,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Raised, Error> {
        let name = &self.plan.name;
        let (plan, version) = (self.plan, self.version);
        let built = self.orchestrator.build_texts(plan, version)?;
        let pinned = match &plan.origin {
            Origin::Build(_) => Some(self.build(&built, tell).await?),
            Origin::Image(_) | Origin::Tools(_) | Origin::Command(_) | Origin::Remote(_) => pinned,
        };
        let program = self.orchestrator.link()?;
        let record = record(plan, self.given, pinned.as_ref(), State::Adding);
        let written = texts(plan, pinned.as_ref(), &record, &built, &program, version)?;
        // The socket file is the record: it comes first, so that whatever comes after it can be found again.
        self.orchestrator
            .units
            .write(self.lock, &socket_path(name), &written.socket)?;
        for (unit, text) in self.orchestrator.own_units().await? {
            self.orchestrator.units.write(self.lock, &unit, &text)?;
        }
        tell(Step::Starting);
        self.orchestrator
            .store_secrets(
                self.podman,
                &self.plan.invocation.secrets,
                Some(&self.plan.id),
                &|| tell(Step::Unencrypted),
            )
            .await?;
        for (file, text) in &written.others {
            self.orchestrator.units.write(self.lock, file, text)?;
        }
        self.orchestrator
            .systemd
            .enable(&[&name.socket_unit()])
            .await?;
        self.orchestrator.systemd.reload().await?;
        self.check_generated().await?;
        self.orchestrator
            .systemd
            .start(&name.socket_unit(), SOCKET_START)
            .await?;

        self.orchestrator
            .start_always_on(name, plan.always_on)
            .await;

        let active = Active {
            name: name.clone(),
            record,
            socket: self.orchestrator.host.runtime.socket_path(name)?,
        };
        let mut tried = None;
        if probe {
            tell(Step::Trying);
            tried = Some(self.orchestrator.try_whole(&active).await?);
        }
        Ok(Raised {
            active,
            pinned,
            built,
            program,
            tried,
        })
    }

    /// Builds the server's image. The record is written before anything else, without what is known only then.
    async fn build(
        &self,
        texts: &BTreeMap<UnitPath, String>,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Pinned, Error> {
        let (orchestrator, name) = (self.orchestrator, &self.plan.name);
        let record = record(self.plan, self.given, None, State::Adding);
        let socket = units::socket(self.plan, &record, &BTreeMap::new())?;
        orchestrator
            .units
            .write(self.lock, &socket_path(name), &socket)?;
        orchestrator
            .build(self.lock, self.podman, self.plan, texts, tell)
            .await
    }

    /// Quadlet drops a unit that it does not understand, and says so only in the journal.
    async fn check_generated(&self) -> Result<(), Error> {
        let instance = UnitName::from_systemd(format!("mcpod-{}@check.service", self.plan.name));
        if self.orchestrator.systemd.status(&instance).await?.load == LoadState::Loaded {
            return Ok(());
        }
        Err(Error::NotGenerated {
            file: match self.plan.origin {
                Origin::Image(_) | Origin::Build(_) => self.plan.name.container_file(),
                Origin::Tools(_) | Origin::Command(_) | Origin::Remote(_) => {
                    self.plan.name.instance_file()
                }
            },
        })
    }
}

pub(super) fn texts(
    plan: &Plan,
    pinned: Option<&Pinned>,
    record: &Record,
    built: &BTreeMap<UnitPath, String>,
    program: &str,
    version: PodmanVersion,
) -> Result<UnitTexts, Error> {
    let mut texts = built.clone();
    for (path, file) in units::behind(plan, pinned, program)? {
        file.check(version)?;
        texts.insert(path, file.to_string());
    }
    if plan.is_container()
        && let Some(hook) = units::hook(&plan.network, plan.proxy.as_deref(), program)
    {
        texts.insert(hook_path(&plan.name), hook);
    }
    Ok(units::texts(plan, record, texts)?)
}

pub(super) fn record(plan: &Plan, given: &str, pinned: Option<&Pinned>, state: State) -> Record {
    Record {
        id: plan.id.clone(),
        given: given.to_owned(),
        launch: plan.launch.clone(),
        launch_hash: Some(plan.launch_hash.clone()),
        image: plan.origin.to_string(),
        digest: pinned
            .and_then(Pinned::digest)
            .map(ToString::to_string)
            .unwrap_or_default(),
        network: plan.network.to_string(),
        limits: plan.limits.clone(),
        inputs: plan.inputs.clone(),
        environment: plan.environment.clone(),
        mounts: plan.mounts.clone(),
        secrets: plan
            .invocation
            .secrets
            .iter()
            .filter_map(|secret| secret.given_as.clone())
            .collect(),
        instances: plan.instances,
        entry: plan.origin.build().and_then(|build| build.entry.clone()),
        scripts: plan.origin.build().is_some_and(|build| build.scripts),
        always_on: plan.always_on,
        previous: None,
        tools: Tools::default(),
        tools_hash: None,
        state,
        added: Timestamp::now(),
    }
}
