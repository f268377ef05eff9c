//! Modules of Go.

use super::Build;
use super::programs::{find_entry, script};
use crate::containerfile::{Containerfile, ContainerfileError};

/// Installs the programs of a module: the one that lies in the folder itself, else those in `cmd`, else all.
///
/// They are linked with nothing that the image has, and named like the module if it has no better name. What Go fetches and compiles
/// goes with the step that made it.
const INSTALL_FOLDER: &str = r#"export GOBIN=/opt/mcpod/app/bin GOPATH=/var/tmp/mcpod/go GOCACHE=/var/tmp/mcpod/cache
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
cd "$1"
if [ "$(go list -f '{{.Name}}' .)" = main ]; then what=.
elif [ -d cmd ]; then what=./cmd/...
else what=./...; fi
go install -trimpath "$what"
name=$(go list -m)
echo "${name##*/}" >/opt/mcpod/name
rm -rf /var/tmp/mcpod"#;

/// Compiles and installs what lies in a folder, and says where its programs lie.
pub(super) fn install_folder(
    folder: &'static str,
    build: &Build,
    file: &mut Containerfile,
) -> Result<&'static str, ContainerfileError> {
    script(INSTALL_FOLDER, &[folder], file)?;
    find_entry("", build, file)
}
