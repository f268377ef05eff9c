//! A home of its own for the program, with what a test puts there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// A home and a runtime directory of its own, with nothing in them.
pub(crate) struct Bare {
    folder: tempfile::TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bare {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// One with settings, and with no sources but those that they name.
    pub(crate) fn with_sources(settings: &str) -> Self {
        let host = Self::new();
        let off = ["docker", "official", "awesome"]
            .iter()
            .filter(|name| !settings.contains(&format!("[sources.{name}]")))
            .map(|name| format!("[sources.{name}]\nenabled = false\n"));
        host.write(
            ".config/mcpod/config.toml",
            &format!("{}{settings}", off.collect::<String>()),
        );
        host
    }

    /// Where something below the home lies.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file below the home.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The program, with these words and nothing else in its environment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcpod"));
        command.args(words);
        self.confine(&mut command);
        command
    }

    /// Gives a command this home and nothing else in its environment.
    pub(crate) fn confine(&self, command: &mut Command) {
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("XDG_RUNTIME_DIR", self.folder.path());
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
