//! Names of servers and of the units made from them.
//!
//! A [`ServerName`] is what the user types; every unit, socket, volume and secret of a server is named after it.
//! Names derived from it use `_` or `@` behind it, which it cannot contain, so no two servers meet in a unit name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most characters a server's name may have.
///
/// A socket's path is limited to 107 bytes by the kernel (unix(7)); with 40 the path fits below any runtime directory.
pub const SERVER_NAME_MAX: usize = 40;

/// Names that `mcpod`'s own units use.
const TAKEN: [&str; 3] = ["refresh", "guard", "egress"];

/// The name of an active server: `[a-z0-9][a-z0-9-]{0,39}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerName(String);

/// Why a text is no server name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a server's name cannot be empty")]
    Empty,
    /// More than [`SERVER_NAME_MAX`] characters.
    #[error("a server's name has at most {SERVER_NAME_MAX} characters, this one {length}")]
    TooLong {
        /// How many characters it has.
        length: usize,
    },
    /// A character outside `[a-z0-9-]`, or a dash in front.
    #[error(
        "{name:?} is no server name: lower-case letters, digits and dashes only, a letter or digit first"
    )]
    Illegal {
        /// What was given.
        name: String,
    },
    /// One of mcpod's own units has this name.
    #[error("the name {name:?} is taken by a unit of mcpod itself")]
    Reserved {
        /// What was given.
        name: String,
    },
}

impl ServerName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `mcpod-NAME.socket`: the unit whose file is the record that the server is active.
    pub fn socket_unit(&self) -> UnitName {
        UnitName(format!("mcpod-{}.socket", self.0))
    }

    /// `mcpod-NAME@.container`: the Quadlet file of the server's instances.
    pub fn container_file(&self) -> String {
        format!("mcpod-{}@.container", self.0)
    }

    /// `mcpod-NAME.container`: the Quadlet file of a server that all connections share.
    pub fn server_file(&self) -> String {
        format!("mcpod-{}.container", self.0)
    }

    /// `mcpod-NAME.service`: the unit that Quadlet makes of it.
    pub fn server_unit(&self) -> UnitName {
        UnitName(format!("mcpod-{}.service", self.0))
    }

    /// `mcpod-NAME.service.d/mcpod.conf`: what is added to that unit.
    pub fn server_drop_in(&self) -> String {
        format!("mcpod-{}.service.d/mcpod.conf", self.0)
    }

    /// `mcpod-NAME@.service`: the template of instances that are no containers.
    pub fn instance_file(&self) -> String {
        format!("mcpod-{}@.service", self.0)
    }

    /// `mcpod-NAME@.service.d/mcpod.conf`: what is added to the template that Quadlet makes, where Quadlet has no key for it.
    pub fn template_drop_in(&self) -> String {
        format!("mcpod-{}@.service.d/mcpod.conf", self.0)
    }

    /// `mcpod-NAME@*.service`: the pattern that all instances of the server match, for `ListUnitsByPatterns`.
    pub fn instance_pattern(&self) -> String {
        format!("mcpod-{}@*.service", self.0)
    }

    /// `mcpod-NAME_VOLUME`: the name, in Podman, of a volume that keeps the server's data. Unit names are stricter than volumes' names.
    pub fn volume(&self, volume: &str) -> String {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let volume = volume.replace(|c| !legal(c), "_");
        format!("mcpod-{}_{volume}", self.0)
    }

    /// `mcpod-NAME_VOLUME.volume`: the Quadlet file of a volume.
    pub fn volume_file(&self, volume: &str) -> String {
        format!("{}.volume", self.volume(volume))
    }

    /// Whether a file is the Quadlet file of one of the server's volumes.
    pub fn has_volume_file(&self, file: &str) -> bool {
        file.strip_prefix("mcpod-")
            .and_then(|rest| rest.strip_prefix(&*self.0))
            .is_some_and(|rest| rest.starts_with('_') && rest.ends_with(".volume"))
    }

    /// `mcpod-NAME_image.build`: the Quadlet file by which the server's image is built.
    pub fn build_file(&self) -> String {
        format!("mcpod-{}_image.build", self.0)
    }

    /// `mcpod-NAME_image-build.service`: the unit that Quadlet makes of it.
    pub fn build_unit(&self) -> UnitName {
        UnitName(format!("mcpod-{}_image-build.service", self.0))
    }

    /// `mcpod-NAME_image/Containerfile`: the recipe of the server's image, in a folder of its own, which is the build's context.
    pub fn recipe_file(&self) -> String {
        format!("{}/Containerfile", self.build_folder())
    }

    /// `mcpod-NAME_image`: the folder, below Quadlet's, of what its image is built by.
    pub fn build_folder(&self) -> String {
        format!("mcpod-{}_image", self.0)
    }

    /// `mcpod-NAME_image/hook.json`: the hook (oci-hooks(5)) that closes the network of the build.
    pub fn build_hook_file(&self) -> String {
        format!("{}/hook.json", self.build_folder())
    }

    /// `NAME_image.log`: the file in mcpod's runtime directory that a build writes to.
    pub fn build_log(&self) -> String {
        format!("{}_image.log", self.0)
    }

    /// `mcpod-NAME_network`: the folder, below Quadlet's, of the hook that closes the network of the server's instances.
    pub fn hook_folder(&self) -> String {
        format!("mcpod-{}_network", self.0)
    }

    /// `mcpod-NAME_network/hook.json`: that hook (oci-hooks(5)), in a folder of its own, since Podman reads all of a folder.
    pub fn hook_file(&self) -> String {
        format!("{}/hook.json", self.hook_folder())
    }

    /// `mcpod-NAME_KEY`: the name, in Podman, of one of the server's secrets.
    pub fn secret(&self, key: &str) -> String {
        format!("mcpod-{}_{key}", self.0)
    }

    /// `NAME.sock`: the file name of the server's socket in mcpod's runtime directory.
    pub fn socket_file(&self) -> String {
        format!("{}.sock", self.0)
    }

    /// The nearest legal name for a text, if any of its characters can be kept: for names made from catalog ids.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut name = String::new();
        for c in text.chars().flat_map(char::to_lowercase) {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                name.push(c);
            } else if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
            if name.len() == SERVER_NAME_MAX {
                break;
            }
        }
        name.trim_end_matches('-').parse().ok()
    }
}

