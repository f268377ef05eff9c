//! The real catalogs, for the tests that say in their names that they read shared data: it lies beside the project's folder and is no
//! part of it. They are ignored unless they are asked for, as tests/run does where the data is there.
//!
//! Whoever has this module names `Folder` and `File`, the types of the sources.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each that has it uses a part, and a failing unwrap is a failing test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{File, Folder};

/// The folder of the data.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|above| above.join("shared/data"))
        .find(|folder| folder.exists())
        .expect("shared/data lies beside the project's folder")
}

/// All folders of the archive in a place of their own.
pub(crate) fn unpacked() -> tempfile::TempDir {
    let unpacked = tempfile::tempdir().unwrap();
    let status = Command::new("tar")
        .args(["--zstd", "-xf"])
        .arg(folder().join("catalog-sources.tar.zst"))
        .arg("-C")
        .arg(unpacked.path())
        .status()
        .unwrap();
    assert!(
        status.success(),
        "tar cannot read the archive: is zstd installed?"
    );
    unpacked
}

/// The folders of Docker's registry below the unpacked archive, in order.
pub(crate) fn docker_folders(unpacked: &Path) -> Vec<Folder> {
    let servers = children(&unpacked.join("docker-mcp-registry/servers"));
    servers.iter().map(|path| docker_folder(path)).collect()
}

/// What each server of Docker's registry says of itself.
pub(crate) fn docker_servers() -> Vec<String> {
    let unpacked = unpacked();
    let folders = docker_folders(unpacked.path()).into_iter();
    folders
        .map(|folder| String::from_utf8(folder.server).unwrap())
        .collect()
}

fn docker_folder(path: &Path) -> Folder {
    let file = |name: &str| {
        let is_named = |path: &PathBuf| {
            let own = path.file_name();
            own.is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        let found = children(path).into_iter().find(is_named);
        found.map(|path| fs::read(path).unwrap())
    };
    Folder {
        name: name_of(path),
        server: file("server.yaml").unwrap(),
        tools: file("tools.json"),
        readme: file("readme.md"),
    }
}

/// The files in a folder whose names end so, in order.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<File> {
    let has_it = |path: &PathBuf| path.extension().is_some_and(|own| own == extension);
    let files = children(folder).into_iter().filter(has_it);
    files
        .map(|path| File {
            bytes: fs::read(&path).unwrap(),
            path: name_of(&path),
        })
        .collect()
}

/// What lies in a folder, in order.
pub(crate) fn children(folder: &Path) -> Vec<PathBuf> {
    let items = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = items.map(|item| item.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
