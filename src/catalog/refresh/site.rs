//! The pages of mcpservers.org: slowly, one at a time, and only where its robots.txt lets programs go.
//!
//! The sitemap says which pages are new or changed; of those a bounded number is read each time, the rest next time. A
//! page that cannot be had, or is not what it should be, is reported and left alone for a while, and the visit goes on.
//! A challenge, or a refusal, ends it and is an error: it is not worked around.

mod pages;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;

use self::pages::{Page, Pages};
use super::error::FetchError;
use super::kept;
use super::limits::Limits;
use super::web::{Answer, Mark, Web};
use crate::catalog::source::mcpservers::{self, Location, PageError, Robots, Sitemap};
use crate::catalog::source::{Parsed, Refused};

/// The name that robots.txt knows us by.
const PROGRAM: &str = "mcpod";

/// The most sitemaps that are followed.
const SITEMAPS_MAX: usize = 32;

/// After so many pages in a row that cannot be had, the site itself is what is wrong.
const FAILURES_MAX: usize = 10;

/// How long a page is left alone that could not be had, or of which the sitemap does not say when it was changed.
const AGAIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Reads what is new. Each page is kept as it comes.
pub(super) async fn visit(
    base: &str,
    source: &str,
    folder: &Path,
    web: &Web,
    limits: &Limits,
    mut page_read: impl FnMut(usize),
) -> Result<(), FetchError> {
    let base = Url::parse(base).map_err(|_| FetchError::Address {
        url: base.to_owned(),
    })?;
    let visit = Visit {
        web,
        folder,
        limits,
        robots: robots(&base, folder, web).await?,
        base,
    };
    let (locations, lost) = visit.locations().await?;
    let listed: BTreeMap<&str, &Location> = locations
        .iter()
        .filter_map(|location| Some((mcpservers::server_path(&location.url)?, location)))
        .collect();
    let mut pages = Pages::read(folder);
    // A sitemap that is missing says nothing of the pages that it named.
    let is_all = lost.is_empty();
    pages.retain(|path| mcpservers::is_server_path(path) && (!is_all || listed.contains_key(path)));
    for refused in lost {
        pages.insert(Page::lost(refused.record.to_string(), refused));
    }
    pages.write(folder)?;
    let now = Timestamp::now();
    let mut due: Vec<(&str, &Location)> = listed.into_iter().collect();
    due.retain(|(path, location)| is_due(pages.of(path), location, now));
    // Those that were never read come first, so that pages that always fail hold up none.
    due.sort_by_key(|(path, _)| pages.of(path).is_some());
    let mut failures = 0;
    for (count, (path, location)) in (1..).zip(due).take(limits.pages) {
        let read = visit.page(source, path, location, pages.of(path)).await?;
        failures = if read.error.is_some() {
            failures + 1
        } else {
            0
        };
        pages.append(folder, read.page)?;
        match read.error {
            Some(error) if failures == FAILURES_MAX => return Err(error),
            _ => page_read(count),
        }
    }
    pages.write(folder)
}

/// What tells what was read so far from anything else.
pub(super) fn content(folder: &Path) -> String {
    Pages::read(folder).content()
}

/// What was read so far.
pub(super) fn parsed(folder: &Path) -> Parsed {
    let mut parsed = Parsed::default();
    for page in Pages::read(folder).into_pages() {
        parsed.entries.extend(page.entry);
        parsed.refused.extend(page.refused);
    }
    parsed
}

/// Whether a page is to be read, of which this is known.
fn is_due(page: Option<&Page>, location: &Location, now: Timestamp) -> bool {
    let Some(page) = page else { return true };
    let is_old = now.duration_since(page.read_at).abs() > AGAIN;
    page.changed != location.changed
        || (is_old && (location.changed.is_none() || page.refused.is_some()))
}

/// A page that was read, and why it is none, if it is none.
struct Read {
    page: Page,
    error: Option<FetchError>,
}

struct Visit<'a> {
    base: Url,
    robots: Robots,
    folder: &'a Path,
    web: &'a Web,
    limits: &'a Limits,
}

