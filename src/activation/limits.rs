//! What one session of a server may use: memory, processors, tasks. Enforced by systemd (systemd.resource-control(5)).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The least memory a limit may leave: below it not even the container's own helpers start.
const MEMORY_FLOOR: u64 = 16 << 20;

/// The controllers of control groups that limits need (systemd.resource-control(5)).
pub const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];

/// The limits of one session.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Memory of all processes of the session together.
    pub memory: Memory,
    /// Processors, `None` for as many as there are.
    pub cpus: Option<Cpus>,
    /// Threads and processes.
    pub tasks: u32,
    /// How many sessions there may be at once.
    pub sessions: u32,
    /// How long one session may last, `None` for as long as its client wants.
    pub lifetime: Option<Lifetime>,
}

impl fmt::Display for Limits {
    /// As it is recorded and shown: `memory 1G, tasks 512, sessions 16, cpus 0.5, lifetime 8h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            memory,
            cpus,
            tasks,
            sessions,
            lifetime,
        } = self;
        write!(f, "memory {memory}, tasks {tasks}, sessions {sessions}")?;
        if let Some(cpus) = cpus {
            write!(f, ", cpus {cpus}")?;
        }
        if let Some(lifetime) = lifetime {
            write!(f, ", lifetime {lifetime}")?;
        }
        Ok(())
    }
}

impl FromStr for Limits {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let value = |name: &str| {
            text.split(", ")
                .find_map(|part| part.strip_prefix(name)?.strip_prefix(' '))
        };
        let number = |name: &str| value(name).and_then(|number| number.parse().ok());
        let unreadable = || LimitError::Unreadable {
            text: text.to_owned(),
        };
        Ok(Self {
            memory: value("memory").ok_or_else(unreadable)?.parse()?,
            cpus: value("cpus").map(str::parse).transpose()?,
            tasks: number("tasks").ok_or_else(unreadable)?,
            sessions: number("sessions").ok_or_else(unreadable)?,
            lifetime: value("lifetime").map(str::parse).transpose()?,
        })
    }
}

/// An amount of memory in bytes, written as systemd writes it: `512M`, `2G`, or plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Memory(u64);

/// How long a session may last, in whole seconds: `90s`, `8h`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lifetime(u32);

/// A number of processors in hundredths: `0.5`, `2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub struct Cpus(u32);

/// Why a text is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Not a number with K, M, G or T behind it.
    #[error("{text:?} is no amount of memory such as 512M or 2G")]
    NoMemory {
        /// What was given.
        text: String,
    },
    /// Less than any container needs.
    #[error(
        "{text} of memory is less than the {} a container needs to start",
        Memory(MEMORY_FLOOR)
    )]
    TooLittle {
        /// What was given.
        text: String,
    },
    /// Not the limits of a session as they are recorded.
    #[error("{text:?} are no limits")]
    Unreadable {
        /// What was given.
        text: String,
    },
    /// Not a length of time of a second or more.
    #[error("{text:?} is no length of time such as 90s or 8h")]
    NoLifetime {
        /// What was given.
        text: String,
    },
    /// Not a number of processors from 0.01 to 1024.
    #[error("{text:?} is no number of processors such as 0.5 or 2")]
    NoCpus {
        /// What was given.
        text: String,
    },
}

impl Memory {
    /// So many MiB.
    pub const fn from_mebibytes(mebibytes: u32) -> Self {
        Self((mebibytes as u64) << 20)
    }

