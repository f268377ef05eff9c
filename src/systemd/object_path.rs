//! The D-Bus object of a unit: its name behind a fixed path, with every byte but letters and digits written as `_` and two hex digits.
//!
//! The rule is `bus_label_escape` in systemd: a digit is escaped too where it comes first, and an empty label is a lone `_`.

use zbus::ObjectPath;

use crate::quadlet::name::UnitName;

/// What the objects of all units have in front.
pub(super) const UNITS: &str = "/org/freedesktop/systemd1/unit/";

/// The object of a unit.
pub(super) fn of_unit(unit: &UnitName) -> ObjectPath<'static> {
    let label = unit.as_str().bytes().enumerate().map(|(at, byte)| {
        if byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit()) {
            char::from(byte).to_string()
        } else {
            format!("_{byte:02x}")
        }
    });
    let mut path = String::from(UNITS);
    path.extend(label);
    if unit.as_str().is_empty() {
        path.push('_');
    }
    ObjectPath::from_string_unchecked(path)
}

/// The unit whose object this is, if it is one's.
pub(super) fn unit_of(path: &str) -> Option<UnitName> {
    let label = path.strip_prefix(UNITS)?;
    let mut name = Vec::with_capacity(label.len());
    let mut bytes = label.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'_' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            name.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            name.push(byte);
        }
    }
    String::from_utf8(name).ok().map(UnitName::from_systemd)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn a_path_is_written_as_systemd_writes_it() {
        let unit = UnitName::from_systemd("mcpod-time@3-1278-1000.service");
        let path = "/org/freedesktop/systemd1/unit/mcpod_2dtime_403_2d1278_2d1000_2eservice";
        assert_eq!(of_unit(&unit).as_str(), path);
        assert_eq!(unit_of(path), Some(unit));
    }

    #[test]
    fn what_is_no_unit_is_none() {
        for path in [
            "",
            "/",
            "/org/freedesktop/systemd1",
            "/org/freedesktop/systemd1/job/7",
        ] {
            assert_eq!(unit_of(path), None, "{path}");
        }
        assert_eq!(unit_of("/org/freedesktop/systemd1/unit/a_2"), None);
        assert_eq!(unit_of("/org/freedesktop/systemd1/unit/a_zz"), None);
        assert_eq!(unit_of("/org/freedesktop/systemd1/unit/_ff"), None);
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in any::<String>()) {
            let unit = UnitName::from_systemd(name.clone());
            let path = of_unit(&unit);
            assert!(ObjectPath::try_from(path.as_str()).is_ok());
            if !name.is_empty() {
                assert_eq!(unit_of(&path), Some(unit));
            }
        }

        #[test]
        fn no_path_panics(label in ".*") {
            unit_of(&format!("{UNITS}{label}"));
        }
    }
}
