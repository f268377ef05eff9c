//! Why a value was refused.

use super::version::PodmanVersion;

/// A value that a key cannot hold exactly.
///
/// It names the key and what is wrong, never the value: that may be long, and is nobody else's business.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}= in [{section}] cannot hold this value: {reason}")]
pub struct ValueError {
    /// The section, without brackets.
    pub section: &'static str,
    /// The key's name.
    pub key: &'static str,
    /// What is wrong with the value.
    pub reason: Reason,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Nothing is there; an empty assignment would take back the ones before it.
    #[error("it is empty")]
    Empty,
    /// One argument of a program is limited by the kernel.
    #[error("it has {length} bytes, and at most {max} can be passed to a program")]
    TooLong {
        /// Bytes that the value has.
        length: usize,
        /// Bytes that it may have.
        max: usize,
    },
    /// The file would come too close to the longest line that systemd reads.
    #[error("the unit file would have {length} bytes, and at most {max} are safe")]
    UnitTooLong {
        /// Bytes that the file would have.
        length: usize,
        /// Bytes that it may have.
        max: usize,
    },
    /// A character that the key has no way to write, or that has a meaning there.
    #[error("it has the character {character:?}, which cannot stand there")]
    Character {
        /// The first such character.
        character: char,
    },
    /// A character that the readers drop, or that joins the next line, in front or at the end.
    #[error("it begins or ends with {character:?}, which would not be read back")]
    Edge {
        /// The character.
        character: char,
    },
    /// Podman would take the value for an option.
    #[error("it begins with a dash and would be read as an option")]
    Option,
    /// A path was asked for.
    #[error("it is no absolute path")]
    NotAbsolute,
    /// An address was asked for.
    #[error("it is no address that systemd accepts: https, http, file, man or info")]
    Address,
    /// Quadlet ends the list of words at an empty one.
    #[error("one of its words is empty: Quadlet would drop that word and all behind it")]
    EmptyWord,
    /// systemd separates commands by it, and Quadlet has no way to quote it.
    #[error("one of its words is a semicolon alone: systemd would begin another command there")]
    Semicolon,
    /// Quadlet would look for a unit of that name instead.
    #[error("it ends in {suffix} and would be read as the name of a Quadlet unit")]
    QuadletUnit {
        /// The file name's ending that Quadlet knows.
        suffix: &'static str,
    },
    /// The left side of an assignment.
    #[error("{name:?} is no name that can be assigned to there")]
    Name {
        /// The name that was given.
        name: String,
    },
    /// The right side of an assignment.
    #[error("that of {name}: {reason}")]
    Assigned {
        /// The name that the value belongs to.
        name: String,
        /// What is wrong with the value.
        reason: Box<Reason>,
    },
    /// The name of a systemd unit was asked for.
    #[error("{name:?} is no name of a systemd unit")]
    UnitName {
        /// The name that was given.
        name: String,
    },
    /// Podman reads some lists of words as something else than a program and its arguments.
    #[error("Podman would not read it as a program and its arguments")]
    NotACommand,
}

/// A key that the host's Podman does not know: its Quadlet would drop the whole unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}= in [{section}] needs Podman {needed}, this is {found}")]
pub struct Unsupported {
    /// The section, without brackets.
    pub section: String,
    /// The key's name.
    pub key: String,
    /// The first version that knows the key.
    pub needed: PodmanVersion,
    /// The version that was asked about.
    pub found: PodmanVersion,
}

/// A file that is no unit file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// An assignment stands before the first section.
    #[error("line {line}: an assignment outside of a section")]
    OutsideSection {
        /// The line, counted from 1.
        line: usize,
    },
    /// A line that is no section, assignment or comment.
    #[error("line {line}: neither a section nor an assignment")]
    NoAssignment {
        /// The line, counted from 1.
        line: usize,
    },
    /// A section's header does not end in a bracket, or is empty.
    #[error("line {line}: a section's name must stand in brackets")]
    BadSection {
        /// The line, counted from 1.
        line: usize,
    },
    /// The line, with the ones that continue it, is longer than systemd reads.
    #[error("line {line}: longer than systemd reads")]
    TooLong {
        /// The line, counted from 1.
        line: usize,
    },
}
