//! The real catalogs, as far as something of them can be run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcpod::catalog::source::docker::Folder;
use mcpod::catalog::source::list::File;
use mcpod::catalog::source::{docker, list, official};
use mcpod::catalog::{Entry, LaunchOption};

/// All launch options of Docker's registry, of the official one and of the lists, each with its source.
pub(crate) fn options() -> Vec<(&'static str, LaunchOption)> {
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
    assert!(status.success(), "is zstd installed?");
    let root = unpacked.path();
    let folders = children(&root.join("docker-mcp-registry/servers"));
    let folders: Vec<Folder> = folders.iter().map(|path| folder(path)).collect();
    let pages = files(&root.join("official-registry/latest"), "json");
    let pages = pages.iter().flat_map(|file| items(&file.bytes));
    let pages: Vec<String> = pages.collect();
    let mut lists = files(&root.join("awesome-mcp-servers/docs"), "md");
    lists.extend(files(&root.join("mcpservers.org"), "md"));
    let sidecars = root.join("awesome-mcp-servers/data/server-metadata");
    let sidecars = files(&sidecars, "json");
    let entries = [
        docker::parse("docker", &folders).entries,
        official::parse("official", pages.iter().map(String::as_str)).entries,
        list::parse("awesome", &lists, &sidecars).entries,
    ];
    let launch = |entry: Entry| entry.launch;
    let sources = ["docker", "official", "awesome"].into_iter().zip(entries);
    sources
        .flat_map(|(source, entries)| {
            let options = entries.into_iter().flat_map(launch);
            options.map(move |option| (source, option))
        })
        .collect()
}

/// The servers of a page of the official registry.
fn items(page: &[u8]) -> Vec<String> {
    let page: serde_json::Value = serde_json::from_slice(page).unwrap();
    let servers = page["servers"].as_array().unwrap();
    servers.iter().map(ToString::to_string).collect()
}

fn folder(path: &Path) -> Folder {
    let file = |name: &str| {
        let mut files = children(path).into_iter();
        let named = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        files.find(named).map(|path| fs::read(path).unwrap())
    };
    Folder {
        name: path.file_name().unwrap().to_str().unwrap().to_owned(),
        server: file("server.yaml").unwrap(),
        tools: None,
        readme: None,
    }
}

fn files(folder: &Path, extension: &str) -> Vec<File> {
    let children = children(folder).into_iter();
    children
        .filter(|path| path.extension().is_some_and(|own| own == extension))
        .map(|path| File {
            bytes: fs::read(&path).unwrap(),
            path: path.file_name().unwrap().to_str().unwrap().to_owned(),
        })
        .collect()
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|item| item.unwrap().path())
        .collect();
    paths.sort();
    paths
}
