//! An instance: the unit that systemd started for one connection to a server's socket, `mcpod-NAME@INSTANCE.service`.
//!
//! systemd makes INSTANCE from the connection (`instance_from_socket` in its `src/core/socket.c`; it documents no form and has changed
//! it before). All forms begin with the number of the connection, counted by the socket unit from 0:
//!
//! | form | systemd | when |
//! | --- | --- | --- |
//! | `NR-PID-UID` | up to 257 | |
//! | `NR-unknown` | up to 257 | the client's process is not visible from here: another pid namespace |
//! | `NR-COOKIE-PID_PIDFDID-UID` | from 258 | the kernel numbers its pidfds (6.9 and later) |
//! | `NR-COOKIE-PID-UID` | from 258 | it does not |
//! | `NR-COOKIE-unknown` | from 258 | as `unknown` above |
//!
//! COOKIE is the socket's cookie (`SO_COOKIE`, socket(7)), which the kernel never gives twice.
//! Before the first connection systemd also loads a unit `mcpod-NAME@internal.service`; it never runs and is no instance.

use crate::quadlet::name::{ServerName, UnitName};

/// An instance of a server, as its name tells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Instance {
    /// The unit itself.
    pub unit: UnitName,
    /// Whose instance it is.
    pub server: ServerName,
    /// Which connection to the socket this is, counted from 0 since the socket unit was loaded.
    pub number: u32,
    /// The process that connected; none where it was in another pid namespace. It may be gone by now, and the number another's.
    pub pid: Option<u32>,
    /// The user who connected; none where `pid` is.
    pub uid: Option<u32>,
}

impl Instance {
    /// Reads an instance from the name of its unit; none where the unit is not an instance of a server.
    pub fn parse(unit: &UnitName) -> Option<Self> {
        let (server, instance) = unit
            .as_str()
            .strip_prefix("mcpod-")?
            .strip_suffix(".service")?
            .split_once('@')?;
        let mut parts = instance.split('-');
        let number = decimal(parts.next()?)?;
        let parts: Vec<&str> = parts.collect();
        let (pid, uid) = match *parts.as_slice() {
            ["unknown"] => (None, None),
            [cookie, "unknown"] => {
                decimal::<u64>(cookie)?;
                (None, None)
            }
            [pid, uid] => (Some(process(pid)?), Some(decimal(uid)?)),
            [cookie, pid, uid] => {
                decimal::<u64>(cookie)?;
                (Some(process(pid)?), Some(decimal(uid)?))
            }
            _ => return None,
        };
        Some(Self {
            unit: unit.clone(),
            server: server.parse().ok()?,
            number,
            pid,
            uid,
        })
    }
}

/// Reads `PID` or `PID_PIDFDID`.
fn process(text: &str) -> Option<u32> {
    match text.split_once('_') {
        Some((pid, pidfd)) => {
            decimal::<u64>(pidfd)?;
            decimal(pid)
        }
        None => decimal(text),
    }
}

/// Reads a number as `%u` writes it: digits only, where `parse` alone would also take a plus sign.
fn decimal<N: std::str::FromStr>(text: &str) -> Option<N> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn parse(unit: &str) -> Option<Instance> {
        Instance::parse(&UnitName::from_systemd(unit))
    }

    #[test]
    fn all_five_forms_are_read() {
        for (instance, number, client) in [
            ("3-1278-1000", 3, Some((1278, 1000))),
            ("3-unknown", 3, None),
            ("12-4211-unknown", 12, None),
            ("0-18446744073709551615-1278-1000", 0, Some((1278, 1000))),
            ("7-4211-1278_18446744073709551615-0", 7, Some((1278, 0))),
        ] {
            let unit = format!("mcpod-server-everything@{instance}.service");
            let parsed = parse(&unit).unwrap_or_else(|| panic!("{instance}"));
            assert_eq!(parsed.unit.as_str(), unit);
            assert_eq!(parsed.server.as_str(), "server-everything");
            assert_eq!(parsed.number, number, "{instance}");
            assert_eq!(parsed.pid.zip(parsed.uid), client, "{instance}");
        }
    }

    #[test]
    fn what_is_no_instance_is_none() {
        for unit in [
            "",
            "mcpod-time.service",
            "mcpod-time@.service",
            "mcpod-time@internal.service",
            "mcpod-time@3.service",
            "mcpod-time@3-.service",
            "mcpod-time@3-x-1000.service",
            "mcpod-time@3-+5-1000.service",
            "mcpod-time@-1278-1000.service",
            "mcpod-time@3-1-2-3-4.service",
            "mcpod-time@3-1278-1000.socket",
            "mcpod-time@3-1278-99999999999.service",
            "mcpod-TIME@3-1278-1000.service",
            "mcpod-guard@3-1278-1000.service",
            "other-time@3-1278-1000.service",
        ] {
            assert_eq!(parse(unit), None, "{unit}");
        }
    }

    proptest! {
        #[test]
        fn no_name_panics(name in any::<String>(), instance in "[0-9a-z_-]{0,20}") {
            parse(&name);
            parse(&format!("mcpod-time@{instance}.service"));
        }

        #[test]
        fn numbers_come_back(number in any::<u32>(), cookie in any::<u64>(), pid in 1..i32::MAX.unsigned_abs(), uid in any::<u32>()) {
            let parsed = parse(&format!("mcpod-a@{number}-{cookie}-{pid}-{uid}.service")).unwrap();
            assert_eq!((parsed.number, parsed.pid, parsed.uid), (number, Some(pid), Some(uid)));
        }
    }
}
