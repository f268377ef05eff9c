//! The order of versions, for any text that stands where a version should.

use std::cmp::Ordering;

/// A version that can be compared with others: numbers between dots, with what semantic versioning allows behind them.
///
/// Fewer numbers than three and more are allowed, and a `v` in front, since publishers use both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    numbers: Vec<u64>,
    /// The identifiers of a pre-release; none for a release.
    pre: Vec<Identifier>,
}

/// Numbers come before words (semantic versioning 2.0.0, section 11).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Word(String),
}

impl Version {
    /// The version that a text is, if it is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = text.split('+').next()?;
        let (numbers, pre) = match text.split_once('-') {
            Some((numbers, pre)) => (numbers, Some(pre)),
            None => (text, None),
        };
        let number = |part: &str| {
            let digits = part.chars().all(|c| c.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        };
        let mut numbers = numbers
            .split('.')
            .map(number)
            .collect::<Option<Vec<u64>>>()?;
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        let identifier = |part: &str| {
            number(part).map_or_else(|| Identifier::Word(part.to_owned()), Identifier::Number)
        };
        let pre = pre.map(|pre| pre.split('.').map(identifier).collect());
        Some(Self {
            numbers,
            pre: pre.unwrap_or_default(),
        })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let release = |version: &Self| version.pre.is_empty();
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| release(self).cmp(&release(other)))
            .then_with(|| self.pre.cmp(&other.pre))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_in_the_order_of_their_numbers() {
        let rising = [
            "0.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-rc.2",
            "1.0.0-rc.10",
            "v1",
            "1.0.0.1",
            "1.9.0",
            "1.10.0+build",
            "2025.11.24",
        ];
        let versions: Vec<Version> = rising
            .iter()
            .map(|text| Version::parse(text).unwrap())
            .collect();
        assert!(versions.is_sorted() && versions[6] < versions[7]);
        assert_eq!(Version::parse("1.0"), Version::parse("v1.0.0+x"));
    }

    #[test]
    fn other_texts_are_no_versions() {
        for text in [
            "",
            "auto",
            "{{VERSION}}",
            "1.0.1º",
            "1..2",
            "1.0rc1",
            "+1",
            "99999999999999999999",
        ] {
            assert_eq!(Version::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "v?[0-9.]{1,6}(-[a-z0-9.]{0,4})?", b in "[0-9.]{1,6}(-[a-z0-9.]{0,4})?", c in "[0-9.]{1,6}") {
            let parsed: Vec<Version> = [a, b, c].iter().filter_map(|text| Version::parse(text)).collect();
            if let [a, b, c] = parsed.as_slice() {
                prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
                prop_assert!(!(a <= b && b <= c) || a <= c);
            }
        }
    }
}
