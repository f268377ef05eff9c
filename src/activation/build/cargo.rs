//! Crates of Rust.

use super::programs::{find_entry, script};
use super::{Answer, Build, BuildError, no_answer, unversioned};
use crate::catalog::Package;
use crate::containerfile::{Containerfile, ContainerfileError};

/// What begins the line by which cargo says that a crate is a library.
pub(super) const NO_PROGRAM: &str = "error: there is nothing to install in";

/// Installs what its arguments name.
///
/// What cargo unpacks and compiles is much, too much for the memory that `/tmp` is in; it goes with the step that made it.
const INSTALL: &str = r#"export CARGO_HOME=/var/tmp/mcpod/cargo CARGO_TARGET_DIR=/var/tmp/mcpod/target
cargo install --color=never --no-track --root=/opt/mcpod/app "$@"
rm -rf /var/tmp/mcpod"#;

/// Installs what lies in a folder, with the versions that it was tried with where it says which.
const INSTALL_FOLDER: &str = r#"export CARGO_HOME=/var/tmp/mcpod/cargo CARGO_TARGET_DIR=/var/tmp/mcpod/target
if [ -e "$1/Cargo.lock" ]; then set -- "$1" --locked; fi
cargo install --color=never --no-track --root=/opt/mcpod/app --path "$@"
rm -rf /var/tmp/mcpod"#;

pub(super) fn question(package: &Package) -> Vec<String> {
    let name = match &package.version {
        Some(version) => format!("{}@{version}", package.name),
        None => package.name.clone(),
    };
    let words = ["env", "CARGO_HOME=/tmp/cargo", "cargo", "info"];
    let options = ["--color=never", "--registry=crates-io", "--"];
    let words = words.into_iter().chain(options).map(str::to_owned);
    words.chain([name]).collect()
}

/// Reads `version: 1.2.3`, behind which cargo may name the newest one.
pub(super) fn version(package: &Package, answer: &Answer) -> Result<String, BuildError> {
    let mut lines = answer.stdout.lines();
    let found = lines.find_map(|line| line.strip_prefix("version: "));
    let version = found.and_then(|version| version.split_whitespace().next());
    if let (true, Some(version)) = (answer.success, version) {
        return Ok(version.to_owned());
    }
    if !answer.stderr.contains("error: could not find `") {
        return Err(no_answer(package, answer));
    }
    Err(match &package.version {
        Some(version) => BuildError::NoSuchVersion {
            package: unversioned(package),
            version: version.clone(),
        },
        None => BuildError::NoSuchPackage {
            package: unversioned(package),
        },
    })
}

/// Compiles and installs a crate, and says where its programs lie.
pub(super) fn install(
    package: &Package,
    build: &Build,
    file: &mut Containerfile,
) -> Result<&'static str, ContainerfileError> {
    let mut words = vec!["--locked"];
    if let Some(version) = &package.version {
        words.extend(["--version", version]);
    }
    words.extend(["--", &package.name]);
    script(INSTALL, &words, file)?;
    find_entry(&package.name, build, file)
}

/// Compiles and installs what lies in a folder, and says where its programs lie.
pub(super) fn install_folder(
    folder: &'static str,
    build: &Build,
    file: &mut Containerfile,
) -> Result<&'static str, ContainerfileError> {
    script(INSTALL_FOLDER, &[folder], file)?;
    find_entry("", build, file)
}
