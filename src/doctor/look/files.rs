//! What the files of a host say, and those of the kernel that look like files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::doctor::podman::{Generator, ShortNames};
use crate::doctor::room::{Keys, Room, Space};
use crate::doctor::security::Selinux;
use crate::doctor::user::{Controllers, Namespaces, Subids};

/// The name of Quadlet's generator.
const GENERATOR: &str = "podman-user-generator";

/// Where systemd looks for generators of users, the first with the name counting (systemd.generator(7)).
const GENERATORS: [&str; 4] = [
    "run/systemd/user-generators",
    "etc/systemd/user-generators",
    "usr/local/lib/systemd/user-generators",
    "usr/lib/systemd/user-generators",
];

/// Where programs may lie that are not on the path of users.
const ALSO: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The bit of a file's mode that lets it run as its owner.
const SETUID: u32 = 0o4000;

/// The bits of a file's mode that let it run.
const EXECUTABLE: u32 = 0o111;

/// A file system, by its root.
#[derive(Debug)]
pub(super) struct Root(PathBuf);

impl Root {
    /// This host's.
    pub(super) fn of_host() -> Self {
        Self("/".into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A file as text; empty where it cannot be read.
    pub(super) fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap_or_default()
    }

    /// Whether there is such a file.
    pub(super) fn has(&self, file: &str) -> bool {
        self.0.join(file).exists()
    }

    /// A program, where the user's path and those of administrators have it.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path)
            .chain(ALSO.iter().map(PathBuf::from))
            .filter(|folder| folder.is_absolute())
            .collect();
        self.find(name, &folders)
    }

    fn find(&self, name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
        folders
            .iter()
            .map(|folder| {
                self.0
                    .join(folder.strip_prefix("/").unwrap_or(folder))
                    .join(name)
            })
            .find(|file| mode(file).is_some_and(|mode| mode & EXECUTABLE != 0))
    }

