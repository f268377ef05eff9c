//! Finding the one entry that a reference means.

use super::Catalog;
use super::index::IndexError;
use super::merge::Listing;

/// What a reference means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// This listing. Its entry is the view of all its members, or, where the reference is the id of one of them, that one.
    Found(Box<Listing>),
    /// Several entries have this name: ask for one of these ids.
    Ambiguous(Vec<String>),
    /// None. These ids come nearest, the nearest first; there may be no near one.
    Unknown(Vec<String>),
}

impl Catalog {
    /// What a reference means: an id, or a name that one entry alone has, or one curated entry alone. Case does not count.
    pub fn find(&self, reference: &str) -> Result<Resolution, IndexError> {
        self.index.find(reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::source::toml;

    fn found(resolution: Resolution) -> String {
        match resolution {
            Resolution::Found(listing) => listing.entry.id.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_id_or_a_name_is_found() {
        let catalog = Catalog::builtin().unwrap();
        for reference in ["builtin:time", "time", "Time", "BUILTIN:TIME"] {
            assert_eq!(found(catalog.find(reference).unwrap()), "builtin:time");
        }
    }

    #[test]
    fn a_slip_is_answered_with_suggestions() {
        let catalog = Catalog::builtin().unwrap();
        for (slip, meant) in [
            ("tiem", "builtin:time"),
            ("builtin:tmie", "builtin:time"),
            ("filesytem", "builtin:filesystem"),
            ("sequential", "builtin:sequentialthinking"),
        ] {
            let Resolution::Unknown(ids) = catalog.find(slip).unwrap() else {
                panic!("{slip}")
            };
            assert_eq!(ids.first().map(String::as_str), Some(meant), "{slip}");
        }
        assert_eq!(
            catalog.find("zzzzzzzzzz").unwrap(),
            Resolution::Unknown(Vec::new())
        );
        assert_eq!(catalog.find("").unwrap(), Resolution::Unknown(Vec::new()));
    }

    #[test]
    fn a_name_of_several_entries_decides_nothing() {
        let a = toml::parse("a", "[[server]]\nname = 'Notes'").entries;
        let b = toml::parse("b", "[[server]]\nname = 'notes'").entries;
        let catalog = Catalog::of(vec![a.clone(), b.clone()]).unwrap();
        let ids = vec!["a:Notes".to_owned(), "b:notes".to_owned()];
        assert_eq!(catalog.find("NOTES").unwrap(), Resolution::Ambiguous(ids));
        assert_eq!(found(catalog.find("b:notes").unwrap()), "b:notes");
    }

    #[test]
    fn of_many_with_a_name_the_curated_one_is_meant() {
        let notes = |source| {
            toml::parse(
                source,
                "[[server]]\nname = 'notes'\n[[server.launch]]\nimage = 'a/b'",
            )
            .entries
        };
        let other = toml::parse("b", "[[server]]\nname = 'notes'").entries;
        let catalog = Catalog::of(vec![notes("docker"), notes("a"), other]).unwrap();
        assert_eq!(found(catalog.find("notes").unwrap()), "docker:notes");
        // The id of a member means what its source says.
        let Resolution::Found(listing) = catalog.find("a:notes").unwrap() else {
            panic!("a:notes")
        };
        assert_eq!(
            (listing.entry.id.to_string().as_str(), listing.members.len()),
            ("a:notes", 2)
        );
    }
}
