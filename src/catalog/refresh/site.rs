//! The pages of mcpservers.org: slowly, one at a time, and only where its robots.txt lets programs go.
//!
//! The sitemap says which pages are new or changed; of those a bounded number is read each time, the rest next time. A
//! challenge, or a refusal, ends the visit and is an error: it is not worked around.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::error::FetchError;
use super::limits::Limits;
use super::state;
use super::web::{Answer, Web};
use crate::catalog::Entry;
use crate::catalog::source::mcpservers::{self, Location, PageError, Robots, Sitemap};
use crate::catalog::source::{Parsed, Refused};

/// What was read of pages.
const PAGES: &str = "pages.json";

/// The name that robots.txt knows us by.
const PROGRAM: &str = "mcpod";

/// The most sitemaps that are followed.
const SITEMAPS_MAX: usize = 32;

/// The pages that were read, by path.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Pages(BTreeMap<String, Page>);

#[derive(Debug, Serialize, Deserialize)]
struct Page {
    /// When it was changed, as the sitemap has it.
    changed: Option<String>,
    entry: Option<Entry>,
    refused: Option<Refused>,
}

/// Reads what is new and says whether anything is.
pub(super) async fn visit(
    base: &str,
    source: &str,
    folder: &Path,
    web: &Web,
    limits: &Limits,
    mut page_read: impl FnMut(usize),
) -> Result<bool, FetchError> {
    let base = Url::parse(base).map_err(|_| FetchError::Address {
        url: base.to_owned(),
    })?;
    let visit = Visit {
        web,
        limits,
        robots: robots(&base, web).await?,
        base,
    };
    let locations = visit.locations().await?;
    let file = folder.join(PAGES);
    let Pages(mut pages) = state::read(&file).unwrap_or_default();
    let known = pages.len();
    let listed: BTreeMap<&str, &Location> = locations
        .iter()
        .filter_map(|location| Some((mcpservers::server_path(&location.url)?, location)))
        .collect();
    pages.retain(|path, _| listed.contains_key(path.as_str()));
    let mut changed = pages.len() != known;
    let is_new = |path: &str, location: &Location| {
        pages
            .get(path)
            .is_none_or(|page| page.changed != location.changed)
    };
    let new: Vec<(&str, &Location)> = listed
        .into_iter()
        .filter(|(path, location)| is_new(path, location))
        .take(limits.pages)
        .collect();
    for (count, (path, location)) in (1..).zip(new) {
        let read = visit.get(&location.url).await;
        let bytes = match read {
            Ok(bytes) => bytes,
            // What was read so far is kept.
            Err(error) => {
                state::write(&file, &Pages(pages))?;
                return Err(error);
            }
        };
        let (entry, refused) = match mcpservers::page(source, path, &bytes) {
            Ok(entry) => (Some(entry), None),
            Err(PageError::Page(refused)) => (None, Some(refused)),
            Err(error) => {
                state::write(&file, &Pages(pages))?;
                return Err(answer(&location.url, &error.to_string()));
            }
        };
        changed = true;
        pages.insert(
            path.to_owned(),
            Page {
                changed: location.changed.clone(),
                entry,
                refused,
            },
        );
        page_read(count);
    }
    state::write(&file, &Pages(pages))?;
    Ok(changed)
}

/// What tells what was read so far from anything else.
pub(super) fn content(folder: &Path) -> String {
    let pages = std::fs::read(folder.join(PAGES)).unwrap_or_default();
    super::hash(&[(PAGES.to_owned(), pages)])
}

/// What was read so far.
pub(super) fn parsed(folder: &Path) -> Parsed {
    let Pages(pages) = state::read(&folder.join(PAGES)).unwrap_or_default();
    let mut parsed = Parsed::default();
    for page in pages.into_values() {
        parsed.entries.extend(page.entry);
        parsed.refused.extend(page.refused);
    }
    parsed
}

struct Visit<'a> {
    base: Url,
    robots: Robots,
    web: &'a Web,
    limits: &'a Limits,
}

impl Visit<'_> {
    /// The pages of all sitemaps.
    async fn locations(&self) -> Result<Vec<Location>, FetchError> {
        let start = self
            .base
            .join("/sitemap.xml")
            .map_err(|_| FetchError::Address {
                url: self.base.to_string(),
            })?;
        let mut waiting = vec![start.to_string()];
        let mut pages = Vec::new();
        let mut count = 0;
        while let Some(url) = waiting.pop() {
            count += 1;
            if count > SITEMAPS_MAX {
                break;
            }
            let bytes = self.get(&url).await?;
            match mcpservers::sitemap(&bytes).map_err(|error| answer(&url, &error.to_string()))? {
                Sitemap::Index(locations) => {
                    waiting.extend(locations.into_iter().map(|location| location.url));
                }
                Sitemap::Pages(locations) => pages.extend(locations),
            }
        }
        Ok(pages)
    }

    /// A page, after a pause, if it is of this site and programs may see it.
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let target = Url::parse(url).map_err(|_| FetchError::Address {
            url: url.to_owned(),
        })?;
        if target.host() != self.base.host() || target.port() != self.base.port() {
            return Err(FetchError::Elsewhere {
                url: self.base.to_string(),
                target: url.to_owned(),
            });
        }
        if !self.robots.allows(target.path()) {
            return Err(answer(url, "its robots.txt does not let programs see it"));
        }
        tokio::time::sleep(self.limits.pause).await;
        match self.web.get(url, None).await? {
            Answer::Body { bytes, .. } => Ok(bytes),
            Answer::Unchanged => Err(answer(
                url,
                "it says unchanged, though nothing was there to compare",
            )),
        }
    }
}

fn answer(url: &str, reason: &str) -> FetchError {
    FetchError::Answer {
        url: url.to_owned(),
        reason: reason.to_owned(),
    }
}

async fn robots(base: &Url, web: &Web) -> Result<Robots, FetchError> {
    let url = base.join("/robots.txt").map_err(|_| FetchError::Address {
        url: base.to_string(),
    })?;
    match web.get(url.as_str(), None).await {
        Ok(Answer::Body { bytes, .. }) => {
            Ok(Robots::parse(&String::from_utf8_lossy(&bytes), PROGRAM))
        }
        // No such file allows everything (RFC 9309, section 2.3.1.3).
        Ok(Answer::Unchanged)
        | Err(FetchError::Status {
            status: 404 | 410, ..
        }) => Ok(Robots::default()),
        Err(error) => Err(error),
    }
}