    /// The name of a user in /etc/passwd, else what the environment says, else its number.
    pub(super) fn user_name(&self, uid: u32) -> String {
        let passwd = self.text("etc/passwd");
        let named = passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
        });
        named
            .or_else(|| std::env::var("USER").ok().filter(|name| !name.is_empty()))
            .unwrap_or_else(|| uid.to_string())
    }

    pub(super) fn generator(&self) -> Generator {
        let found = GENERATORS
            .iter()
            .map(|folder| self.0.join(folder).join(GENERATOR))
            .find(|file| file.symlink_metadata().is_ok());
        match found {
            None => Generator::Missing,
            Some(file) => {
                let is_program =
                    file.is_file() && mode(&file).is_some_and(|mode| mode & EXECUTABLE != 0);
                if is_program {
                    Generator::At(file)
                } else {
                    Generator::Masked(file)
                }
            }
        }
    }

    /// What registries.conf and its drop-ins say; the user's own file is read in place of the host's, drop-ins of both are.
    pub(super) fn short_names(&self, config: Option<&Path>) -> ShortNames {
        let users = config.map(|config| config.join("containers"));
        let hosts = self.0.join("etc/containers");
        let main = users
            .iter()
            .map(|folder| folder.join("registries.conf"))
            .find(|file| file.exists())
            .unwrap_or_else(|| hosts.join("registries.conf"));
        let mut files = vec![main];
        for folder in std::iter::once(&hosts).chain(&users) {
            files.extend(conf_files(&folder.join("registries.conf.d")));
        }
        let mut names = ShortNames::default();
        for file in files {
            if let Ok(text) = std::fs::read_to_string(&file)
                && let Err(why) = names.read(&text)
            {
                tracing::warn!("{}: {why}", file.display());
            }
        }
        names
    }

    pub(super) fn subids(&self, name: &str, uid: u32) -> Subids {
        let (users, free) = Subids::read(&self.text("etc/subuid"), name, uid);
        let (groups, free_groups) = Subids::read(&self.text("etc/subgid"), name, uid);
        let elsewhere = self.text("etc/nsswitch.conf").lines().any(|line| {
            line.strip_prefix("subid:")
                .is_some_and(|services| services.trim() != "files")
        });
        let mappers = ["newuidmap", "newgidmap"].map(|mapper| self.program(mapper));
        let mappers = match mappers {
            [Some(users), Some(groups)] => Some(is_privileged(&users) && is_privileged(&groups)),
            _ => None,
        };
        Subids {
            users,
            groups,
            elsewhere,
            free: free.max(free_groups),
            mappers,
        }
    }

    pub(super) fn namespaces(&self) -> Namespaces {
        let is = |file: &str, value: &str| self.text(file).trim() == value;
        if is("proc/sys/user/max_user_namespaces", "0") {
            Namespaces::None
        } else if is("proc/sys/kernel/unprivileged_userns_clone", "0") {
            Namespaces::RootOnly
        } else if is("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1")
            && self.apparmor()
            && !self.has("etc/apparmor.d/podman")
        {
            Namespaces::NoProfile
        } else {
            Namespaces::Allowed
        }
    }

    /// The controllers; `group` is where the user's systemd is in the tree of cgroups.
    pub(super) fn controllers(&self, group: Option<&str>) -> Controllers {
        let file = "cgroup.controllers";
        let tree = "sys/fs/cgroup";
        if !self.has(&format!("{tree}/{file}")) {
            return Controllers::Old;
        }
        let of = |group: &str| -> Vec<String> {
            let text = self.text(&format!("{tree}{group}/{file}"));
            text.split_whitespace().map(str::to_owned).collect()
        };
        match group {
            None => Controllers::Unknown,
            Some(group) => Controllers::Of {
                host: of(""),
                user: of(group),
            },
        }
    }

    pub(super) fn selinux(&self) -> Option<Selinux> {
        let enforce = "sys/fs/selinux/enforce";
        self.has(enforce).then(|| Selinux {
            enforcing: self.text(enforce).trim() == "1",
            has_policy: self.has("usr/share/containers/selinux/contexts"),
        })
    }

    pub(super) fn apparmor(&self) -> bool {
        self.text("sys/module/apparmor/parameters/enabled").trim() == "Y"
    }

    pub(super) fn room(&self, uid: u32, folders: &[(PathBuf, &'static str, u64)]) -> Room {
        let keys = Keys::read(&self.text("proc/key-users"), uid);
        // Whoever has none yet is not in the list.
        let keys = keys.or_else(|| {
            Some((
                0,
                self.text("proc/sys/kernel/keys/maxkeys")
                    .trim()
                    .parse()
                    .ok()?,
            ))
        });
        Room {
            keys: keys.map(|(used, most)| Keys { used, most }),
            spaces: spaces(folders),
        }
    }
}

/// The file systems that some folders are on, each told by the folder that wants most of it.
fn spaces(folders: &[(PathBuf, &'static str, u64)]) -> Vec<Space> {
    let mut seen: Vec<(u64, Space)> = Vec::new();
    for (folder, holds, enough) in folders {
        // One that is not there yet will be made on the file system of the one above it.
        let Some(folder) = folder.ancestors().find(|folder| folder.exists()) else {
            continue;
        };
        let (Ok(stat), Ok(device)) = (statvfs(folder), rustix::fs::stat(folder)) else {
            continue;
        };
        let space = Space {
            folder: folder.to_owned(),
            holds,
            enough: *enough,
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            // File systems without a fixed number of files say 0 of 0.
            no_inodes: stat.f_files > 0 && stat.f_favail == 0,
            read_only: stat.f_flag.contains(StatVfsMountFlags::RDONLY),
        };
        match seen.iter_mut().find(|(other, _)| *other == device.st_dev) {
            Some((_, other)) if other.enough < space.enough => *other = space,
            Some(_) => {}
            None => seen.push((device.st_dev, space)),
        }
    }
    seen.into_iter().map(|(_, space)| space).collect()
}

fn mode(file: &Path) -> Option<u32> {
    Some(rustix::fs::stat(file).ok()?.st_mode)
}

/// Whether a program may do what its user may not: it runs as root, or has a capability of its own.
fn is_privileged(program: &Path) -> bool {
    let has_capability =
        rustix::fs::getxattr(program, "security.capability", &mut [0_u8; 64][..]).is_ok();
    has_capability || mode(program).is_some_and(|mode| mode & SETUID != 0)
}

/// The files of a folder that end in .conf, sorted.
fn conf_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension() == Some(OsStr::new("conf")))
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    struct Fake(tempfile::TempDir);

    impl Fake {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, file: &str, text: &str) -> &Self {
            let path = self.0.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            self
        }

        fn mode(&self, file: &str, mode: u32) -> &Self {
            fs::set_permissions(self.0.path().join(file), fs::Permissions::from_mode(mode))
                .unwrap();
            self
        }

        fn root(&self) -> Root {
            Root(self.0.path().to_owned())
        }
    }

    #[test]
    fn a_generator_is_found_where_systemd_finds_it() {
        let host = Fake::new();
        assert_eq!(host.root().generator(), Generator::Missing);
        let packaged = "usr/lib/systemd/user-generators/podman-user-generator";
        host.write(packaged, "#!/bin/sh").mode(packaged, 0o755);
        assert_eq!(
            host.root().generator(),
            Generator::At(host.0.path().join(packaged))
        );
        let mask = host
            .0
            .path()
            .join("etc/systemd/user-generators/podman-user-generator");
        fs::create_dir_all(mask.parent().unwrap()).unwrap();
        symlink("/dev/null", &mask).unwrap();
        assert_eq!(host.root().generator(), Generator::Masked(mask));
    }

    #[test]
    fn short_names_come_from_the_files_that_podman_reads() {
        let host = Fake::new();
        host.write(
            "etc/containers/registries.conf",
            "unqualified-search-registries = ['host']",
        )
        .write(
            "etc/containers/registries.conf.d/a.conf",
            "[aliases]\nnode = 'docker.io/library/node'",
        )
        .write(
            "etc/containers/registries.conf.d/a.txt",
            "unqualified-search-registries = ['no']",
        )
        .write("home/containers/registries.conf.d/b.conf", "broken");
        let config = host.0.path().join("home");
        let names = host.root().short_names(Some(&config));
        assert_eq!((names.search, names.aliases), (vec!["host".to_owned()], 1));
        host.write("home/containers/registries.conf", "");
        assert!(host.root().short_names(Some(&config)).search.is_empty());
        assert_eq!(host.root().short_names(None).search.len(), 1);
    }

    #[test]
    fn what_forbids_namespaces_is_told_apart() {
        let host = Fake::new();
        assert_eq!(host.root().namespaces(), Namespaces::Allowed);
        let restricted = "proc/sys/kernel/apparmor_restrict_unprivileged_userns";
        host.write(restricted, "1\n")
            .write("sys/module/apparmor/parameters/enabled", "Y\n");
        assert_eq!(host.root().namespaces(), Namespaces::NoProfile);
        host.write("etc/apparmor.d/podman", "");
        assert_eq!(host.root().namespaces(), Namespaces::Allowed);
        host.write("proc/sys/kernel/unprivileged_userns_clone", "0\n");
        assert_eq!(host.root().namespaces(), Namespaces::RootOnly);
        host.write("proc/sys/user/max_user_namespaces", "0\n");
        assert_eq!(host.root().namespaces(), Namespaces::None);
    }

    #[test]
    fn selinux_and_its_policy_are_seen() {
        let host = Fake::new();
        assert_eq!(host.root().selinux(), None);
        host.write("sys/fs/selinux/enforce", "1");
        let seen = |has_policy| {
            Some(Selinux {
                enforcing: true,
                has_policy,
            })
        };
        assert_eq!(host.root().selinux(), seen(false));
        host.write("usr/share/containers/selinux/contexts", "");
        assert_eq!(host.root().selinux(), seen(true));
    }

    #[test]
    fn controllers_are_those_of_the_users_systemd() {
        let host = Fake::new();
        assert_eq!(host.root().controllers(Some("/u")), Controllers::Old);
        host.write("sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n")
            .write("sys/fs/cgroup/u/cgroup.controllers", "memory pids\n");
        assert_eq!(host.root().controllers(None), Controllers::Unknown);
        let Controllers::Of { host, user } = host.root().controllers(Some("/u")) else {
            panic!()
        };
        assert_eq!(
            (host.len(), user),
            (3, vec!["memory".to_owned(), "pids".to_owned()])
        );
    }

    #[test]
    fn users_and_their_ids_are_read_from_the_hosts_files() {
        let host = Fake::new();
        host.write(
            "etc/passwd",
            "root:x:0:0::/root:/bin/sh\nme:x:1234:1234::/home/me:/bin/sh\n",
        )
        .write("etc/subuid", "me:100000:65536\n")
        .write("etc/subgid", "1234:200000:65536\n")
        .write("etc/nsswitch.conf", "passwd: files\nsubid: sss\n");
        let root = host.root();
        assert_eq!(root.user_name(1234), "me");
        let subids = root.subids("me", 1234);
        assert_eq!(
            (subids.users, subids.groups, subids.free),
            (65_536, 65_536, 265_536)
        );
        assert!(subids.elsewhere && subids.mappers.is_none());
    }

    #[test]
    fn a_program_that_may_do_more_has_its_bit() {
        let host = Fake::new();
        host.write("usr/bin/newuidmap", "")
            .mode("usr/bin/newuidmap", 0o755);
        let file = host.root().find("newuidmap", &["/usr/bin".into()]).unwrap();
        assert!(!is_privileged(&file));
        host.mode("usr/bin/newuidmap", 0o4755);
        assert!(is_privileged(&file));
        host.mode("usr/bin/newuidmap", 0o644);
        assert_eq!(host.root().find("newuidmap", &["/usr/bin".into()]), None);
    }

    #[test]
    fn folders_on_one_file_system_are_one_finding() {
        let host = Fake::new();
        host.write("a/file", "");
        let folders = [
            (host.0.path().join("a"), "units", 10),
            (host.0.path().join("b/c/d"), "images", 1000),
        ];
        let spaces = spaces(&folders);
        assert_eq!(spaces.len(), 1);
        assert_eq!((spaces[0].holds, spaces[0].enough), ("images", 1000));
        assert_eq!(spaces[0].folder, host.0.path());
        assert!(spaces[0].free > 0);
    }
}
