//! The source format that is our own: a TOML file with a `[[server]]` table for each entry.
//!
//! ```toml
//! [[server]]
//! name = "notes"
//! description = "Reads and writes notes."
//! categories = ["knowledge"]
//!
//! [[server.input]]
//! path = "folder"
//! kind = "path"
//! required = true
//!
//! [[server.launch]]
//! image = "docker.io/acme/notes"
//! args = ["--folder", "/notes"]
//! mounts = ["{{folder}}:/notes"]
//! network = "none"
//! ```
//!
//! The format is strict: an unknown key or a reference to an input that is not declared refuses the entry.

mod launch;
mod record;

use ::toml::de::{DeTable, DeValue, ValueDeserializer};
use serde::Deserialize as _;

use self::record::Record;
use super::{FieldError, Parsed, Refused};
use crate::catalog::entry::Entry;

/// The entries of a file's text, for the source of that name.
pub fn parse(source: &str, text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let refuse = |record: &str, field: &str, reason: &str| Refused {
        record: record.into(),
        field: field.into(),
        reason: reason.into(),
    };
    let mut servers = Vec::new();
    match DeTable::parse(text) {
        Ok(file) => {
            for (key, value) in file.into_inner() {
                match (key.get_ref().as_ref(), value.into_inner()) {
                    ("server", DeValue::Array(tables)) => servers.extend(tables),
                    ("server", _) => {
                        let reason = "it is no list of tables";
                        parsed.refused.push(refuse("the file", "server", reason));
                    }
                    (key, _) => {
                        let reason = "there is no such key";
                        parsed.refused.push(refuse("the file", key, reason));
                    }
                }
            }
        }
        Err(error) => parsed
            .refused
            .push(refuse("the file", "TOML", &error.to_string())),
    }
    // A table goes on until the next one begins.
    let starts = servers.iter().map(|server| server.span().start);
    let ends: Vec<usize> = starts.skip(1).chain([text.len()]).collect();
    for ((index, server), end) in servers.into_iter().enumerate().zip(ends) {
        let place = place(index, server.get_ref());
        let written = text.get(server.span().start..end).unwrap_or_default();
        let entry = Record::deserialize(ValueDeserializer::from(server))
            .map_err(|error| FieldError::new("TOML", &error))
            .and_then(|raw| raw.into_entry(source))
            .and_then(|entry| {
                Ok(Entry {
                    records: vec![super::record(&place, written.trim_end())?],
                    ..entry
                })
            });
        match entry {
            Ok(entry) if parsed.entries.iter().any(|other| other.id == entry.id) => {
                parsed
                    .refused
                    .push(refuse(&place, "name", "another entry has this name"));
            }
            Ok(entry) => parsed.entries.push(entry),
            Err(error) => parsed.refused.push(error.in_record(&place)),
        }
    }
    parsed
}

