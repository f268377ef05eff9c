//! The real catalogs, for tests: counted data that lies beside the project's folder and is not part of it. Tests that read it are
//! ignored unless they are asked for, as tests/run does where it is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::source::docker::Folder;

/// All folders of the archive in a place of their own.
pub(super) fn unpacked() -> tempfile::TempDir {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|above| above.join("shared/data/catalog-sources.tar.zst"))
        .find(|path| path.exists())
        .expect("shared/data lies beside the project's folder");
    let unpacked = tempfile::tempdir().unwrap();
    let status = Command::new("tar")
        .args(["--zstd", "-xf"])
        .arg(archive)
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
pub(super) fn docker_folders(unpacked: &Path) -> Vec<Folder> {
    let servers = unpacked.join("docker-mcp-registry/servers");
    let mut folders: Vec<Folder> = fs::read_dir(servers)
        .unwrap()
        .map(|item| folder(&item.unwrap().path()))
        .collect();
    folders.sort_by(|a, b| a.name.cmp(&b.name));
    folders
}

fn folder(path: &Path) -> Folder {
    let file = |name: &str| {
        let mut items = fs::read_dir(path).unwrap().map(|item| item.unwrap());
        let item = items.find(|item| item.file_name().eq_ignore_ascii_case(name))?;
        Some(fs::read(item.path()).unwrap())
    };
    Folder {
        name: path.file_name().unwrap().to_str().unwrap().to_owned(),
        server: file("server.yaml").unwrap(),
        tools: file("tools.json"),
        readme: file("readme.md"),
    }
}

/// The files called `name` below `folder` of the archive, in order of their paths.
pub(super) fn files(folder: &str, name: &str) -> Vec<String> {
    let unpacked = unpacked();
    let mut paths = Vec::new();
    collect(&unpacked.path().join(folder), name, &mut paths);
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

fn collect(folder: &Path, name: &str, paths: &mut Vec<PathBuf>) {
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            collect(&path, name, paths);
        } else if path.file_name().is_some_and(|file| file == name) {
            paths.push(path);
        }
    }
}
