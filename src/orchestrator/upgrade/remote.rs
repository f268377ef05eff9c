//! Upgrades of remote servers. No version of theirs is kept here that a newer one could replace: beside their address and headers, which
//! the catalog may name otherwise by now, they are what they offer, and that is looked at anew.

use super::{Outcome, Request, Upgrade, differences};
use crate::activation::record::State;
use crate::orchestrator::add::Step;
use crate::orchestrator::{Active, Error, Orchestrator};

impl Orchestrator {
    /// Looks at the tools of a remote server that is addressed as before. What is new or other than accepted is held back, as it
    /// would be when a session found it, unless the user accepts it with this.
    pub(super) async fn upgrade_remote(
        &self,
        active: &Active,
        request: &Request,
        mut upgrade: Upgrade,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Upgrade, Error> {
        if active.record.state != State::Verified {
            // What it shows first is what the user chose.
            return Ok(upgrade);
        }
        tell(Step::Trying);
        let known = self.known_lists(active).unwrap_or_default();
        let trusted = self.trusted(active);
        let tried = self.try_whole(active).await?;
        let changes = differences(&trusted, &known, &tried);
        let is_same = changes.is_empty();
        upgrade.tools = Some(changes);
        if is_same {
            return Ok(upgrade);
        }
        self.note_held(&active.name, &trusted.held(&tried.all));
        upgrade.outcome = if request.check {
            Outcome::Available
        } else {
            Outcome::Upgraded
        };
        if request.accept && !request.check {
            let held = self.held(active);
            let tools = active.record.tools;
            let waiting = || tell(Step::Waiting);
            self.accept(active.name.as_str(), &held, tools, waiting)
                .await?;
        } else {
            // It is what everybody looks anew at.
            self.systemd.reload().await?;
        }
        let held = self.held(&self.find(active.name.as_str())?).into_iter();
        upgrade.held = held.map(|change| change.tool).collect();
        Ok(upgrade)
    }
}
