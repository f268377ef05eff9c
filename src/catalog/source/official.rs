//! The source `official`: the registry of the protocol's own project, and others that speak its API.
//!
//! It publishes versions of documents (`server.json`). An entry is the newest version of a name that was not deleted:
//! which one that is, is computed here, since two dumps of the real registry disagreed with themselves.

mod document;
mod launch;
mod popularity;
mod values;
mod version;

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use self::document::{Document, Head, Item, Official};
use self::version::Version;
use super::{FieldError, Parsed, record, repository};
use crate::catalog::entry::{Entry, Status};
use crate::catalog::id::EntryId;
use crate::catalog::text::Line;

/// A publisher with more servers than this resells those of others: nothing of it counts as the maker's own.
const OWN_SERVERS_MAX: usize = 10;

/// A page of the API's list.
#[derive(Debug)]
pub struct Page {
    /// Its items, as they were sent.
    pub items: Vec<String>,
    /// The cursor of the page behind it; none on the last.
    pub next: Option<String>,
}

/// Bytes are no page of a list.
#[derive(Debug, thiserror::Error)]
#[error("the answer is no list of servers: {reason}")]
pub struct PageError {
    /// What is wrong with them.
    pub reason: Line,
}

/// A published version, as far as it must be known to be chosen among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The server's name.
    pub name: String,
    /// The version; empty where nobody says.
    pub version: String,
    /// When it was published, in RFC 3339; empty where nobody says.
    pub published_at: String,
    /// When it was last changed.
    pub updated_at: String,
    /// Whether it was deleted.
    pub deleted: bool,
    /// The message of a deprecation.
    deprecated: Option<Line>,
    /// Whether the registry says that it is the newest.
    said_latest: bool,
}

impl Published {
    /// What stands for an item that says nothing of itself: it is its own only version.
    pub fn unreadable(item: &str) -> Self {
        Self {
            name: item.to_owned(),
            version: String::new(),
            published_at: String::new(),
            updated_at: String::new(),
            deleted: false,
            deprecated: None,
            said_latest: false,
        }
    }
}

/// The items of an answer of the API. The arrays of older dumps count as one page.
pub fn page(bytes: &[u8]) -> Result<Page, PageError> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        servers: Option<Vec<&'a RawValue>>,
        metadata: Option<Metadata>,
    }
    #[derive(Deserialize)]
    struct Metadata {
        #[serde(rename = "nextCursor", alias = "next_cursor")]
        next_cursor: Option<String>,
    }
    let error = |error: serde_json::Error| PageError {
        reason: Line::new(&error.to_string()),
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let list = if bytes.trim_ascii_start().starts_with(b"[") {
        List {
            servers: Some(serde_json::from_slice(bytes).map_err(error)?),
            metadata: None,
        }
    } else {
        serde_json::from_slice(bytes).map_err(error)?
    };
    let Some(servers) = list.servers else {
        return Err(PageError {
            reason: "there is no `servers`".into(),
        });
    };
    let next = list.metadata.and_then(|metadata| metadata.next_cursor);
    Ok(Page {
        items: servers.iter().map(|item| item.get().to_owned()).collect(),
        next: next.filter(|cursor| !cursor.is_empty()),
    })
}

/// What must be known of an item to choose among versions.
pub fn published(item: &str) -> Result<Published, Line> {
    head(item)
        .map(|(published, _)| published)
        .map_err(|error| error.reason)
}

/// The newest of the versions of one name that were not deleted: by their numbers, if all have some, else by date.
pub fn newest<'a>(versions: impl IntoIterator<Item = &'a Published>) -> Option<&'a Published> {
    let versions: Vec<&Published> = versions
        .into_iter()
        .filter(|version| !version.deleted)
        .collect();
    let parsed: Option<Vec<Version>> = versions
        .iter()
        .map(|version| Version::parse(&version.version))
        .collect();
    match parsed {
        Some(parsed) => {
            let pairs = versions.into_iter().zip(parsed);
            let newest = pairs.max_by(|(a, a_parsed), (b, b_parsed)| {
                a_parsed
                    .cmp(b_parsed)
                    .then_with(|| a.published_at.cmp(&b.published_at))
            });
            newest.map(|(version, _)| version)
        }
        None => versions.into_iter().max_by(|a, b| {
            let key = |version: &Published| {
                (
                    version.published_at.clone(),
                    version.said_latest,
                    version.version.clone(),
                )
            };
            key(a).cmp(&key(b))
        }),
    }
}

/// The entries of the items, for the source of that name: one for each server's name.
pub fn parse<'a>(source: &str, items: impl IntoIterator<Item = &'a str>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut names: BTreeMap<String, Vec<(Published, &str)>> = BTreeMap::new();
    for (index, item) in (1..).zip(items) {
        match head(item) {
            Ok((published, _)) => {
                let versions = names.entry(published.name.clone()).or_default();
                versions.push((published, item));
            }
            Err(error) => parsed
                .refused
                .push(error.in_record(&format!("item {index}"))),
        }
    }
    let mut namespaces: HashMap<&str, usize> = HashMap::new();
    for name in names.keys() {
        *namespaces.entry(namespace(name)).or_default() += 1;
    }
    for versions in names.values() {
        let Some(newest) = newest(versions.iter().map(|(published, _)| published)) else {
            continue;
        };
        let item = versions
            .iter()
            .find(|(published, _)| std::ptr::eq(published, newest));
        let Some((_, item)) = item else {
            continue;
        };
        let servers = namespaces.get(namespace(&newest.name)).copied();
        match entry(source, newest, item, servers.unwrap_or_default()) {
            Ok(entry) => parsed.entries.push(entry),
            Err(error) => parsed
                .refused
                .push(error.in_record(&format!("{} {}", newest.name, newest.version))),
        }
    }
    parsed
}

