//! `rollback`: a server becomes again what it was before it was upgraded. Its files are put back as they were, so nothing of what
//! the catalog or a registry says by now counts; a second rollback leads forward again.

use super::remove::check_unedited;
use super::upgrade::{Outcome, Upgrade};
use super::{
    Error, Orchestrator, container_path, drop_in_path, previous_path, quadlet_path, socket_path,
};
use crate::activation::record::{Record, State, with_record};
use crate::quadlet::name::ServerName;
use crate::session::definitions::Definitions;
use crate::unit_dir::{Replacement, UnitPath};

impl Orchestrator {
    /// Goes back to what a server was before its last upgrade. Its sessions end.
    pub async fn rollback(&self, typed: &str, on_wait: impl FnOnce()) -> Result<Upgrade, Error> {
        self.find(typed)?;
        let lock = self.units.lock(on_wait).await?;
        self.sweep_trials(&lock).await;
        // Found again: whoever had the lock may have removed it.
        let active = self.find(typed)?;
        let (name, old) = (&active.name, &active.record);
        if !old.state.is_complete() {
            return Err(Error::HalfThere { name: name.clone() });
        }
        check_unedited(&self.units, name, &self.further_files(name)?)?;
        let path = previous_path(name);
        let none = || Error::NoPrevious { name: name.clone() };
        let text = self.units.read(&path)?.ok_or_else(none)?;
        let files = self.saved(name, &text)?;
        let edited = || self.edited(name, &path);
        let text_of = |path: &UnitPath| {
            let file = files.iter().find(|file| file.path == *path);
            file.and_then(|file| file.text.clone())
        };
        let socket = text_of(&socket_path(name)).ok_or_else(edited)?;
        let mut record = Record::parse(&socket).map_err(|_| edited())?;
        let podman = self.podman().await?;
        let to = self.version_of(&podman, &record).await?;
        let is_built = !record.launch.ends_with(" image");
        if is_built && to.size.is_none() {
            return Err(Error::PreviousGone {
                name: name.clone(),
                image: record.image,
            });
        }
        let from = self.version_of(&podman, old).await?;
        record.previous = Some(format!("{} {}", old.image, old.digest));
        // Who may use which tools was decided since.
        record.tools = old.tools;

        let mut others = vec![container_path(name), drop_in_path(name)];
        others.extend(further(name, &files));
        let texts: Option<Vec<String>> = others.iter().map(text_of).collect();
        let texts = texts.ok_or_else(edited)?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let socket = with_record(&socket, &record, &texts)?;

        let mut change = vec![Replacement {
            path: path.clone(),
            text: Some(self.as_it_is(name)?),
        }];
        let gone = self.further_files(name)?.into_iter();
        let gone = gone.filter(|path| !others.contains(path));
        change.extend(gone.map(|path| Replacement { path, text: None }));
        for (path, text) in others.iter().zip(&texts) {
            change.push(Replacement {
                path: path.clone(),
                text: Some((*text).to_owned()),
            });
        }
        change.push(Replacement {
            path: socket_path(name),
            text: Some(socket),
        });
        let before = self.known_lists(&active).unwrap_or_default();
        self.units.replace(&lock, &change)?;
        self.systemd.reload().await?;
        self.stop_instances(name).await?;
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
            [socket_path(name), container_path(name), drop_in_path(name)].contains(path)
                || is_further(name, path)
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

/// The files among these that Quadlet reads beside the template, in the order of the record's hash.
fn further(name: &ServerName, files: &[Replacement]) -> Vec<UnitPath> {
    let paths = files.iter().map(|file| &file.path);
    let mut further: Vec<UnitPath> = paths
        .filter(|path| is_further(name, path))
        .cloned()
        .collect();
    further.sort_by(|a, b| a.file.cmp(&b.file));
    further
}

fn is_further(name: &ServerName, path: &UnitPath) -> bool {
    *path == quadlet_path(path.file.clone())
        && (name.has_volume_file(&path.file)
            || path.file == name.build_file()
            || path.file == name.recipe_file())
}
