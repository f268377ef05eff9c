//! A key of a unit file: where it stands, and how its value is written.

use std::fmt;

use super::error::Reason;

/// A key whose value is a `V`. All keys there are stand in [`keys`](super::keys).
pub struct Key<V: ?Sized> {
    section: &'static str,
    name: &'static str,
    write: fn(&V) -> Result<String, Reason>,
}

impl<V: ?Sized> Key<V> {
    /// A key of a section, with the function that writes its value.
    pub(super) const fn new(
        section: &'static str,
        name: &'static str,
        write: fn(&V) -> Result<String, Reason>,
    ) -> Self {
        Self {
            section,
            name,
            write,
        }
    }

    /// The section, without brackets.
    pub fn section(self) -> &'static str {
        self.section
    }

    /// The name, as it stands before the `=`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The value, as it stands behind the `=`.
    pub(super) fn write(self, value: &V) -> Result<String, Reason> {
        (self.write)(value)
    }
}

// Derived, these would ask for a `V` that can be copied, which a `str` cannot.
impl<V: ?Sized> Clone for Key<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: ?Sized> Copy for Key<V> {}

impl<V: ?Sized> fmt::Debug for Key<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}=", self.section, self.name)
    }
}
