//! An offer: all that an agent is shown, and to which server each part of it leads.
//!
//! Each object is the server's own, with another name or address where it must have one, and no other byte changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::value::RawValue;

use super::naming::public_names;
use super::uri;
use crate::quadlet::name::ServerName;
use crate::session::lists::{List, Lists};
use crate::session::splice::{self, quoted};

/// How many objects one page holds. Some agents never ask for the second.
const PAGE: usize = 1000;

/// The extension by which servers have skills.
const SKILLS: &str = "io.modelcontextprotocol/skills";

/// Who answers for a part of the offer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Origin {
    /// mcpod itself, with the registry tools.
    Registry,
    /// An active server.
    Server(ServerName),
}

/// Whether names are as the servers gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// One server is shown alone, under its own names.
    Own,
    /// Each name tells its server; see [`public_names`].
    Prefixed,
}

/// All that an agent is shown.
#[derive(Debug, Default)]
pub(super) struct Offer {
    tools: Listing,
    prompts: Listing,
    resources: Listing,
    templates: Listing,
    /// The capabilities that servers declare beyond the common ones, as JSON members by name.
    pub(super) capabilities: BTreeMap<String, Vec<Box<RawValue>>>,
    /// Who has resources at all.
    with_resources: Vec<Origin>,
    /// Who has skills.
    with_skills: Vec<Origin>,
    /// Whose tools name these addresses of MCP Apps: a server need not list them.
    apps: HashMap<String, Origin>,
}

/// One list, by the names or addresses that agents see, and so sorted and without doubles.
#[derive(Debug, Default)]
struct Listing(BTreeMap<String, Item>);

/// One object of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Item {
    /// Whose it is.
    pub(super) origin: Origin,
    /// What its server calls it.
    pub(super) own: String,
    /// What the agent is shown.
    pub(super) json: String,
}

/// A cursor that leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadCursor;

impl Offer {
    /// Puts together what servers offer.
    pub(super) fn of(sources: &[(Origin, Arc<Lists>)], names: Names) -> Self {
        let mut offer = Self::default();
        for (origin, lists) in sources {
            offer.tools.add_named(origin, &lists.tools, names);
            offer.prompts.add_named(origin, &lists.prompts, names);
            if let Some(server) = &lists.server {
                offer.add_capabilities(server);
            }
            let listed = !lists.resources.is_empty() || !lists.templates.is_empty();
            // What it lists is no measure: it may have others.
            if declares(lists, &["resources"]).unwrap_or(listed) {
                offer.with_resources.push(origin.clone());
            }
            if declares(lists, &["extensions", SKILLS]) == Some(true) {
                offer.with_skills.push(origin.clone());
            }
            offer.add_apps(origin, &lists.tools);
        }
        let shared = shared_addresses(sources);
        for (origin, lists) in sources {
            let (resources, templates) = (&lists.resources, &lists.templates);
            offer
                .resources
                .add_addressed(origin, resources, "uri", &shared);
            offer
                .templates
                .add_addressed(origin, templates, "uriTemplate", &shared);
        }
        offer
    }

    /// A part of the offer by the name or address that the agent knows.
    pub(super) fn item(&self, list: List, key: &str) -> Option<&Item> {
        self.listing(list).0.get(key)
    }

    /// Whose resource an address is by the lists, and what its server calls it.
    pub(super) fn resource(&self, address: &str) -> Option<(Origin, String)> {
        if let Some(item) = self.resources.0.get(address) {
            return Some((item.origin.clone(), item.own.clone()));
        }
        if let Some((server, own)) = uri::split(address) {
            return Some((Origin::Server(server), own.to_owned()));
        }
        if let Some(origin) = self.apps.get(address) {
            return Some((origin.clone(), address.to_owned()));
        }
        let fitting = self
            .templates
            .0
            .iter()
            // What fits a template that several have bears its server.
            .filter(|(shown, item)| **shown == item.own)
            .filter_map(|(_, item)| Some((uri::fit(&item.own, address)?, item)))
            // What fits everything tells nothing.
            .filter(|(fit, _)| *fit > 0);
        let (_, item) = fitting.max_by_key(|(fit, _)| *fit)?;
        Some((item.origin.clone(), address.to_owned()))
    }

    /// Who has skills.
    pub(super) fn with_skills(&self) -> &[Origin] {
        &self.with_skills
    }

