//! `add --dry-run`: what would be written, and nothing that is.

use std::path::PathBuf;

use super::add::{Request, record, texts};
use super::{Error, Orchestrator, container_path, drop_in_path, quadlet_path, socket_path};
use crate::activation::plan::Origin;
use crate::activation::record::State;
use crate::activation::units::UnitTexts;
use crate::image::{ImageReference, Pinned};

impl Orchestrator {
    /// Makes every file that [`Orchestrator::add`] would write, with its path, and changes nothing.
    ///
    /// An image that is not here stands with its tag: what digest it will be pinned to is known when it is pulled. An image that is yet
    /// to be built stands with its name; the newest version of a package, where none was given, with no version.
    pub async fn preview(&self, request: &Request) -> Result<Vec<(PathBuf, String)>, Error> {
        let plan = Box::pin(self.plan(request)).await?;
        let podman = self.podman().await?;
        let version = podman.supported_version().await?;
        let mut plan = plan;
        let pinned = match &mut plan.origin {
            Origin::Image(image) => match podman.image(image).await? {
                Some(here) => here.pin(image),
                None => image.clone(),
            },
            Origin::Build(build) => {
                if let Some(base) = &build.base
                    && let Some(here) = podman.image(base).await?
                {
                    build.base = Some(here.pin(base));
                }
                ImageReference::built(&plan.name)
            }
        };
        let pinned = Pinned::Fetched(pinned);
        let mut beside = self.build_texts(&plan, version)?;
        beside.extend(self.hook_text(&plan));
        let record = record(&plan, &request.reference, &pinned, State::Unverified);
        let UnitTexts {
            container,
            drop_in,
            socket,
            others,
        } = texts(&plan, &pinned, &record, &beside, version)?;
        let mut files = vec![
            (self.units.path(&container_path(&plan.name)), container),
            (self.units.path(&drop_in_path(&plan.name)), drop_in),
            (self.units.path(&socket_path(&plan.name)), socket),
        ];
        for (file, text) in others {
            files.push((self.units.path(&quadlet_path(file)), text));
        }
        for (unit, text) in self.own_units().await? {
            files.push((self.units.path(&unit), text));
        }
        Ok(files)
    }
}
