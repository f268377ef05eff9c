//! Sources: each turns bytes that somebody published into entries, and says which records it had to refuse.

pub mod builtin;
pub mod toml;

use std::fmt;

use super::entry::Entry;
use super::text::Line;

/// What a source's bytes hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The entries, in the order of the source.
    pub entries: Vec<Entry>,
    /// The records that are no entries.
    pub refused: Vec<Refused>,
}

/// A record that is no entry, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which record: its file, line or name.
    pub record: Line,
    /// Which of its fields.
    pub field: Line,
    /// What is wrong with it.
    pub reason: Line,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            record,
            field,
            reason,
        } = self;
        write!(f, "{record}: {field}: {reason}")
    }
}
