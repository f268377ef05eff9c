//! Quadlet's dry run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files that Quadlet reads, in a folder of their own.
pub(crate) struct Files {
    folder: tempfile::TempDir,
    /// The services that are to come of them.
    pub(crate) services: BTreeSet<String>,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            services: BTreeSet::new(),
        }
    }

    /// Adds a file, and the service that is to come of it.
    pub(crate) fn add(&mut self, name: &str, text: &str, service: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
        assert!(self.services.insert(service.to_owned()), "{service} twice");
    }
}

/// A Quadlet of some version, in a Debian tree. It needs nothing of the host.
pub(crate) struct Quadlet {
    tree: PathBuf,
    pub(crate) version: String,
}

/// What a dry run printed.
pub(crate) struct Report {
    /// The services that it would make.
    pub(crate) services: BTreeSet<String>,
    /// What it said on its standard error that is no remark on where it looks.
    pub(crate) complaints: Vec<String>,
}

impl Quadlet {
    /// Those of the trees that are named, or that of the test machine.
    pub(crate) fn all() -> Vec<Self> {
        let machine = || {
            let machine = std::env::var("MCPOD_MACHINE");
            let machine = machine.unwrap_or_else(|_| "/var/cache/mcpod-machine".to_owned());
            format!("{machine}/made/tree")
        };
        let trees = std::env::var("QUADLET_TREES").unwrap_or_else(|_| machine());
        let quadlet = |tree: &str| {
            let tree = PathBuf::from(tree);
            let said = Self::command(&tree).arg("-version").output().unwrap();
            let version = String::from_utf8(said.stdout).unwrap().trim().to_owned();
            assert!(
                version.starts_with(|c: char| c.is_ascii_digit()),
                "no Quadlet in {}: tests/machine/machine make makes one",
                tree.display()
            );
            Self { tree, version }
        };
        trees.split(':').map(quadlet).collect()
    }

    /// The tree's own loader with the tree's own libraries, so that nothing has to be mounted or entered.
    fn command(tree: &Path) -> Command {
        let mut command = Command::new(tree.join("usr/lib64/ld-linux-x86-64.so.2"));
        command
            .arg("--library-path")
            .arg(tree.join("usr/lib/x86_64-linux-gnu"))
            .arg(tree.join("usr/libexec/podman/quadlet"));
        command
    }

    pub(crate) fn dry_run(&self, files: &Files) -> Report {
        let ran = Self::command(&self.tree)
            .args(["-dryrun", "-user"])
            .env("QUADLET_UNIT_DIRS", files.folder.path())
            .output()
            .unwrap();
        let (out, err) = (
            String::from_utf8(ran.stdout).unwrap(),
            String::from_utf8(ran.stderr).unwrap(),
        );
        let named = |line: &str| {
            let name = line.strip_prefix("---")?.strip_suffix("---")?;
            Some(name.to_owned())
        };
        let is_complaint = |line: &&str| {
            let is_remark = line.contains("Loading source unit file")
                || line.contains("Starting quadlet-generator");
            !line.is_empty() && !is_remark
        };
        Report {
            services: out.lines().filter_map(named).collect(),
            complaints: err
                .lines()
                .filter(is_complaint)
                .map(str::to_owned)
                .collect(),
        }
    }
}
