//! What a template does with a value before it is used.

use crate::catalog::input::InputValue;

/// A filter. The meanings are those of Docker's MCP gateway (formats of `docker/mcp-registry`), whose catalog they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// `volume`: each path becomes `path:path`, a bind mount at the same place.
    Volume,
    /// `volume-target`: each path as it is called inside the container.
    VolumeTarget,
    /// `into`: the value is a list, and its items take the place of the template in the list around it.
    Into,
    /// `first`: the first item of a list.
    First,
    /// `last`: the last item of a list.
    Last,
    /// `or:x` and `or:[a,b]`: what to take where the value is missing or empty.
    Or(InputValue),
    /// `mount_as:/path` and `mount_as:/path:ro`: each path becomes a bind mount at `/path`.
    MountAs {
        /// Where, inside the container.
        target: String,
        /// Whether the container may only read there.
        read_only: bool,
    },
    /// A filter that nobody knows; it does nothing.
    Unknown(String),
}

impl Filter {
    /// The filter of that text.
    pub(super) fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some(("or", value)) => Self::Or(alternative(value)),
            Some(("mount_as", target)) => match target.strip_suffix(":ro") {
                Some(target) => Self::MountAs {
                    target: target.to_owned(),
                    read_only: true,
                },
                None => Self::MountAs {
                    target: target.to_owned(),
                    read_only: false,
                },
            },
            _ => match text {
                "volume" => Self::Volume,
                "volume-target" => Self::VolumeTarget,
                "into" => Self::Into,
                "first" => Self::First,
                "last" => Self::Last,
                _ => Self::Unknown(text.to_owned()),
            },
        }
    }
}

/// The value behind `or:`.
fn alternative(text: &str) -> InputValue {
    let list = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match list {
        Some(items) => InputValue::Many(
            items
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect(),
        ),
        None => InputValue::One(text.to_owned()),
    }
}
