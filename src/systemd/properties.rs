//! The properties of a D-Bus object, read by name. What is missing, or has another type than expected, is none.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use zbus::{OwnedVariant, Variant};

/// Properties by name, as `GetAll` gives them and `PropertiesChanged` carries them.
#[derive(Debug, Default)]
pub(super) struct Properties(pub(super) HashMap<String, OwnedVariant>);

impl Properties {
    fn value(&self, name: &str) -> Option<&Variant<'static>> {
        self.0.get(name).map(|value| &**value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Variant::Str(text) => Some(text.as_str()),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        bool::try_from(self.value(name)?).ok()
    }

    pub(super) fn i32(&self, name: &str) -> Option<i32> {
        i32::try_from(self.value(name)?).ok()
    }

    pub(super) fn u32(&self, name: &str) -> Option<u32> {
        u32::try_from(self.value(name)?).ok()
    }

    pub(super) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        Vec::<u8>::try_from(self.value(name)?.try_clone().ok()?).ok()
    }

    pub(super) fn pairs(&self, name: &str) -> Option<Vec<(String, String)>> {
        Vec::<(String, String)>::try_from(self.value(name)?.try_clone().ok()?).ok()
    }

    /// An amount, for which systemd writes the greatest number where it has none or there is no limit.
    pub(super) fn amount(&self, name: &str) -> Option<u64> {
        u64::try_from(self.value(name)?)
            .ok()
            .filter(|&amount| amount != u64::MAX)
    }

    /// A point in time, in microseconds since 1970; 0 where there was none.
    pub(super) fn time(&self, name: &str) -> Option<SystemTime> {
        let micros = self.amount(name).filter(|&micros| micros > 0)?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(micros))
    }
}
