//! What a server is to become, and how that differs from what it is.

use crate::activation::choices::Choices;
use crate::activation::plan::Plan;
use crate::image::{ImageReference, Pinned};
use crate::orchestrator::add::Step;
use crate::orchestrator::build::Fetch;
use crate::orchestrator::config::{choices, launch_number, pinned};
use crate::orchestrator::reference::{self, Candidate};
use crate::orchestrator::{Active, Error, Orchestrator, socket_path, work};
use crate::podman::Podman;
use crate::unit_dir::Replacement;

/// What a server is to become.
pub(in crate::orchestrator) struct Next {
    pub(in crate::orchestrator) candidate: Candidate,
    pub(in crate::orchestrator) choices: Choices,
    pub(in crate::orchestrator) plan: Plan,
    /// What its units are to name; nothing of what is yet to be built.
    pub(in crate::orchestrator) pinned: Option<Pinned>,
    /// The lines of its units that go and come.
    pub(super) units: Vec<String>,
}

impl Orchestrator {
    /// Decides what a server is to become. What it consists of is looked for anew.
    pub(super) async fn next(
        &self,
        podman: &Podman,
        active: &Active,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Next, Error> {
        let version = podman.supported_version().await?;
        let (candidate, number) = self.as_upgraded(active)?;
        let choices = Choices {
            launch: Some(number),
            ..choices(&active.record)
        };
        let mut plan = self
            .plan_as(&candidate, active.name.clone(), choices.clone())
            .await?;
        self.check_build(podman, &plan).await?;
        let pinned = self.settle(podman, &mut plan, Fetch::Anew, tell).await?;
        let units = self.differing_lines(active, &plan, version)?;
        Ok(Next {
            candidate,
            choices,
            plan,
            pinned,
            units,
        })
    }

    /// What an active server is upgraded by, and the number of the launch option: what it was added from if that is still there,
    /// else the one in its place, if it is of the same kind.
    fn as_upgraded(&self, active: &Active) -> Result<(Candidate, usize), Error> {
        let changed = match self.as_added(active) {
            Err(error @ Error::EntryChanged { .. }) => error,
            found => return found,
        };
        let candidate = match reference::resolve(&self.catalog()?, &active.record.id) {
            Err(Error::NoSuchEntry { .. } | Error::Ambiguous { .. }) => return Err(changed),
            candidate => candidate?,
        };
        let kind = active.record.launch.split_once(' ').map(|(_, kind)| kind);
        let is_its = |number: &usize| {
            let option = number
                .checked_sub(1)
                .and_then(|at| candidate.launch.get(at));
            option.is_some_and(|option| Some(option.kind()) == kind)
        };
        let number = launch_number(&active.record).filter(is_its);
        let number = number.or_else(|| (1..=candidate.launch.len()).find(is_its));
        match number {
            Some(number) => Ok((candidate, number)),
            None => Err(changed),
        }
    }

    /// The lines of a server's units that would go and come besides its image, what that is built by, and its record.
    fn differing_lines(
        &self,
        active: &Active,
        plan: &Plan,
        version: crate::quadlet::version::PodmanVersion,
    ) -> Result<Vec<String>, Error> {
        let built = self.built_files(&active.name)?;
        // As if the image stayed.
        let pinned = pinned(plan, &active.record)?;
        let program = self.link()?;
        let texts = work::texts(
            plan,
            pinned.as_ref(),
            &active.record,
            &built,
            &program,
            version,
        )?;
        let mut lines = Vec::new();
        for Replacement { path, text } in self.change(&active.name, texts)? {
            let is_built = built.contains_key(&path);
            if is_built || path == socket_path(&active.name) {
                continue;
            }
            let before = self.units.read(&path)?.unwrap_or_default();
            let after = text.unwrap_or_default();
            let gone = before
                .lines()
                .filter(|line| !after.lines().any(|new| new == *line));
            lines.extend(gone.map(|line| format!("- {line}")));
            let new = after
                .lines()
                .filter(|line| !before.lines().any(|old| old == *line));
            lines.extend(new.map(|line| format!("+ {line}")));
        }
        Ok(lines)
    }

    /// Whether a server is already what it is to become.
    pub(super) async fn is_same(
        &self,
        podman: &Podman,
        active: &Active,
        next: &Next,
    ) -> Result<bool, Error> {
        let record = &active.record;
        if !next.units.is_empty() {
            return Ok(false);
        }
        if let Some(pinned) = &next.pinned {
            let digest = pinned.digest().map(ToString::to_string);
            return Ok(digest.as_deref() == Some(&*record.digest));
        }
        if next.plan.origin.build().is_none() {
            return Ok(true);
        }
        let version = podman.supported_version().await?;
        let by = self.build_texts(&next.plan, version)?;
        let here = podman.image(&ImageReference::built(&active.name)).await?;
        let is_here = here.is_some_and(|image| record.digest == format!("sha256:{}", image.id));
        Ok(is_here && by == self.built_files(&active.name)?)
    }
}