/// The head of an item, and the document inside.
fn head(item: &str) -> Result<(Published, &str), FieldError> {
    let json = |error: serde_json::Error| FieldError::new("JSON", &error);
    let Item { server, meta } = serde_json::from_str(item).map_err(json)?;
    let document = server.map_or(item, RawValue::get);
    let head: Head = serde_json::from_str(document).map_err(json)?;
    let Head {
        name,
        version,
        version_detail,
        status,
        meta: inner,
    } = head;
    let official = |meta: Option<document::Meta>| meta.and_then(|meta| meta.official);
    let Official {
        status: outer_status,
        status_message,
        published_at,
        updated_at,
        is_latest,
    } = official(meta)
        .or_else(|| official(inner))
        .unwrap_or_default();
    let (old_version, released) =
        version_detail.map_or((None, None), |detail| (detail.version, detail.release_date));
    let status = outer_status.or(status).unwrap_or_default();
    let version = version.or(old_version);
    let message = status_message.unwrap_or_else(|| "its publisher deprecated it".into());
    let published_at = published_at.or(released).unwrap_or_default();
    let published = Published {
        name,
        version: version.unwrap_or_default(),
        updated_at: updated_at.unwrap_or_else(|| published_at.clone()),
        published_at,
        deleted: status == "deleted",
        deprecated: (status == "deprecated").then_some(message),
        said_latest: is_latest == Some(true),
    };
    Ok((published, document))
}

fn entry(
    source: &str,
    published: &Published,
    item: &str,
    servers: usize,
) -> Result<Entry, FieldError> {
    let (_, text) = head(item)?;
    let name = &published.name;
    check_name(name)?;
    let id = EntryId::new(source, name).map_err(|error| FieldError::new("name", &error))?;
    let document: Document =
        serde_json::from_str(text).map_err(|error| FieldError::new("JSON", &error))?;
    let mut warnings = Vec::new();
    let launch = launch::options(&document, &mut warnings);
    let written = document.repository.as_ref();
    let repository = written
        .and_then(|written| repository(written.url.as_deref()?, written.subfolder.as_deref()));
    let owner = repository
        .as_ref()
        .and_then(|repository| repository.owner())
        .unwrap_or_default();
    let short = name.rsplit('/').next().unwrap_or(name);
    Ok(Entry {
        title: document.title.filter(|title| !title.is_empty()),
        description: document.description.filter(|text| !text.is_empty()),
        official: servers <= OWN_SERVERS_MAX && is_makers_own(name, owner, &launch),
        publisher: Line::some(publisher(name)),
        status: published
            .deprecated
            .clone()
            .map_or(Status::Active, Status::Deprecated),
        website: document
            .website_url
            .filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        repository,
        launch,
        version: Line::some(&published.version),
        warnings,
        popularity: popularity::of(item),
        records: vec![record(&format!("{name} {}", published.version), item)?],
        ..Entry::new(id, Line::new(short))
    })
}

/// The form of names, by the registry's schema: a namespace, a slash, a name.
fn check_name(name: &str) -> Result<(), FieldError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let form = name.split_once('/').is_some_and(|(namespace, short)| {
        !namespace.is_empty()
            && namespace.chars().all(legal)
            && !short.is_empty()
            && short.chars().all(|c| legal(c) || c == '_')
    });
    if form && name.len() <= 200 {
        return Ok(());
    }
    Err(FieldError::new(
        "name",
        &format!("{name:?} is not of the form NAMESPACE/NAME"),
    ))
}

fn namespace(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

/// The publisher: a user of GitHub, or a domain written backwards.
fn publisher(name: &str) -> &str {
    let namespace = namespace(name);
    namespace.strip_prefix("io.github.").unwrap_or(namespace)
}

/// Whether the maker publishes it: its namespace is a domain that it owns, and the code or the host is the same maker's.
fn is_makers_own(name: &str, owner: &str, launch: &[crate::catalog::LaunchOption]) -> bool {
    let namespace = namespace(name);
    if namespace.starts_with("io.github.") || namespace.starts_with("io.gitlab.") {
        return false;
    }
    let Some(label) = namespace.split('.').nth(1) else {
        return false;
    };
    let domain: Vec<&str> = namespace.split('.').take(2).collect();
    let domain = domain.iter().rev().copied().collect::<Vec<_>>().join(".");
    let own_host = launch.iter().any(|option| match &option.run {
        crate::catalog::Run::Remote(remote) => remote
            .endpoint
            .url
            .text()
            .split('/')
            .nth(2)
            .is_some_and(|host| host == domain || host.ends_with(&format!(".{domain}"))),
        crate::catalog::Run::Local(_) => false,
    });
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    own_host || (!owner.is_empty() && plain(owner).contains(&plain(label)))
}

#[cfg(test)]
mod tests;
