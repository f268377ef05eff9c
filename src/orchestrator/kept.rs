//! What outlives a server under its name: secrets and volumes. They are for the entry that they were made for, and no other gets them
//! unasked; of an `add` that fails, those that were there before stay as they were.

use std::collections::BTreeMap;

use super::{Error, Orchestrator};
use crate::activation::invocation::StoredSecret;
use crate::activation::plan::Plan;
use crate::podman::{KeptSecret, Podman};
use crate::quadlet::name::ServerName;

/// What is kept under a name for other entries than the one that is about to have it.
#[derive(Debug)]
pub(super) struct ForOthers<'a> {
    name: &'a ServerName,
    /// The entry that is about to have the name.
    entry: &'a str,
    /// The first of the others.
    other: Option<String>,
    kept: Vec<String>,
}

impl<'a> ForOthers<'a> {
    /// Nothing was seen yet.
    pub(super) fn new(name: &'a ServerName, entry: &'a str) -> Self {
        Self {
            name,
            entry,
            other: None,
            kept: Vec::new(),
        }
    }

    /// Takes something that is kept, and the entry that it was made for; what the user stored beforehand is for whoever gets the name.
    pub(super) fn see(&mut self, entry: Option<String>, what: impl FnOnce() -> String) {
        if let Some(entry) = entry.filter(|entry| entry != self.entry) {
            self.other.get_or_insert(entry);
            self.kept.push(what());
        }
    }

    /// Fails if something was seen that is another's.
    pub(super) fn refuse(self) -> Result<(), Error> {
        match self.other {
            None => Ok(()),
            Some(owner) => Err(Error::KeptForAnother {
                name: self.name.clone(),
                owner,
                kept: self.kept,
            }),
        }
    }
}

/// What was kept for a server before it was added.
#[derive(Debug, Default)]
pub(super) struct Kept {
    secrets: BTreeMap<String, KeptSecret>,
    volumes: Vec<String>,
}

impl Orchestrator {
    /// What there is already of what a plan would make: it stays when the plan fails.
    pub(super) async fn kept(&self, podman: &Podman, plan: &Plan) -> Result<Kept, Error> {
        let mut kept = Kept::default();
        for secret in &plan.invocation.secrets {
            if let Some(value) = podman.secret(&secret.name).await? {
                kept.secrets.insert(secret.name.clone(), value);
            }
        }
        for volume in &plan.invocation.volumes {
            let volume = plan.name.volume(&volume.name);
            if podman.volume(&volume).await?.is_some() {
                kept.volumes.push(volume);
            }
        }
        Ok(kept)
    }

    /// Undoes what was done to secrets and volumes, and returns what failed.
    pub(super) async fn put_back(&self, podman: &Podman, plan: &Plan, kept: Kept) -> Vec<String> {
        let mut failures = Vec::new();
        for StoredSecret { name, .. } in &plan.invocation.secrets {
            let put_back = match kept.secrets.get(name) {
                Some(KeptSecret { value, entry }) => {
                    let secret = StoredSecret {
                        given_as: None,
                        name: name.clone(),
                        value: value.clone(),
                    };
                    self.store_secrets(podman, &[secret], entry.as_deref(), &|| {})
                        .await
                }
                None => podman
                    .remove_secret(name)
                    .await
                    .map(drop)
                    .map_err(Error::from),
            };
            if let Err(error) = put_back {
                failures.push(format!("put the secret {name} back: {error}"));
            }
        }
        for volume in &plan.invocation.volumes {
            let volume = plan.name.volume(&volume.name);
            if !kept.volumes.contains(&volume)
                && let Err(error) = podman.remove_volume(&volume).await
            {
                failures.push(format!("remove the volume {volume}: {error}"));
            }
        }
        failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_anothers_is_refused() {
        let name: ServerName = "vault".parse().unwrap();
        let mut kept = ForOthers::new(&name, "docker:vault");
        kept.see(None, || "what the user stored".to_owned());
        kept.see(Some("docker:vault".to_owned()), || "its own".to_owned());
        kept.refuse().unwrap();
        let mut kept = ForOthers::new(&name, "docker:vault");
        kept.see(Some("evil:vault".to_owned()), || "the secret a".to_owned());
        kept.see(Some("docker:vault".to_owned()), || "its own".to_owned());
        kept.see(Some("evil:vault".to_owned()), || "the volume b".to_owned());
        let error = kept.refuse().unwrap_err().to_string();
        let expected =
            "the secret a, the volume b are kept for evil:vault, which had the name vault before";
        assert_eq!(error, expected);
    }
}
