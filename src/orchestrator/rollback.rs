//! `rollback`: a server becomes again what it was before it was upgraded. Its files are put back as they were, so nothing of what
//! the catalog or a registry says by now counts; a second rollback leads forward again.

use std::collections::BTreeMap;

use super::upgrade::{Outcome, Upgrade, Version, is_built};
use super::{Error, Orchestrator, build, instance_files, previous_path, socket_path};
use crate::activation::record::{Record, State, with_record};
use crate::activation::units::UnitTexts;
use crate::quadlet::name::ServerName;
use crate::session::definitions::Definitions;
use crate::unit_dir::{Place, Replacement, UnitPath};

impl Orchestrator {
    /// Goes back to what a server was before its last upgrade. Its sessions end.
    pub async fn rollback(&self, typed: &str, on_wait: impl FnOnce()) -> Result<Upgrade, Error> {
        self.find(typed)?;
        let lock = self.lock(on_wait).await?;
        // Found again: whoever had the lock may have removed it.
        let active = self.find(typed)?;
        let (name, old) = (&active.name, &active.record);
        if !old.state.is_complete() {
            return Err(Error::HalfThere { name: name.clone() });
        }
        self.check_unedited(name)?;
        let path = previous_path(name);
        let none = || Error::NoPrevious { name: name.clone() };
        let text = self.units.read(&path)?.ok_or_else(none)?;
        let files = self.saved(name, &text)?;
        let edited = || self.edited(name, &path);
        let socket = files.iter().find(|file| file.path == socket_path(name));
        let socket = socket
            .and_then(|file| file.text.clone())
            .ok_or_else(edited)?;
        let mut record = Record::parse(&socket).map_err(|_| edited())?;
        let podman = self.podman().await?;
        let to = Version::recorded(&podman, &record).await?;
        if is_built(&record) && to.size.is_none() {
            return Err(Error::PreviousGone {
                name: name.clone(),
                image: record.image,
            });
        }
        let from = Version::recorded(&podman, old).await?;
        record.previous = Some(old.pinned());
        // Who may use which tools was decided since.
        record.tools = old.tools;

        let others: BTreeMap<UnitPath, String> = files
            .into_iter()
            .filter(|file| file.path != socket_path(name))
            .filter_map(|file| Some((file.path, file.text?)))
            .collect();
        let texts: Vec<&str> = others.values().map(String::as_str).collect();
        let socket = with_record(&socket, &record, &texts)?;
        let mut change = vec![Replacement {
            path: path.clone(),
            text: Some(self.as_it_is(name)?),
        }];
        change.extend(self.change(name, UnitTexts { socket, others })?);
        let before = self.known_lists(&active).unwrap_or_default();
        self.units.replace(&lock, &change)?;
        self.systemd.reload().await?;
        self.stop_instances(name).await?;
        self.start_always_on(name, record.always_on).await;
        let active = self.find(typed)?;
        self.name_images(&podman, &active).await?;
        drop(lock);
        let mut tools = None;
        if active.record.state == State::Verified {
            match self.try_once(&active).await {
                Ok(lists) => {
                    tools = Some(Definitions::changes(&before.tools, &lists.tools));
                    // What it offers is known anew.
                    self.systemd.reload().await?;
                }
                Err(error) => tracing::warn!("{name} is back, and does not answer: {error}"),
            }
        }
        let held = self.held(&active).into_iter();
        Ok(Upgrade {
            name: name.clone(),
            outcome: Outcome::RolledBack,
            from,
            to,
            tools,
            units: Vec::new(),
            held: held.map(|change| change.tool).collect(),
        })
    }

    /// Reads the files that a server had; nobody else's can be among them.
    fn saved(&self, name: &ServerName, text: &str) -> Result<Vec<Replacement>, Error> {
        let edited = || self.edited(name, &previous_path(name));
        let files: Vec<Replacement> = serde_json::from_str(text).map_err(|_| edited())?;
        let is_its = |path: &UnitPath| {
            *path == socket_path(name)
                || instance_files(name).contains(path)
                || build::build_files(name).contains(path)
                || (path.place == Place::Quadlet && name.has_volume_file(&path.file))
        };
        if files.iter().all(|file| is_its(&file.path)) {
            Ok(files)
        } else {
            Err(edited())
        }
    }

    fn edited(&self, name: &ServerName, path: &UnitPath) -> Error {
        Error::Edited {
            name: name.clone(),
            file: self.units.path(path).display().to_string(),
        }
    }
}
