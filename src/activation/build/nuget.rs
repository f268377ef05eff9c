//! Tools of .NET.

use super::programs::{FOLDER, find_entry};
use super::{Answer, Build, BuildError, no_answer, unversioned};
use crate::catalog::Package;
use crate::containerfile::{Containerfile, ContainerfileError};

/// A command of .NET that neither greets nor reports, and keeps its own files in memory.
const DOTNET: [&str; 5] = [
    "env",
    "DOTNET_CLI_HOME=/tmp",
    "DOTNET_NOLOGO=1",
    "DOTNET_CLI_TELEMETRY_OPTOUT=1",
    "dotnet",
];

pub(super) fn question(package: &Package) -> Vec<String> {
    let search = ["package", "search", "--exact-match", "--prerelease"];
    let words = DOTNET.into_iter().chain(search);
    let words = words.chain(["--format", "json", &package.name]);
    words.map(str::to_owned).collect()
}

/// Reads `{"problems": [], "searchResult": [{"packages": [{"id": ..., "version": ...}]}]}`, the versions from the oldest to the newest.
///
/// Of a package without a version the newest finished one counts, or the newest at all where none is finished.
pub(super) fn version(package: &Package, answer: &Answer) -> Result<String, BuildError> {
    let json = answer
        .stdout
        .find('{')
        .and_then(|at| answer.stdout.get(at..));
    let value: serde_json::Value =
        serde_json::from_str(json.unwrap_or_default()).unwrap_or_default();
    let list = |value: &serde_json::Value, key| {
        let list = value.get(key).and_then(serde_json::Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let text = |value: &serde_json::Value, key| {
        let text = value.get(key).and_then(serde_json::Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let sources = list(&value, "searchResult");
    let found = sources.iter().flat_map(|source| list(source, "packages"));
    let known: Vec<String> = found
        .filter(|found| text(found, "id").eq_ignore_ascii_case(&package.name))
        .map(|found| text(&found, "version"))
        .filter(|version| !version.is_empty())
        .collect();
    if known.is_empty() && (sources.is_empty() || !list(&value, "problems").is_empty()) {
        return Err(no_answer(package, answer));
    }
    match &package.version {
        _ if known.is_empty() => Err(BuildError::NoSuchPackage {
            package: unversioned(package),
        }),
        Some(wanted) => {
            let same = known
                .iter()
                .find(|known| known.eq_ignore_ascii_case(wanted));
            same.cloned().ok_or_else(|| BuildError::NoSuchVersion {
                package: unversioned(package),
                version: wanted.clone(),
            })
        }
        None => {
            let finished = known.iter().rfind(|version| !version.contains('-'));
            let newest = finished.or(known.last());
            newest.cloned().ok_or_else(|| no_answer(package, answer))
        }
    }
}

/// Installs the tool, and says where its command lies.
pub(super) fn install(
    package: &Package,
    build: &Build,
    file: &mut Containerfile,
) -> Result<&'static str, ContainerfileError> {
    let mut words = DOTNET.to_vec();
    words.extend(["tool", "install", "--tool-path", FOLDER]);
    if let Some(version) = &package.version {
        words.extend(["--version", version]);
    }
    words.push(&package.name);
    file.run(&words)?;
    find_entry(&package.name, build, file)
}
