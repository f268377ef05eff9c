//! Merging: what several sources say about one server becomes one listing.
//!
//! Two entries are the same server if they run the same image or package or call the same address, or if each is the only
//! one of its source in a folder of a repository. A name proves nothing. Sameness is not passed on: of three entries, the
//! second may be like the first and like the third, and the first and the third are different servers.
//!
//! Anybody can claim another's image, address or repository, and then stands in its listing. So a listing is found by what
//! all its members say, but runs as its own entry says, and as no other; and what a curated entry says of itself stands.

mod key;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use self::key::{code_key, run_key, run_keys};
use super::entry::{Entry, Popularity};
use super::launch::{LaunchOption, Network, Run};

/// The most ids of other entries that may be the same; more would tell nobody anything.
const RELATED_MAX: usize = 8;

/// A server with everything that is said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The view of all of it. Its id is that of the most trusted entry, and its launch options are that entry's alone: those
    /// of the others are taken by their ids.
    #[serde(flatten)]
    pub entry: Entry,
    /// The entries that it was put together from, the most trusted first; none if it is a single one.
    pub members: Vec<Entry>,
}

impl From<Entry> for Listing {
    fn from(entry: Entry) -> Self {
        Self {
            entry,
            members: Vec::new(),
        }
    }
}

/// The listings of the entries of several sources, the most trusted source first.
///
/// No listing holds two entries of one source, and every entry is in one listing.
pub fn merge(sources: Vec<Vec<Entry>>) -> Vec<Listing> {
    let sizes: Vec<usize> = sources.iter().map(Vec::len).collect();
    let owners: Vec<usize> = (0..)
        .zip(&sizes)
        .flat_map(|(source, size)| std::iter::repeat_n(source, *size))
        .collect();
    let entries: Vec<Entry> = sources.into_iter().flatten().collect();
    let links = Links::between(&entries, &owners);
    let groups = links.groups(&owners);
    let mut entries: Vec<Option<Entry>> = entries.into_iter().map(Some).collect();
    let ids: Vec<_> = entries
        .iter()
        .flatten()
        .map(|entry| entry.id.clone())
        .collect();
    for (at, related) in &links.related {
        let ids = related
            .iter()
            .filter_map(|other| ids.get(*other).cloned())
            .take(RELATED_MAX);
        if let Some(Some(entry)) = entries.get_mut(*at) {
            entry.related = ids.collect();
        }
    }
    let mut take = |at: &usize| entries.get_mut(*at).and_then(Option::take);
    groups
        .iter()
        .filter_map(|group| listing(group.iter().filter_map(&mut take).collect()))
        .collect()
}

/// Which entries are the same, and which may be, by their places.
#[derive(Debug, Default)]
struct Links {
    same: Vec<BTreeSet<usize>>,
    related: BTreeMap<usize, BTreeSet<usize>>,
}

impl Links {
    fn between(entries: &[Entry], owners: &[usize]) -> Self {
        let mut run: HashMap<String, Vec<usize>> = HashMap::new();
        let mut code: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            for key in run_keys(entry) {
                run.entry(key).or_default().push(at);
            }
            if let Some(key) = code_key(entry) {
                code.entry(key).or_default().push(at);
            }
        }
        // What runs the same as an entry, by source, with the rank of the strongest key in common. Only where one entry of
        // a source has the strongest, and the other way round too, is it clear which is which: an entry with fifteen
        // addresses is none of the fifteen that have one of them.
        let mut alike: Vec<BTreeMap<usize, BTreeMap<usize, usize>>> =
            vec![BTreeMap::new(); entries.len()];
        let owner = |at: usize| owners.get(at).copied().unwrap_or_default();
        for (key, places) in &run {
            for (a, b) in pairs(places).filter(|(a, b)| owner(*a) != owner(*b)) {
                if let Some(of_a) = alike.get_mut(a) {
                    let rank = of_a
                        .entry(owner(b))
                        .or_default()
                        .entry(b)
                        .or_insert(usize::MAX);
                    *rank = key::rank(key).min(*rank);
                }
            }
        }
        let best = |at: usize, source: usize| {
            let of_source = alike.get(at)?.get(&source)?;
            let strongest = of_source.values().min()?;
            let mut strong = of_source.iter().filter(|(_, rank)| *rank == strongest);
            strong
                .next()
                .map(|(other, _)| *other)
                .filter(|_| strong.next().is_none())
        };
        let has_any =
            |at: usize, source: usize| alike.get(at).is_some_and(|of| of.contains_key(&source));
        let mut links = Self {
            same: vec![BTreeSet::new(); entries.len()],
            related: BTreeMap::new(),
        };
        for (a, of_a) in alike.iter().enumerate() {
            for b in of_a.values().flat_map(BTreeMap::keys).copied() {
                let clear = best(a, owner(b)) == Some(b) && best(b, owner(a)) == Some(a);
                links.add(a, b, clear);
            }
        }
        for places in code.values() {
            let mut sizes: HashMap<usize, usize> = HashMap::new();
            for at in places {
                *sizes.entry(owner(*at)).or_default() += 1;
            }
            let single = |at: usize| sizes.get(&owner(at)) == Some(&1);
            for (a, b) in
                pairs(places).filter(|(a, b)| owner(*a) != owner(*b) && single(*a) && single(*b))
            {
                let free = !has_any(a, owner(b)) && !has_any(b, owner(a));
                if free {
                    links.add(a, b, true);
                }
            }
        }
        links
    }

    fn add(&mut self, a: usize, b: usize, same: bool) {
        if same {
            if let Some(of_a) = self.same.get_mut(a) {
                of_a.insert(b);
            }
        } else {
            self.related.entry(a).or_default().insert(b);
        }
    }

    /// The entries by listing, each the first of its group or with the first entry that is the same and takes it.
    fn groups(&self, owners: &[usize]) -> Vec<Vec<usize>> {
        let mut taken = vec![false; owners.len()];
        let mut groups = Vec::new();
        for at in 0..owners.len() {
            if taken.get(at).copied().unwrap_or(true) {
                continue;
            }
            let mut group = vec![at];
            let mut sources = BTreeSet::from([owners.get(at)]);
            for other in self.same.get(at).into_iter().flatten() {
                let is_free = taken.get(*other) == Some(&false) && *other > at;
                if is_free && sources.insert(owners.get(*other)) {
                    group.push(*other);
                }
            }
            for member in &group {
                if let Some(taken) = taken.get_mut(*member) {
                    *taken = true;
                }
            }
            groups.push(group);
        }
        groups
    }
}

