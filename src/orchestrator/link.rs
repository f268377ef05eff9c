//! The link to this program, by which Podman finds it whenever it has to.

use std::io;
use std::path::PathBuf;

use super::{Error, Orchestrator};
use crate::host;

impl Orchestrator {
    /// Where the link lies: what is written into Podman's records and into hooks names it.
    pub(super) fn link_path(&self) -> PathBuf {
        self.dirs.data.join("mcpod/mcpod")
    }

    /// Sees to it that the link is there and leads here. The program may move, as from one package to another, and a name without a path
    /// would be looked for where somebody else says.
    pub(super) fn link(&self) -> Result<PathBuf, Error> {
        let link = self.link_path();
        let program = PathBuf::from(host::program()?);
        if std::fs::read_link(&link).is_ok_and(|target| target == program) {
            return Ok(link);
        }
        let made = || -> io::Result<()> {
            let folder = self.dirs.data.join("mcpod");
            std::fs::create_dir_all(&folder)?;
            // Beside it and renamed, so that there is always one.
            let fresh = folder.join(format!(".mcpod-{}", std::process::id()));
            match std::fs::remove_file(&fresh) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            std::os::unix::fs::symlink(&program, &fresh)?;
            std::fs::rename(&fresh, &link)
        };
        made().map_err(|source| Error::Link {
            path: link.clone(),
            source,
        })?;
        Ok(link)
    }
}
