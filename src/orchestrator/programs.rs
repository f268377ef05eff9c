//! Programs of this host: where they lie.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Error;

/// Where programs lie if nobody says so.
const USUAL: &str = "/usr/local/bin:/usr/bin:/bin";

/// The absolute path of a program: its own, or where the first folder of `PATH` in the user manager's environment has it.
pub(super) fn find(program: &str, environment: &BTreeMap<String, String>) -> Result<String, Error> {
    let is_there = |path: &Path| {
        path.metadata()
            .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    let missing = || Error::NoProgram {
        program: program.to_owned(),
    };
    if program.starts_with('/') {
        return is_there(Path::new(program))
            .then(|| program.to_owned())
            .ok_or_else(missing);
    }
    let path = environment.get("PATH").map_or(USUAL, String::as_str);
    path.split(':')
        .filter(|folder| folder.starts_with('/'))
        .map(|folder| format!("{}/{program}", folder.trim_end_matches('/')))
        .find(|path| is_there(Path::new(path)))
        .ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_program_of_the_name_that_can_be_run_is_found() {
        let work = tempfile::tempdir().unwrap();
        let (a, b) = (work.path().join("a"), work.path().join("b"));
        for (folder, mode) in [(&a, 0o644), (&b, 0o755)] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("x"), "").unwrap();
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.join("x"), mode).unwrap();
        }
        let path = format!("relative:{}:{}/", a.display(), b.display());
        let environment = BTreeMap::from([("PATH".to_owned(), path)]);
        let expected = b.join("x").display().to_string();
        assert_eq!(find("x", &environment).unwrap(), expected);
        assert_eq!(find(&expected, &environment).unwrap(), expected);
        for missing in ["y", "/no/such/x", a.to_str().unwrap()] {
            assert!(matches!(
                find(missing, &environment),
                Err(Error::NoProgram { .. })
            ));
        }
    }
}
