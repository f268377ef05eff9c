//! Images in Podman's storage.

use std::collections::BTreeMap;

use podman_api::models::{ImageConfig, InspectImageResponseLibpod};

use crate::image::{ImageDigest, ImageReference};

/// An image in Podman's storage, as `podman image inspect` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The image's id: 64 hexadecimal digits, the digest of its configuration.
    pub id: String,
    /// The digest that was asked for, if it was asked for by one, else the digest of the image's own manifest.
    pub digest: ImageDigest,
    /// Every `REPOSITORY@DIGEST` that the image is found by: its own manifest's, and those of lists that it came by.
    pub repo_digests: Vec<ImageReference>,
    /// How many bytes it takes in the storage, layers that it shares included.
    pub size: u64,
    /// The program and its first arguments; `Exec=` comes behind them.
    pub entrypoint: Vec<String>,
    /// The arguments that `Exec=` replaces.
    pub cmd: Vec<String>,
    /// The environment, in the image's order.
    pub env: Vec<(String, String)>,
    /// Who the program runs as, `USER[:GROUP]` in names or numbers; root where it is absent.
    pub user: Option<String>,
    /// The ports it says it listens on, as OCI writes them (`8080/tcp`), sorted.
    pub exposed_ports: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The architecture in Go's words: `amd64`, `arm64`.
    pub architecture: String,
}

impl Image {
    /// The reference that names this very image for ever, in the repository where it was asked for.
    ///
    /// A tag of an image for many architectures names a list of manifests. It is not the list's digest that is pinned: the
    /// storage keeps those of all lists that the image ever came by, in whatever repository, and does not say which one
    /// the tag names now. The own manifest is always known, the registry answers to it as well, and it does not change
    /// when another architecture does.
    #[must_use]
    pub fn pin(&self, asked: &ImageReference) -> ImageReference {
        asked.pinned(&self.digest)
    }

    /// Reads what `inspect` answered; the error says what is wrong with it.
    pub(super) fn from_inspect(answer: InspectImageResponseLibpod) -> Result<Self, String> {
        let digest = answer.digest.ok_or("the image has no digest")?;
        let config = answer.config.unwrap_or(ImageConfig {
            cmd: None,
            entrypoint: None,
            env: None,
            exposed_ports: None,
            labels: None,
            stop_signal: None,
            user: None,
            volumes: None,
            working_dir: None,
        });
        let mut exposed_ports: Vec<String> = config
            .exposed_ports
            .unwrap_or_default()
            .into_keys()
            .collect();
        exposed_ports.sort_unstable();
        Ok(Self {
            id: answer.id.ok_or("the image has no id")?,
            digest: digest
                .parse()
                .map_err(|_| format!("{digest:?} is no digest"))?,
            repo_digests: answer
                .repo_digests
                .unwrap_or_default()
                .iter()
                .filter_map(|known| known.parse().ok())
                .collect(),
            size: answer
                .size
                .and_then(|size| size.try_into().ok())
                .unwrap_or_default(),
            entrypoint: config.entrypoint.unwrap_or_default(),
            cmd: config.cmd.unwrap_or_default(),
            env: config
                .env
                .unwrap_or_default()
                .into_iter()
                .map(|pair| match pair.split_once('=') {
                    Some((key, value)) => (key.to_owned(), value.to_owned()),
                    None => (pair, String::new()),
                })
                .collect(),
            user: config.user.filter(|user| !user.is_empty()),
            exposed_ports,
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            architecture: answer.architecture.unwrap_or_default(),
        })
    }
}
