//! Signatures: of some registries the settings take nothing that Podman's policy does not demand a sigstore signature of.
//!
//! Podman checks signatures itself, by its policy, whenever it pulls: for `add`, and when systemd starts a server whose image was
//! pruned. So there is no policy of mcpod's own that would hold for some pulls and not for others: mcpod sees to it that Podman's
//! demands what the settings do, and has an image that is here already pulled again, which has it checked.

use std::path::PathBuf;

use super::{Error, Orchestrator};
use crate::image::ImageReference;
use crate::image::policy::Policy;

/// The policy of all users of the host.
const SYSTEM_POLICY: &str = "/etc/containers/policy.json";

impl Orchestrator {
    /// Whether the settings demand a signature of an image; fails if Podman's policy does not.
    pub(super) fn demands_signature(&self, image: &ImageReference) -> Result<bool, Error> {
        let trust = &self.settings.trust;
        let Some(prefix) = trust.prefix_of(image) else {
            return Ok(false);
        };
        let path = self.policy_path();
        let policy = std::fs::read_to_string(&path)
            .map_err(|error| error.to_string())
            .and_then(|text| Policy::parse(&text));
        let policy = policy.map_err(|reason| Error::NoPolicy {
            path: path.clone(),
            reason,
        })?;
        if policy.demands_sigstore(image) {
            return Ok(true);
        }
        Err(Error::SignatureNotDemanded {
            image: image.to_string(),
            prefix: prefix.to_owned(),
            path,
        })
    }

    /// The file of Podman's policy: the user's own, if there is one.
    fn policy_path(&self) -> PathBuf {
        let own = self.dirs.home.join(".config/containers/policy.json");
        if own.exists() {
            own
        } else {
            SYSTEM_POLICY.into()
        }
    }
}
