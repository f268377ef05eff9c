//! Addresses of resources that an agent learned from results: a link to a resource need not be in any list.

use std::collections::{HashMap, VecDeque};

use super::offer::Origin;

/// How many addresses are remembered; then the oldest are forgotten.
const MOST: usize = 4096;

/// How many bytes they may have together; most have less than a hundred.
const BYTES: usize = 1024 * 1024;

/// The longest address that is remembered, in bytes.
pub(super) const LONGEST: usize = 4096;

/// What the address of a skill ends in, and what that of its folder lacks; its files lie below (the Skills extension).
const SKILL: &str = "/SKILL.md";

/// How deep in the folder of a skill a file of its may lie.
const DEPTH: usize = 16;

/// Whose an address is that an agent was told of.
#[derive(Debug, Default)]
pub(super) struct Learned {
    owners: HashMap<String, Origin>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Learned {
    /// Whose it is, or the skill that it is a file or folder of.
    pub(super) fn owner(&self, address: &str) -> Option<&Origin> {
        let known = self.owners.get(address);
        known.or_else(|| self.owner_of_skill(address))
    }

    /// Notes whose it is, unless it is another's already; says whether it leads there now, or need not.
    pub(super) fn learn(&mut self, address: &str, origin: &Origin) -> bool {
        if let Some(owner) = self.owner(address) {
            return owner == origin;
        }
        if is_everybodys(address) || address.len() > LONGEST {
            return true;
        }
        self.bytes += address.len();
        while self.order.len() >= MOST || self.bytes > BYTES {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            self.bytes -= oldest.len();
            self.owners.remove(&oldest);
        }
        self.order.push_back(address.to_owned());
        self.owners.insert(address.to_owned(), origin.clone());
        true
    }

    fn owner_of_skill(&self, address: &str) -> Option<&Origin> {
        // Of other schemes, a name alone makes no skill.
        let mut folder = Some(address).filter(|address| address.starts_with("skill://"));
        for _ in 0..DEPTH {
            let here = folder?;
            if let Some(owner) = self.owners.get(&format!("{here}{SKILL}")) {
                return Some(owner);
            }
            folder = here.rsplit_once('/').map(|(above, _)| above);
        }
        None
    }
}

/// Whether whatever stands behind an address is the same whoever names it: the agent can have it without a server.
fn is_everybodys(address: &str) -> bool {
    let scheme = address.split(':').next().unwrap_or_default();
    ["data", "http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_owner_stays_and_the_oldest_address_is_forgotten() {
        let [one, two] = ["one", "two"].map(|name| Origin::Server(name.parse().unwrap()));
        let mut learned = Learned::default();
        assert!(learned.learn("a:1", &one));
        assert!(learned.learn("a:1", &one));
        assert!(!learned.learn("a:1", &two));
        for number in 0..MOST {
            learned.learn(&format!("b:{number}"), &two);
        }
        assert_eq!(learned.owner("a:1"), None);
        assert_eq!(learned.owner("b:0"), Some(&two));
        assert_eq!(learned.order.len(), learned.owners.len());
    }

    #[test]
    fn what_needs_no_server_and_what_is_too_long_is_not_remembered() {
        let [one, two] = ["one", "two"].map(|name| Origin::Server(name.parse().unwrap()));
        let mut learned = Learned::default();
        let long = format!("a:{}", "x".repeat(LONGEST));
        for address in ["https://x/", "HTTP://x/", "data:text/plain,x", &long] {
            assert!(learned.learn(address, &one) && learned.learn(address, &two));
            assert_eq!(learned.owner(address), None);
        }
        assert_eq!(learned.order.len(), 0);
    }

    #[test]
    fn all_together_are_bounded_too() {
        let one = Origin::Server("one".parse().unwrap());
        let mut learned = Learned::default();
        for number in 0..MOST {
            let address = format!("a:{number:x>4000}");
            assert!(learned.learn(&address, &one));
        }
        let held: usize = learned.owners.keys().map(String::len).sum();
        assert_eq!(held, learned.bytes);
        assert!(held <= BYTES && learned.owners.len() == learned.order.len());
    }

    #[test]
    fn what_lies_in_the_folder_of_a_skill_is_its_servers() {
        let [one, two] = ["one", "two"].map(|name| Origin::Server(name.parse().unwrap()));
        let mut learned = Learned::default();
        learned.learn("skill://a/b/SKILL.md", &one);
        learned.learn("skill://a/SKILL.md", &two);
        for (address, owner) in [
            ("skill://a/b/c/d.md", Some(&one)),
            ("skill://a/b", Some(&one)),
            ("skill://a/c.md", Some(&two)),
            ("skill://c/d.md", None),
        ] {
            assert_eq!(learned.owner(address), owner, "{address}");
        }
        assert!(!learned.learn("skill://a/b/c", &two));
        learned.learn("file:///x/SKILL.md", &one);
        assert_eq!(learned.owner("file:///x/y"), None);
        assert_eq!(learned.order.len(), 3);
    }
}
