//! The id of a request, kept as it was written.

use std::fmt;

/// The id of a JSON-RPC request: a number or a string, as JSON text.
///
/// Ids compare by that text, and are sent back as that text: `1`, `1.0` and `"1"` are three ids, and a number
/// of any length stays whole.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(Box<str>);

impl Id {
    /// Takes an id from its JSON text; nothing if that is neither a number nor a string.
    pub fn from_json(text: &str) -> Option<Self> {
        let first = text.bytes().next()?;
        let of_its_kind = first == b'"' || first == b'-' || first.is_ascii_digit();
        let whole = serde_json::from_str::<&serde_json::value::RawValue>(text).ok()?;
        (of_its_kind && whole.get() == text).then(|| Self(text.into()))
    }

    /// What stands in the place of an id that is not known.
    pub(super) fn null() -> Self {
        Self("null".into())
    }

    /// The id as JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The whole number that the id means, for finding the call that an answer belongs to.
    ///
    /// Some servers send a number back as a string or as a decimal: `7`, `"7"` and `7.0` all mean 7.
    pub(super) fn number(&self) -> Option<u64> {
        let digits = match self.0.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"')?,
            None => self.0.strip_suffix(".0").unwrap_or(&self.0),
        };
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        all_digits.then(|| digits.parse().ok()).flatten()
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self(number.to_string().into())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_or_a_string() {
        for text in [
            "0",
            "-1",
            "1.5",
            "18446744073709551616",
            "0.10000000000000000000001",
            "\"\"",
            "\"a\\u0062\"",
        ] {
            assert_eq!(Id::from_json(text).unwrap().as_json(), text);
        }
        for text in [
            "", "null", "true", "[1]", "{}", "01", "1 2", " 1", "\"", "-",
        ] {
            assert_eq!(Id::from_json(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_is_found_again_however_it_comes_back() {
        let number = |text| Id::from_json(text).unwrap().number();
        for text in ["7", "7.0", "\"7\""] {
            assert_eq!(number(text), Some(7), "{text}");
        }
        for text in ["-7", "7.5", "\"x\"", "\"\"", "7e0", "18446744073709551616"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
