//! The Quadlet and systemd unit file format, as a leaf.
//!
//! A [`UnitFile`] is made by pushing values to [`keys`]. Each key knows how its value is written, so that systemd reads back what
//! went in, or the value is refused with an error that names the key: no text ever adds a key, a section, an option or an argument.
//!
//! Invariant: nothing here does I/O, and a value reaches a file through its key's [`grammar`] alone.

mod error;
mod escape;
mod grammar;
mod key;
pub mod keys;
pub mod name;
mod unit_file;
mod value;
mod version;

pub use error::{ParseError, Reason, Unsupported, ValueError};
pub use escape::{WORD_MAX, parse_record, record};
pub use key::Key;
pub use unit_file::{UNIT_MAX, UnitFile};
pub use value::{
    Assignment, CpuShare, FileMode, MemoryMount, PodmanOption, SecretVariable, Specifier, Text,
    VolumeMount, VolumeSource,
};
pub use version::{PodmanVersion, VersionError};
