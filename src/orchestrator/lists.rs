//! What an active server offers, kept in the cache: its tools, prompts and resources as it listed them itself.
//!
//! The cache may be deleted at any time; what is missing is asked for again.

use std::io::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Active, Error, Orchestrator};
use crate::quadlet::name::ServerName;

/// What a server offers, each thing as it sent it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lists {
    /// The digest of the image that offered it.
    digest: String,
    /// The tools.
    pub tools: Vec<Box<RawValue>>,
    /// The prompts.
    pub prompts: Vec<Box<RawValue>>,
    /// The resources.
    pub resources: Vec<Box<RawValue>>,
    /// The templates of resources.
    pub templates: Vec<Box<RawValue>>,
}

impl Orchestrator {
    /// What the server offered when it was last asked; nothing where it never was, or runs another image now.
    pub fn known_lists(&self, active: &Active) -> Option<Lists> {
        let text = std::fs::read(self.lists_path(&active.name)).ok()?;
        let lists: Lists = serde_json::from_slice(&text).ok()?;
        (lists.digest == active.record.digest).then_some(lists)
    }

    fn lists_path(&self, name: &ServerName) -> PathBuf {
        self.host.cache_dir().join("mcpod/lists").join(format!("{name}.json"))
    }
}
