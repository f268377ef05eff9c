//! What `doctor` wants to know of active servers: whether the units of each are sound. Nothing is changed.

use std::path::Path;

use super::status::State;
use super::{Error, Orchestrator};
use crate::quadlet::name::{ServerName, UnitName};
use crate::systemd::LoadState;

/// What was seen of an active server's units.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Its name.
    pub name: String,
    /// How it is; why its record cannot be used.
    pub state: Result<State, String>,
    /// Whether its socket listens again after a reboot.
    pub enabled: bool,
    /// Whether Quadlet made a service of its template.
    pub generated: bool,
    /// Whether its files are as mcpod wrote them.
    pub unedited: bool,
    /// Whether a file of it changed since systemd read it.
    pub stale: bool,
    /// Whether its sessions wait for the network of the host.
    pub waits_online: bool,
}

impl Orchestrator {
    /// Looks at the units of all active servers, by name.
    pub async fn checkup(&self) -> Result<Vec<Checked>, Error> {
        let mut servers = Vec::new();
        for name in self.names()? {
            servers.extend(self.check(name).await?);
        }
        Ok(servers)
    }

    /// Looks at one; nothing where the socket is not ours.
    async fn check(&self, name: ServerName) -> Result<Option<Checked>, Error> {
        let active = match self.active(name.clone()) {
            Ok(Some(active)) => active,
            Ok(None) => return Ok(None),
            Err(error) => {
                let why = format!("{:#}", anyhow::Error::new(error));
                return Ok(Some(unreadable(&name, why)));
            }
        };
        let socket = self.systemd.status(&name.socket_unit()).await?;
        // Of a template only its instances can be asked for; nobody connects as this one.
        let instance = UnitName::from_systemd(format!("mcpod-{name}@check.service"));
        let instance = self.systemd.status(&instance).await?;
        let state = match self.listed_one(&active).await?.state {
            // Whoever has told of its tools works, though the record is of the time before.
            State::Unverified if self.known_lists(&active).is_some() => State::Listening,
            state => state,
        };
        Ok(Some(Checked {
            // One that is being added has not all of its files.
            generated: state == State::Adding || instance.load == LoadState::Loaded,
            unedited: state == State::Adding || self.is_unedited(&name)?,
            state: Ok(state),
            enabled: socket.file_state == "enabled",
            stale: socket.need_daemon_reload || instance.need_daemon_reload,
            waits_online: waits_online(self.host.runtime.path(), &name),
            name: name.to_string(),
        }))
    }

    /// Whether the files of a server are as they were written.
    fn is_unedited(&self, name: &ServerName) -> Result<bool, Error> {
        match self.check_unedited(name) {
            Ok(()) => Ok(true),
            Err(Error::Edited { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A server whose record says nothing.
fn unreadable(name: &ServerName, why: String) -> Checked {
    Checked {
        name: name.to_string(),
        state: Err(why),
        enabled: true,
        generated: true,
        unedited: true,
        stale: false,
        waits_online: false,
    }
}

/// Whether what Quadlet made of a server's template waits for the network of the host. Quadlet adds that to every unit that does not
/// refuse it, as ours do, and a drop-in may take the refusal back.
fn waits_online(runtime: &Path, name: &ServerName) -> bool {
    let generated = runtime
        .join("systemd/generator")
        .join(format!("mcpod-{name}@.service"));
    let text = std::fs::read_to_string(generated).unwrap_or_default();
    text.lines().any(|line| {
        (line.starts_with("After=") || line.starts_with("Wants=") || line.starts_with("Requires="))
            && (line.contains("network-online.target")
                || line.contains("wait-network-online.service"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_service_that_waits_is_found() {
        let runtime = tempfile::tempdir().unwrap();
        let folder = runtime.path().join("systemd/generator");
        std::fs::create_dir_all(&folder).unwrap();
        let name: ServerName = "time".parse().unwrap();
        let with = |text: &str| {
            std::fs::write(folder.join("mcpod-time@.service"), text).unwrap();
            waits_online(runtime.path(), &name)
        };
        assert!(with(
            "[Unit]\nWants=podman-user-wait-network-online.service\n"
        ));
        assert!(with("[Unit]\nAfter=network-online.target\n"));
        assert!(!with(
            "[Unit]\n# After=network-online.target\nAfter=basic.target\n"
        ));
        let other = "other".parse().unwrap();
        assert!(!waits_online(runtime.path(), &other));
    }
}
