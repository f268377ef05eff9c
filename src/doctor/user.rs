//! The user as systemd and the kernel see it: a manager of its own, ids and namespaces to give away, limits that bite.

use super::{Check, Distribution, Finding, Mend};
use crate::activation::limits::CONTROLLERS;

/// How many subordinate ids images may use: those of a whole user database.
const SUBIDS: u64 = 65_536;

/// What was seen of the user.
#[derive(Debug, Clone)]
pub struct User {
    /// The user's name.
    pub name: String,
    /// The version of the user's systemd, or why it does not answer and what can be done.
    pub manager: Result<String, (String, Option<String>)>,
    /// Whether the user lingers.
    pub lingers: bool,
    /// The ids that the user may give to containers.
    pub subids: Subids,
    /// What forbids user namespaces, if anything does.
    pub namespaces: Namespaces,
    /// The cgroup controllers.
    pub controllers: Controllers,
    /// Whether the user can read its journal.
    pub journal: bool,
}

/// The subordinate ids of the user (subuid(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subids {
    /// How many user ids.
    pub users: u64,
    /// How many group ids.
    pub groups: u64,
    /// Whether another service keeps them than the files that were read (`subid:` in nsswitch.conf).
    pub elsewhere: bool,
    /// The first id behind all that are given away.
    pub free: u64,
    /// Whether newuidmap and newgidmap may do what they are for; nothing where they are missing.
    pub mappers: Option<bool>,
}

/// Whether the user may make user namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespaces {
    /// It may.
    Allowed,
    /// The kernel allows none: `user.max_user_namespaces` is 0.
    None,
    /// The kernel allows them to root alone: `kernel.unprivileged_userns_clone` is 0.
    RootOnly,
    /// AppArmor allows them to programs with a profile alone, and Podman has none.
    NoProfile,
}

/// The cgroup controllers that the user's systemd has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Controllers {
    /// This host has the first version of cgroups, or both.
    Old,
    /// Nobody could be asked where the user's systemd is in the tree.
    Unknown,
    /// What the host has, and what the user has of it.
    Of {
        /// Those of the host.
        host: Vec<String>,
        /// Those of the user.
        user: Vec<String>,
    },
}

impl User {
    /// What it means.
    pub fn findings(&self, distribution: Distribution) -> Vec<Finding> {
        let mut findings = vec![self.manager_finding(), self.linger_finding()];
        findings.push(self.subids.finding(&self.name, distribution));
        findings.push(self.namespaces.finding());
        findings.push(self.controllers.finding());
        findings.push(if self.journal {
            Finding::ok(Check::Journal, "you can read your journal")
        } else {
            Finding::warning(
                Check::Journal,
                "the journal is kept where you cannot read it",
                "what servers write to their standard error is not shown",
            )
            .mend(Mend::root(
                "sudo mkdir -p /var/log/journal && sudo systemctl restart systemd-journald",
            ))
        });
        findings
    }

    fn manager_finding(&self) -> Finding {
        match &self.manager {
            Ok(version) => Finding::ok(
                Check::UserManager,
                format!("your systemd answers (version {version})"),
            ),
            Err((why, hint)) => {
                let finding = Finding::problem(
                    Check::UserManager,
                    format!("your systemd does not answer: {why}"),
                    "mcpod can do nothing but search; active servers do not listen",
                );
                match hint {
                    Some(hint) => finding.mend(Mend::hand(hint)),
                    None => finding,
                }
            }
        }
    }

    fn linger_finding(&self) -> Finding {
        if self.lingers {
            return Finding::ok(
                Check::Linger,
                "you linger: servers listen while you are logged out",
            );
        }
        Finding::warning(
            Check::Linger,
            "you do not linger",
            format!(
                "servers end with your last login; where root alone may change that: sudo loginctl enable-linger {}",
                self.name
            ),
        )
        .mend(Mend::run(&["loginctl", "--no-ask-password", "enable-linger"]))
    }
}

