//! Kernel keys: a container takes one for its keyring, and a user has a number of them (keyrings(7), 200 unless an
//! administrator says otherwise), which all its containers share.

use std::fmt;

/// How many kernel keys a user has, and may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keys {
    used: u32,
    most: u32,
}

/// What the words of a container that did not start say where there were no keys left: the runtime cannot make its keyring,
/// since a quota (EDQUOT) is exceeded.
const SAID: [&str; 2] = ["keyring", "quota exceeded"];

impl Keys {
    /// The user's keys, if the words of what did not start tell that there were none left.
    pub(super) fn run_out(words: &str) -> Option<Self> {
        let words = words.to_lowercase();
        if !SAID.iter().all(|part| words.contains(part)) {
            return None;
        }
        let list = std::fs::read_to_string("/proc/key-users").ok()?;
        Self::of(rustix::process::getuid().as_raw(), &list)
    }

    /// What the user can do.
    pub(super) fn hint() -> String {
        "end some sessions; or have containers take none: `keyring = false` below `[containers]` in \
         ~/.config/containers/containers.conf"
            .to_owned()
    }

    /// The keys of a user in the kernel's list (proc_key-users(5)): the user, how often its record is used, its keys and those
    /// that are ready, its keys and their limit, its bytes and their limit.
    fn of(wanted: u32, list: &str) -> Option<Self> {
        list.lines().find_map(|line| {
            let (uid, rest) = line.split_once(':')?;
            let keys = rest.split_ascii_whitespace().nth(2)?;
            let (used, most) = keys.split_once('/')?;
            let keys = Self {
                used: used.parse().ok()?,
                most: most.parse().ok()?,
            };
            (uid.trim().parse() == Ok(wanted)).then_some(keys)
        })
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "all kernel keys of this user are taken ({} of {}), and each session needs one",
            self.used, self.most
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_is_read() {
        let list = "    0:    70 69/69 60/1000000 1140/25000000\n 1000:   198 198/198 199/200 3960/20000\n";
        let keys = Keys::of(1000, list).unwrap();
        assert_eq!(
            keys,
            Keys {
                used: 199,
                most: 200
            }
        );
        assert_eq!(Keys::of(100, list), None);
        assert_eq!(Keys::of(1000, "1000: x"), None);
    }

    #[test]
    fn only_the_words_about_a_keyring_tell_of_it() {
        for other in [
            "Disk quota exceeded",
            "create keyring `x`: Permission denied",
            "",
        ] {
            assert_eq!(Keys::run_out(other), None, "{other}");
        }
    }
}
