//! The pages of a site that were read: a file with a line for each, to which lines are added as pages come.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::Entry;
use crate::catalog::refresh::contents::hash;
use crate::catalog::refresh::error::FetchError;
use crate::catalog::refresh::state;
use crate::catalog::refresh::web::Mark;
use crate::catalog::source::Refused;

/// The file of pages.
const PAGES: &str = "pages.jsonl";

/// All pages that were read, by path.
#[derive(Debug, Default)]
pub(super) struct Pages(BTreeMap<String, Page>);

/// A page as it was last read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) path: String,
    /// When it was changed, as the sitemap has it.
    pub(super) changed: Option<String>,
    pub(super) read_at: Timestamp,
    /// What tells it from a later one.
    pub(super) mark: Option<Mark>,
    pub(super) entry: Option<Entry>,
    pub(super) refused: Option<Refused>,
}

impl Page {
    /// One that could not be had.
    pub(super) fn lost(path: String, refused: Refused) -> Self {
        Self {
            path,
            changed: None,
            read_at: Timestamp::now(),
            mark: None,
            entry: None,
            refused: Some(refused),
        }
    }
}

impl Pages {
    /// Those in a folder. A line that was not written to its end is none.
    pub(super) fn read(folder: &Path) -> Self {
        let text = fs::read(folder.join(PAGES)).unwrap_or_default();
        let pages = text
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<Page>(line).ok());
        Self(pages.map(|page| (page.path.clone(), page)).collect())
    }

    pub(super) fn of(&self, path: &str) -> Option<&Page> {
        self.0.get(path)
    }

    pub(super) fn insert(&mut self, page: Page) {
        self.0.insert(page.path.clone(), page);
    }

    /// Keeps the pages of these paths.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.0.retain(|path, _| is_kept(path));
    }

    /// Writes all of them in one step.
    pub(super) fn write(&self, folder: &Path) -> Result<(), FetchError> {
        let path = folder.join(PAGES);
        let mut text = Vec::new();
        for page in self.0.values() {
            text.extend(line(page, &path)?);
        }
        state::write_bytes(&path, &[&text])
    }

    /// Adds a page, in the file too.
    pub(super) fn append(&mut self, folder: &Path, page: Page) -> Result<(), FetchError> {
        let path = folder.join(PAGES);
        let line = line(&page, &path)?;
        let written = OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(&line));
        written.map_err(|source| FetchError::file(&path, source))?;
        self.insert(page);
        Ok(())
    }

    /// What tells what they say from anything else.
    pub(super) fn content(&self) -> String {
        let said = self.0.values().map(|page| {
            let said = serde_json::to_vec(&(&page.entry, &page.refused));
            (page.path.clone(), said.unwrap_or_default())
        });
        hash(&said.collect::<Vec<_>>())
    }

    pub(super) fn into_pages(self) -> impl Iterator<Item = Page> {
        self.0.into_values()
    }
}

fn line(page: &Page, path: &Path) -> Result<Vec<u8>, FetchError> {
    let mut line =
        serde_json::to_vec(page).map_err(|error| FetchError::file(path, error.into()))?;
    line.push(b'\n');
    Ok(line)
}