impl Subids {
    /// Reads /etc/subuid or /etc/subgid: how many ids the user has, and which is the first behind all.
    pub fn read(text: &str, name: &str, uid: u32) -> (u64, u64) {
        let (mut count, mut free) = (0, 100_000);
        for line in text.lines() {
            let mut fields = line.trim().split(':');
            let (Some(owner), Some(Ok(first)), Some(Ok(length))) = (
                fields.next(),
                fields.next().map(str::parse::<u64>),
                fields.next().map(str::parse::<u64>),
            ) else {
                continue;
            };
            if owner == name || owner == uid.to_string() {
                count += length;
            }
            free = free.max(first.saturating_add(length));
        }
        (count, free)
    }

    fn finding(&self, name: &str, distribution: Distribution) -> Finding {
        let check = Check::Subids;
        let means = "Podman cannot keep servers apart from you, and starts none";
        match self.mappers {
            None => {
                return Finding::problem(check, "newuidmap and newgidmap are missing", means)
                    .mend(distribution.install("uidmap", "shadow-utils"));
            }
            Some(false) => {
                return Finding::problem(
                    check,
                    "newuidmap or newgidmap has neither the setuid bit nor a capability",
                    means,
                )
                .mend(distribution.install("--reinstall uidmap", "shadow-utils"));
            }
            Some(true) => {}
        }
        let Self {
            users,
            groups,
            elsewhere,
            free,
            mappers: _,
        } = self;
        let least = *users.min(groups);
        if least >= SUBIDS {
            return Finding::ok(check, format!("you have {least} subordinate ids"));
        }
        if *elsewhere {
            return Finding::ok(
                check,
                "another service than /etc/subuid keeps your subordinate ids",
            );
        }
        let range = format!("{free}-{}", free + SUBIDS - 1);
        let mend = Mend::root(format!(
            "sudo usermod --add-subuids {range} --add-subgids {range} {name} && podman system migrate"
        ));
        let what = format!(
            "you have {users} subordinate user ids and {groups} group ids, and images use up to {SUBIDS}"
        );
        if least == 0 {
            Finding::problem(check, what, means).mend(mend)
        } else {
            Finding::warning(check, what, "images with higher ids cannot be pulled").mend(mend)
        }
    }
}

impl Namespaces {
    fn finding(self) -> Finding {
        let (what, mend) = match self {
            Self::Allowed => {
                return Finding::ok(Check::Namespaces, "you may make user namespaces");
            }
            Self::None => (
                "this host allows no user namespaces (user.max_user_namespaces is 0)",
                "sudo sysctl user.max_user_namespaces=15000, and the same line in /etc/sysctl.d",
            ),
            Self::RootOnly => (
                "this host allows user namespaces to root alone (kernel.unprivileged_userns_clone is 0)",
                "sudo sysctl kernel.unprivileged_userns_clone=1, and the same line in /etc/sysctl.d",
            ),
            Self::NoProfile => (
                "AppArmor allows user namespaces to programs with a profile alone, and Podman has none",
                "install Podman and AppArmor from your distribution, which bring one (/etc/apparmor.d/podman)",
            ),
        };
        Finding::problem(
            Check::Namespaces,
            what,
            "Podman can start no container without root",
        )
        .mend(Mend::root(mend))
    }
}