impl Visit<'_> {
    /// The pages of all sitemaps, and the sitemaps that cannot be had.
    async fn locations(&self) -> Result<(Vec<Location>, Vec<Refused>), FetchError> {
        let start = self
            .base
            .join("/sitemap.xml")
            .map_err(|_| FetchError::Address {
                url: self.base.to_string(),
            })?;
        let mut waiting = vec![start.to_string()];
        let (mut pages, mut lost) = (Vec::new(), Vec::new());
        let mut count = 0;
        while let Some(url) = waiting.pop() {
            count += 1;
            if count > SITEMAPS_MAX {
                break;
            }
            match self.sitemap(&url).await {
                Ok(Sitemap::Index(locations)) => {
                    waiting.extend(locations.into_iter().map(|location| location.url));
                }
                Ok(Sitemap::Pages(locations)) => pages.extend(locations),
                Err(error) if count > 1 && is_of_one_page(&error) => {
                    lost.push(refused(&url, &error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((pages, lost))
    }

    async fn sitemap(&self, url: &str) -> Result<Sitemap, FetchError> {
        self.admit(url).await?;
        let bytes = kept::get(url, self.folder, self.web).await?;
        mcpservers::sitemap(&bytes).map_err(|error| of_page(url, &error))
    }

    /// A page, of which this is known. It fails where the visit has to end.
    async fn page(
        &self,
        source: &str,
        path: &str,
        location: &Location,
        known: Option<&Page>,
    ) -> Result<Read, FetchError> {
        let entry = known.and_then(|page| page.entry.clone());
        let mark = known
            .filter(|_| entry.is_some())
            .and_then(|page| page.mark.clone());
        let mut page = Page {
            path: path.to_owned(),
            changed: location.changed.clone(),
            read_at: Timestamp::now(),
            mark: None,
            entry,
            refused: None,
        };
        match self
            .read(source, path, &location.url, &mut page, mark)
            .await
        {
            Ok(()) => Ok(Read { page, error: None }),
            Err(error) if is_of_one_page(&error) => {
                // What it said before counts on, unless it is gone.
                if matches!(
                    error,
                    FetchError::Status {
                        status: 404 | 410,
                        ..
                    }
                ) {
                    page.entry = None;
                }
                page.refused.get_or_insert_with(|| refused(path, &error));
                Ok(Read {
                    page,
                    error: Some(error),
                })
            }
            Err(error) => Err(error),
        }
    }

    async fn read(
        &self,
        source: &str,
        path: &str,
        url: &str,
        page: &mut Page,
        mark: Option<Mark>,
    ) -> Result<(), FetchError> {
        self.admit(url).await?;
        let bytes = match self.web.get(url, mark.as_ref()).await? {
            Answer::Unchanged => {
                page.mark = mark;
                return Ok(());
            }
            Answer::Body { bytes, mark } => {
                page.mark = mark;
                bytes
            }
        };
        match mcpservers::page(source, path, &bytes) {
            Ok(entry) => {
                page.entry = Some(entry);
                Ok(())
            }
            Err(error) => {
                if let PageError::Page(refused) = &error {
                    page.refused = Some(refused.clone());
                }
                Err(of_page(url, &error))
            }
        }
    }

    /// Waits until an address may be asked for, if it is of this site and programs may see it.
    async fn admit(&self, url: &str) -> Result<(), FetchError> {
        let target = Url::parse(url).map_err(|_| FetchError::Address {
            url: url.to_owned(),
        })?;
        if target.origin() != self.base.origin() {
            return Err(FetchError::Elsewhere {
                url: self.base.to_string(),
                target: url.to_owned(),
            });
        }
        if !self.robots.allows(target.path()) {
            return Err(FetchError::Answer {
                url: url.to_owned(),
                reason: "its robots.txt does not let programs see it".to_owned(),
            });
        }
        tokio::time::sleep(self.limits.pause).await;
        Ok(())
    }
}

/// Whether what is wrong is wrong with one page, and the next may be had all the same.
fn is_of_one_page(error: &FetchError) -> bool {
    match error {
        // Refusals are meant for us.
        FetchError::Status { status, .. } => !matches!(status, 401 | 403 | 429),
        FetchError::Answer { .. }
        | FetchError::TooLarge { .. }
        | FetchError::Elsewhere { .. }
        | FetchError::Address { .. } => true,
        FetchError::Challenge { .. }
        | FetchError::Web { .. }
        | FetchError::Git { .. }
        | FetchError::TooSlow { .. }
        | FetchError::File { .. } => false,
    }
}

fn of_page(url: &str, error: &PageError) -> FetchError {
    match error {
        PageError::Challenge => FetchError::Challenge {
            url: url.to_owned(),
        },
        PageError::NoSitemap | PageError::Page(_) => FetchError::Answer {
            url: url.to_owned(),
            reason: error.to_string(),
        },
    }
}

fn refused(record: &str, error: &FetchError) -> Refused {
    Refused {
        record: record.into(),
        field: "address".into(),
        reason: error.in_a_line().as_str().into(),
    }
}

async fn robots(base: &Url, folder: &Path, web: &Web) -> Result<Robots, FetchError> {
    let url = base.join("/robots.txt").map_err(|_| FetchError::Address {
        url: base.to_string(),
    })?;
    match kept::get(url.as_str(), folder, web).await {
        Ok(bytes) => Ok(Robots::parse(&String::from_utf8_lossy(&bytes), PROGRAM)),
        // No such file allows everything (RFC 9309, section 2.3.1.3).
        Err(FetchError::Status {
            status: 404 | 410, ..
        }) => Ok(Robots::default()),
        Err(error) => Err(error),
    }
}