    /// Whose resource an address is that nothing tells of: that of the only server that has any.
    pub(super) fn only_resource(&self, address: &str) -> Option<(Origin, String)> {
        match self.with_resources.as_slice() {
            [only] => Some((only.clone(), address.to_owned())),
            _ => None,
        }
    }

    /// Whether an address of a server is shown with its server in it: it, or the template that it fits, is another's
    /// as well, or looks as if it were.
    pub(super) fn is_joined(&self, origin: &Origin, own: &str) -> bool {
        let Origin::Server(server) = origin else {
            return false;
        };
        if uri::is_ours(own) {
            return true;
        }
        let joined = uri::join(server, own);
        let is_listed = [&self.resources, &self.templates]
            .iter()
            .any(|listing| listing.0.contains_key(&joined));
        is_listed
            || self.templates.0.iter().any(|(shown, item)| {
                item.origin == *origin && *shown != item.own && uri::fit(&item.own, own).is_some()
            })
    }

    /// The members of a result of a list: the objects behind the cursor, and the cursor for more. `shown` says whose
    /// objects are.
    pub(super) fn page(
        &self,
        list: List,
        cursor: Option<&str>,
        shown: impl Fn(&Origin) -> bool,
    ) -> Result<String, BadCursor> {
        let after = cursor.map(decoded).transpose()?;
        let mut items = self.listing(list).0.iter().filter(|(key, item)| {
            after.as_ref().is_none_or(|after| *key > after) && shown(&item.origin)
        });
        let mut page = format!("\"{}\":[", list.key());
        let mut end = None;
        for (at, (key, item)) in items.by_ref().take(PAGE).enumerate() {
            if at > 0 {
                page.push(',');
            }
            page.push_str(&item.json);
            end = Some(key);
        }
        page.push(']');
        if let Some(end) = end.filter(|_| items.next().is_some()) {
            page.push_str(",\"nextCursor\":\"");
            page.extend(end.bytes().map(|byte| format!("{byte:02x}")));
            page.push('"');
        }
        Ok(page)
    }

    /// The lists that differ, by their names in `notifications/NAME/list_changed`.
    pub(super) fn changes(&self, other: &Self) -> Vec<&'static str> {
        let mut changed = Vec::new();
        if self.tools.0 != other.tools.0 {
            changed.push("tools");
        }
        if self.prompts.0 != other.prompts.0 {
            changed.push("prompts");
        }
        if self.resources.0 != other.resources.0 || self.templates.0 != other.templates.0 {
            changed.push("resources");
        }
        changed
    }

    /// The objects of a list with the names that agents see, sorted.
    pub(super) fn items(&self, list: List) -> impl Iterator<Item = (&str, &Item)> {
        self.listing(list)
            .0
            .iter()
            .map(|(key, item)| (key.as_str(), item))
    }

    fn listing(&self, list: List) -> &Listing {
        match list {
            List::Tools => &self.tools,
            List::Prompts => &self.prompts,
            List::Resources => &self.resources,
            List::Templates => &self.templates,
        }
    }

    /// Adds the addresses of MCP Apps that a server's tools name; where two name the same, it is the first one's.
    fn add_apps(&mut self, origin: &Origin, tools: &[Box<RawValue>]) {
        // Few tools have one, and all are put together at every start.
        let bears = |tool: &&str| memchr::memmem::find(tool.as_bytes(), b"esourceUri").is_some();
        for tool in tools.iter().map(|tool| tool.get()).filter(bears) {
            for path in [
                &["_meta", "ui", "resourceUri"][..],
                &["_meta", "ui/resourceUri"],
            ] {
                let address = splice::find(tool, path).ok().flatten();
                let address = address.and_then(|text| serde_json::from_str::<String>(text).ok());
                // No tool can claim what may be another server's resource.
                if let Some(address) = address.filter(|address| address.starts_with("ui://")) {
                    self.apps.entry(address).or_insert_with(|| origin.clone());
                }
            }
        }
    }

    /// Adds what a server declares that it can, by its own words.
    pub(super) fn add_capabilities(&mut self, server: &RawValue) {
        let Ok(Some(declared)) = splice::find(server.get(), &["capabilities"]) else {
            return;
        };
        let walked = splice::walk_members(declared, |member| {
            if let (Some(name), Ok(value)) = (
                member.name(),
                RawValue::from_string(member.value.to_owned()),
            ) {
                let values = self.capabilities.entry(name.into_owned()).or_default();
                values.push(value);
            }
        });
        if let Err(error) = walked {
            tracing::debug!(%error, "a server's capabilities are no object");
        }
    }
}

