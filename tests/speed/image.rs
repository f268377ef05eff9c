//! The images: one that is made here, and Podman's own way to run any of them.

use std::io::Write;
use std::process::{Command, Stdio};

/// The image of the server that this program is when called as `speed echo`.
pub(crate) const ECHO: &str = "docker://localhost/mcpod-bench/echo";

/// The same with [`MORE_TOOLS`].
pub(crate) const MANY_TOOLS: &str = "docker://localhost/mcpod-bench/many-tools";

/// How many tools that one offers besides those of the other, which are two.
const MORE_TOOLS: &str = "18";

/// Makes the images [`ECHO`] and [`MANY_TOOLS`].
pub(crate) fn make() {
    make_one(ECHO, "0");
    make_one(MANY_TOOLS, MORE_TOOLS);
}

/// Makes an image from this program. It is linked statically, so the image needs nothing else.
fn make_one(reference: &str, more_tools: &str) {
    let program = std::env::current_exe().unwrap();
    let mut build = Command::new("podman")
        .args([
            "build",
            "--quiet",
            "--tag",
            reference.trim_start_matches("docker://"),
            "--file",
            "-",
        ])
        .arg(program.parent().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let recipe = format!(
        "FROM scratch\nCOPY speed /speed\nENTRYPOINT [\"/speed\", \"echo\", \"{more_tools}\"]\n"
    );
    build
        .stdin
        .take()
        .unwrap()
        .write_all(recipe.as_bytes())
        .unwrap();
    assert!(build.wait().unwrap().success());
}

/// `podman run -i` with the very options of a server's generated unit, but for those that only a unit can have.
#[must_use]
pub(crate) fn podman_run(unit: &str, cgroups: Cgroups) -> Command {
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    assert!(!start.contains(['"', '\'', '\\']), "quotes: {start}");
    let mut words = start.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    while let Some(word) = words.next() {
        match word {
            "run" => {
                command.args(["run", "-i"]);
            }
            "--name" => {
                words.next();
                command.args(["--name", "bench"]);
            }
            // Podman neither waits for its end nor tells systemd of it, which finds it by two files.
            "-d" | "--sdnotify=conmon" => {}
            "--cgroups=split" if cgroups == Cgroups::Default => {}
            word if word.starts_with("--cidfile=") || word.starts_with("--conmon-pidfile=") => {}
            word => {
                assert!(!word.contains('%'), "a specifier: {word}");
                command.arg(word);
            }
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// In which control group Podman is to run a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cgroups {
    /// In one below the caller's, as the unit says.
    Split,
    /// In a scope that Podman asks systemd for, which is what `podman run` does that says nothing.
    Default,
}