/// All pairs of different places, in both orders.
fn pairs(places: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    // A key of so many entries says nothing about any two of them.
    const PLACES_MAX: usize = 64;
    let places = places
        .get(..PLACES_MAX.min(places.len()))
        .unwrap_or_default();
    places
        .iter()
        .flat_map(move |a| places.iter().map(move |b| (*a, *b)))
        .filter(|(a, b)| a != b)
}

/// The listing of entries that are the same, the most trusted first.
fn listing(members: Vec<Entry>) -> Option<Listing> {
    let mut entry = members.first()?.clone();
    let others = members.get(1..).unwrap_or_default();
    if others.is_empty() {
        return Some(entry.into());
    }
    for other in others {
        complete(&mut entry, other);
    }
    Some(Listing { entry, members })
}

/// Adds to an entry what another one says about the same server.
fn complete(entry: &mut Entry, other: &Entry) {
    let length = |entry: &Entry| entry.description.as_ref().map_or(0, |text| text.len());
    let speaks_for_itself = entry.id.is_curated() && !other.id.is_curated();
    if length(entry) < length(other) && !(speaks_for_itself && entry.description.is_some()) {
        entry.description.clone_from(&other.description);
    }
    for (own, others) in [
        (&mut entry.title, &other.title),
        (&mut entry.publisher, &other.publisher),
        (&mut entry.website, &other.website),
        (&mut entry.license, &other.license),
        (&mut entry.version, &other.version),
    ] {
        if own.is_none() {
            own.clone_from(others);
        }
    }
    if entry.readme.is_none() {
        entry.readme.clone_from(&other.readme);
    }
    if entry.repository.is_none() {
        entry.repository.clone_from(&other.repository);
    }
    let takes_tools = !speaks_for_itself || entry.tools.is_empty();
    if takes_tools && entry.tools.len() < other.tools.len() {
        entry.tools.clone_from(&other.tools);
    }
    let Popularity { stars, downloads } = &mut entry.popularity;
    *stars = (*stars).max(other.popularity.stars);
    *downloads = (*downloads).max(other.popularity.downloads);
    entry.official |= other.official;
    entry.featured |= other.featured;
    add_missing(&mut entry.categories, &other.categories);
    add_missing(&mut entry.tags, &other.tags);
    add_missing(&mut entry.requires, &other.requires);
    // What reaches further than an entry says is said by somebody that it can be believed of.
    if other.id.is_curated() {
        for option in &other.launch {
            let same =
                |own: &&mut LaunchOption| run_key(own).is_some() && run_key(own) == run_key(option);
            if let Some(own) = entry.launch.iter_mut().find(same) {
                say_network(own, option);
            }
        }
    }
}

fn add_missing<T: Clone + PartialEq>(own: &mut Vec<T>, others: &[T]) {
    for other in others {
        if !own.contains(other) {
            own.push(other.clone());
        }
    }
}

/// What one curated source leaves unsaid about the network another may say.
fn say_network(own: &mut LaunchOption, other: &LaunchOption) {
    if let (Run::Local(own), Run::Local(other)) = (&mut own.run, &other.run)
        && own.network == Network::Unstated
    {
        own.network.clone_from(&other.network);
    }
}

#[cfg(test)]
mod tests;
