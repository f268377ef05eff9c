//! Podman over its API socket: its version, images, and pulls with progress.
//!
//! [`Podman`] is the user's own service behind `$XDG_RUNTIME_DIR/podman/podman.sock`, which systemd starts at the first
//! connection. podman-api does what it does right, at its own version of the API (a `Podman` of it must never be told to
//! `adjust_api_version`: it would take the version of Docker's API for Podman's). [`pull`] is a request of our own.
//!
//! Invariant: only this module knows podman-api and the socket's HTTP; neither shows in its public types.

pub mod command;
pub mod error;
pub mod image;
mod message;
pub mod progress;
pub mod pull;
mod request;
pub mod secret;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use podman_api::opts::{ImageListFilter, ImageListOpts, ImageTagOpts};
use tokio::sync::OnceCell;

use request::Request;
use serde::Deserialize;

use crate::image::ImageReference;
use crate::quadlet::version::{PodmanVersion, VersionError};

pub use error::PodmanError;
pub use image::Image;
pub use pull::PullEvent;
pub use secret::{ENTRY_LABEL, KeptSecret, KeptVolume, SecretDriver, SecretListing};

/// The user unit that listens on the socket. Start it over D-Bus where [`PodmanError::is_down`], then ask again.
pub const SOCKET_UNIT: &str = "podman.socket";

/// How long Podman may take to answer anything but a pull. It answers in milliseconds, but waits for its storage while
/// somebody else writes an image there.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// The user's Podman service.
#[derive(Debug, Clone)]
pub struct Podman {
    socket: PathBuf,
    api: podman_api::Podman,
    /// What it said of its version. To find that out Podman starts other programs, which takes longer than all else that it is asked.
    version: OnceCell<PodmanVersion>,
}

