//! The catalog: what servers exist, and how each of them would run.
//!
//! An [`Entry`] is one server as its source describes it. It carries [`LaunchOption`]s, best first: an image to run, a
//! package to install, an address to call; and each option names the inputs it needs. Values that depend on inputs are
//! [`Template`]s, parsed here and evaluated at activation.
//!
//! Whoever publishes in a catalog can write anything. So text is cleaned where it enters ([`Line`]), what has a form is
//! checked against it, and an entry that fails is refused with a reason, alone.
//!
//! **Invariant:** nothing here does I/O. Same input, same entries, same order.

mod artifact;
mod category;
mod entry;
mod find;
mod id;
mod image;
mod input;
mod launch;
mod merge;
mod mount;
mod search;
pub mod source;
mod template;
mod text;

#[cfg(test)]
mod shared_data;

pub use artifact::{Artifact, Bundle, Git, Package, PackageError, Registry};
pub use category::{Category, UnknownCategory};
pub use entry::{Entry, Record, Repository, Status, Tool};
pub use find::Resolution;
pub use id::{EntryId, IdError};
pub use image::{ImageError, ImageReference};
pub use input::{Input, InputKind, InputPath, InputPathError, InputValue};
pub use launch::{
    AllowedHost, Arg, Endpoint, EnvVar, Header, HostError, HttpProtocol, LaunchOption, Local,
    Network, Remote, Run, Transport, Trust,
};
pub use merge::{Listing, merge};
pub use mount::{Mount, MountError};
pub use search::{Filters, Hit};
pub use template::{Filter, Part, Syntax, Template};
pub use text::{Line, Prose};

/// All entries, ready to be searched.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    entries: Vec<Entry>,
}

impl Catalog {
    /// The entries that every mcpod carries in itself, so that a fresh host without a network can search and add.
    pub fn builtin() -> Self {
        source::builtin::parse().entries.into()
    }

    /// All entries, in the order of their sources.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl From<Vec<Entry>> for Catalog {
    fn from(entries: Vec<Entry>) -> Self {
        Self { entries }
    }
}
