//! `add --dry-run`: what would be written, and nothing that is.

use std::path::PathBuf;

use super::add::Request;
use super::work::{record, texts};
use super::{Error, Orchestrator, socket_path};
use crate::activation::plan::Origin;
use crate::activation::record::State;
use crate::activation::units::UnitTexts;
use crate::image::Pinned;

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
        let program = self.link_path();
        let pinned = match &mut plan.origin {
            Origin::Image(image) => {
                let here = podman.image(image).await?;
                here.map(|here| Pinned::Fetched(here.pin(image)))
            }
            Origin::Build(build) => {
                if let Some(base) = &build.base
                    && let Some(here) = podman.image(base).await?
                {
                    build.base = Some(here.pin(base));
                }
                None
            }
            Origin::Tools(_) | Origin::Command(_) | Origin::Remote(_) => None,
        };
        let built = self.build_texts(&plan, version)?;
        let record = record(
            &plan,
            &request.reference,
            pinned.as_ref(),
            State::Unverified,
        );
        let UnitTexts { socket, others } =
            texts(&plan, pinned.as_ref(), &record, &built, &program, version)?;
        let files = others
            .into_iter()
            .chain([(socket_path(&plan.name), socket)])
            .chain(self.own_units().await?);
        Ok(files
            .map(|(unit, text)| (self.units.path(&unit), text))
            .collect())
    }
}
