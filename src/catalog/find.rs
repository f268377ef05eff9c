//! Finding the one entry that a reference means.

use strsim::damerau_levenshtein;

use super::Catalog;
use super::entry::Entry;

/// The most names that are suggested in place of one that is not there.
const SUGGESTIONS: usize = 3;

/// What a reference means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// This entry.
    Found(Box<Entry>),
    /// Several entries have this name: ask for one of these ids.
    Ambiguous(Vec<String>),
    /// None. These ids come nearest, the nearest first; there may be no near one.
    Unknown(Vec<String>),
}

impl Catalog {
    /// What a reference means: an id, or a name that one entry alone has. Case does not count where it decides nothing.
    pub fn find(&self, reference: &str) -> Resolution {
        let by_id = |entry: &&Entry| entry.id.to_string() == reference;
        if let Some(entry) = self.entries().iter().find(by_id) {
            return Resolution::Found(Box::new(entry.clone()));
        }
        let named: Vec<&Entry> = self
            .entries()
            .iter()
            .filter(|entry| is_called(entry, reference))
            .collect();
        match named.as_slice() {
            [] => Resolution::Unknown(self.nearest(reference)),
            [entry] => Resolution::Found(Box::new((*entry).clone())),
            several => {
                Resolution::Ambiguous(several.iter().map(|entry| entry.id.to_string()).collect())
            }
        }
    }

    /// The ids of the entries whose names are most like `reference`.
    fn nearest(&self, reference: &str) -> Vec<String> {
        let wanted = reference.to_lowercase();
        let wanted = wanted.rsplit(':').next().unwrap_or_default();
        // Words this far apart are no slips of the hand any more.
        let limit = (wanted.chars().count() / 3).clamp(1, 4);
        let near = |entry| Some((distance(entry, wanted, limit)?, entry));
        let mut near: Vec<(usize, &Entry)> = self.entries().iter().filter_map(near).collect();
        near.sort_by_key(|(distance, _)| *distance);
        near.iter()
            .take(SUGGESTIONS)
            .map(|(_, entry)| entry.id.to_string())
            .collect()
    }
}

/// Whether a reference is the entry's id but for case, or its name, or what its source calls it.
fn is_called(entry: &Entry, reference: &str) -> bool {
    reference.eq_ignore_ascii_case(&entry.id.to_string())
        || reference.eq_ignore_ascii_case(&entry.name)
        || reference.eq_ignore_ascii_case(entry.id.native())
}

/// How far apart an entry's name and what was typed are, in slips, up to a limit; a name that begins or ends with it is
/// one slip away.
fn distance(entry: &Entry, wanted: &str, limit: usize) -> Option<usize> {
    let name = entry.name.to_lowercase();
    if wanted.len() >= 3 && (name.starts_with(wanted) || name.ends_with(wanted)) {
        return Some(1);
    }
    // A text that is much longer or shorter is far away; what was typed can be of any length.
    let may_be_near = name.chars().count().abs_diff(wanted.chars().count()) <= limit;
    may_be_near
        .then(|| damerau_levenshtein(&name, wanted))
        .filter(|slips| *slips <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::source::toml;

    fn found(resolution: Resolution) -> String {
        match resolution {
            Resolution::Found(entry) => entry.id.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_id_or_a_name_is_found() {
        let catalog = Catalog::builtin();
        for reference in ["builtin:time", "time", "Time", "BUILTIN:TIME"] {
            assert_eq!(found(catalog.find(reference)), "builtin:time");
        }
    }

    #[test]
    fn a_slip_is_answered_with_suggestions() {
        let catalog = Catalog::builtin();
        for (slip, meant) in [
            ("tiem", "builtin:time"),
            ("builtin:tmie", "builtin:time"),
            ("filesytem", "builtin:filesystem"),
            ("sequential", "builtin:sequentialthinking"),
        ] {
            let Resolution::Unknown(ids) = catalog.find(slip) else {
                panic!("{slip}")
            };
            assert_eq!(ids.first().map(String::as_str), Some(meant), "{slip}");
        }
        assert_eq!(catalog.find("zzzzzzzzzz"), Resolution::Unknown(Vec::new()));
        assert_eq!(catalog.find(""), Resolution::Unknown(Vec::new()));
    }

    #[test]
    fn a_name_of_several_entries_decides_nothing() {
        let mut entries = toml::parse("a", "[[server]]\nname = 'Notes'").entries;
        entries.extend(toml::parse("b", "[[server]]\nname = 'notes'").entries);
        let catalog = Catalog::from(entries);
        let ids = vec!["a:Notes".to_owned(), "b:notes".to_owned()];
        assert_eq!(catalog.find("NOTES"), Resolution::Ambiguous(ids));
        assert_eq!(found(catalog.find("b:notes")), "b:notes");
    }
}