    /// The amount in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Memory {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let no_memory = || LimitError::NoMemory {
            text: text.to_owned(),
        };
        let trimmed = text.strip_suffix('B').unwrap_or(text);
        let (number, shift) = match trimmed.char_indices().next_back() {
            Some((at, 'K' | 'k')) => (trimmed.get(..at), 10),
            Some((at, 'M' | 'm')) => (trimmed.get(..at), 20),
            Some((at, 'G' | 'g')) => (trimmed.get(..at), 30),
            Some((at, 'T' | 't')) => (trimmed.get(..at), 40),
            _ => (Some(trimmed), 0),
        };
        let number = number.filter(|number| number.bytes().all(|b| b.is_ascii_digit()));
        let bytes = number
            .and_then(|number| number.parse::<u64>().ok())
            .and_then(|number| number.checked_mul(1 << shift))
            // systemd takes the largest number for "infinity".
            .filter(|bytes| *bytes < u64::MAX)
            .ok_or_else(no_memory)?;
        if bytes < MEMORY_FLOOR {
            return Err(LimitError::TooLittle {
                text: text.to_owned(),
            });
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Memory {
    type Error = LimitError;

    fn try_from(text: String) -> Result<Self, LimitError> {
        text.parse()
    }
}

impl From<Memory> for String {
    fn from(memory: Memory) -> Self {
        memory.to_string()
    }
}

impl fmt::Display for Memory {
    /// In the largest unit that gives a whole number, so that it reads as it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")] {
            if self.0 != 0 && self.0.trailing_zeros() >= shift {
                return write!(f, "{}{unit}", self.0 >> shift);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl Lifetime {
    /// As a length of time.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }

    /// In seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl FromStr for Lifetime {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let span = text.parse::<jiff::SignedDuration>().ok();
        span.and_then(|span| u32::try_from(span.as_secs()).ok())
            .filter(|seconds| *seconds > 0)
            .map(Self)
            .ok_or_else(|| LimitError::NoLifetime {
                text: text.to_owned(),
            })
    }
}

impl TryFrom<String> for Lifetime {
    type Error = LimitError;

    fn try_from(text: String) -> Result<Self, LimitError> {
        text.parse()
    }
}

impl From<Lifetime> for String {
    fn from(lifetime: Lifetime) -> Self {
        lifetime.to_string()
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:#}",
            jiff::SignedDuration::from_secs(i64::from(self.0))
        )
    }
}

impl Cpus {
    /// For `CPUQuota=`: 100 for each processor.
    pub const fn percent(self) -> u32 {
        self.0
    }
}

impl TryFrom<f64> for Cpus {
    type Error = LimitError;

    fn try_from(number: f64) -> Result<Self, LimitError> {
        let percent = (number * 100.0).round();
        if !(1.0..=102_400.0).contains(&percent) {
            return Err(LimitError::NoCpus {
                text: number.to_string(),
            });
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range was checked above"
        )]
        Ok(Self(percent as u32))
    }
}

impl FromStr for Cpus {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        text.parse::<f64>()
            .map_err(|_| LimitError::NoCpus {
                text: text.to_owned(),
            })
            .and_then(Self::try_from)
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_and_written_with_units() {
        for (text, bytes, printed) in [
            ("512M", 512 << 20, "512M"),
            ("2g", 2 << 30, "2G"),
            ("2048M", 2 << 30, "2G"),
            ("512MB", 512 << 20, "512M"),
            ("20000001", 20_000_001, "20000001"),
        ] {
            let memory: Memory = text.parse().unwrap();
            assert_eq!(
                (memory.bytes(), memory.to_string().as_str()),
                (bytes, printed)
            );
        }
        for bad in [
            "",
            "M",
            "-1M",
            "1.5G",
            "1M ",
            "99999999999T",
            "512 M",
            "infinity",
            "18446744073709551615",
            "é",
            "+20M",
        ] {
            assert!(
                matches!(bad.parse::<Memory>(), Err(LimitError::NoMemory { .. })),
                "{bad}"
            );
        }
        assert!(matches!(
            "1M".parse::<Memory>(),
            Err(LimitError::TooLittle { .. })
        ));
    }

    #[test]
    fn limits_are_read_as_they_are_written() {
        for (cpus, lifetime) in [
            (None, Some("1h 30m".parse().unwrap())),
            (Some("0.5".parse().unwrap()), None),
        ] {
            let limits = Limits {
                lifetime,
                memory: "512M".parse().unwrap(),
                cpus,
                tasks: 7,
                sessions: 3,
            };
            assert_eq!(limits.to_string().parse::<Limits>().unwrap(), limits);
        }
        assert!("memory 1G, tasks 5".parse::<Limits>().is_err());
        assert!("".parse::<Limits>().is_err());
    }

    #[test]
    fn a_lifetime_is_a_length_of_time() {
        for (text, seconds) in [("90s", 90), ("8h", 28_800), ("1h 30m", 5400), ("2d", 0)] {
            let read = text.parse::<Lifetime>();
            assert_eq!(read.map_or(0, Lifetime::seconds), seconds, "{text}");
        }
        for bad in ["", "0s", "-1s", "10", "forever", "0.5s", "99999999999h"] {
            assert!(bad.parse::<Lifetime>().is_err(), "{bad}");
        }
    }

    #[test]
    fn processors_are_hundredths() {
        assert_eq!("0.5".parse::<Cpus>().unwrap().percent(), 50);
        assert_eq!("2".parse::<Cpus>().unwrap().to_string(), "2");
        for bad in ["0", "-1", "nan", "inf", "many", "0.001", "1e9"] {
            assert!(bad.parse::<Cpus>().is_err(), "{bad}");
        }
    }
}
