//! Commands of podman(1) that are run for their answer, and what cleans up: as lines, which systemd runs in units of their own, since
//! whoever wants them may be where no namespace can be made. What has a container is done by `podman run` where its standard output is
//! what is wanted.

use std::time::Duration;

use crate::image::ImageReference;
use crate::quadlet::value::Assignment;

/// How long a command may take. A registry that does not answer is given up by package managers before.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A command in a container that has the network and nothing of the host's, and is gone when it has ended: what a package manager knows
/// of a package.
#[derive(Debug)]
pub struct Question<'a> {
    /// The image, which must be here.
    pub image: &'a ImageReference,
    /// The program and its arguments.
    pub words: &'a [String],
    /// Variables that it finds.
    pub environment: &'a [Assignment],
    /// A file of the host that it may read, and where it finds it.
    pub file: Option<(&'a str, &'static str)>,
}

impl Question<'_> {
    /// The line that asks it.
    pub fn line(&self) -> Vec<String> {
        let Self {
            image,
            words,
            environment,
            file,
        } = self;
        let timeout = format!("--timeout={}", PATIENCE.as_secs());
        let mut line = podman(&[
            "--transient-store",
            "--events-backend=none",
            "run",
            "--rm",
            "--pull=never",
            "--cgroups=disabled",
            "--pids-limit=0",
            "--read-only",
            "--cap-drop=all",
            "--log-driver=none",
            "--security-opt=no-new-privileges",
            "--network=pasta",
            &timeout,
            "--env=HOME=/tmp",
        ]);
        let set = environment
            .iter()
            .map(|Assignment { name, value }| format!("--env={name}={value}"));
        line.extend(set);
        line.extend(file.map(|(host, inside)| format!("--volume={host}:{inside}:ro")));
        line.extend(["--entrypoint=".to_owned(), image.to_string()]);
        line.extend_from_slice(words);
        line
    }
}

/// The line that runs a program where containers of this user are made, in a network namespace of its own that nothing is connected to.
pub fn in_new_network(words: &[&str]) -> Vec<String> {
    podman(&[&["unshare", "unshare", "--net"], words].concat())
}

/// A line of podman(1), wherever it lies. Of one that is not there the shell tells.
fn podman(arguments: &[&str]) -> Vec<String> {
    let shell = ["/bin/sh", "-c", "exec podman \"$@\"", "sh"];
    let line = shell.iter().chain(arguments);
    line.map(|&word| word.to_owned()).collect()
}
