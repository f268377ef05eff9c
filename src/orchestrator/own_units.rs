//! mcpod's own units: which of them have to be written, and those that all servers share, the guard and the slice.
//!
//! A package puts them into the system's directory. Where none did, `add` writes them beside the servers' units, and the removal of
//! the last server takes them away. `doctor --fix` writes all of them.

use std::path::Path;

use super::{Error, Orchestrator, http_units, timer};
use crate::guard::{self, GUARD_UNIT, SLICE_UNIT, SLICE_UNIT_TEXT};
use crate::host;
use crate::quadlet::name::{ServerName, UnitName};
use crate::systemd::LoadState;
use crate::unit_dir::{Lock, UnitPath};

/// Where systemd finds units of packages and administrators for all users (systemd.unit(5)).
const SYSTEM: [&str; 4] = [
    "etc/systemd/user",
    "run/systemd/user",
    "usr/local/lib/systemd/user",
    "usr/lib/systemd/user",
];

/// One of mcpod's own units, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnUnit {
    /// Its name.
    pub name: &'static str,
    /// Where it comes from.
    pub place: Place,
}

/// Where one of mcpod's own units comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// From a package.
    Package,
    /// From this program, which wrote it for the user.
    User,
    /// From this program's unit of another version, or of another place that the program was at.
    Outdated,
    /// From this program, though a package has it too, and would be upgraded.
    Copy,
    /// The same, and the user's is not as the package has it.
    EditedCopy,
    /// From nowhere.
    Missing,
}

impl Place {
    /// Judges what lies in the user's directory and in the system's, given what this program would write.
    fn of(users: Option<&str>, packaged: Option<&str>, ours: &str) -> Self {
        match (users, packaged) {
            (None, None) => Self::Missing,
            (None, Some(_)) => Self::Package,
            (Some(users), None) if users == ours => Self::User,
            (Some(_), None) => Self::Outdated,
            (Some(users), Some(packaged))
                if without_program(users).eq(without_program(packaged)) =>
            {
                Self::Copy
            }
            (Some(_), Some(_)) => Self::EditedCopy,
        }
    }
}

/// The lines of a unit but those that say where the program lies.
fn without_program(unit: &str) -> impl Iterator<Item = &str> {
    let mut goes_on = false;
    unit.lines().filter(move |line| {
        let is_command = goes_on || line.starts_with("Exec");
        // A line that ends so goes on in the next one (systemd.syntax(7)).
        goes_on = is_command && line.ends_with('\\');
        !is_command
    })
}

impl Orchestrator {
    /// All units that are mcpod's own, and where each comes from; `root` is the root of the file system.
    pub fn every_own_unit(&self, root: &Path) -> Result<Vec<OwnUnit>, Error> {
        let program = host::program()?;
        let mut units = Vec::new();
        for (name, ours) in texts(&program)? {
            let users = self.units.read(&unit_path(name))?;
            let packaged = SYSTEM
                .iter()
                .find_map(|folder| std::fs::read_to_string(root.join(folder).join(name)).ok());
            let place = Place::of(users.as_deref(), packaged.as_deref(), &ours);
            units.push(OwnUnit { name, place });
        }
        Ok(units)
    }

    /// Writes all of them for the user where no package has them, and takes away those that hide a package's.
    pub async fn install_own_units(&self, root: &Path) -> Result<(), Error> {
        let lock = self.lock(|| {}).await?;
        let program = host::program()?;
        let ours = texts(&program)?;
        for OwnUnit { name, place } in self.every_own_unit(root)? {
            let path = unit_path(name);
            match place {
                Place::Missing | Place::Outdated => {
                    if let Some((_, text)) = ours.iter().find(|(unit, _)| *unit == name) {
                        self.units.write(&lock, &path, text)?;
                    }
                }
                Place::Copy => self.units.remove(&lock, &path)?,
                Place::Package | Place::User | Place::EditedCopy => {}
            }
        }
        Ok(self.systemd.reload().await?)
    }

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
    UnitPath::unit(name)
}

/// All of mcpod's own units, for this program wherever it lies.
fn texts(program: &str) -> Result<Vec<(&'static str, String)>, Error> {
    let mut texts = vec![
        (GUARD_UNIT, guard::guard_unit(program)?),
        (SLICE_UNIT, SLICE_UNIT_TEXT.to_owned()),
    ];
    texts.extend(timer::units(program)?);
    texts.extend(http_units::units(program)?);
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_comes_from_where_it_was_found() {
        let ours = "[Service]\nExecStart=sh \\\n    /home/me/mcpod guard\nMemoryMax=64M\nExecStopPost=-/home/me/mcpod x\n";
        let packaged = "[Service]\nExecStart=sh \\\n    /usr/bin/mcpod guard\nMemoryMax=64M\nExecStopPost=-/usr/bin/mcpod x\n";
        let other = "[Service]\nExecStart=/home/me/mcpod guard\nMemoryMax=1M\n";
        for (users, package, place) in [
            (None, None, Place::Missing),
            (None, Some(packaged), Place::Package),
            (Some(ours), None, Place::User),
            (Some(other), None, Place::Outdated),
            (Some(packaged), None, Place::Outdated),
            (Some(ours), Some(packaged), Place::Copy),
            (Some(other), Some(packaged), Place::EditedCopy),
        ] {
            assert_eq!(
                Place::of(users, package, ours),
                place,
                "{users:?} {package:?}"
            );
        }
    }

    #[test]
    fn the_units_folder_holds_these_and_no_others() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("units");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut units: Vec<&str> = texts("/usr/bin/mcpod")
            .unwrap()
            .iter()
            .map(|(name, _)| *name)
            .collect();
        units.sort_unstable();
        assert_eq!(files, units);
    }
}
