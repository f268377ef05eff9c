//! The version of Podman on a host, as far as Quadlet's keys depend on it.

use std::fmt;
use std::str::FromStr;

/// A version of Podman: `5.4.2`.
///
/// What a distribution or a development build puts behind the three numbers (`5.6.0-dev`, `5.4.2+ds1-2+b2`) is not kept:
/// a build on the way to 5.6.0 counts as 5.6.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodmanVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number, 0 where there is none.
    pub patch: u32,
}

/// A text that names no version of Podman.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no version of Podman")]
pub struct VersionError {
    text: String,
}

impl PodmanVersion {
    /// The oldest Podman that mcpod works with: the one of Debian 13 and of RHEL 9.6 and 10.
    pub const FLOOR: Self = Self::new(5, 4);

    /// The first release of a series: `PodmanVersion::new(5, 4)` is 5.4.0.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self {
            major,
            minor,
            patch: 0,
        }
    }
}

impl FromStr for PodmanVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let numbers = text
            .split_once(|c: char| !c.is_ascii_digit() && c != '.')
            .map_or(text, |(numbers, _)| numbers);
        let mut numbers = numbers.split('.').map(str::parse);
        match (
            numbers.next(),
            numbers.next(),
            numbers.next(),
            numbers.next(),
        ) {
            (Some(Ok(major)), Some(Ok(minor)), patch @ (None | Some(Ok(_))), None) => Ok(Self {
                major,
                minor,
                patch: patch.and_then(Result::ok).unwrap_or(0),
            }),
            _ => Err(VersionError {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for PodmanVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> PodmanVersion {
        text.parse().unwrap()
    }

    #[test]
    fn the_numbers_in_front_count() {
        for (text, shown) in [
            ("5.4.2", "5.4.2"),
            ("5.6.0-dev", "5.6.0"),
            ("5.4.2+ds1-2+b2", "5.4.2"),
            ("5.8.0~rc1", "5.8.0"),
            ("6.0", "6.0.0"),
        ] {
            assert_eq!(version(text).to_string(), shown);
        }
        for bad in [
            "",
            "5",
            "five",
            "5.",
            "5..2",
            "5.4.2.1",
            "-5.4",
            "v5.4.2",
            "99999999999.1",
        ] {
            assert!(bad.parse::<PodmanVersion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(version("5.10.0") > version("5.9.9"));
        assert!(version("5.4.0") >= PodmanVersion::FLOOR);
        assert!(version("5.3.9") < PodmanVersion::FLOOR);
        assert!(version("10.0.0") > version("5.8.6"));
    }
}
