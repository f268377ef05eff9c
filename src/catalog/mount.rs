//! Mounts: which files and volumes a server sees.

use serde::{Deserialize, Serialize};

use super::template::{Part, Syntax, Template};

/// A file, folder or volume that a server sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mount {
    /// A file or folder of the host.
    Bind {
        /// Where it lies on the host.
        source: Template,
        /// Where the server sees it.
        target: Template,
        /// Whether the server may only read it.
        read_only: bool,
    },
    /// A volume that keeps the server's own data.
    Volume {
        /// Its name, unique within the server: letters, digits, `.`, `_` and `-`.
        name: String,
        /// Where the server sees it.
        target: Template,
        /// Whether the server may only read it.
        read_only: bool,
    },
    /// As many mounts as the template has values, each of the form `source:target[:ro]`.
    Each(Template),
}

/// Why a text is no mount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MountError {
    /// There is no colon between a source and a target.
    #[error("{text:?} is no mount: it has the form SOURCE:TARGET[:ro]")]
    Form {
        /// What was given.
        text: String,
    },
    /// The source is neither a path nor a legal name of a volume.
    #[error("{text:?} is no mount: its source is neither a path nor a volume's name")]
    Source {
        /// What was given.
        text: String,
    },
    /// The target is no absolute path.
    #[error("{text:?} is no mount: its target is no absolute path")]
    Target {
        /// What was given.
        text: String,
    },
}

impl Mount {
    /// The mount of a text such as `data:/data`, `{{path}}:/src:ro` or `{{paths|volume|into}}`.
    pub fn parse(text: &str) -> Result<Self, MountError> {
        let text_owned = || text.to_owned();
        let whole = Template::parse(text, Syntax::DoubleBraces);
        if let [Part::Input { .. }] = whole.parts() {
            return Ok(Self::Each(whole));
        }
        let pieces = split_at_colons(text);
        let (source, target, read_only) = match pieces.as_slice() {
            [source, target] | [source, target, "rw"] => (*source, *target, false),
            [source, target, "ro"] => (*source, *target, true),
            _ => return Err(MountError::Form { text: text_owned() }),
        };
        let target = Template::parse(target, Syntax::DoubleBraces);
        let is_absolute = target.literal().is_none_or(|path| path.starts_with('/'));
        if !is_absolute {
            return Err(MountError::Target { text: text_owned() });
        }
        let source = Template::parse(source, Syntax::DoubleBraces);
        match source.literal() {
            Some(name) if is_volume_name(name) => Ok(Self::Volume {
                name: name.to_owned(),
                target,
                read_only,
            }),
            Some(path) if !path.starts_with(['/', '~']) => {
                Err(MountError::Source { text: text_owned() })
            }
            _ => Ok(Self::Bind {
                source,
                target,
                read_only,
            }),
        }
    }

    /// What lies on the host, for a mount of a path.
    pub(super) fn source(&self) -> Option<&Template> {
        match self {
            Self::Bind { source, .. } => Some(source),
            Self::Volume { .. } => None,
            Self::Each(template) => Some(template),
        }
    }

    /// The templates in it.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Bind { source, target, .. } => vec![source, target],
            Self::Volume { target, .. } => vec![target],
            Self::Each(template) => vec![template],
        }
    }
}

/// The pieces of a text between its colons, those within `{{…}}` aside: filters have colons of their own.
fn split_at_colons(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut inside) = (0, false);
    for (at, c) in text.char_indices() {
        let here = text.get(at..).unwrap_or_default();
        inside = (inside || here.starts_with("{{")) && !here.starts_with("}}");
        if c == ':' && !inside {
            pieces.push(text.get(start..at).unwrap_or_default());
            start = at + 1;
        }
    }
    pieces.push(text.get(start..).unwrap_or_default());
    pieces
}

fn is_volume_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text, Syntax::DoubleBraces)
    }

    #[test]
    fn the_forms_of_the_docker_registry_are_understood() {
        let bind = |source, target, read_only| Mount::Bind {
            source: template(source),
            target: template(target),
            read_only,
        };
        for (text, mount) in [
            ("/a:/b", bind("/a", "/b", false)),
            ("{{p}}:/root/.kube:ro", bind("{{p}}", "/root/.kube", true)),
            (
                "{{p.data}}:{{p.data}}",
                bind("{{p.data}}", "{{p.data}}", false),
            ),
            ("{{p|or:x:y}}:/b", bind("{{p|or:x:y}}", "/b", false)),
            (
                "{{p|or:[]|volume|into}}",
                Mount::Each(template("{{p|or:[]|volume|into}}")),
            ),
        ] {
            assert_eq!(Mount::parse(text), Ok(mount), "{text:?}");
        }
        let volume = Mount::Volume {
            name: "mcp-sqlite".to_owned(),
            target: template("/mcp"),
            read_only: false,
        };
        assert_eq!(Mount::parse("mcp-sqlite:/mcp"), Ok(volume));
    }

    #[test]
    fn what_is_no_mount_is_refused() {
        for text in [
            "",
            "a",
            "a:b",
            ":/b",
            "a:/b:zz",
            "a:/b:ro:x",
            "--privileged:/b",
            "../up:/b",
        ] {
            assert!(Mount::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_a_mount_or_refused(text in "[{}|:/.a-c-]{0,12}|.{0,20}") {
            if let Ok(mount) = Mount::parse(&text) {
                prop_assert!(!mount.templates().is_empty());
            }
        }
    }
}