impl FromStr for ServerName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let mut characters = name.chars();
        let Some(first) = characters.next() else {
            return Err(NameError::Empty);
        };
        let letter_or_digit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if !letter_or_digit(first) || !characters.all(|c| letter_or_digit(c) || c == '-') {
            return Err(NameError::Illegal {
                name: name.to_owned(),
            });
        }
        if name.len() > SERVER_NAME_MAX {
            return Err(NameError::TooLong { length: name.len() });
        }
        if TAKEN.contains(&name) {
            return Err(NameError::Reserved {
                name: name.to_owned(),
            });
        }
        Ok(Self(name.to_owned()))
    }
}

impl TryFrom<String> for ServerName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        name.parse()
    }
}

impl From<ServerName> for String {
    fn from(name: ServerName) -> Self {
        name.0
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of a systemd unit, with its type, as systemd writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitName(String);

impl UnitName {
    /// Takes a name as systemd gave it; nothing is checked, since systemd already did.
    pub fn from_systemd(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_letters_digits_and_dashes() {
        for good in [
            "time",
            "a",
            "0",
            "a-b-c",
            "server-everything",
            &"x".repeat(40),
        ] {
            assert!(good.parse::<ServerName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "A",
            "a_b",
            "a@b",
            "a.b",
            "ä",
            "a b",
            "a\n",
            "a/b",
            &"x".repeat(41),
            "guard",
            "refresh",
            "egress",
        ] {
            assert!(bad.parse::<ServerName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn any_text_with_a_letter_or_digit_gives_a_name() {
        let name = |text: &str| ServerName::from_text(text).map(String::from);
        assert_eq!(
            name("osp_marketing_tools").as_deref(),
            Some("osp-marketing-tools")
        );
        assert_eq!(name("SQLite").as_deref(), Some("sqlite"));
        assert_eq!(name("--Émile//x--").as_deref(), Some("mile-x"));
        assert_eq!(
            name(&"ab-".repeat(20)).map(|name| name.len()),
            Some(SERVER_NAME_MAX)
        );
        assert_eq!(name("漢字"), None);
        assert_eq!(name("guard"), None);
    }
}
