//! The real catalogs, as far as something of them can be run.

use mcpod::catalog::source::{docker, list, official};
use mcpod::catalog::{Entry, LaunchOption};

use crate::shared_data;

/// All launch options of Docker's registry, of the official one and of the lists, each with its source.
pub(crate) fn options() -> Vec<(&'static str, LaunchOption)> {
    let unpacked = shared_data::unpacked();
    let root = unpacked.path();
    let folders = shared_data::docker_folders(root);
    let pages = shared_data::files(&root.join("official-registry/latest"), "json");
    let pages = pages.iter().flat_map(|file| items(&file.bytes));
    let pages: Vec<String> = pages.collect();
    let mut lists = shared_data::files(&root.join("awesome-mcp-servers/docs"), "md");
    lists.extend(shared_data::files(&root.join("mcpservers.org"), "md"));
    let sidecars = root.join("awesome-mcp-servers/data/server-metadata");
    let sidecars = shared_data::files(&sidecars, "json");
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
