//! What may run out: kernel keys, and space on disks.

use std::path::PathBuf;

use super::{Check, Finding, Mend};

/// Each container takes one key (keyrings(7)); below so many that are left, sessions may be refused.
const KEYS_FEW: u64 = 20;

/// What was seen of it.
#[derive(Debug, Clone)]
pub struct Room {
    /// The kernel keys of the user; nothing where the kernel does not tell.
    pub keys: Option<Keys>,
    /// Folders on file systems of their own.
    pub spaces: Vec<Space>,
}

/// The kernel keys of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// How many there are.
    pub used: u64,
    /// How many there may be.
    pub most: u64,
}

/// The file system that a folder is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// The folder, or the one above it that is there.
    pub folder: PathBuf,
    /// What is kept there, in words.
    pub holds: &'static str,
    /// Below so many free bytes it is a warning, and below a tenth of them a problem.
    pub enough: u64,
    /// The bytes that are free.
    pub free: u64,
    /// Whether no more files can be made, however small.
    pub no_inodes: bool,
    /// Whether nothing can be written.
    pub read_only: bool,
}

impl Room {
    /// What it means.
    pub fn findings(&self) -> Vec<Finding> {
        let keys = self.keys.iter().map(Keys::finding);
        let spaces = self.spaces.iter().map(Space::finding);
        keys.chain(spaces).collect()
    }
}

impl Keys {
    /// Reads /proc/key-users (keyrings(7)): user, references, keys and those that are complete, keys and the most that there may be.
    pub fn read(text: &str, uid: u32) -> Option<(u64, u64)> {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix(&format!("{uid}:")))?;
        let (used, most) = line.split_whitespace().nth(2)?.split_once('/')?;
        Some((used.parse().ok()?, most.parse().ok()?))
    }

    fn finding(&self) -> Finding {
        let Self { used, most } = self;
        let left = most.saturating_sub(*used);
        if left >= KEYS_FEW {
            return Finding::ok(
                Check::Keys,
                format!("{left} of your {most} kernel keys are free: so many sessions can begin"),
            );
        }
        let what =
            format!("{left} of your {most} kernel keys are free, and each session takes one");
        let means = "further sessions end as they begin (\"disk quota exceeded\")";
        let finding = if left == 0 {
            Finding::problem(Check::Keys, what, means)
        } else {
            Finding::warning(Check::Keys, what, means)
        };
        finding.mend(Mend::root(
            "sudo sysctl kernel.keys.maxkeys=2000, and the same line in /etc/sysctl.d",
        ))
    }
}

impl Space {
    fn finding(&self) -> Finding {
        let Self {
            folder,
            holds,
            enough,
            free,
            no_inodes,
            read_only,
        } = self;
        let place = format!("{} ({holds})", folder.display());
        let means = format!("{holds} cannot be written");
        if *read_only {
            return Finding::problem(
                Check::Space,
                format!("{place} is on a read-only file system"),
                means,
            )
            .mend(Mend::root(
                "mount it writable again; the kernel's log (dmesg) may say why it is not",
            ));
        }
        if *no_inodes {
            return Finding::problem(
                Check::Space,
                format!("{place}: the file system can have no more files"),
                means,
            )
            .mend(Mend::hand("delete some files there"));
        }
        let what = format!("{place}: {} free", readable(*free));
        if free >= enough {
            return Finding::ok(Check::Space, what);
        }
        let mend = Mend::hand(
            "podman image prune deletes images that nobody uses; df and du show what takes space",
        );
        if *free < enough / 10 {
            Finding::problem(Check::Space, what, means).mend(mend)
        } else {
            Finding::warning(Check::Space, what, "the next image may not fit").mend(mend)
        }
    }
}

/// Bytes, in the unit that fits.
fn readable(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(size, _)| bytes >= *size);
    match unit {
        Some((size, name)) => format!("{}.{} {name}", bytes / size, bytes % size * 10 / size),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn keys_are_read_as_the_kernel_writes_them() {
        let text = "    0:    19 18/18 13/1000000 260/25000000\n 1000:     3 3/3 30/200 37/20000\n";
        assert_eq!(Keys::read(text, 1000), Some((30, 200)));
        assert_eq!(Keys::read(text, 0), Some((13, 1_000_000)));
        assert_eq!(Keys::read(text, 100), None);
    }

    #[test]
    fn few_keys_are_few_sessions() {
        let state = |used| Keys { used, most: 200 }.finding().state;
        assert_eq!(state(10), State::Ok);
        assert_eq!(state(190), State::Warning);
        assert_eq!(state(200), State::Problem);
    }

    #[test]
    fn space_is_judged_by_what_is_kept_there() {
        let space = Space {
            folder: "/home/me/.local/share/containers".into(),
            holds: "images",
            enough: 1 << 30,
            free: 5 << 30,
            no_inodes: false,
            read_only: false,
        };
        let with = |free| {
            Space {
                free,
                ..space.clone()
            }
            .finding()
        };
        assert_eq!(with(1 << 30).state, State::Ok);
        assert_eq!(with((1 << 30) - 1).state, State::Warning);
        assert_eq!(with(1 << 20).state, State::Problem);
        assert!(with(1536).what.ends_with(": 1.5 KiB free"));
        for broken in [
            Space {
                read_only: true,
                ..space.clone()
            },
            Space {
                no_inodes: true,
                ..space.clone()
            },
        ] {
            assert_eq!(broken.finding().state, State::Problem);
        }
    }
}
