//! Versions of a server: what it was, and what it becomes.

use serde::Serialize;

use super::{Next, is_built};
use crate::activation::record::Record;
use crate::image::{ImageReference, Pinned};
use crate::orchestrator::Error;
use crate::podman::{Image, Podman};

/// The label by which images say which version of their program they hold (OCI image-spec, annotations).
const VERSION_LABEL: &str = "org.opencontainers.image.version";

/// A version of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    /// Its image by name, or what that is built from.
    pub image: String,
    /// The image's digest; nothing of what is yet to be built.
    pub digest: String,
    /// The version that the image's label says.
    pub version: Option<String>,
    /// How many bytes the image takes; nothing where it is not here.
    pub size: Option<u64>,
}

impl Version {
    /// The version that a record tells of.
    pub(in crate::orchestrator) async fn recorded(
        podman: &Podman,
        record: &Record,
    ) -> Result<Self, Error> {
        let here = match record.digest.strip_prefix("sha256:") {
            None => None,
            Some(id) if is_built(record) => podman.image_of_id(id).await?,
            Some(_) => {
                let name: ImageReference = record.image.parse()?;
                podman.image(&name.pinned(&record.digest.parse()?)).await?
            }
        };
        Ok(Self::described(
            record.image.clone(),
            record.digest.clone(),
            here,
        ))
    }

    /// What is known of what a server is to become.
    pub(super) async fn next(podman: &Podman, next: &Next) -> Result<Self, Error> {
        let image = next.plan.origin.to_string();
        match &next.pinned {
            Some(Pinned::Fetched(name)) => {
                let here = podman.image(name).await?;
                let digest = name.digest().map(ToString::to_string).unwrap_or_default();
                Ok(Self::described(image, digest, here))
            }
            _ => Ok(Self::described(image, String::new(), None)),
        }
    }

    fn described(image: String, digest: String, here: Option<Image>) -> Self {
        let label = here
            .as_ref()
            .and_then(|here| here.labels.get(VERSION_LABEL));
        Self {
            image,
            digest,
            version: label.map(|label| crate::text::shortened(&crate::text::one_line(label), 60)),
            size: here.map(|here| here.size),
        }
    }
}
