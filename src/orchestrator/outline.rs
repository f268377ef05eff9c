//! An outline of what `add` would make active: what can be told without a host, before anything is asked or looked up.

use super::add::{Agreed, Request};
use super::reference::{self, Candidate};
use super::{Error, Orchestrator};
use crate::activation::build::Build;
use crate::activation::plan::{self, fingerprint};
use crate::catalog::{Artifact, LaunchOption, Listing, Run, Trust};
use crate::quadlet::name::ServerName;

/// What `add` would make active.
#[derive(Debug, Clone)]
pub struct Outline {
    /// The entry's id, or the reference itself.
    pub id: String,
    /// The name it would have.
    pub name: ServerName,
    /// The name it would have if none were given.
    pub own_name: ServerName,
    /// What it would be made of, in words.
    pub what: String,
    /// How its image would be built, if it would.
    pub build: Option<Build>,
    /// The way it would be run, as its entry says.
    pub launch: LaunchOption,
    /// The same with what its bundle says; nothing of a bundle that was never fetched, whose inputs nobody knows yet.
    pub whole: Option<LaunchOption>,
    /// What the catalog has of it; nothing of what is in no catalog.
    pub listing: Option<Listing>,
}

impl Outline {
    /// The names of the inputs that are secrets.
    pub fn secrets(&self) -> impl Iterator<Item = String> {
        let inputs = self.known().inputs.iter();
        let secret = inputs.filter(|input| input.secret);
        secret.map(|input| input.path.to_string())
    }

    /// The way it would be run, as far as that is known.
    pub fn known(&self) -> &LaunchOption {
        self.whole.as_ref().unwrap_or(&self.launch)
    }

    /// This, for a user to agree to.
    pub fn agreed(&self) -> Agreed {
        Agreed {
            id: self.id.clone(),
            launch_hash: fingerprint(&self.launch),
        }
    }

    /// Whether it would be a command of this host.
    pub fn is_command(&self) -> bool {
        matches!(&self.launch.run, Run::Local(local) if matches!(local.artifact, Artifact::Command(_)))
    }

    /// Whether the source itself says how it is run.
    pub fn is_declared(&self) -> bool {
        self.launch.trust == Trust::Declared
    }
}

impl Orchestrator {
    /// What a request would make active. Nothing is asked of the host, and no input is looked at.
    pub fn outline(&self, request: &Request) -> Result<Outline, Error> {
        let catalog = self.catalog()?;
        let candidate = reference::resolve(&catalog, &request.reference)?;
        let listing = if reference::is_direct(&request.reference) {
            None
        } else {
            Some(reference::listing(&catalog, &request.reference)?)
        };
        let own_name = self.free_name(&candidate)?;
        let Candidate { id, launch, .. } = &candidate;
        let (_, option) = plan::choose(id, launch, request.choices.launch)?;
        let (what, build) = match &option.run {
            Run::Local(local) => {
                let choices = &request.choices;
                let origin = plan::origin(local, choices, self.settings())?;
                (origin.to_string(), origin.build().cloned())
            }
            Run::Remote(remote) => (remote.endpoint.url.to_string(), None),
        };
        Ok(Outline {
            name: request.name.clone().unwrap_or_else(|| own_name.clone()),
            own_name,
            what,
            build,
            whole: self.completed(option),
            launch: option.clone(),
            id: candidate.id,
            listing,
        })
    }
}
