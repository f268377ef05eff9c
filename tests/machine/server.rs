//! A server that is active for the length of a test.

use crate::machine::{Ran, mcpod, run};

/// The server image that misbehaves as it is told.
pub(crate) const MISBEHAVE: &str = "docker://mcpod-test/misbehave";

/// A server that is active for the length of a test.
#[must_use]
pub(crate) struct Server(pub(crate) &'static str);

impl Server {
    /// Adds a server under a name.
    #[track_caller]
    pub(crate) fn add(reference: &str, name: &'static str) -> Self {
        Self::add_with(reference, name, &[])
    }

    /// Adds a server under a name, with these options.
    #[track_caller]
    pub(crate) fn add_with(reference: &str, name: &'static str, options: &[&str]) -> Self {
        mcpod(&[&["add", reference, "--name", name], options].concat()).ok();
        Self(name)
    }

    /// Adds a server that misbehaves as the mode says, which is its name too.
    #[track_caller]
    pub(crate) fn misbehaving(mode: &'static str) -> Self {
        Self::add_with(MISBEHAVE, mode, &["--env", &format!("MODE={mode}")])
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> String {
        format!("/run/user/1000/mcpod/{}.sock", self.0)
    }

    /// Its instances that are up or on their way up.
    #[track_caller]
    pub(crate) fn instances(&self) -> Vec<String> {
        let pattern = format!("mcpod-{}@*.service", self.0);
        let ran = run(&[
            "systemctl",
            "--user",
            "list-units",
            "--state=active,activating",
            "--plain",
            "--no-legend",
            &pattern,
        ])
        .ok();
        ran.stdout
            .lines()
            .filter_map(|line| line.split(' ').next())
            .map(str::to_owned)
            .collect()
    }

    /// Calls one of its tools with one JSON object.
    #[track_caller]
    pub(crate) fn call(&self, tool: &str, arguments: &str) -> Ran {
        mcpod(&["call", self.0, tool, arguments, "--json"])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let removed = mcpod(&["remove", self.0]);
        // A test that failed already says why; a second panic would hide it.
        if !std::thread::panicking() {
            removed.ok();
        }
    }
}