/// How a refusal names a record: by its place, and its name where it has one.
fn place(index: usize, server: &DeValue<'_>) -> String {
    let place = index + 1;
    match server.get("name").and_then(|name| name.get_ref().as_str()) {
        Some(name) => format!("server {place} ({name})"),
        None => format!("server {place}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::{Mount, Run, Status};

    const NOTES: &str = r#"
        [[server]]
        name = "notes"
        description = "Reads\nand \u001B[2J writes notes."
        categories = ["memory", "Knowledge"]
        tags = ["Notes"]
        deprecated = "archived"
        tools = ["read_note"]
        [[server.input]]
        path = "folder"
        kind = "path"
        required = true
        [[server.input]]
        path = "key"
        secret = true
        required = true
        [[server.launch]]
        image = "acme/notes:1"
        args = ["--folder", "/notes", { name = "--depth", value = "{{depth}}" }]
        env = { KEY = "{{key}}", HEADER = "Bearer $KEY" }
        mounts = ["{{folder}}:/notes:ro"]
        network = ["api.acme.example:443"]
        [[server.launch]]
        remote = "https://acme.example/mcp"
        [[server.input]]
        path = "depth"
        kind = "integer"
        default = "3"
    "#;

    #[test]
    fn a_record_becomes_an_entry() {
        let parsed = parse("mine", NOTES);
        assert_eq!(parsed.refused, []);
        let [entry] = parsed.entries.as_slice() else {
            panic!("{parsed:?}")
        };
        assert_eq!(entry.id.to_string(), "mine:notes");
        assert_eq!(
            entry.description.as_deref(),
            Some("Reads and [2J writes notes.")
        );
        assert_eq!(entry.categories.len(), 1);
        assert_eq!(entry.tags[0].as_str(), "notes");
        let record = &entry.records[0];
        assert_eq!(record.place.as_str(), "server 1 (notes)");
        // Word for word, what is not fit to be shown included.
        assert_eq!(record.text, NOTES.trim());
        assert_eq!(entry.status, Status::Deprecated("archived".into()));
        let [image, remote] = entry.launch.as_slice() else {
            panic!("{entry:?}")
        };
        assert_eq!((image.kind(), remote.kind()), ("image", "remote"));
        assert_eq!((image.inputs.len(), remote.inputs.len()), (3, 0));
        assert!(image.requires_key() && !remote.requires_key() && !entry.requires_key());
        let Run::Local(local) = &image.run else {
            panic!("{image:?}")
        };
        assert!(matches!(
            local.mounts[..],
            [Mount::Bind {
                read_only: true,
                ..
            }]
        ));
        let secret: Vec<_> = local
            .env
            .iter()
            .map(|variable| image.is_secret(&variable.value))
            .collect();
        assert_eq!(secret, [true, true]);
    }

    #[test]
    fn a_bad_record_is_refused_alone_with_the_field_that_is_wrong() {
        for (line, field, reason) in [
            ("colour = 'red'", "TOML", "unknown field `colour`"),
            ("categories = ['submarines']", "categories", "no category"),
            ("[[server.launch]]", "launch", "exactly one of"),
            ("[[server.launch]]\nimage = 'a b'", "launch", "is no image"),
            (
                "[[server.launch]]\nimage = 'a'\npackage = 'npm:a'",
                "launch",
                "exactly one of",
            ),
            (
                "[[server.launch]]\nremote = 'https://a.example'\nargs = ['a']",
                "launch",
                "a remote server has no `args`",
            ),
            (
                "[[server.launch]]\npackage = 'npm:'",
                "launch",
                "is no package",
            ),
            (
                "[[server.launch]]\nimage = 'a'\nmounts = ['x']",
                "launch",
                "is no mount",
            ),
            (
                "[[server.launch]]\nimage = 'a'\nargs = ['{{x}}']",
                "launch",
                "input `x` is not declared",
            ),
            (
                "[[server.launch]]\nimage = 'a'\nargs = ['$X']",
                "launch",
                "variable `X` is not set",
            ),
            (
                "[[server.input]]\npath = 'x'\n[[server.launch]]\nimage = 'a'\nargs = ['{{x|shout}}']",
                "launch",
                "filter `shout`",
            ),
            (
                "[[server.launch]]\nimage = 'a'\nnetwork = 'some'",
                "launch",
                "network",
            ),
            (
                "[[server.launch]]\nimage = 'a'\nnetwork = ['a/b']",
                "launch",
                "is no host",
            ),
            ("[[server.input]]\npath = 'a b'", "TOML", "names no input"),
            (
                "[[server.input]]\npath = 'a'\n[[server.input]]\npath = 'a'",
                "input",
                "declared twice",
            ),
        ] {
            let text = format!("[[server]]\nname = 'good'\n[[server]]\nname = 'bad'\n{line}");
            let parsed = parse("mine", &text);
            assert_eq!(parsed.entries.len(), 1, "{line:?}");
            let [refused] = parsed.refused.as_slice() else {
                panic!("{line:?}: {parsed:?}")
            };
            assert_eq!(refused.record.as_str(), "server 2 (bad)");
            assert_eq!(refused.field.as_str(), field, "{line:?}: {refused}");
            assert!(refused.reason.contains(reason), "{line:?}: {refused}");
        }
    }

    #[test]
    fn a_file_that_is_not_ours_is_refused() {
        for text in [
            "[[server",
            "server = 3",
            "colour = 'red'",
            "[[server]]\nname = 'a'\n[[server]]\nname = 'a'",
        ] {
            assert_eq!(parse("mine", text).refused.len(), 1, "{text:?}");
        }
        assert_eq!(parse("mine", ""), Parsed::default());
    }

    proptest! {
        #[test]
        fn no_text_panics_or_leaves_what_cannot_be_shown(text in any::<String>(), value in any::<String>()) {
            parse("mine", &text);
            let quoted = ::toml::Value::String(value).to_string();
            for key in ["name", "title", "description"] {
                let text = format!("[[server]]\nname = 'a'\n{key} = {quoted}");
                let mut parsed = parse("mine", &text);
                prop_assert_eq!(parsed.entries.len() + parsed.refused.len(), 1);
                // Kept as they came, and escaped where they are shown.
                parsed.entries.iter_mut().for_each(|entry| entry.records.clear());
                let shown = format!("{:?}{}", parsed.entries, parsed.refused.iter().map(ToString::to_string).collect::<String>());
                prop_assert!(!shown.contains(crate::catalog::text::is_invisible));
            }
        }
    }
}
