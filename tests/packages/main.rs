//! The packages that `packaging/build` made (`tests/packages/run`): the DEB is installed, used, upgraded, removed and purged on the
//! test machine; of the RPM, what rpm says of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a failing unwrap is a failing test"
)]
#![allow(
    dead_code,
    reason = "helpers of the machine's tests that are not needed here"
)]

#[path = "../machine/changes.rs"]
mod changes;
mod deb;
#[path = "../machine/idle.rs"]
mod idle;
#[path = "../machine/machine.rs"]
mod machine;
mod pages;
mod rpm;
#[path = "../machine/running.rs"]
mod running;
#[path = "../machine/server.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The one package whose file name begins and ends so.
fn package(begin: &str, end: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/packages");
    let found: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(begin) && name.ends_with(end)
        })
        .collect();
    let [path] = &found[..] else {
        panic!("not one {begin}*{end} in {}: {found:?}", folder.display());
    };
    path.clone()
}

/// What a command of this host prints; it must succeed.
fn output(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");
