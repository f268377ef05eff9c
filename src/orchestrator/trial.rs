//! Trials: the newer version of a server runs beside the older as a server of its own, until it is known what it is like.
//!
//! It has a name of its own, and secrets and volumes of its own under that. Its record says that it is being added, so nobody
//! takes it for an active server, and whoever has the lock next takes away what a trial that was killed left.

use sha2::{Digest as _, Sha256};

use super::add::Step;
use super::remove::Extent;
use super::upgrade::{Next, is_built};
use super::work::{Raised, Work};
use super::{Active, Error, Orchestrator};
use crate::activation::plan::Origin;
use crate::activation::record::State;
use crate::image::ImageReference;
use crate::podman::{Image, Podman, PodmanError};
use crate::quadlet::name::ServerName;
use crate::unit_dir::Lock;

/// What begins the name of a server that is only tried; behind it stand the first digits of a hash of the real one's name.
const TRIAL: &str = "trial-";
const TRIAL_DIGITS: usize = 8;

/// All of a server that is only tried.
pub(super) const ALL: Extent = Extent {
    volumes: true,
    secrets: true,
};

impl Orchestrator {
    /// Tries what a server is to become, as a server of its own.
    pub(super) async fn try_next(
        &self,
        lock: &Lock,
        podman: &Podman,
        active: &Active,
        next: &Next,
        trial: &ServerName,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Raised, Error> {
        let mut choices = next.choices.clone();
        for secret in &next.plan.invocation.secrets {
            if let Some(key) = &secret.given_as {
                let value = Some(secret.value.clone());
                choices.secrets.insert(key.clone(), value);
            }
        }
        let mut plan = self
            .plan_as(&next.candidate, trial.clone(), choices)
            .await?;
        plan.origin = next.plan.origin.clone();
        let work = Work {
            orchestrator: self,
            lock,
            podman,
            plan: &plan,
            given: &active.record.given,
            version: podman.supported_version().await?,
        };
        // Nobody has logged in to a remote server as the one that is tried; what it has by now is seen in the next session.
        let logs_in = matches!(plan.origin, Origin::Remote(_)) && self.is_logged_in(active).await?;
        let probe = active.record.state == State::Verified && !logs_in;
        work.raise(next.pinned.clone(), probe, tell).await
    }

    /// Sees to it that images that were built for a server have its names: its present one, and the one before. What has no name
    /// any more goes.
    pub(super) async fn name_images(&self, podman: &Podman, active: &Active) -> Result<(), Error> {
        let record = &active.record;
        if !is_built(record) {
            return Ok(());
        }
        let present = Some(record.digest.as_str());
        let before = record
            .previous
            .as_deref()
            .and_then(|text| text.rsplit(' ').next());
        let (built, built_before) = (
            ImageReference::built(&active.name),
            ImageReference::built_before(&active.name),
        );
        for (name, digest) in [(built, present), (built_before, before)] {
            let Some(id) = digest.and_then(|digest| digest.strip_prefix("sha256:")) else {
                continue;
            };
            let old: Option<Image> = podman.image(&name).await?;
            if old.as_ref().is_some_and(|old| old.id == id) {
                continue;
            }
            match podman.tag_image(id, &name).await {
                // Somebody removed it: nothing can be named.
                Err(PodmanError::Api { status: 404, .. }) => continue,
                tagged => tagged?,
            }
            // Of the two the present one is named first, so what loses its name here may get the other next.
            if let Some(old) =
                old.filter(|old| before.is_none_or(|before| !before.ends_with(&old.id)))
            {
                podman.remove_nameless(&old.id).await?;
            }
        }
        Ok(())
    }

    /// Waits for the right to change units, and puts in order what somebody who was killed left half changed.
    pub(crate) async fn lock(&self, on_wait: impl FnOnce()) -> Result<Lock, Error> {
        let lock = self.units.lock(on_wait).await?;
        if lock.finished_another() {
            self.systemd.reload().await?;
        }
        self.sweep_trials(&lock).await;
        Ok(lock)
    }

    /// Takes away what upgrades that were killed left: whoever has the lock tries nothing himself.
    async fn sweep_trials(&self, lock: &Lock) {
        let left = self.names().unwrap_or_default().into_iter();
        let left: Vec<ServerName> = left.filter(|name| self.is_trial(name)).collect();
        if left.is_empty() {
            return;
        }
        if let Err(error) = self.name_all_images().await {
            tracing::debug!("images may be without their names: {error}");
            return;
        }
        for name in left {
            for failure in self.take_down(lock, &name, ALL).await {
                tracing::warn!("while taking away what an upgrade left: {failure}");
            }
        }
    }

    /// An upgrade that was killed may have left an image without any name but that of the trial.
    async fn name_all_images(&self) -> Result<(), Error> {
        let podman = self.podman().await?;
        for name in self.names()? {
            if let Ok(Some(active)) = self.active(name)
                && active.record.state.is_complete()
            {
                self.name_images(&podman, &active).await?;
            }
        }
        Ok(())
    }

    /// Whether a server is one that is only tried.
    fn is_trial(&self, name: &ServerName) -> bool {
        let digits = name.as_str().strip_prefix(TRIAL);
        let is_named = digits.is_some_and(|digits| {
            digits.len() == TRIAL_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        });
        is_named
            && matches!(self.active(name.clone()), Ok(Some(active)) if !active.record.state.is_complete())
    }
}

/// The name under which a newer version of a server is tried.
pub(super) fn trial_of(name: &ServerName) -> Result<ServerName, Error> {
    let hash = format!("{:x}", Sha256::digest(name.as_str()));
    let digits: String = hash.chars().take(TRIAL_DIGITS).collect();
    Ok(format!("{TRIAL}{digits}").parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_has_a_name_of_its_own() {
        let name: ServerName = "x".repeat(40).parse().unwrap();
        let trial = trial_of(&name).unwrap();
        assert!(trial.as_str().starts_with(TRIAL) && trial != name);
        assert_ne!(trial, trial_of(&"y".parse().unwrap()).unwrap());
    }
}
