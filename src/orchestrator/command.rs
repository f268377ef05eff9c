//! Commands that are no unit's: what Podman is asked by its program, and what cleans up. systemd runs them, each in a unit of its own.

use super::{Error, Orchestrator};
use crate::guard::SLICE_UNIT;
use crate::podman::command::PATIENCE;
use crate::systemd::command::{Output, UnitCommand};

impl Orchestrator {
    /// Has a command run, with this on its standard input.
    pub(super) async fn run(
        &self,
        description: &str,
        words: &[impl AsRef<str>],
        input: &str,
    ) -> Result<Output, Error> {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let command = UnitCommand {
            description,
            slice: SLICE_UNIT,
            words: &words,
            patience: PATIENCE,
        };
        Ok(self.systemd.run_command(&command, input).await?)
    }
}
