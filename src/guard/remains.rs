//! Remains: containers of instances that are over, which the command that removes them did not live to remove.
//!
//! The last thing an instance does is to remove its container, and with it the file in the runtime directory that has the container's id
//! (`NAME.cid` for the unit `NAME.service`, as Quadlet names it). Where that command is killed as well, systemd goes on to the end, and
//! what stays is known to Podman alone. The guard sees it by that file. It may start no Podman itself, which needs namespaces, so systemd
//! does in a unit of its own.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::host::RuntimeDir;
use crate::quadlet::name::UnitName;
use crate::systemd::command::UnitCommand;
use crate::systemd::{Instance, Systemd, SystemdError};

use super::{SLICE_UNIT, STOPPING};

/// Removes the container whose id the file `$cid` has, without a word; run by a shell.
///
/// Podman fails at it, and leaves a dead container, where the process that looks after the container was killed, by itself or with all of
/// the instance, as by the kernel for its memory; a second time it succeeds. What it prints must not be seen: a command of an instance has
/// the connection as its standard output.
pub const REMOVE_CONTAINER: &str = "rm() { podman --transient-store --events-backend=none rm -v -f -i --cidfile=\"$cid\" >/dev/null; }; \
     rm 2>/dev/null || rm";

/// What the file with a container's id ends in, behind the name of its unit.
const ID_FILE: &str = ".cid";

/// Has the remains of instances removed.
#[derive(Debug)]
pub(super) struct Remains {
    runtime: RuntimeDir,
    /// For which that was begun: systemd goes on until it is done or cannot be.
    tried: HashSet<UnitName>,
}

impl Remains {
    pub(super) fn new(runtime: RuntimeDir) -> Self {
        Self {
            runtime,
            tried: HashSet::new(),
        }
    }

    /// The instances that have a container. To be asked for before it is asked which of them run.
    pub(super) fn with_container(&self) -> Vec<UnitName> {
        // Where the runtime directory cannot be read, nothing can be done at all, and others say so.
        let files = std::fs::read_dir(self.runtime.path());
        let named = files.into_iter().flatten().flatten().filter_map(|file| {
            let unit = file.file_name().to_str()?.strip_suffix(ID_FILE)?.to_owned();
            Some(Instance::parse(&UnitName::from_systemd(format!("{unit}.service")))?.unit)
        });
        named.collect()
    }

    /// Removes the containers of those that do not run. One that is over has done all that it does, so what is there still will stay.
    pub(super) async fn remove(
        &mut self,
        with_container: Vec<UnitName>,
        running: &HashSet<UnitName>,
        systemd: &Systemd,
    ) -> Result<(), SystemdError> {
        self.tried.retain(|unit| with_container.contains(unit));
        for unit in with_container {
            let file = self.id_file(&unit);
            if running.contains(&unit) || !file.exists() || !self.tried.insert(unit.clone()) {
                continue;
            }
            tracing::info!("removing the container that {unit} left");
            // Podman takes the file away with a container, but not where there is none.
            let script = format!("cid=$0; ({REMOVE_CONTAINER}) && exec rm -f \"$cid\"");
            let command = UnitCommand {
                description: &format!("Remove the container that {unit} left"),
                slice: SLICE_UNIT,
                words: &["/bin/sh", "-c", &script, &file.to_string_lossy()],
                patience: STOPPING,
            };
            let remover =
                UnitName::from_systemd(format!("run-{}", unit.as_str().replace('@', "-")));
            match systemd.begin_command(&remover, &command).await {
                Err(error @ SystemdError::Refused { .. }) => tracing::warn!("{error}"),
                begun => begun?,
            }
        }
        Ok(())
    }

    fn id_file(&self, unit: &UnitName) -> PathBuf {
        let name = unit.as_str().trim_end_matches(".service");
        self.runtime.path().join(format!("{name}{ID_FILE}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systemd::fake::{Fake, Script};

    #[tokio::test]
    async fn a_container_is_removed_once_when_its_instance_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let id = |name: &str| std::fs::write(folder.path().join(name), "id").unwrap();
        for name in [
            "mcpod-time@3-1278-1000.cid",
            "mcpod-time@4-1278-1000.cid",
            // Of a server that has one for all.
            "mcpod-time.cid",
            "other@4-1278-1000.cid",
            "mcpod-time@4-1278-1000.ctr-id",
        ] {
            id(name);
        }
        let fake = Fake::new(Script::default()).await;
        let mut remains = Remains::new(RuntimeDir::at(folder.path()));
        let [runs, over] = ["3", "4"]
            .map(|number| UnitName::from_systemd(format!("mcpod-time@{number}-1278-1000.service")));
        let running = HashSet::from([runs.clone()]);
        for expected in [1, 0] {
            let mut found = remains.with_container();
            found.sort();
            assert_eq!(found, [runs.clone(), over.clone()]);
            remains
                .remove(found, &running, &fake.systemd)
                .await
                .unwrap();
            let begun = fake
                .calls()
                .into_iter()
                .filter(|call| call.starts_with("StartTransientUnit"))
                .inspect(|call| {
                    assert!(
                        call.contains("run-mcpod-time-4-1278-1000.service"),
                        "{call}"
                    );
                    let file = folder.path().join("mcpod-time@4-1278-1000.cid");
                    assert!(call.contains(file.to_str().unwrap()), "{call}");
                })
                .count();
            assert_eq!(begun, expected);
        }
        // It ended by itself between the two questions.
        let found = vec![UnitName::from_systemd("mcpod-time@5-1278-1000.service")];
        remains
            .remove(found, &running, &fake.systemd)
            .await
            .unwrap();
        assert_eq!(fake.calls(), [""; 0]);
    }
}
