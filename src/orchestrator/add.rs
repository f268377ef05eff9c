//! `add`: from a reference to a server that answers. Whatever fails, all that was done is undone.

use super::build::Fetch;
use super::interrupt::Interrupt;
use super::remove::Extent;
use super::work::Work;
use super::{Active, Error, Orchestrator, socket_path};
use crate::activation::build::{Recipe, Source};
use crate::activation::choices::Choices;
use crate::activation::command::HostCommand;
use crate::activation::plan::{Origin, Plan};
use crate::image::ImageReference;
use crate::podman::{self, Podman, PullEvent};
use crate::quadlet::name::{ServerName, UnitName};
use crate::session::lists::Lists;
use crate::unit_dir::{Lock, UnitDirError};

/// How long systemd may take to make a socket listen.
pub(super) const SOCKET_START: std::time::Duration = std::time::Duration::from_secs(30);

/// How long a server that listens in its container may take to start.
const SERVER_START: std::time::Duration = std::time::Duration::from_mins(1);

/// What is to be added.
#[derive(Debug, Clone)]
pub struct Request {
    /// A catalog id, a unique name, `docker://IMAGE`, or a package such as `npm:NAME@VERSION`.
    pub reference: String,
    /// The name it is to have; made from the reference where none is given.
    pub name: Option<ServerName>,
    /// What the user chose.
    pub choices: Choices,
    /// Whether to try the server once.
    pub probe: bool,
    /// What the user has seen and agreed to, of what would be built.
    pub consent: Consent,
    /// What of the catalog somebody looked at before; nothing else is added in its place.
    pub agreed: Option<Agreed>,
}

/// A way to run an entry, as the catalog had it when somebody agreed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The entry's id.
    pub id: String,
    /// The [fingerprint](crate::activation::plan::fingerprint) of the launch option.
    pub launch_hash: String,
}

/// What the user agreed to that code is built from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Consent {
    /// Nothing that must be seen first.
    #[default]
    Nothing,
    /// This, as [`Error::NeedsConsent`] named it.
    Seen(String),
    /// Whatever it is.
    Anything,
}

/// What is going on, for whoever waits.
#[derive(Debug, Clone)]
pub enum Step {
    /// The image is not here and is fetched.
    Pulling(ImageReference),
    /// The pull went on.
    Pull(PullEvent),
    /// The image is here.
    Pulled,
    /// A package manager is asked for the exact version of a package.
    Asking(String),
    /// The image is built from this.
    Building(String),
    /// The build said something.
    Output(String),
    /// Another process changes units; we wait for it.
    Waiting,
    /// Secrets cannot be encrypted on this host, and are stored as they are.
    Unencrypted,
    /// The units are written and started.
    Starting,
    /// The server is tried.
    Trying,
}

/// A server that was added.
#[derive(Debug)]
pub struct Added {
    /// The server.
    pub active: Active,
    /// What it offers; none where it was not tried.
    pub lists: Option<Lists>,
}

