//! The roster: which servers are active, and what each of them offers as far as that is known.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::offer::Origin;
use crate::orchestrator::trust::Offered;
use crate::orchestrator::{Active, Orchestrator};
use crate::quadlet::name::ServerName;
use crate::session::lists::Lists;

/// The active servers at one moment.
#[derive(Debug, Default)]
pub(super) struct Roster {
    servers: Vec<Entry>,
}

/// An active server.
#[derive(Debug, Clone)]
struct Entry {
    active: Active,
    /// What it offers, without what is held back.
    lists: Option<Arc<Lists>>,
    /// The names of the tools that are held back.
    held: Arc<BTreeSet<String>>,
}

impl Roster {
    /// Reads back who is active now, and what they offer from the cache. Lists that are as they were `before` stay the
    /// very same, so that what depends on them stays good.
    pub(super) async fn read(
        orchestrator: &Orchestrator,
        only: Option<&ServerName>,
        before: &Self,
    ) -> Result<Self, crate::orchestrator::Error> {
        let mut active = orchestrator.listening().await?;
        active.retain(|active| only.is_none_or(|only| *only == active.name));
        let servers = active
            .into_iter()
            .map(|active| {
                let (lists, held) = match orchestrator.offered(&active) {
                    Some(Offered { lists, held }) => (Some(lists), held),
                    None => (None, BTreeSet::new()),
                };
                let same = before
                    .lists_of(&active.name)
                    .filter(|old| lists.as_ref() == Some(old));
                Entry {
                    lists: same.cloned().or_else(|| lists.map(Arc::new)),
                    held: Arc::new(held),
                    active,
                }
            })
            .collect();
        Ok(Self { servers })
    }

    fn lists_of(&self, name: &ServerName) -> Option<&Arc<Lists>> {
        let mut entries = self.servers.iter();
        let entry = entries.find(|entry| entry.active.name == *name)?;
        entry.lists.as_ref()
    }

    /// An active server by its name.
    pub(super) fn active(&self, name: &ServerName) -> Option<&Active> {
        let entry = self
            .servers
            .iter()
            .find(|entry| entry.active.name == *name)?;
        Some(&entry.active)
    }

    /// The names of the tools of a server that are held back.
    pub(super) fn held(&self, name: &ServerName) -> Arc<BTreeSet<String>> {
        let mut entries = self.servers.iter();
        let entry = entries.find(|entry| entry.active.name == *name);
        entry.map_or_else(Arc::default, |entry| Arc::clone(&entry.held))
    }

    /// What servers offer, by name; those of whom it is not known are left out.
    pub(super) fn lists(&self) -> impl Iterator<Item = (Origin, Arc<Lists>)> {
        self.servers.iter().filter_map(|entry| {
            let lists = entry.lists.as_ref()?;
            Some((Origin::Server(entry.active.name.clone()), Arc::clone(lists)))
        })
    }

    /// The servers of which it is not known what they offer.
    pub(super) fn unknown(&self) -> Vec<ServerName> {
        let unknown = self.servers.iter().filter(|entry| entry.lists.is_none());
        unknown.map(|entry| entry.active.name.clone()).collect()
    }

    /// All active servers.
    pub(super) fn actives(&self) -> impl Iterator<Item = &Active> {
        self.servers.iter().map(|entry| &entry.active)
    }

    /// The names of all active servers.
    pub(super) fn names(&self) -> impl Iterator<Item = &ServerName> {
        self.servers.iter().map(|entry| &entry.active.name)
    }
}
