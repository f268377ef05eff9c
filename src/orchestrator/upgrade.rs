//! `upgrade`: a server becomes what its registry, its repository or the catalog has by now, once that was tried.
//!
//! The newer one is tried (`trial`) first. Then all files of the server change together. Its sessions end, as they do when
//! its inputs change, so that nobody goes on with a version that was replaced for a reason; agents open them anew at their next
//! call. Tools that are new or other than what was accepted are held back until somebody accepts them.

mod next;
mod remote;
mod version;

use serde::Serialize;

pub(super) use next::Next;
pub use version::Version;

use super::add::{Consent, Step, check_consent};
use super::interrupt::Interrupt;
use super::trial::{ALL, trial_of};
use super::trust::{Tried, Trusted};
use super::work::{self, Raised};
use super::{Active, Error, Orchestrator, previous_path};
use crate::activation::plan::Origin;
use crate::activation::record::Record;
use crate::activation::units::UnitTexts;
use crate::image::Pinned;
use crate::podman::Podman;
use crate::quadlet::name::ServerName;
use crate::session::definitions::{Change, Definitions, Difference};
use crate::session::lists::Lists;
use crate::unit_dir::{Lock, Replacement, UnitPath};

/// How a server is to be upgraded.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Only look: the newer one is tried and taken away again.
    pub check: bool,
    /// What the user agreed to that code is built from.
    pub consent: Consent,
    /// The lines of its units that the user has seen go and come, if there are any.
    pub seen: Vec<String>,
    /// Whether tools that are new or other than before are accepted with it.
    pub accept: bool,
}

/// What became of an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// There is nothing newer.
    Current,
    /// There is something newer, and it was only looked at.
    Available,
    /// The server is the newer one.
    Upgraded,
    /// The server is the older one again.
    RolledBack,
}

/// What an upgrade changes.
#[derive(Debug, Clone, Serialize)]
pub struct Upgrade {
    /// The server.
    pub name: ServerName,
    /// What became of it.
    pub outcome: Outcome,
    /// What it was.
    pub from: Version,
    /// What it is, or would be.
    pub to: Version,
    /// The tools that are new, defined otherwise or gone; nothing where it was not tried.
    pub tools: Option<Vec<Change>>,
    /// The lines of its units, but for the image, that go (`-`) and come (`+`).
    pub units: Vec<String>,
    /// The names of its tools that are held back.
    pub held: Vec<String>,
}

