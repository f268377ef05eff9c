//! The real catalogs, for tests: counted data that lies beside the project's folder and is not part of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files called `name` below `folder` of the archive, in order of their paths; none where the archive is not there.
pub(super) fn files(folder: &str, name: &str) -> Option<Vec<String>> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|above| above.join("shared/data/catalog-sources.tar.zst"))
        .find(|path| path.exists())?;
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
    let mut paths = Vec::new();
    collect(&unpacked.path().join(folder), name, &mut paths);
    paths.sort();
    Some(
        paths
            .iter()
            .map(|path| fs::read_to_string(path).unwrap())
            .collect(),
    )
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
