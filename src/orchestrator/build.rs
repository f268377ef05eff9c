//! Builds: a package or a repository becomes an image of this host, by a Quadlet file that `add` starts and nobody else.
//!
//! Whoever builds holds the lock of the unit directory. So there is one build at a time, and what an `add` that was killed left
//! building is nobody's, and is ended by the next.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::add::Step;
use super::build_log::Log;
use super::{Error, Orchestrator};
use crate::activation::build::{self, Answer, Build, MANY_ENTRIES, NO_ENTRY, NO_PROGRAM, Source};
use crate::activation::plan::{Origin, Plan};
use crate::activation::units;
use crate::catalog::Package;
use crate::image::{ImageReference, Pinned};
use crate::podman::command::Question;
use crate::podman::{Image, Podman};
use crate::quadlet::name::{ServerName, UnitName};
use crate::quadlet::version::PodmanVersion;
use crate::repository;
use crate::systemd::LoadState;
use crate::unit_dir::{Lock, UnitPath};

/// How long a build is waited for: longer than systemd lets it go on.
const PATIENCE: Duration = units::BUILD_TIMEOUT.saturating_add(Duration::from_mins(1));

/// How long a build may take to stop, with what cleans up behind it: longer than systemd lets it take.
const STOP: Duration = units::BUILD_STOP_TIMEOUT
    .saturating_mul(3)
    .saturating_add(Duration::from_secs(10));

/// How often it is looked for what a build says.
const LISTEN: Duration = Duration::from_millis(200);

/// Which images of registries are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetch {
    /// Those that are not here.
    Missing,
    /// All, as the registry has them now.
    Anew,
}