impl Podman {
    /// The service behind a socket. Nothing is connected yet: every request makes its own connection.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        let socket = socket.into();
        Self {
            api: podman_api::Podman::unix(&socket),
            socket,
            version: OnceCell::new(),
        }
    }

    /// The socket's place below the user's runtime directory (`podman-system-service(1)`).
    pub fn socket_below(runtime_directory: &Path) -> PathBuf {
        runtime_directory.join("podman/podman.sock")
    }

    /// The version of the running service, as it was when it was first asked for.
    pub async fn version(&self) -> Result<PodmanVersion, PodmanError> {
        self.version
            .get_or_try_init(|| self.ask_version())
            .await
            .copied()
    }

    async fn ask_version(&self) -> Result<PodmanVersion, PodmanError> {
        let request = "its version";
        let answer = self.ask(request, self.api.version()).await?;
        answer
            .version
            .unwrap_or_default()
            .parse()
            .map_err(|error: VersionError| PodmanError::Unreadable {
                request,
                reason: error.to_string(),
            })
    }

    /// The version of the running service, or the error that it is older than [`PodmanVersion::FLOOR`].
    pub async fn supported_version(&self) -> Result<PodmanVersion, PodmanError> {
        let found = self.version().await?;
        if found < PodmanVersion::FLOOR {
            return Err(PodmanError::TooOld {
                found,
                needed: PodmanVersion::FLOOR,
            });
        }
        Ok(found)
    }

    /// The name of the OCI runtime that it runs containers by.
    pub async fn runtime(&self) -> Result<String, PodmanError> {
        #[derive(Deserialize)]
        struct Info {
            host: Host,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Host {
            oci_runtime: Runtime,
        }
        #[derive(Deserialize)]
        struct Runtime {
            name: String,
        }
        let request = Request {
            what: "its OCI runtime",
            method: reqwest::Method::GET,
            path: "info".to_owned(),
            query: Vec::new(),
            body: "",
        };
        let what = request.what;
        let answer = request.send(&self.socket).await?;
        let info: Info =
            serde_json::from_slice(&answer).map_err(|error| PodmanError::Unreadable {
                request: what,
                reason: error.to_string(),
            })?;
        Ok(info.host.oci_runtime.name)
    }

    /// The image in the storage that has this name, if one has. Nothing is fetched.
    pub async fn image(&self, reference: &ImageReference) -> Result<Option<Image>, PodmanError> {
        self.image_called(&reference.to_string()).await
    }

    /// The image of an id, if it is in the storage.
    pub async fn image_of_id(&self, id: &str) -> Result<Option<Image>, PodmanError> {
        self.image_called(id).await
    }

    async fn image_called(&self, name: &str) -> Result<Option<Image>, PodmanError> {
        let request = "an image";
        let image = self.api.images().get(name);
        match self.ask(request, image.inspect()).await {
            Ok(answer) => Image::from_inspect(answer)
                .map(Some)
                .map_err(|reason| PodmanError::Unreadable { request, reason }),
            Err(PodmanError::Api { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Fetches what the registry has under this name today, and tells every step.
    ///
    /// It takes as long as it takes. Dropping the future ends the pull; what is complete of it stays in the storage.
    pub async fn pull(
        &self,
        reference: &ImageReference,
        on_event: impl FnMut(PullEvent) + Send,
    ) -> Result<Image, PodmanError> {
        pull::pull(&self.socket, reference, on_event).await?;
        let image = self.image(reference).await?;
        image.ok_or_else(|| PodmanError::PullInterrupted {
            reference: reference.clone(),
            message: "Podman ended the pull and has no such image".to_owned(),
        })
    }

    /// Fetches what the reference names today, and sees to it that its [`Image::pin`] goes on naming it.
    ///
    /// An image that was pulled by its tag is found by its digest only while it has the tag: when somebody pulls the tag
    /// again and it has moved on, the image loses its last name, and `podman image prune` removes it. So it is pulled a
    /// second time, by the digest, which fetches nothing but makes the digest a name of its own.
    pub async fn pull_pinned(
        &self,
        reference: &ImageReference,
        on_event: impl FnMut(PullEvent) + Send,
    ) -> Result<Image, PodmanError> {
        let image = self.pull(reference, on_event).await?;
        if reference.digest().is_some() {
            return Ok(image);
        }
        self.pull(&image.pin(reference), |_| {}).await
    }

    /// Takes this name from its image, and removes the image if that was its last; `false` if there is no such name.
    ///
    /// Podman refuses while a container of the usual store uses the image, but does not see those of the transient store:
    /// stop a server's instances first.
    pub async fn remove_image(&self, reference: &ImageReference) -> Result<bool, PodmanError> {
        // Asked to remove a digest that is no name, Podman would take the image's tag instead, which is not ours.
        if reference.digest().is_some() && !self.is_name(reference).await? {
            return Ok(false);
        }
        let image = self.api.images().get(reference.to_string());
        match self.ask("the removal of an image", image.delete()).await {
            Ok(()) => Ok(true),
            Err(PodmanError::Api { status: 404, .. }) => Ok(false),
            Err(PodmanError::Api {
                status: 409,
                message,
                ..
            }) => Err(PodmanError::ImageInUse {
                reference: reference.clone(),
                message,
            }),
            Err(error) => Err(error),
        }
    }

    /// Gives the image of an id one more name, which it takes from the image that had it.
    pub async fn tag_image(&self, id: &str, name: &ImageReference) -> Result<(), PodmanError> {
        let options = ImageTagOpts::builder()
            .repo(name.repository())
            .tag(name.tag().unwrap_or_default())
            .build();
        let image = self.api.images().get(id);
        self.ask("a name for an image", image.tag(&options)).await
    }

    /// Removes the image of an id if it has no name.
    pub async fn remove_nameless(&self, id: &str) -> Result<(), PodmanError> {
        let image = self.api.images().get(id);
        let names = match self.ask("an image", image.inspect()).await {
            Ok(found) => found.repo_tags.unwrap_or_default(),
            Err(PodmanError::Api { status: 404, .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        if !names.is_empty() {
            return Ok(());
        }
        match self.ask("the removal of an image", image.delete()).await {
            // It is used, or gone by itself.
            Err(PodmanError::Api {
                status: 404 | 409, ..
            }) => Ok(()),
            done => done,
        }
    }

    /// Whether an image has this very name, and is not only found by it.
    async fn is_name(&self, reference: &ImageReference) -> Result<bool, PodmanError> {
        let name = reference.to_string();
        let options = ImageListOpts::builder()
            .filter([ImageListFilter::Reference(name.as_str().into(), None)])
            .build();
        let images = self.api.images();
        let found = self
            .ask("the names of an image", images.list(&options))
            .await?;
        Ok(found
            .into_iter()
            .filter_map(|image| image.names)
            .any(|names| names.contains(&name)))
    }

    /// Awaits an answer of podman-api, for as long as an answer may take.
    async fn ask<T>(
        &self,
        request: &'static str,
        answer: impl Future<Output = podman_api::Result<T>>,
    ) -> Result<T, PodmanError> {
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok(answer) => {
                answer.map_err(|error| PodmanError::from_api(&self.socket, request, &error))
            }
            Err(_) => Err(PodmanError::TimedOut {
                request,
                waited: ANSWER_TIMEOUT,
            }),
        }
    }
}
