//! The catalog: what servers exist, and how each of them would run.
//!
//! An [`Entry`] is one server as its source describes it. It carries [`LaunchOption`]s, best first: an image to run, a
//! package to install, an address to call; and each option names the inputs it needs. Values that depend on inputs are
//! [`Template`]s, parsed here and evaluated at activation.
//!
//! Whoever publishes in a catalog can write anything. So text is cleaned where it enters ([`Line`]), what has a form is
//! checked against it, and an entry that fails is refused with a reason, alone.
//!
//! Sources are read ([`source`]), merged ([`merge()`]) and indexed; [`Store`] keeps the index on disk.
//!
//! **Invariant:** nothing here but the store and [`refresh`] does I/O. Same input, same entries, same order.

mod allowed_host;
mod artifact;
mod category;
mod entry;
mod find;
mod id;
mod index;
mod input;
mod launch;
mod merge;
mod mount;
mod pattern;
pub mod refresh;
mod search;
pub mod source;
mod store;
mod template;
mod text;
mod tool_container;
pub mod words;

#[cfg(test)]
use source::{docker::Folder, list::File};
#[cfg(test)]
#[path = "../tests/shared_data/mod.rs"]
mod shared_data;

pub use allowed_host::{AddressBlock, AllowedHost, HostError, HostPattern};
pub use artifact::{Artifact, Bundle, Git, Package, PackageError, Registry};
pub use category::{Category, UnknownCategory};
pub use entry::{Entry, Popularity, Record, Repository, Status, Tool};
pub use find::Resolution;
pub use id::{EntryId, IdError};
use index::Index;
pub use index::IndexError;
pub use input::{Input, InputKind, InputPath, InputPathError, InputValue};
pub use launch::{
    Arg, Endpoint, EnvVar, Header, HttpProtocol, LaunchOption, Local, Network, Remote, Run,
    Transport, Trust,
};
pub use merge::{Listing, merge};
pub use mount::{Mount, MountError};
pub use pattern::{Pattern, PatternError};
pub use search::{Answer, Filters, Found, Hit, Query, Reason, ToolHit, Why, about};
pub use store::{Store, StoreError};
pub use template::{Filter, Part, Syntax, Template};
pub use text::{Line, Prose};
pub use tool_container::ToolContainer;

/// All entries, ready to be searched.
#[derive(Debug)]
pub struct Catalog {
    index: Index,
}

impl Catalog {
    /// The entries that every mcpod carries in itself, so that a fresh host without a network can search and add.
    pub fn builtin() -> Result<Self, IndexError> {
        Self::of(vec![source::builtin::parse().entries])
    }

    /// The entries of several sources, the most trusted first, merged and indexed in memory.
    pub fn of(sources: Vec<Vec<Entry>>) -> Result<Self, IndexError> {
        Ok(Self {
            index: Index::in_memory(&merge(sources))?,
        })
    }

    /// What a source says, entry by entry.
    pub fn entries_of(&self, source: &str) -> Result<Vec<Entry>, IndexError> {
        self.index.entries_of(source)
    }

    /// How many servers there are.
    pub fn size(&self) -> usize {
        self.index.size()
    }
}