impl Orchestrator {
    /// Sees to it that all is decided: an image is here and pinned; a package has its exact version, and what it is installed on is here.
    ///
    /// Gives what the units are to name; of what is not built yet there is nothing.
    pub(super) async fn settle(
        &self,
        podman: &Podman,
        plan: &mut Plan,
        fetch: Fetch,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Option<Pinned>, Error> {
        match &mut plan.origin {
            Origin::Image(image) => {
                let here = self.fetched(podman, image, fetch, tell).await?;
                Ok(Some(Pinned::Fetched(here.pin(image))))
            }
            Origin::Tools(tools) => {
                for tool in tools {
                    let here = self.fetched(podman, &tool.image, fetch, tell).await?;
                    tool.image = here.pin(&tool.image);
                }
                Ok(None)
            }
            Origin::Build(build) => {
                if let Source::Repository(repository) = &build.source {
                    tell(Step::Asking(build.to_string()));
                    let variables = build::of_git(&self.settings.build);
                    let look = repository::look(repository, &variables).await?;
                    let found = repository.found(&look.commit, &look.files)?;
                    build.settle_on(found, &self.settings.build);
                }
                if let Some(base) = &build.base {
                    let here = self.fetched(podman, base, fetch, tell).await?;
                    build.base = Some(here.pin(base));
                }
                if let (Source::Package(package), Some(base)) = (&build.source, &build.base) {
                    tell(Step::Asking(build.to_string()));
                    build.source = Source::Package(self.ask(package, base).await?);
                }
                Ok(None)
            }
            Origin::Command(_) | Origin::Remote(_) => Ok(None),
        }
    }

    /// An image of a registry, pulled if it is not here or is to be as the registry has it now.
    async fn fetched(
        &self,
        podman: &Podman,
        image: &ImageReference,
        fetch: Fetch,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Image, Error> {
        // A pull is what has the signature looked at.
        let is_demanded = self.demands_signature(image)?;
        // What a digest names is what it always was.
        if !is_demanded
            && (fetch == Fetch::Missing || image.digest().is_some())
            && let Some(here) = podman.image(image).await?
        {
            return Ok(here);
        }
        tell(Step::Pulling(image.clone()));
        let pulled = podman
            .pull_pinned(image, |event| tell(Step::Pull(event)))
            .await?;
        tell(Step::Pulled);
        Ok(pulled)
    }

    /// Asks the package manager of a build's base for the exact version.
    async fn ask(&self, package: &Package, base: &ImageReference) -> Result<Package, Error> {
        let settings = &self.settings.build;
        let bundle = settings.ca_bundle.as_deref();
        let question = Question {
            image: base,
            words: &Build::question(package),
            environment: &build::surroundings(bundle, settings.proxy.as_deref()),
            file: bundle.map(|bundle| (bundle, build::CA_BUNDLE_INSIDE)),
        };
        let description = format!("Find the version of {package}");
        let output = self.run(&description, &question.line(), "").await?;
        let answer = Answer {
            success: output.success,
            stdout: output.stdout,
            stderr: output.stderr,
        };
        Ok(Build::exact(package, &answer)?)
    }

    /// The files by which a server's image is built; none of a server whose image is not.
    pub(super) fn build_texts(
        &self,
        plan: &Plan,
        version: PodmanVersion,
    ) -> Result<BTreeMap<UnitPath, String>, Error> {
        let Origin::Build(build) = &plan.origin else {
            return Ok(BTreeMap::new());
        };
        let [unit, recipe, hook] = build_files(&plan.name);
        let path = self.units.path(&recipe);
        let path = path.to_string_lossy();
        let file = units::build(&plan.name, build, &path, &self.settings.build)?;
        file.check(version)?;
        let closed = units::open_hook(self.settings.build.proxy.as_deref());
        let mut texts = BTreeMap::from([(unit, file.to_string()), (hook, closed)]);
        if let Some(containerfile) = build.containerfile()? {
            texts.insert(recipe, containerfile.to_string());
        }
        Ok(texts)
    }

    /// Builds a server's image by its files, which are written first.
    pub(super) async fn build(
        &self,
        lock: &Lock,
        podman: &Podman,
        plan: &Plan,
        texts: &BTreeMap<UnitPath, String>,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Pinned, Error> {
        let name = &plan.name;
        for (file, text) in texts {
            self.units.write(lock, file, text)?;
        }
        self.systemd.reload().await?;
        let unit = name.build_unit();
        if self.systemd.status(&unit).await?.load != LoadState::Loaded {
            return Err(Error::NotGenerated {
                file: name.build_file(),
            });
        }
        self.end_orphaned_builds().await?;
        // Its files go when the build has come to its end, whichever that is.
        let _unpacked = match plan.origin.build().map(|build| &build.source) {
            Some(Source::Bundle(source)) => Some(self.bundles().unpack(&source.bundle)?),
            _ => None,
        };
        std::fs::create_dir_all(self.host.runtime.mcpod()).ok();
        let mut log = Log::new(self.build_log(name));
        tell(Step::Building(plan.origin.to_string()));
        let mut started = std::pin::pin!(self.systemd.start(&unit, PATIENCE));
        let built = loop {
            tokio::select! {
                built = &mut started => break built,
                () = tokio::time::sleep(LISTEN) => {
                    log.lines(|line| tell(Step::Output(line)));
                    if log.is_too_long() {
                        self.systemd.stop(&unit, STOP).await?;
                        return Err(Error::BuildFailed {
                            what: plan.origin.to_string(),
                            output: log.end(),
                        });
                    }
                }
            }
        };
        if let Err(cause) = built {
            tracing::debug!("{cause}");
            // Somebody may have stopped it. What cleans up behind it must not meet what the next build makes.
            self.systemd.await_end(&unit, STOP).await?;
            return Err(Error::BuildFailed {
                what: plan.origin.to_string(),
                output: log.end(),
            });
        }
        let tag = ImageReference::built(name);
        let image = podman
            .image(&tag)
            .await?
            .ok_or_else(|| Error::BuildFailed {
                what: plan.origin.to_string(),
                output: log.end(),
            })?;
        log.remove();
        Ok(Pinned::Built(image.id.parse()?))
    }

    /// Ends builds of an `add` that was killed: we have the lock, and have started none.
    async fn end_orphaned_builds(&self) -> Result<(), Error> {
        for listing in self.systemd.list(&["mcpod-*_image-build.service"]).await? {
            if !listing.active.is_over() {
                self.systemd.stop(&listing.unit, STOP).await?;
            }
        }
        Ok(())
    }

    /// Takes away what a server's image was built by, and the image itself unless it has other names.
    pub(super) async fn remove_build(&self, lock: &Lock, name: &ServerName) -> Result<(), Error> {
        let files = build_files(name);
        let mut is_built = false;
        for file in &files {
            is_built |= self.units.read(file)?.is_some();
        }
        if !is_built {
            return Ok(());
        }
        let unit: UnitName = name.build_unit();
        self.systemd.stop(&unit, STOP).await?;
        self.systemd.reset_failed(&unit).await?;
        let podman = self.podman().await?;
        podman
            .remove_image(&ImageReference::built_before(name))
            .await?;
        if !podman.remove_image(&ImageReference::built(name)).await? {
            let description = format!("Clean up after a build of {name}");
            // It was not built to its end, and what cleans up after it may have been killed with it.
            let cleaned = self.run(&description, &units::CLEAN_COMMAND, "").await?;
            if !cleaned.success {
                tracing::warn!("{description}: {}", crate::text::one_line(&cleaned.stderr));
            }
        }
        Log::new(self.build_log(name)).remove();
        for file in &files {
            self.units.remove(lock, file)?;
        }
        Ok(())
    }

    fn build_log(&self, name: &ServerName) -> PathBuf {
        self.host.runtime.mcpod().join(name.build_log())
    }
}

/// Where that lies by which a server's image is built: the unit, the recipe, and what closes the network of the build.
pub(super) fn build_files(name: &ServerName) -> [UnitPath; 3] {
    [
        name.build_file(),
        name.recipe_file(),
        name.build_hook_file(),
    ]
    .map(UnitPath::quadlet)
}

/// What the user can do about a build that failed, by what it said.
pub(super) fn hint(output: &str) -> Option<String> {
    let says = |words: &str| output.lines().find_map(|line| line.strip_prefix(words));
    if let Some(names) = says(MANY_ENTRIES) {
        return Some(format!("choose one with --entry: {names}"));
    }
    let is_library = says(NO_ENTRY).or_else(|| says(NO_PROGRAM));
    is_library.map(|_| "it is a library, perhaps, and no server".to_owned())
}
