//! The unit files of a stdio server in an image: a Quadlet template of its instances, the volumes they share, the build of an
//! image that is made here, and the socket they stand behind.

mod build;
mod container;
mod mounts;
mod network;

use std::collections::BTreeMap;

pub use build::{BUILD_STOP_TIMEOUT, BUILD_TIMEOUT, CLEAN_COMMAND, build};
pub use container::container;
pub use mounts::volume;
pub use network::hook;

use super::plan::Plan;
use super::record::Record;
use crate::image::Pinned;
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{install, socket, unit};
use crate::quadlet::name::UnitName;
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::{FileMode, Specifier, Text};

/// The texts of a server's unit files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitTexts {
    /// `mcpod-NAME@.container`.
    pub container: String,
    /// `mcpod-NAME@.service.d/mcpod.conf`.
    pub drop_in: String,
    /// `mcpod-NAME.socket`, with the record.
    pub socket: String,
    /// The other files that Quadlet or Podman reads, by file name: `mcpod-NAME_VOLUME.volume` each, those of a build, and the network's hook.
    pub others: BTreeMap<String, String>,
}

/// Makes the texts of all unit files of a server. `beside` are those by which its image was built and its network is closed, by file name.
pub fn texts(
    plan: &Plan,
    pinned: &Pinned,
    record: &Record,
    beside: &BTreeMap<String, String>,
) -> Result<UnitTexts, ValueError> {
    let container = container(plan, pinned)?.to_string();
    let mut others = beside.clone();
    for wanted in &plan.invocation.volumes {
        let text = volume(&plan.name, &plan.id, wanted)?.to_string();
        others.insert(plan.name.volume_file(&wanted.name), text);
    }
    let drop_in = container::drop_in()?;
    let mut hashed = vec![container.as_str(), &drop_in];
    hashed.extend(others.values().map(String::as_str));
    let socket = socket(plan, record, &hashed)?;
    Ok(UnitTexts {
        container,
        drop_in,
        socket,
        others,
    })
}

/// Makes the socket that a server stands behind, with its record.
pub fn socket(plan: &Plan, record: &Record, others: &[&str]) -> Result<String, ValueError> {
    let mut file = UnitFile::new();
    file.push(
        unit::DESCRIPTION,
        &Text::from(&*format!("MCP server {}", plan.name)),
    )?;
    file.push(
        socket::LISTEN_STREAM,
        &runtime_path(&plan.name.socket_file()),
    )?;
    file.push(socket::ACCEPT, &true)?;
    file.push(socket::SOCKET_MODE, &FileMode(0o600))?;
    file.push(socket::DIRECTORY_MODE, &FileMode(0o700))?;
    file.push(socket::MAX_CONNECTIONS, &u64::from(record.most_sessions()))?;
    file.push(socket::REMOVE_ON_STOP, &true)?;
    file.push(
        install::WANTED_BY,
        &UnitName::from_systemd("sockets.target"),
    )?;
    record.write(&mut file, others)?;
    Ok(file.to_string())
}

/// The socket of a server below mcpod's runtime directory, as systemd is to read it.
fn runtime_path(file: &str) -> Text {
    Text::from(Specifier::RuntimeDirectory).and(&*format!("/mcpod/{file}"))
}

/// A command as its key takes it.
fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}
