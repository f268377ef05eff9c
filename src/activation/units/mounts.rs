//! What a server sees of the host, and the volumes that it keeps its own data in.

use crate::activation::build::CA_BUNDLE_INSIDE;
use crate::activation::invocation::{Bind, NamedVolume};
use crate::podman::ENTRY_LABEL;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{quadlet, unit, volume};
use crate::quadlet::name::ServerName;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::{Assignment, Text, VolumeMount, VolumeSource};
use crate::settings::Relabel;

/// Makes the Quadlet file of a volume.
///
/// Its label says which entry it was made for: an other one that gets the server's name later is not to find it.
pub fn volume(
    name: &ServerName,
    entry: &str,
    wanted: &NamedVolume,
) -> Result<UnitFile, ValueError> {
    let mut file = UnitFile::new();
    file.push(
        unit::DESCRIPTION,
        &Text::from(&*format!("Data of the MCP server {name}: {}", wanted.name)),
    )?;
    file.push(volume::LABEL, &Assignment::new(ENTRY_LABEL, entry))?;
    file.push(volume::VOLUME_NAME, name.volume(&wanted.name).as_str())?;
    file.push(quadlet::DEFAULT_DEPENDENCIES, &false)?;
    Ok(file)
}

/// A volume of a server's own.
///
/// With `U` Podman gives its files to the user that the server is inside, at each start: ids mean something else when the image's user
/// or the user namespace changes, and a volume that was made anew belongs to nobody inside.
pub(super) fn volume_of(name: &ServerName, volume: &NamedVolume) -> VolumeMount {
    let option = if volume.read_only { "ro" } else { "U" };
    VolumeMount {
        source: VolumeSource::Unit(name.volume_file(&volume.name)),
        target: volume.target.clone(),
        options: vec![option.to_owned()],
    }
}

/// What of the host a server sees.
pub(super) fn mount_of(bind: &Bind, relabel: Relabel) -> VolumeMount {
    let options = bind.read_only.then_some("ro").into_iter();
    VolumeMount {
        source: VolumeSource::Host(bind.source.clone()),
        target: bind.target.clone(),
        options: options.chain(relabel.option()).map(str::to_owned).collect(),
    }
}

/// The certificates of this host, as builds and servers see them.
pub(super) fn certificates(bundle: &str) -> VolumeMount {
    VolumeMount {
        source: VolumeSource::Host(bundle.to_owned()),
        target: CA_BUNDLE_INSIDE.to_owned(),
        options: vec!["ro".to_owned()],
    }
}
