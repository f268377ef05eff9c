//! Podman's version, as its service states it.

use std::fmt;
use std::str::FromStr;

/// The oldest Podman that mcpod works with: Debian 13, RHEL 9.6 and 10, Fedora from 41 on have it.
pub const PODMAN_FLOOR: PodmanVersion = PodmanVersion {
    major: 5,
    minor: 4,
    patch: 0,
};

/// A version of Podman, ordered by age. What a distribution adds (`-dev`, `+ds1`) is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodmanVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number, 0 where there is none.
    pub patch: u32,
}

/// A text that does not begin with two numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no version of Podman: {0:?}")]
pub struct VersionError(String);

impl FromStr for PodmanVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let mut numbers = text
            .trim()
            .splitn(3, '.')
            .map(|part| part.split(|c: char| !c.is_ascii_digit()).next())
            .map(|digits| digits.unwrap_or_default().parse::<u32>());
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor)), patch) => Ok(Self {
                major,
                minor,
                patch: patch.and_then(Result::ok).unwrap_or_default(),
            }),
            _ => Err(VersionError(text.chars().take(40).collect())),
        }
    }
}

impl fmt::Display for PodmanVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            major,
            minor,
            patch,
        } = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        let version = |text: &str| text.parse::<PodmanVersion>();
        assert_eq!(version("5.4.2").unwrap().to_string(), "5.4.2");
        assert_eq!(version("5.9.0-dev").unwrap().to_string(), "5.9.0");
        assert_eq!(version("6.0").unwrap().to_string(), "6.0.0");
        assert!(version("5.10.0").unwrap() > version("5.9.3").unwrap());
        assert!(version("5.4.0").unwrap() >= PODMAN_FLOOR);
        assert!(version("5.3.9").unwrap() < PODMAN_FLOOR);
        for bad in ["", "5", "five.4", "..", "99999999999.1.1"] {
            assert!(version(bad).is_err(), "{bad}");
        }
    }
}
