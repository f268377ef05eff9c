//! `remove`: a server is taken away, in the reverse order of `add`. Every failure is reported, none stops the rest.

use super::{Active, Error, Orchestrator, STOP, instance_files, previous_path, socket_path};
use crate::activation::record::{State, is_unedited, with_state};
use crate::quadlet::name::{ServerName, UnitName};
use crate::systemd::journal;
use crate::unit_dir::Lock;

/// What of a server's own is taken away with it. What is not can be used when it is added again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Its volumes, with all that is in them.
    pub volumes: bool,
    /// Its secrets.
    pub secrets: bool,
}

/// What was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The server's name.
    pub name: ServerName,
    /// The entry that it was; nothing where its record was edited until it could not be read.
    pub id: Option<String>,
}

impl Orchestrator {
    /// Takes an active server away. With `force` also one whose files were edited by hand, its record included.
    pub async fn remove(
        &self,
        typed: &str,
        force: bool,
        extent: Extent,
        on_wait: impl FnOnce(),
    ) -> Result<Removed, Error> {
        match self.find(typed) {
            Err(Error::Edited { .. }) if force => {}
            found => drop(found?),
        }
        let lock = self.lock(on_wait).await?;
        // Found again: whoever had the lock may have removed it.
        let removed = self.removable(typed, force)?;
        let failures = self.take_down(&lock, &removed.name, extent).await;
        if failures.is_empty() {
            return Ok(removed);
        }
        Err(Error::NotRemoved {
            name: removed.name,
            failures,
        })
    }

    /// Finds a server that may be taken away.
    fn removable(&self, typed: &str, force: bool) -> Result<Removed, Error> {
        let Active { name, record, .. } = match self.find(typed) {
            Err(Error::Edited { name, .. }) if force => return Ok(Removed { name, id: None }),
            found => found?,
        };
        if !force && record.state.is_complete() {
            self.check_unedited(&name)?;
        }
        Ok(Removed {
            id: Some(record.id.clone()),
            name,
        })
    }

    /// Takes away whatever there is of a server and returns what failed. Running it again does no harm.
    pub(super) async fn take_down(
        &self,
        lock: &Lock,
        name: &ServerName,
        extent: Extent,
    ) -> Vec<String> {
        let mut failures = Vec::new();
        let mut check = |step: &str, result: Result<(), Error>| {
            if let Err(error) = result {
                failures.push(format!("{step}: {:#}", anyhow::Error::new(error)));
            }
        };
        let socket = name.socket_unit();
        // From here on it is half there, and need not be as it was written to be removed again. That this cannot be said, as on a full
        // disk, must not keep it from being removed.
        if let Err(error) = self.mark_half_there(lock, name) {
            tracing::debug!("{error}");
        }
        // First nobody new can connect, then those who are connected are cut off.
        check(
            "stop the socket",
            self.systemd.stop(&socket, STOP).await.map_err(Error::from),
        );
        check("stop the sessions", self.stop_instances(name).await);
        check(
            "disable the socket",
            self.systemd.disable(&[&socket]).await.map_err(Error::from),
        );
        for unit in instance_files(name)
            .into_iter()
            .chain([previous_path(name)])
        {
            check(
                "remove the template",
                self.units.remove(lock, &unit).map_err(Error::from),
            );
        }
        check(
            "remove the volumes",
            self.remove_volumes(lock, name, extent.volumes).await,
        );
        check(
            "remove the built image",
            self.remove_build(lock, name).await,
        );
        if extent.secrets {
            check("remove the secrets", self.remove_secrets_of(name).await);
        }
        check(
            "reload systemd",
            self.systemd.reload().await.map_err(Error::from),
        );
        check(
            "forget that it failed",
            self.systemd
                .reset_failed(&socket)
                .await
                .map_err(Error::from),
        );
        self.forget(name);
        check("forget what was accepted", self.forget_accepted(name));
        journal::forget(&self.host.runtime, name);
        check(
            "remove mcpod's own units",
            self.remove_own_units(lock, name).await,
        );
        // The record goes last, and stays while anything else does: what has no record cannot be found again.
        if failures.is_empty()
            && let Err(error) = self.units.remove(lock, &socket_path(name))
        {
            failures.push(format!(
                "remove the socket: {:#}",
                anyhow::Error::new(error)
            ));
        }
        failures
    }

    /// Says in a server's record, if it has one, that not all of it is there.
    fn mark_half_there(&self, lock: &Lock, name: &ServerName) -> Result<(), Error> {
        let path = socket_path(name);
        if let Some(text) = self.units.read(&path)? {
            let marked = with_state(&text, State::Adding);
            if marked != text {
                self.units.write(lock, &path, &marked)?;
            }
        }
        Ok(())
    }

    /// Takes away the units of a server's volumes; what is in them only if it is asked for.
    async fn remove_volumes(
        &self,
        lock: &Lock,
        name: &ServerName,
        content: bool,
    ) -> Result<(), Error> {
        for file in self.volume_files(name)? {
            let volume = file.file.strip_suffix(".volume").unwrap_or_default();
            // Quadlet's service stays up once it has made the volume: the next one of that name would not be made.
            let service = UnitName::from_systemd(format!("{volume}-volume.service"));
            self.systemd.stop(&service, STOP).await?;
            if content {
                self.podman().await?.remove_volume(volume).await?;
            }
            // Last, since it is where the volume's name is known from.
            self.units.remove(lock, &file)?;
        }
        Ok(())
    }

    async fn remove_secrets_of(&self, name: &ServerName) -> Result<(), Error> {
        let podman = self.podman().await?;
        for secret in podman.secrets(&name.secret("")).await? {
            podman.remove_secret(&secret.name).await?;
        }
        Ok(())
    }

    pub(super) async fn stop_instances(&self, name: &ServerName) -> Result<(), Error> {
        let instances = self.systemd.instances(name).await?;
        let stops = instances
            .iter()
            .map(|instance| self.systemd.stop(&instance.unit, STOP));
        for stopped in futures_util::future::join_all(stops).await {
            stopped?;
        }
        Ok(())
    }

    /// Refuses to touch files that somebody else changed since we wrote them.
    pub(super) fn check_unedited(&self, name: &ServerName) -> Result<(), Error> {
        let mut paths = vec![socket_path(name)];
        paths.extend(self.files(name)?);
        let mut texts = Vec::new();
        for path in &paths {
            texts.extend(self.units.read(path)?);
        }
        let others: Vec<&str> = texts.iter().skip(1).map(String::as_str).collect();
        if texts
            .first()
            .is_some_and(|socket| is_unedited(socket, &others))
        {
            return Ok(());
        }
        // The hash covers all; which of them differs, or is not there any more, is for the user to see.
        let files: Vec<String> = paths
            .iter()
            .map(|path| self.units.path(path).display().to_string())
            .collect();
        Err(Error::Edited {
            name: name.clone(),
            file: files.join(" or "),
        })
    }
}