impl Controllers {
    fn finding(&self) -> Finding {
        let check = Check::Controllers;
        let (host, user) = match self {
            Self::Old => {
                return Finding::problem(
                    check,
                    "this host has the first version of cgroups",
                    "systemd cannot limit what servers use, and Podman supports it no more",
                )
                .mend(Mend::root(
                    "take systemd.unified_cgroup_hierarchy=0 from the kernel's command line",
                ));
            }
            Self::Unknown => return Finding::ok(check, "the cgroup controllers are not known"),
            Self::Of { host, user } => (host, user),
        };
        let lacks = |has: &[String]| -> Vec<&str> {
            let has = |controller: &&str| !has.iter().any(|one| one == controller);
            CONTROLLERS.into_iter().filter(has).collect()
        };
        let missing = lacks(user);
        if missing.is_empty() {
            return Finding::ok(
                check,
                format!("the controllers {} are yours", CONTROLLERS.join(", ")),
            );
        }
        let finding = Finding::warning(
            check,
            format!(
                "of the cgroup controllers, {} are not yours",
                missing.join(", ")
            ),
            "the limits of sessions for them (mcpod add --memory, --cpus, --tasks) do not hold",
        );
        if lacks(host).is_empty() {
            finding.mend(Mend::root(
                "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu memory pids\\n' | sudo tee \
                 /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload, then log in anew",
            ))
        } else {
            finding.mend(Mend::root(
                "the kernel, or the container that this host is, has none to give: start it with them",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn subordinate_ids_are_counted_by_name_and_by_number() {
        let text = "other:100000:65536\nme:165536:1000\n1000:300000:65536\n# note\nme:x:y\n";
        assert_eq!(Subids::read(text, "me", 1000), (66_536, 365_536));
        assert_eq!(Subids::read(text, "nobody", 65_534), (0, 365_536));
        assert_eq!(Subids::read("", "me", 1000), (0, 100_000));
    }

    #[test]
    fn too_few_ids_are_added_behind_all_others() {
        let subids = Subids {
            users: 0,
            groups: SUBIDS,
            free: 231_072,
            mappers: Some(true),
            ..Subids::default()
        };
        let finding = subids.finding("me", Distribution::Debian);
        assert_eq!(finding.state, State::Problem);
        assert!(
            finding
                .mend
                .command()
                .unwrap()
                .contains("--add-subuids 231072-296607")
        );
        let few = Subids {
            users: 10,
            ..subids.clone()
        };
        assert_eq!(
            few.finding("me", Distribution::Debian).state,
            State::Warning
        );
        let enough = Subids {
            users: SUBIDS,
            ..subids.clone()
        };
        assert_eq!(enough.finding("me", Distribution::Debian).state, State::Ok);
        let elsewhere = Subids {
            elsewhere: true,
            ..subids.clone()
        };
        assert_eq!(
            elsewhere.finding("me", Distribution::Debian).state,
            State::Ok
        );
        for mappers in [None, Some(false)] {
            let without = Subids {
                users: SUBIDS,
                mappers,
                ..subids.clone()
            };
            assert_eq!(
                without.finding("me", Distribution::Debian).state,
                State::Problem
            );
        }
    }

    #[test]
    fn what_of_the_controllers_is_missing_is_named() {
        let all = words(&["cpuset", "cpu", "io", "memory", "pids"]);
        let of = |host: &[String], user: &[String]| {
            let (host, user) = (host.to_vec(), user.to_vec());
            Controllers::Of { host, user }.finding()
        };
        assert_eq!(of(&all, &all).state, State::Ok);
        let some = of(&all, &words(&["memory", "pids"]));
        assert_eq!(some.state, State::Warning);
        assert!(some.what.contains(", cpu are not yours"), "{some:?}");
        assert!(
            some.mend
                .command()
                .unwrap()
                .contains("Delegate=cpu memory pids")
        );
        let none = of(&[], &[]);
        assert!(none.what.contains("cpu, memory, pids"));
        assert!(!none.mend.command().unwrap().contains("Delegate"));
        assert_eq!(Controllers::Old.finding().state, State::Problem);
    }

    #[test]
    fn each_ban_on_namespaces_is_lifted_its_own_way() {
        assert_eq!(Namespaces::Allowed.finding().state, State::Ok);
        for (ban, word) in [
            (Namespaces::None, "max_user_namespaces"),
            (Namespaces::RootOnly, "unprivileged_userns_clone"),
            (Namespaces::NoProfile, "AppArmor"),
        ] {
            let finding = ban.finding();
            assert_eq!(finding.state, State::Problem);
            assert!(finding.what.contains(word) && finding.mend.command().is_some());
        }
    }
}