impl Orchestrator {
    /// Upgrades an active server, or says what that would change.
    pub async fn upgrade(
        &self,
        typed: &str,
        request: &Request,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Upgrade, Error> {
        let mut stop = std::pin::pin!(std::future::pending());
        let mut interrupt = Interrupt::listen(stop.as_mut());
        self.find(typed)?;
        // What somebody who was killed left half changed is put in order first.
        let lock = self.lock(|| tell(Step::Waiting));
        drop(interrupt.ends(lock).await?);
        let active = self.find(typed)?;
        let name = &active.name;
        if !active.record.state.is_complete() {
            return Err(Error::HalfThere { name: name.clone() });
        }
        self.check_unedited(name)?;
        let podman = self.podman().await?;
        let next = interrupt
            .ends(Box::pin(self.next(&podman, &active, tell)))
            .await?;
        let from = Version::recorded(&podman, &active.record).await?;
        let to = Version::next(&podman, &next).await?;
        let mut upgrade = Upgrade {
            name: name.clone(),
            outcome: Outcome::Current,
            from,
            to,
            tools: None,
            units: next.units.clone(),
            held: Vec::new(),
        };
        if self.is_same(&podman, &active, &next).await? {
            upgrade.to = upgrade.from.clone();
            if matches!(next.plan.origin, Origin::Remote(_)) {
                let looked = self.upgrade_remote(&active, request, upgrade, tell);
                return interrupt.ends(Box::pin(looked)).await;
            }
            return Ok(upgrade);
        }
        upgrade.outcome = Outcome::Available;
        match check(&active, &next, request) {
            // It cannot be tried without consent; that there is one can be said.
            Err(_) if request.check => return Ok(upgrade),
            checked => checked?,
        }

        let lock = self.lock(|| tell(Step::Waiting));
        let lock = interrupt.ends(lock).await?;
        if self.find(typed)?.record != active.record {
            return Err(Error::ChangedMeanwhile { name: name.clone() });
        }
        let trial = trial_of(name)?;
        let raised = interrupt
            .ends(Box::pin(
                self.try_next(&lock, &podman, &active, &next, &trial, tell),
            ))
            .await;
        let done = match raised {
            Ok(raised) => {
                let tried = raised.tried.as_ref();
                let known = self.known_lists(&active).unwrap_or_default();
                upgrade.tools =
                    tried.map(|tried| differences(&self.trusted(&active), &known, tried));
                let pinned = raised.pinned.as_ref().and_then(Pinned::digest);
                upgrade.to.digest = pinned.map(ToString::to_string).unwrap_or_default();
                if request.check {
                    Ok(())
                } else {
                    let accept = request.accept;
                    Box::pin(self.become_next(&lock, &podman, &active, &next, raised, accept)).await
                }
            }
            Err(error) => Err(error),
        };
        for failure in self.take_down(&lock, &trial, ALL).await {
            tracing::warn!("while taking away what was tried: {failure}");
        }
        done?;
        if !request.check {
            upgrade.outcome = Outcome::Upgraded;
            let active = self.find(typed)?;
            upgrade.to = Version::recorded(&podman, &active.record).await?;
            let held = self.held(&active).into_iter();
            upgrade.held = held.map(|change| change.tool).collect();
        }
        Ok(upgrade)
    }

    /// Makes a server what was tried.
    async fn become_next(
        &self,
        lock: &Lock,
        podman: &Podman,
        active: &Active,
        next: &Next,
        raised: Raised,
        accept: bool,
    ) -> Result<(), Error> {
        let (name, old) = (&active.name, &active.record);
        let version = podman.supported_version().await?;
        let Raised {
            pinned,
            tried,
            program,
            active: _,
            built: _,
        } = raised;
        let mut record = work::record(&next.plan, &old.given, pinned.as_ref(), old.state);
        record.added = old.added;
        record.previous = Some(old.pinned());
        record.tools = old.tools;
        record.tools_hash.clone_from(&old.tools_hash);
        if let Some(tried) = &tried
            && let Trusted::Only(mut accepted) = self.trusted(active)
        {
            if accept {
                accepted.add(&tried.all);
            }
            if accepted.differing(&tried.all).is_empty() {
                record.tools_hash = Some(tried.tools_hash());
            }
            self.write_accepted(name, &accepted)?;
        }
        let built = self.build_texts(&next.plan, version)?;
        let texts: UnitTexts = work::texts(
            &next.plan,
            pinned.as_ref(),
            &record,
            &built,
            &program,
            version,
        )?;
        let mut change = vec![Replacement {
            path: previous_path(name),
            text: Some(self.as_it_is(name)?),
        }];
        change.extend(self.change(name, texts)?);
        self.units.replace(lock, &change)?;
        let active = Active {
            record,
            ..active.clone()
        };
        if let Some(tried) = &tried {
            self.keep_lists(&active, &tried.lists);
        }
        self.systemd.reload().await?;
        self.stop_instances(name).await?;
        self.start_always_on(name, active.record.always_on).await;
        self.name_images(podman, &active).await
    }

    /// The files of a server as they are, in one text.
    pub(super) fn as_it_is(&self, name: &ServerName) -> Result<String, Error> {
        let mut files = Vec::new();
        for path in self.files_of(name)? {
            files.push(Replacement {
                text: self.units.read(&path)?,
                path,
            });
        }
        let text = serde_json::to_string_pretty(&files);
        text.map_err(|error| Error::Kept {
            action: "write",
            path: self.units.path(&previous_path(name)),
            source: error.into(),
        })
    }

    /// The files of a server, its record last.
    pub(super) fn files_of(&self, name: &ServerName) -> Result<Vec<UnitPath>, Error> {
        let mut files = self.files(name)?;
        files.push(super::socket_path(name));
        Ok(files)
    }
}

/// Whether the image of a server was built here.
pub(super) fn is_built(record: &Record) -> bool {
    !record.digest.is_empty() && !record.launch.ends_with(" image")
}

/// Sees to it that the user has seen what would be other than what he agreed to.
fn check(active: &Active, next: &Next, request: &Request) -> Result<(), Error> {
    if !next.units.is_empty() && request.consent != Consent::Anything && request.seen != next.units
    {
        return Err(Error::RunsOtherwise {
            name: active.name.clone(),
            lines: next.units.clone(),
        });
    }
    check_consent(&next.plan, &request.consent)
}

/// How the tools of a newer version differ: from what was accepted, and from what there was.
pub(super) fn differences(trusted: &Trusted, known: &Lists, tried: &Tried) -> Vec<Change> {
    let accepted = match trusted {
        Trusted::Only(accepted) => accepted.clone(),
        Trusted::All => Definitions::of(&known.tools),
    };
    let mut changes = accepted.differing(&tried.all);
    let gone = Definitions::changes(&known.tools, &tried.all);
    changes.extend(
        gone.into_iter()
            .filter(|change| change.change == Difference::Removed),
    );
    changes.sort_by(|a, b| a.tool.cmp(&b.tool));
    changes.dedup_by(|a, b| a.tool == b.tool && a.change == b.change);
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    fn lists(tools: &[&str]) -> Lists {
        let raw = |text: &&str| RawValue::from_string((*text).to_owned()).unwrap();
        Lists {
            tools: tools.iter().map(raw).collect(),
            ..Lists::default()
        }
    }

    #[test]
    fn differences_are_against_what_was_accepted_and_what_there_was() {
        let one = r#"{"name":"one","description":"1"}"#;
        let able = r#"{"name":"able"}"#;
        let known = lists(&[one, r#"{"name":"gone"}"#]);
        let accepted = lists(&[one, able, r#"{"name":"gone"}"#, r#"{"name":"long-gone"}"#]);
        let trusted = Trusted::Only(Definitions::of(&accepted.tools));
        let newer = lists(&[
            r#"{"name":"one","description":"2"}"#,
            able,
            r#"{"name":"new"}"#,
        ]);
        let tried = Tried {
            all: newer.tools.clone(),
            lists: newer,
        };
        let lines: Vec<String> = differences(&trusted, &known, &tried)
            .iter()
            .map(Change::line)
            .collect();
        assert_eq!(
            lines,
            ["- gone", "+ new: no description", "~ one (description): 2"]
        );
    }
}