impl Orchestrator {
    /// Makes a server active, unless the user interrupts.
    pub async fn add(
        &self,
        request: &Request,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Added, Error> {
        Box::pin(self.add_until(request, tell, std::future::pending())).await
    }

    /// Makes a server active, unless the user interrupts or `stop` resolves before that is done.
    pub async fn add_until(
        &self,
        request: &Request,
        tell: &(dyn Fn(Step) + Sync),
        stop: impl Future<Output = ()>,
    ) -> Result<Added, Error> {
        let mut stop = std::pin::pin!(stop);
        let mut interrupt = Interrupt::listen(stop.as_mut());
        let mut plan = Box::pin(self.plan(request)).await?;
        let podman = self.podman().await?;
        let version = podman.supported_version().await?;
        let enforceable = async {
            self.check_build(&podman, &plan).await?;
            self.check_network(&podman, &plan).await
        };
        interrupt.ends(enforceable).await?;
        let pinned = interrupt
            .ends(self.settle(&podman, &mut plan, Fetch::Missing, tell))
            .await?;
        check_consent(&plan, &request.consent)?;

        let lock = self.lock(|| tell(Step::Waiting));
        let lock = interrupt.ends(lock).await?;
        // What was free before may be taken now.
        self.clear_name(&lock, &plan.name).await?;
        let before = self.kept(&podman, &plan).await?;
        let work = Work {
            orchestrator: self,
            lock: &lock,
            podman: &podman,
            plan: &plan,
            given: &request.reference,
            version,
        };
        let done = interrupt
            .ends(Box::pin(work.activate(pinned, request.probe, tell)))
            .await;
        match done {
            Ok(added) => Ok(added),
            Err(error) => {
                // What cannot be undone is reported beside the error, which is the more important of the two.
                let mut failures = self.take_down(&lock, &plan.name, Extent::default()).await;
                failures.extend(self.put_back(&podman, &plan, before).await);
                for failure in failures {
                    tracing::warn!("while undoing: {failure}");
                }
                Err(error)
            }
        }
    }

    /// Podman's service, started if it is down.
    pub(super) async fn podman(&self) -> Result<Podman, Error> {
        let podman = Podman::new(Podman::socket_below(self.host.runtime.path()));
        match podman.version().await {
            Err(error) if error.is_down() => {
                self.systemd
                    .start(&UnitName::from_systemd(podman::SOCKET_UNIT), SOCKET_START)
                    .await
                    .map_err(|cause| {
                        tracing::debug!("{} does not start: {cause}", podman::SOCKET_UNIT);
                        Error::Podman(error)
                    })?;
                Ok(podman)
            }
            Err(error) => Err(error.into()),
            Ok(_) => Ok(podman),
        }
    }

    /// Starts a server that runs without clients too. That it does not come up is told by whoever connects.
    pub(super) async fn start_always_on(&self, name: &ServerName, always_on: bool) {
        if always_on && let Err(error) = self.systemd.start(&name.server_unit(), SERVER_START).await
        {
            tracing::warn!("{error}");
        }
    }

    /// Sees to it that nothing is there under a name: what a killed `add` or `remove` left is taken away.
    async fn clear_name(&self, lock: &Lock, name: &ServerName) -> Result<(), Error> {
        match self.active(name.clone())? {
            Some(active) if active.record.state.is_complete() => Err(Error::NameTaken {
                name: name.clone(),
                id: active.record.id,
            }),
            Some(_) => {
                let failures = self.take_down(lock, name, Extent::default()).await;
                if failures.is_empty() {
                    return Ok(());
                }
                Err(Error::NotRemoved {
                    name: name.clone(),
                    failures,
                })
            }
            None => {
                let mut found = self.files(name)?;
                if self.units.read(&socket_path(name))?.is_some() {
                    found.insert(0, socket_path(name));
                }
                match found.first() {
                    None => Ok(()),
                    Some(foreign) => Err(UnitDirError::Foreign {
                        path: self.units.path(foreign),
                    }
                    .into()),
                }
            }
        }
    }
}

/// What the code that a build runs can reach, in words.
pub const BUILD_SEES: &str =
    "what is built sees the open network, and no file, secret or session of yours";

/// What more somebody else's recipe sees, behind [`BUILD_SEES`].
const ADDS: &str =
    "; what its recipe has Podman fetch (FROM, ADD of an address) comes by this host's own network";

/// Sees to it that the user knows what code is built or runs outside of a container, where its catalog says no more than where that
/// is found, or nothing.
pub(super) fn check_consent(plan: &Plan, consent: &Consent) -> Result<(), Error> {
    let (what, how) = match &plan.origin {
        Origin::Build(build) => match &build.source {
            Source::Repository(repository) => {
                let recipe = repository.recipe.as_ref();
                let how = recipe.map(ToString::to_string).unwrap_or_default();
                let adds = match recipe {
                    Some(Recipe::Own(_)) => ADDS,
                    _ => "",
                };
                let what = build.to_string();
                let how = format!("build and run code from {what}, {how}; {BUILD_SEES}{adds}");
                (what, how)
            }
            Source::Package(_) | Source::Bundle(_) => return Ok(()),
        },
        Origin::Command(program) => {
            let words = std::iter::once(program).chain(&plan.invocation.args);
            let what = HostCommand::of_words(words.cloned().collect());
            let what = format!("command:{}", what.map_err(Error::Command)?);
            let how = format!("run {what} on this host, in a sandbox but in no container");
            (what, how)
        }
        Origin::Image(_) | Origin::Tools(_) | Origin::Remote(_) => return Ok(()),
    };
    match consent {
        Consent::Anything => Ok(()),
        Consent::Seen(seen) if *seen == what => Ok(()),
        Consent::Seen(_) | Consent::Nothing => Err(Error::NeedsConsent { what, how }),
    }
}
