//! Planning: a reference and the user's choices become a plan. Nothing is changed.

use super::add::Request;
use super::reference::{self, Candidate};
use super::{Error, Orchestrator, binds, kept};
use crate::activation::choices::Choices;
use crate::activation::invocation::NamedVolume;
use crate::activation::plan::{self, Plan, fingerprint};
use crate::quadlet::name::ServerName;

impl Orchestrator {
    /// Decides what will run; nothing is changed.
    pub async fn plan(&self, request: &Request) -> Result<Plan, Error> {
        let candidate = reference::resolve(&self.catalog()?, &request.reference)?;
        if let Some(agreed) = &request.agreed {
            let Candidate { id, launch, .. } = &candidate;
            let (_, option) = plan::choose(id, launch, request.choices.launch)?;
            if *id != agreed.id || fingerprint(option) != agreed.launch_hash {
                return Err(Error::NotAsAgreed {
                    id: agreed.id.clone(),
                });
            }
        }
        let name = match &request.name {
            Some(name) => name.clone(),
            None => self.free_name(&candidate)?,
        };
        if let Some(active) = self.active(name.clone())?
            && active.record.state.is_complete()
        {
            return Err(Error::NameTaken {
                name,
                id: active.record.id,
            });
        }
        self.plan_as(&candidate, name, request.choices.clone())
            .await
    }

    /// Decides what will run under a name. Secrets that are not given are taken from where they are stored.
    pub(super) async fn plan_as(
        &self,
        candidate: &Candidate,
        name: ServerName,
        mut choices: Choices,
    ) -> Result<Plan, Error> {
        for key in plan::secret_inputs(&candidate.id, &candidate.launch, choices.launch) {
            choices.secrets.entry(key).or_default();
        }
        let mut podman = None;
        let mut kept = kept::ForOthers::new(&name, &candidate.id);
        for (key, value) in &mut choices.secrets {
            if value.is_some() {
                continue;
            }
            let podman = match &podman {
                Some(podman) => podman,
                None => podman.insert(self.podman().await?),
            };
            if let Some(stored) = podman.secret(&name.secret(key)).await? {
                kept.see(stored.entry, || format!("the secret {name}_{key}"));
                *value = Some(stored.value);
            }
        }
        let Candidate { id, launch, .. } = candidate;
        let mut plan = Plan::new(id, launch, name.clone(), &choices, &self.settings)?;
        for NamedVolume { name: volume, .. } in &plan.invocation.volumes {
            let podman = match &podman {
                Some(podman) => podman,
                None => podman.insert(self.podman().await?),
            };
            if let Some(found) = podman.volume(&name.volume(volume)).await? {
                kept.see(found.entry, || {
                    format!("the volume {}", name.volume(volume))
                });
            }
        }
        if !choices.reuse {
            kept.refuse()?;
        }
        let closed = binds::Closed::of(&self.host, &self.dirs);
        closed.check_all(&mut plan.invocation.binds)?;
        Ok(plan)
    }

    /// The first of a candidate's names that nobody has; the first of all where everybody has one.
    pub(super) fn free_name(&self, candidate: &Candidate) -> Result<ServerName, Error> {
        for name in &candidate.names {
            match self.active(name.clone())? {
                // The same entry again is a mistake, not a wish for a second one under another name.
                Some(active)
                    if active.record.state.is_complete() && active.record.id != candidate.id => {}
                _ => return Ok(name.clone()),
            }
        }
        candidate
            .names
            .first()
            .cloned()
            .ok_or_else(|| Error::UnknownReference {
                reference: candidate.id.clone(),
            })
    }
}
