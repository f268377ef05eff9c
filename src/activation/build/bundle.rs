//! Bundles: files that need nothing installed.

use super::{Build, BuildError};
use crate::activation::bundle::{FOLDER, Manifest, Runtime};
use crate::catalog::Bundle;
use crate::containerfile::{Containerfile, ContainerfileError};
use crate::image::ImageReference;
use crate::settings;

/// A bundle that an image is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleSource {
    /// Where it is fetched, and what it is known by.
    pub bundle: Bundle,
    /// What of it is started, once that is known.
    pub program: Option<String>,
    /// Where its files lie while the image is built, once that is known.
    pub folder: Option<String>,
}

impl BundleSource {
    /// What it is started on.
    pub(super) fn base<'a>(
        manifest: &Manifest,
        settings: &'a settings::Build,
    ) -> Result<&'a ImageReference, BuildError> {
        Ok(match manifest.runtime()? {
            Runtime::Node => &settings.node,
            // It has C's library, and the certificates that programs ask for.
            Runtime::Python | Runtime::Program => &settings.python,
        })
    }

    /// Copies the files, and says what is started.
    pub(super) fn install(
        &self,
        _: &Build,
        file: &mut Containerfile,
    ) -> Result<String, ContainerfileError> {
        file.copy_context(FOLDER);
        let program = self.program.clone().unwrap_or_default();
        if program.starts_with('/') {
            // Not all that make archives keep the right to be run.
            file.run(&["chmod", "0755", "--", &program])?;
        }
        Ok(program)
    }
}
