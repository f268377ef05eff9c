//! The units that all servers share: the guard and the slice.
//!
//! A package puts them into the system's directory. Where none did, `add` writes them beside the servers' units, and the removal of
//! the last server takes them away.

use super::{Error, Orchestrator};
use crate::guard::{self, GUARD_UNIT, SLICE_UNIT, SLICE_UNIT_TEXT};
use crate::host;
use crate::quadlet::name::UnitName;
use crate::systemd::LoadState;
use crate::unit_dir::{Lock, Place, UnitPath};

impl Orchestrator {
    /// The shared units that are missing on this host, or that an earlier `add` wrote and are to be renewed.
    pub(super) async fn own_units(&self) -> Result<Vec<(UnitPath, String)>, Error> {
        let mut missing = Vec::new();
        for (name, text) in [
            (GUARD_UNIT, guard::guard_unit(&host::program()?)?),
            (SLICE_UNIT, SLICE_UNIT_TEXT.to_owned()),
        ] {
            let path = unit_path(name);
            let ours = self.units.read(&path)?;
            let elsewhere = ours.is_none()
                && self
                    .systemd
                    .status(&UnitName::from_systemd(name))
                    .await?
                    .load
                    != LoadState::NotFound;
            if !elsewhere && ours.as_ref() != Some(&text) {
                missing.push((path, text));
            }
        }
        Ok(missing)
    }

    /// Takes the shared units away that an `add` wrote, once no server is left.
    pub(super) async fn remove_own_units(&self, lock: &Lock) -> Result<(), Error> {
        if !self.names()?.is_empty() {
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

fn unit_path(name: &str) -> UnitPath {
    UnitPath {
        place: Place::Unit,
        file: name.to_owned(),
    }
}
