//! Tools that are containers: each call of one is a run of its own.

use serde::{Deserialize, Serialize};

use super::mount::Mount;
use super::template::Template;
use super::text::Line;
use crate::image::ImageReference;

/// A tool of which each call runs a container. Its templates refer to the arguments of the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolContainer {
    /// Its name.
    pub name: Line,
    /// What it does.
    pub description: Option<Line>,
    /// The schema of its arguments, as JSON.
    pub schema: String,
    /// What is run.
    pub image: ImageReference,
    /// What stands behind the image's entry point.
    pub command: Vec<Template>,
    /// The files that it sees, as the arguments of a call name them.
    pub mounts: Vec<Mount>,
}
