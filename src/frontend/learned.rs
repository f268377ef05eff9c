//! Addresses of resources that an agent learned from results: a link to a resource need not be in any list.

use std::collections::{HashMap, VecDeque};

use super::offer::Origin;

/// How many addresses are remembered; then the oldest are forgotten.
const MOST: usize = 4096;

/// Whose an address is that an agent was told of.
#[derive(Debug, Default)]
pub(super) struct Learned {
    owners: HashMap<String, Origin>,
    order: VecDeque<String>,
}

impl Learned {
    /// Whose it is.
    pub(super) fn owner(&self, address: &str) -> Option<&Origin> {
        self.owners.get(address)
    }

    /// Notes whose it is, unless it is another's already; says whether it leads there now.
    pub(super) fn learn(&mut self, address: &str, origin: &Origin) -> bool {
        if let Some(owner) = self.owners.get(address) {
            return owner == origin;
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.owners.remove(&oldest);
        }
        self.order.push_back(address.to_owned());
        self.owners.insert(address.to_owned(), origin.clone());
        true
    }
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
}
