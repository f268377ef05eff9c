//! Packages of PyPI.

use super::{Answer, Build, BuildError, no_answer, unversioned};
use crate::catalog::Package;
use crate::containerfile::{Containerfile, ContainerfileError};

/// Finds the command among those of the package, as `uvx` does: the one named like the package, or the only one.
///
/// Names that no shell would read as one word are none.
const FIND_ENTRY: &str = r#"import re, sys
from importlib.metadata import distribution, distributions
name, wanted = sys.argv[1:]
if name.startswith("/"):
    name = next(d.metadata["Name"] for d in distributions() if '"file://' in (d.read_text("direct_url.json") or ""))
plain = lambda text: re.sub("[-_.]+", "-", text).lower()
points = distribution(name).entry_points
names = sorted({p.name for p in points if p.group == "console_scripts" and re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", p.name)})
like = [n for n in names if plain(n) == plain(name)]
found = [n for n in names if n == wanted] if wanted else like[:1] or names
if len(found) != 1:
    sys.exit("mcpod: this package has several commands: " + " ".join(names) if names else "mcpod: this package has no command to start")
open("/opt/mcpod/entry", "w").write(found[0] + "\n")"#;

/// The program of the environment that the package is installed into.
const PYTHON: &str = "/opt/mcpod/app/bin/python3";

/// What a command is told so that it neither asks nor tells more than it is asked for, and how often a registry is tried.
const QUIET: [&str; 4] = [
    "--no-input",
    "--disable-pip-version-check",
    "--no-cache-dir",
    "--retries=2",
];

pub(super) fn question(package: &Package) -> Vec<String> {
    let mut words = vec!["python3", "-m", "pip", "index", "versions"];
    words.extend(QUIET);
    if package.version.is_some() {
        words.push("--pre");
    }
    words.extend(["--", &package.name]);
    words.into_iter().map(str::to_owned).collect()
}

/// Reads `NAME (1.2.3)`, then `Available versions: 1.2.3, 1.2.2`.
pub(super) fn version(package: &Package, answer: &Answer) -> Result<String, BuildError> {
    let mut lines = answer.stdout.lines();
    let newest = lines
        .next()
        .and_then(|line| line.split_once(" (")?.1.strip_suffix(')'));
    let listed = lines.find_map(|line| line.strip_prefix("Available versions: "));
    match (newest, listed, &package.version) {
        (Some(newest), Some(_), None) => Ok(newest.to_owned()),
        (Some(_), Some(listed), Some(version)) => {
            if listed.split(", ").any(|known| known == version) {
                return Ok(version.clone());
            }
            Err(BuildError::NoSuchVersion {
                package: unversioned(package),
                version: version.clone(),
            })
        }
        // The same is said where the registry cannot be reached, but then behind a warning.
        _ if answer.stderr.contains("No matching distribution")
            && !answer.stderr.contains("WARNING: Retrying") =>
        {
            Err(BuildError::NoSuchPackage {
                package: unversioned(package),
            })
        }
        _ => Err(no_answer(package, answer)),
    }
}

/// Installs the package, and says where its commands lie.
pub(super) fn install(
    package: &Package,
    build: &Build,
    file: &mut Containerfile,
) -> Result<&'static str, ContainerfileError> {
    let version = package.version.as_deref();
    let spec = match version {
        Some(version) => format!("{}=={version}", package.name),
        None => package.name.clone(),
    };
    install_from(&spec, &package.name, build, file)
}

/// Installs what lies in a folder, and says where its commands lie.
pub(super) fn install_folder(
    folder: &'static str,
    build: &Build,
    file: &mut Containerfile,
) -> Result<&'static str, ContainerfileError> {
    install_from(folder, folder, build, file)
}

/// Installs what pip is told, and finds the command of what has the name or came from the folder.
fn install_from(
    spec: &str,
    name: &str,
    build: &Build,
    file: &mut Containerfile,
) -> Result<&'static str, ContainerfileError> {
    file.run(&["python3", "-m", "venv", "--without-pip", "/opt/mcpod/app"])?;
    let mut words = vec!["python3", "-m", "pip", "--python", PYTHON, "install"];
    // What is only there as source runs its own code when it is built: an older release that need not is preferred.
    words.extend(["--prefer-binary", "--root-user-action=ignore"]);
    words.extend(QUIET);
    words.extend(["--", spec]);
    file.run(&words)?;
    let wanted = build.entry.as_deref().unwrap_or_default();
    file.run(&[PYTHON, "-c", FIND_ENTRY, name, wanted])?;
    Ok("/opt/mcpod/app/bin")
}
