//! The Quadlet and systemd unit file format, as a leaf.
//!
//! A [`UnitFile`](unit_file::UnitFile) is made by pushing values to [`keys`]. Each key knows how its value is written, so that systemd
//! reads back what went in, or the value is refused with an error that names the key: no text ever adds a key, a section, an option or
//! an argument.
//!
//! Invariant: nothing here does I/O, and a value reaches a file through the function of its key alone.

pub mod error;
mod escape;
mod grammar;
pub mod key;
pub mod keys;
pub mod name;
#[cfg(test)]
mod tests;
pub mod unit_file;
pub mod value;
pub mod version;