impl Listing {
    /// Adds what is known by a name.
    fn add_named(&mut self, origin: &Origin, objects: &[Box<RawValue>], names: Names) {
        let found: Vec<(String, &str, &str)> = objects
            .iter()
            .filter_map(|object| {
                let (own, written) = text_of(object.get(), "name")?;
                Some((own, written, object.get()))
            })
            .collect();
        let public = match (origin, names) {
            (Origin::Server(server), Names::Prefixed) => {
                public_names(server, found.iter().map(|(own, ..)| own.as_str()))
            }
            _ => BTreeMap::new(),
        };
        for (own, written, object) in &found {
            let Some(key) = public.get(own.as_str()) else {
                self.add(own.clone(), origin, own, (*object).to_owned());
                continue;
            };
            match splice::replace(object, &[(written, &quoted(key))]) {
                Ok(json) => self.add(key.clone(), origin, own, json),
                Err(error) => tracing::warn!(%error, "{key} cannot be shown"),
            }
        }
    }

    /// Adds what is known by an address.
    fn add_addressed(
        &mut self,
        origin: &Origin,
        objects: &[Box<RawValue>],
        member: &str,
        shared: &HashSet<String>,
    ) {
        for object in objects {
            let Some((own, written)) = text_of(object.get(), member) else {
                continue;
            };
            let Origin::Server(server) = origin else {
                continue;
            };
            if !shared.contains(&own) && !uri::is_ours(&own) {
                self.add(own.clone(), origin, &own, object.get().to_owned());
                continue;
            }
            let key = uri::join(server, &own);
            match splice::replace(object.get(), &[(written, &quoted(&key))]) {
                Ok(json) => self.add(key, origin, &own, json),
                Err(error) => tracing::warn!(%error, "a resource cannot be shown"),
            }
        }
    }

    fn add(&mut self, key: String, origin: &Origin, own: &str, json: String) {
        // Of two that cannot be told apart the first is meant.
        self.0.entry(key).or_insert_with(|| Item {
            origin: origin.clone(),
            own: own.to_owned(),
            json,
        });
    }
}

/// The addresses that several servers have, but for `ui://`, which is never rewritten: the hosts of MCP Apps compare it.
fn shared_addresses(sources: &[(Origin, Arc<Lists>)]) -> HashSet<String> {
    let mut owners: HashMap<String, &Origin> = HashMap::new();
    let mut shared = HashSet::new();
    for (origin, lists) in sources {
        let resources = lists.resources.iter().map(|object| (object, "uri"));
        let templates = lists.templates.iter().map(|object| (object, "uriTemplate"));
        for (object, member) in resources.chain(templates) {
            let Some((address, _)) = text_of(object.get(), member) else {
                continue;
            };
            if address.starts_with("ui://") {
                continue;
            }
            match owners.get(&address) {
                Some(owner) if *owner != origin => {
                    shared.insert(address);
                }
                _ => {
                    owners.insert(address, origin);
                }
            }
        }
    }
    shared
}

/// Whether a server declares a capability, if it is known what it declares.
fn declares(lists: &Lists, capability: &[&str]) -> Option<bool> {
    let words = lists.server.as_ref()?.get();
    let path: Vec<&str> = [&["capabilities"], capability].concat();
    let declared = splice::find(words, &path).ok().flatten();
    Some(declared.is_some_and(|declared| declared != "null"))
}

/// A text in an object, decoded and as it is written; an object that has none, or has it twice, cannot be asked for.
fn text_of<'a>(object: &'a str, member: &str) -> Option<(String, &'a str)> {
    let written = splice::find(object, &[member]).ok()??;
    Some((serde_json::from_str(written).ok()?, written))
}

/// Reads a cursor.
fn decoded(cursor: &str) -> Result<String, BadCursor> {
    let digits: Vec<char> = cursor.chars().collect();
    if digits.len() % 2 == 1 {
        return Err(BadCursor);
    }
    let bytes = digits.chunks(2).map(|pair| {
        let pair: String = pair.iter().collect();
        u8::from_str_radix(&pair, 16).map_err(|_| BadCursor)
    });
    let bytes: Vec<u8> = bytes.collect::<Result<_, _>>()?;
    String::from_utf8(bytes).map_err(|_| BadCursor)
}

#[cfg(test)]
mod tests;
