//! The source `builtin`: the entries that lie in the binary.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{Parsed, toml};

/// The entries as TOML. Their descriptions are our own.
const TEXT: &str = include_str!("../builtin.toml");

/// The builtin entries.
pub fn parse() -> Parsed {
    toml::parse("builtin", TEXT)
}

/// What tells the builtin entries of this program from those of another one.
pub fn fingerprint() -> String {
    let mut hasher = DefaultHasher::new();
    (env!("CARGO_PKG_VERSION"), TEXT).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::catalog::{Arg, Artifact, Entry, Network, Run, Transport, shared_data};

    fn entries() -> Vec<Entry> {
        parse().entries
    }

    #[test]
    fn every_record_is_an_entry() {
        let parsed = parse();
        assert_eq!(parsed.refused, []);
        assert!(parsed.entries.len() >= 40, "{}", parsed.entries.len());
    }

    #[test]
    fn every_entry_says_what_it_is_and_how_it_runs() {
        for entry in entries() {
            let id = &entry.id;
            assert!(entry.title.is_some(), "{id}");
            assert!(
                entry
                    .description
                    .as_ref()
                    .is_some_and(|text| text.len() > 20),
                "{id}"
            );
            assert!(!entry.categories.is_empty(), "{id}");
            assert!(!entry.tags.is_empty(), "{id}");
            assert!(
                entry.repository.is_some() || entry.website.is_some(),
                "{id}"
            );
            let first = entry
                .launch
                .first()
                .unwrap_or_else(|| panic!("{id} has no launch option"));
            assert!(
                matches!(&first.run, Run::Local(local) if local.transport == Transport::Stdio),
                "{id}"
            );
        }
    }

    #[test]
    fn the_network_need_is_always_stated() {
        for entry in entries() {
            for option in &entry.launch {
                if let Run::Local(local) = &option.run {
                    assert_ne!(local.network, Network::Unstated, "{}", entry.id);
                }
            }
        }
    }

    #[test]
    fn names_ids_and_descriptions_are_unique() {
        let entries = entries();
        let names: BTreeSet<_> = entries.iter().map(|entry| &entry.name).collect();
        let ids: BTreeSet<_> = entries.iter().map(|entry| &entry.id).collect();
        let descriptions: BTreeSet<_> = entries.iter().map(|entry| &entry.description).collect();
        assert_eq!(names.len(), entries.len());
        assert_eq!(ids.len(), entries.len());
        assert_eq!(descriptions.len(), entries.len());
    }

    #[test]
    fn no_secret_stands_in_an_argument_of_a_command() {
        for entry in entries() {
            for option in &entry.launch {
                let Run::Local(local) = &option.run else {
                    continue;
                };
                for arg in &local.args {
                    let (Arg::Positional(value) | Arg::Named { value, .. }) = arg;
                    assert!(!option.is_secret(value), "{}: {value}", entry.id);
                }
            }
        }
    }

    #[test]
    fn every_image_has_its_registry_and_every_entry_an_image_or_a_package() {
        for entry in entries() {
            let has_artifact = entry.launch.iter().any(|option| match &option.run {
                Run::Local(local) => {
                    matches!(local.artifact, Artifact::Image(_) | Artifact::Package(_))
                }
                Run::Remote(_) => false,
            });
            assert!(has_artifact, "{}", entry.id);
        }
    }

    #[test]
    #[ignore = "reads ../shared/data"]
    fn no_description_is_taken_from_shared_data() {
        let files = shared_data::docker_servers();
        let taken: BTreeSet<String> = files
            .iter()
            .flat_map(|file| file.lines())
            .filter_map(|line| line.trim().strip_prefix("description:"))
            .map(plain)
            .collect();
        for entry in entries() {
            let description = plain(entry.description.as_deref().unwrap());
            assert!(!taken.contains(&description), "{}: {description}", entry.id);
        }
    }

    fn plain(text: &str) -> String {
        text.to_lowercase()
            .replace(|c: char| !c.is_alphanumeric(), "")
    }
}
