//! mcpod's own units: which of them have to be written, and those that all servers share, the guard and the slice.
//!
//! A package puts them into the system's directory. Where none did, `add` writes them beside the servers' units, and the removal of
//! the last server takes them away.

use super::{Error, Orchestrator};
use crate::guard::{self, GUARD_UNIT, SLICE_UNIT, SLICE_UNIT_TEXT};
use crate::host;
use crate::quadlet::name::{ServerName, UnitName};
use crate::systemd::LoadState;
use crate::unit_dir::{Lock, Place, UnitPath};

impl Orchestrator {
    /// The shared units that are missing on this host, or that an earlier `add` wrote and are to be renewed.
    pub(super) async fn own_units(&self) -> Result<Vec<(UnitPath, String)>, Error> {
        self.unpackaged([
            (GUARD_UNIT, guard::guard_unit(&host::program()?)?),
            (SLICE_UNIT, SLICE_UNIT_TEXT.to_owned()),
        ])
        .await
    }

    /// Those of some units that are to be written: no package has put them into the system's directory, and what lies in
    /// the user's is not this text already.
    pub(super) async fn unpackaged<const N: usize>(
        &self,
        units: [(&str, String); N],
    ) -> Result<Vec<(UnitPath, String)>, Error> {
        let mut unpackaged = Vec::new();
        for (name, text) in units {
            let path = unit_path(name);
            let ours = self.units.read(&path)?;
            let unit = UnitName::from_systemd(name);
            let is_packaged =
                ours.is_none() && self.systemd.status(&unit).await?.load != LoadState::NotFound;
            if !is_packaged && ours.as_ref() != Some(&text) {
                unpackaged.push((path, text));
            }
        }
        Ok(unpackaged)
    }

    /// Takes the shared units away that an `add` wrote, with the last server.
    pub(super) async fn remove_own_units(
        &self,
        lock: &Lock,
        leaving: &ServerName,
    ) -> Result<(), Error> {
        if self.names()?.iter().any(|name| name != leaving) {
            return Ok(());
        }
        let mut removed = false;
        for name in [GUARD_UNIT, SLICE_UNIT] {
            let path = unit_path(name);
            removed |= self.units.read(&path)?.is_some();
            self.units.remove(lock, &path)?;
        }
        if removed {
            self.systemd.reload().await?;
        }
        Ok(())
    }
}

/// Where a unit of mcpod's own, or a drop-in of one, lies in the user's directory.
pub(super) fn unit_path(name: &str) -> UnitPath {
    UnitPath {
        place: Place::Unit,
        file: name.to_owned(),
    }
}
