//! Packages of npm.

use super::{Answer, Build, BuildError, no_answer, unversioned};
use crate::catalog::Package;
use crate::containerfile::{Containerfile, ContainerfileError};

/// Finds the command among those of the package, as `npx` does: the only one, or the one named like the package.
///
/// Names that no shell would read as one word are none.
const FIND_ENTRY: &str = r#"const fs = require("fs");
const [folder, wanted] = process.argv.slice(1);
const own = JSON.parse(fs.readFileSync(folder + "/package.json")), name = own.name;
const short = name.split("/").pop();
const bins = typeof own.bin === "string" ? { [short]: own.bin } : own.bin || {};
const names = Object.keys(bins).filter(bin => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(bin)
  && fs.existsSync("/opt/mcpod/app/node_modules/.bin/" + bin));
const same = new Set(names.map(bin => bins[bin])).size === 1;
const entry = wanted ? names.find(bin => bin === wanted) : names.includes(short) ? short : same ? names[0] : undefined;
if (!entry) {
  console.error(names.length === 0 ? "mcpod: this package has no command to start"
    : "mcpod: this package has several commands: " + names.join(" "));
  process.exit(1);
}
fs.writeFileSync("/opt/mcpod/entry", entry + "\n");"#;

/// What a command is told so that it neither asks nor tells more than it is asked for.
const QUIET: [&str; 4] = [
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--cache=/tmp/npm",
];

/// How often and how long a registry that does not answer is tried, in all about 10 s.
const PATIENCE: [&str; 3] = [
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
];

pub(super) fn question(package: &Package) -> Vec<String> {
    let mut words = vec!["npm", "view", "--json"];
    words.extend(PATIENCE);
    words.extend(QUIET);
    let spec = spec(package);
    words.extend(["--", &spec, "version"]);
    words.into_iter().map(str::to_owned).collect()
}

/// Reads `"1.2.3"`, a list of versions of which the last is the newest that fits, or `{"error": {"code": ...}}`.
pub(super) fn version(package: &Package, answer: &Answer) -> Result<String, BuildError> {
    let value: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
    let newest = value
        .as_str()
        .or_else(|| value.as_array()?.last()?.as_str());
    if let Some(version) = newest {
        return Ok(version.to_owned());
    }
    let error = value.get("error");
    let text = |key| error.and_then(|error| error.get(key)?.as_str());
    let no_match = answer.success || text("summary").is_some_and(|text| text.contains("No match"));
    match (&package.version, text("code")) {
        (Some(version), code) if no_match && matches!(code, None | Some("E404")) => {
            Err(BuildError::NoSuchVersion {
                package: unversioned(package),
                version: version.clone(),
            })
        }
        (_, Some("E404")) => Err(BuildError::NoSuchPackage {
            package: unversioned(package),
        }),
        _ => Err(no_answer(package, answer)),
    }
}

/// Installs the package, and says where its commands lie.
pub(super) fn install(
    package: &Package,
    build: &Build,
    file: &mut Containerfile,
) -> Result<&'static str, ContainerfileError> {
    let mut words = vec!["npm", "install", "--prefix", "/opt/mcpod/app", "--omit=dev"];
    if !build.scripts {
        words.push("--ignore-scripts");
    }
    words.extend(QUIET);
    let spec = spec(package);
    words.extend(["--", &spec]);
    file.run(&words)?;
    let folder = format!("/opt/mcpod/app/node_modules/{}", package.name);
    find_entry(&folder, build, file)
}

/// Builds what lies in a folder, installs it, and says where its commands lie.
///
/// The scripts that run by themselves do not; the one that makes the program is asked for.
pub(super) fn install_folder(
    folder: &'static str,
    build: &Build,
    file: &mut Containerfile,
) -> Result<&'static str, ContainerfileError> {
    let scripts: &[&str] = if build.scripts {
        &[]
    } else {
        &["--ignore-scripts"]
    };
    let install = ["npm", "install", "--prefix"];
    let first = [&install[..], &[folder], &QUIET, scripts].concat();
    file.run(&first)?;
    let make = ["npm", "run", "--prefix", folder, "--if-present"];
    file.run(&[&make[..], scripts, &["build"]].concat())?;
    let second = [
        &install[..],
        &["/opt/mcpod/app"],
        &QUIET,
        scripts,
        &["--", folder],
    ];
    file.run(&second.concat())?;
    find_entry(folder, build, file)
}

/// Finds the command, and says where the commands lie.
fn find_entry(
    folder: &str,
    build: &Build,
    file: &mut Containerfile,
) -> Result<&'static str, ContainerfileError> {
    let wanted = build.entry.as_deref().unwrap_or_default();
    file.run(&["node", "-e", FIND_ENTRY, "--", folder, wanted])?;
    Ok("/opt/mcpod/app/node_modules/.bin")
}

/// `NAME@VERSION`; the newest that is meant for everybody, if there is no version.
fn spec(package: &Package) -> String {
    let version = package.version.as_deref().unwrap_or("latest");
    format!("{}@{version}", package.name)
}
