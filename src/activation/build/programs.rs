//! Programs in a folder, which cargo, Go and .NET install: which of them is the server.

use super::Build;
use crate::containerfile::{Containerfile, ContainerfileError};

/// Where the programs of a package lie.
pub(super) const FOLDER: &str = "/opt/mcpod/app/bin";

/// Finds the program: the one that was asked for; else the one named like the package, or the only one.
///
/// Names that no shell would read as one word are none. What is installed may say in a file what it is called.
const FIND_ENTRY: &str = r#"wanted=$2 name=$1
if [ -e /opt/mcpod/name ]; then read -r name </opt/mcpod/name; fi
cd /opt/mcpod/app/bin
set --
for file in *; do
  case $file in [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) continue ;; esac
  if [ -f "$file" ] && [ -x "$file" ]; then set -- "$@" "$file"; fi
done
entry=
for file; do if [ "$file" = "${wanted:-$name}" ]; then entry=$file; fi; done
if [ -z "$entry$wanted" ] && [ $# = 1 ]; then entry=$1; fi
if [ -z "$entry" ]; then
  if [ $# = 0 ]; then echo "mcpod: this package has no command to start" >&2
  else echo "mcpod: this package has several commands: $*" >&2; fi
  exit 1
fi
echo "$entry" >/opt/mcpod/entry"#;

/// Runs a script of the shell with these arguments.
pub(super) fn script(
    script: &str,
    arguments: &[&str],
    file: &mut Containerfile,
) -> Result<(), ContainerfileError> {
    file.run(&[&["/bin/sh", "-euc", script, "mcpod"], arguments].concat())
}

/// Finds the program of a package, and says where the programs lie.
pub(super) fn find_entry(
    name: &str,
    build: &Build,
    file: &mut Containerfile,
) -> Result<&'static str, ContainerfileError> {
    let wanted = build.entry.as_deref().unwrap_or_default();
    script(FIND_ENTRY, &[name, wanted], file)?;
    Ok(FOLDER)
}
