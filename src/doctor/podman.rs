//! Podman: the program, its socket, its generator, and what it takes short names of images for.

use std::path::PathBuf;

use super::{Check, Distribution, Finding, Mend};
use crate::quadlet::version::PodmanVersion;

/// What was seen of Podman.
#[derive(Debug, Clone)]
pub struct Podman {
    /// The program, if it is on the path.
    pub program: Option<PathBuf>,
    /// `podman.socket` of the user; nothing where the user's systemd cannot be asked.
    pub socket: Option<SocketUnit>,
    /// What the service behind the socket, or the program where the socket is down, says its version is; or why it says nothing.
    pub version: Result<PodmanVersion, String>,
    /// What makes services of Quadlet files.
    pub generator: Generator,
    /// What short names of images stand for.
    pub short_names: ShortNames,
}

/// How the unit of Podman's socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketUnit {
    /// It listens.
    Listening,
    /// It does not, and does when it is needed.
    Down,
    /// It failed.
    Failed,
    /// Somebody forbade it.
    Masked,
    /// There is no such unit.
    Missing,
}

/// Quadlet's generator, as systemd would find it (systemd.generator(7)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Generator {
    /// It is there.
    At(PathBuf),
    /// It is masked by a link to /dev/null, or is no program.
    Masked(PathBuf),
    /// There is none.
    Missing,
}

/// What registries.conf and its drop-ins say of names without a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShortNames {
    /// The registries that are asked.
    pub search: Vec<String>,
    /// How many names have a registry of their own.
    pub aliases: usize,
}

impl Podman {
    /// What it means.
    pub fn findings(&self, distribution: Distribution) -> Vec<Finding> {
        let Some(program) = &self.program else {
            return vec![
                Finding::problem(
                    Check::Podman,
                    "podman is not on the path",
                    "no server can be added or started",
                )
                .mend(distribution.install("podman", "podman")),
            ];
        };
        let version = match &self.version {
            Ok(version) if *version < PodmanVersion::FLOOR => Finding::problem(
                Check::Podman,
                format!(
                    "Podman {version} is too old: {} or later is needed",
                    PodmanVersion::FLOOR
                ),
                "units would be dropped without a word",
            )
            .mend(Mend::root(
                "upgrade to Debian 13, Fedora 41, RHEL 9.6 or later, which have it",
            )),
            Ok(version) => Finding::ok(
                Check::Podman,
                format!("Podman {version} ({})", program.display()),
            ),
            Err(why) => Finding::problem(
                Check::Podman,
                format!("Podman does not say its version: {why}"),
                "no server can be added",
            )
            .mend(Mend::run(&[
                "systemctl",
                "--user",
                "restart",
                "podman.socket",
            ])),
        };
        let mut findings = vec![version];
        findings.extend(
            self.socket
                .map(|socket| socket_finding(socket, distribution)),
        );
        findings.push(self.generator_finding(distribution));
        findings.push(self.short_names.finding());
        findings
    }

    fn generator_finding(&self, distribution: Distribution) -> Finding {
        let means = "nothing makes services of the units that mcpod writes: no server starts";
        match &self.generator {
            Generator::At(path) => Finding::ok(
                Check::Quadlet,
                format!("Quadlet's generator is {}", path.display()),
            ),
            Generator::Masked(path) => Finding::problem(
                Check::Quadlet,
                format!("Quadlet's generator is masked by {}", path.display()),
                means,
            )
            .mend(Mend::root(format!("sudo rm {}", path.display()))),
            Generator::Missing => {
                Finding::problem(Check::Quadlet, "Quadlet's generator is missing", means)
                    .mend(distribution.install("--reinstall podman", "podman"))
            }
        }
    }
}

fn socket_finding(socket: SocketUnit, distribution: Distribution) -> Finding {
    let means = "images cannot be pulled, so no server can be added";
    let check = Check::PodmanSocket;
    match socket {
        SocketUnit::Listening => Finding::ok(check, "podman.socket listens"),
        SocketUnit::Down => Finding::ok(
            check,
            "podman.socket is down, and started when it is needed",
        ),
        SocketUnit::Failed => {
            Finding::problem(check, "podman.socket failed", means).mend(Mend::run(&[
                "systemctl",
                "--user",
                "restart",
                "podman.socket",
            ]))
        }
        SocketUnit::Masked => {
            Finding::problem(check, "podman.socket is masked", means).mend(Mend::run(&[
                "systemctl",
                "--user",
                "unmask",
                "podman.socket",
            ]))
        }
        SocketUnit::Missing => Finding::problem(check, "there is no unit podman.socket", means)
            .mend(distribution.install("--reinstall podman", "podman")),
    }
}

