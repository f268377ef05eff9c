//! The unit files of a server: the socket, and what stands behind it. That is, of a server in an image, a Quadlet template of its
//! instances, the volumes that they share, and the build of an image that is made here; of one that speaks HTTP
//! there, a single container; of that and of a remote one, a template of bridges to it.

mod alone;
mod bridge;
mod build;
mod command;
mod container;
mod mounts;
mod network;
mod tools;

use std::collections::BTreeMap;

pub use alone::{alone, needs_mcpod};
pub use build::{BUILD_STOP_TIMEOUT, BUILD_TIMEOUT, CLEAN_COMMAND, build};
pub use command::{SYSTEMD_FLOOR, command};
pub use container::{INSIDE, container};
pub use mounts::volume;
pub use network::{hook, open_hook};
pub use tools::tools;

use super::plan::{Origin, Plan};
use super::record::Record;
use crate::guard::GUARD_UNIT;
use crate::image::{ImageReference, Pinned};
use crate::quadlet::error::ValueError;
use crate::quadlet::keys::{install, service, socket, unit};
use crate::quadlet::name::{ServerName, UnitName};
use crate::quadlet::unit_file::UnitFile;
use crate::quadlet::value::{FileMode, Specifier, Stream, Text};
use crate::systemd::journal;
use crate::unit_dir::UnitPath;

/// The texts of a server's unit files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitTexts {
    /// `mcpod-NAME.socket`, with the record.
    pub socket: String,
    /// What stands behind it: all other files.
    pub others: BTreeMap<UnitPath, String>,
}

/// Makes the units that stand behind a server's socket, whichever kind it is of.
///
/// `pinned` is its image, once that is known; `program` is mcpod itself, by a path that stays.
pub fn behind(
    plan: &Plan,
    pinned: Option<&Pinned>,
    program: &str,
) -> Result<BTreeMap<UnitPath, UnitFile>, ValueError> {
    let name = &plan.name;
    let mut files = BTreeMap::new();
    match &plan.origin {
        Origin::Image(image) => {
            let named = Pinned::Fetched(image.clone());
            files.extend(local(plan, pinned.unwrap_or(&named), program)?);
        }
        Origin::Build(_) => {
            let named = Pinned::Fetched(ImageReference::built(name));
            files.extend(local(plan, pinned.unwrap_or(&named), program)?);
        }
        Origin::Remote(endpoint) => {
            let template = bridge::bridge(plan, endpoint, program)?;
            files.insert(UnitPath::unit(name.instance_file()), template);
        }
        Origin::Tools(containers) => {
            let template = tools(plan, containers, program)?;
            files.insert(UnitPath::unit(name.instance_file()), template);
        }
        Origin::Command(program) => {
            let template = command(plan, program)?;
            files.insert(UnitPath::unit(name.instance_file()), template);
        }
    }
    for wanted in &plan.invocation.volumes {
        let file = UnitPath::quadlet(name.volume_file(&wanted.name));
        files.insert(file, volume(name, &plan.id, wanted)?);
    }
    Ok(files)
}

/// A server in an image: a container for each connection, or one for all where it speaks HTTP, with a bridge for each connection.
fn local(
    plan: &Plan,
    pinned: &Pinned,
    program: &str,
) -> Result<Vec<(UnitPath, UnitFile)>, ValueError> {
    let name = &plan.name;
    let Some(endpoint) = &plan.http else {
        return Ok(vec![
            (
                UnitPath::quadlet(name.container_file()),
                container(plan, pinned)?,
            ),
            (
                UnitPath::unit(name.template_drop_in()),
                container::drop_in()?,
            ),
        ]);
    };
    Ok(vec![
        (
            UnitPath::quadlet(name.server_file()),
            container::shared(plan, pinned, endpoint, program)?,
        ),
        (UnitPath::unit(name.server_drop_in()), container::drop_in()?),
        (
            UnitPath::unit(name.instance_file()),
            bridge::bridge(plan, endpoint, program)?,
        ),
    ])
}

/// Makes the texts of all unit files of a server, of which `others` are all but its socket's.
pub fn texts(
    plan: &Plan,
    record: &Record,
    others: BTreeMap<UnitPath, String>,
) -> Result<UnitTexts, ValueError> {
    let socket = socket(plan, record, &others)?;
    Ok(UnitTexts { socket, others })
}

/// Makes the socket that a server stands behind, with its record, which ends in a hash over the texts of all its files.
pub fn socket(
    plan: &Plan,
    record: &Record,
    others: &BTreeMap<UnitPath, String>,
) -> Result<String, ValueError> {
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
    let others: Vec<&str> = others.values().map(String::as_str).collect();
    record.write(&mut file, &others)?;
    Ok(file.to_string())
}

/// Begins the template of a server's instances: one for each connection, gone when that ends.
fn session(name: &ServerName) -> Result<UnitFile, ValueError> {
    let mut file = UnitFile::new();
    file.push(
        unit::DESCRIPTION,
        &Text::from(&*format!("MCP server {name}, session ")).and(Specifier::Instance),
    )?;
    // Without it every session that failed would stay loaded until somebody resets it.
    file.push(unit::COLLECT_MODE, "inactive-or-failed")?;
    file.push(unit::WANTS, &UnitName::from_systemd(GUARD_UNIT))?;
    Ok(file)
}

/// The connection is an instance's standard input and output.
fn push_connection(file: &mut UnitFile, name: &ServerName) -> Result<(), ValueError> {
    file.push(service::STANDARD_INPUT, "socket")?;
    file.push(service::STANDARD_OUTPUT, "socket")?;
    // Not to the journal itself: see the guard's relay.
    let (before, behind) = journal::log_file_around(name);
    let log = Text::from(Specifier::RuntimeDirectory)
        .and(&*format!("/mcpod/{before}"))
        .and(Specifier::Instance)
        .and(behind);
    file.push(service::STANDARD_ERROR, &Stream::Append(log))
}

/// The socket of a server below mcpod's runtime directory, as systemd is to read it.
fn runtime_path(file: &str) -> Text {
    Text::from(Specifier::RuntimeDirectory).and(&*format!("/mcpod/{file}"))
}

/// A command as its key takes it.
fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}
