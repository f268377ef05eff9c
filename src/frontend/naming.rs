//! Names under which agents see what servers offer.
//!
//! A tool or prompt of server `time` named `convert` is `time__convert`. Names of servers hold no `_`, so no two
//! servers can meet in one name. Agents' hosts take letters, digits, `_` and `-` up to 64 characters; a name that must
//! be changed to fit ends in a hash of what it was. So a name depends on its own server alone, and stays the same
//! whatever else becomes active.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::quadlet::name::ServerName;

/// The most characters of a name, which is what common hosts take.
pub const NAME_MAX: usize = 64;

/// What stands between the server and its own name.
const BETWEEN: &str = "__";

/// How many hexadecimal digits of the hash are shown.
const HASH: usize = 8;

/// Gives each of a server's own names the one under which agents see it.
///
/// A name that stands twice has one public name; which of the two is meant, the server alone knows.
pub fn public_names<'a>(
    server: &ServerName,
    own: impl IntoIterator<Item = &'a str>,
) -> BTreeMap<&'a str, String> {
    let own: BTreeSet<&str> = own.into_iter().collect();
    let prefix = format!("{server}{BETWEEN}");
    let mut names = BTreeMap::new();
    let mut taken = BTreeSet::new();
    // Names that fit come first, so that none of them is taken by one that was changed.
    let (fit, unfit): (Vec<&str>, Vec<&str>) = own
        .into_iter()
        .partition(|own| fits(own) && prefix.len() + own.len() <= NAME_MAX);
    for own in fit {
        let name = format!("{prefix}{own}");
        taken.insert(name.clone());
        names.insert(own, name);
    }
    for own in unfit {
        // As many attempts as there are names always find one that is free.
        let attempts = 0..=u32::try_from(taken.len()).unwrap_or(u32::MAX);
        let changed = attempts
            .map(|attempt| changed(&prefix, own, attempt))
            .find(|name| taken.insert(name.clone()));
        if let Some(name) = changed {
            names.insert(own, name);
        }
    }
    names
}

/// Whether a name can stay as it is.
fn fits(own: &str) -> bool {
    !own.is_empty() && own.chars().all(is_fit)
}

fn is_fit(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// A name that fits, with as much of the server's own as there is room for.
fn changed(prefix: &str, own: &str, attempt: u32) -> String {
    let room = NAME_MAX.saturating_sub(prefix.len() + 1 + HASH);
    let fit: String = own
        .chars()
        .map(|c| if is_fit(c) { c } else { '_' })
        .take(room)
        .collect();
    let mut hash = Sha256::new();
    hash.update(own);
    hash.update(attempt.to_le_bytes());
    let hash: String = format!("{:x}", hash.finalize())
        .chars()
        .take(HASH)
        .collect();
    format!("{prefix}{fit}_{hash}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn names_of(server: &str, own: &[&str]) -> Vec<String> {
        let names = public_names(&server.parse().unwrap(), own.iter().copied());
        own.iter().map(|own| names[own].clone()).collect()
    }

    #[test]
    fn a_name_that_fits_stays() {
        assert_eq!(
            names_of("time", &["convert_time", "get-2"]),
            ["time__convert_time", "time__get-2"]
        );
    }

    #[test]
    fn a_name_that_does_not_fit_ends_in_its_hash() {
        let long = "x".repeat(80);
        let names = names_of("time", &["a.b", "a/b", "", &long]);
        assert!(names[0].starts_with("time__a_b_"), "{names:?}");
        assert!(names[1].starts_with("time__a_b_"), "{names:?}");
        assert_ne!(names[0], names[1]);
        assert_eq!(names[3].len(), NAME_MAX);
    }

    #[test]
    fn who_takes_a_changed_name_on_purpose_gets_it_and_the_other_another() {
        let changed = names_of("s", &["a.b"]).remove(0);
        let own = changed.strip_prefix("s__").unwrap();
        let names = names_of("s", &["a.b", own]);
        assert_eq!(names[1], changed);
        assert_ne!(names[0], changed);
    }

    proptest! {
        #[test]
        fn names_are_short_legal_different_and_independent_of_order(
            server in "[a-z0-9][a-z0-9-]{0,39}",
            mut own in prop::collection::vec("\\PC{0,90}|[a-c._]{0,3}", 0..20),
        ) {
            let Ok(server) = server.parse::<ServerName>() else { return Ok(()) };
            let names = public_names(&server, own.iter().map(String::as_str));
            let different: HashSet<&String> = names.values().collect();
            prop_assert_eq!(different.len(), own.iter().collect::<HashSet<_>>().len());
            for name in names.values() {
                prop_assert!(name.len() <= NAME_MAX && name.chars().all(is_fit), "{}", name);
                let prefixed = name.strip_prefix(server.as_str()).is_some_and(|rest| rest.starts_with("__"));
                prop_assert!(prefixed);
            }
            let before: Vec<(String, String)> =
                names.iter().map(|(own, name)| ((*own).to_owned(), name.clone())).collect();
            own.reverse();
            let after = public_names(&server, own.iter().map(String::as_str));
            for (own, name) in before {
                prop_assert_eq!(&after[own.as_str()], &name);
            }
        }

        #[test]
        fn two_servers_never_meet(
            a in "[a-z0-9][a-z0-9-]{0,20}", b in "[a-z0-9][a-z0-9-]{0,20}",
            x in "[a-z_-]{1,50}|\\PC{0,50}", y in "[a-z_-]{1,50}|\\PC{0,50}",
        ) {
            let (Ok(a), Ok(b)) = (a.parse::<ServerName>(), b.parse::<ServerName>()) else { return Ok(()) };
            prop_assume!(a != b);
            let one = public_names(&a, [x.as_str()]);
            let other = public_names(&b, [y.as_str()]);
            prop_assert_ne!(&one[x.as_str()], &other[y.as_str()]);
        }
    }
}