impl ShortNames {
    /// Adds what one file says; a later one wins, as containers-registries.conf.d(5) has it.
    pub fn read(&mut self, text: &str) -> Result<(), String> {
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| error.message().to_owned())?;
        if let Some(search) = table
            .get("unqualified-search-registries")
            .and_then(toml::Value::as_array)
        {
            self.search = search
                .iter()
                .filter_map(|registry| registry.as_str().map(str::to_owned))
                .collect();
        }
        if let Some(aliases) = table.get("aliases").and_then(toml::Value::as_table) {
            self.aliases += aliases.len();
        }
        Ok(())
    }

    fn finding(&self) -> Finding {
        let check = Check::ShortNames;
        let Self { search, aliases } = self;
        if !search.is_empty() {
            return Finding::ok(
                check,
                format!(
                    "short names of images are looked for at {}",
                    search.join(", ")
                ),
            );
        }
        let means =
            "a repository whose Containerfile says FROM with another short name cannot be built";
        let mend = Mend::hand(
            "if you trust Docker Hub: mkdir -p ~/.config/containers/registries.conf.d && echo 'unqualified-search-registries = \
             [\"docker.io\"]' > ~/.config/containers/registries.conf.d/search.conf",
        );
        if *aliases > 0 {
            Finding::note(
                check,
                format!("{aliases} short names of images have a registry, others have none"),
                means,
            )
            .mend(mend)
        } else {
            Finding::warning(check, "short names of images stand for nothing", means).mend(mend)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn sound() -> Podman {
        Podman {
            program: Some("/usr/bin/podman".into()),
            socket: Some(SocketUnit::Down),
            version: Ok(PodmanVersion::FLOOR),
            generator: Generator::At(
                "/usr/lib/systemd/user-generators/podman-user-generator".into(),
            ),
            short_names: ShortNames {
                search: vec!["docker.io".to_owned()],
                aliases: 0,
            },
        }
    }

    fn of(podman: &Podman, check: Check) -> Finding {
        let findings = podman.findings(Distribution::Debian);
        findings
            .into_iter()
            .find(|finding| finding.check == check)
            .unwrap()
    }

    #[test]
    fn a_sound_podman_has_nothing_to_mend() {
        for finding in sound().findings(Distribution::Debian) {
            assert_eq!((finding.state, finding.mend), (State::Ok, Mend::Nothing));
        }
    }

    #[test]
    fn what_is_missing_is_installed_as_the_distribution_does() {
        let podman = Podman {
            program: None,
            ..sound()
        };
        for (distribution, command) in [
            (Distribution::Debian, "sudo apt install podman"),
            (Distribution::Fedora, "sudo dnf install podman"),
        ] {
            let findings = podman.findings(distribution);
            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].state, State::Problem);
            assert_eq!(findings[0].mend.command().unwrap(), command);
        }
    }

    #[test]
    fn each_fault_is_its_own_finding() {
        let faults: [(Podman, Check, &str); 6] = [
            (
                Podman {
                    version: Ok("5.3.9".parse().unwrap()),
                    ..sound()
                },
                Check::Podman,
                "5.3.9 is too old: 5.4",
            ),
            (
                Podman {
                    version: Err("nobody listens".to_owned()),
                    ..sound()
                },
                Check::Podman,
                "nobody listens",
            ),
            (
                Podman {
                    socket: Some(SocketUnit::Masked),
                    ..sound()
                },
                Check::PodmanSocket,
                "masked",
            ),
            (
                Podman {
                    socket: Some(SocketUnit::Failed),
                    ..sound()
                },
                Check::PodmanSocket,
                "failed",
            ),
            (
                Podman {
                    generator: Generator::Masked("/etc/x".into()),
                    ..sound()
                },
                Check::Quadlet,
                "masked by /etc/x",
            ),
            (
                Podman {
                    generator: Generator::Missing,
                    ..sound()
                },
                Check::Quadlet,
                "missing",
            ),
        ];
        for (podman, check, what) in faults {
            let finding = of(&podman, check);
            assert_eq!(finding.state, State::Problem, "{finding:?}");
            assert!(finding.what.contains(what), "{finding:?}");
            assert!(finding.mend.command().is_some() && finding.means.is_some());
        }
    }

    #[test]
    fn drop_ins_are_read_as_podman_reads_them() {
        let mut names = ShortNames::default();
        names
            .read("unqualified-search-registries = ['a', 'b']")
            .unwrap();
        names
            .read("[aliases]\nnode = 'docker.io/library/node'\nx = 'y/z'")
            .unwrap();
        names.read("unqualified-search-registries = []").unwrap();
        assert_eq!((names.search.len(), names.aliases), (0, 2));
        assert_eq!(names.finding().state, State::Note);
        assert_eq!(ShortNames::default().finding().state, State::Warning);
        assert!(names.read("not toml").is_err());
    }
}
