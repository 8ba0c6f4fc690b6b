//! Which keys are at hand?
//!
//! Two generations of half the bound each: what is used moves to the young one; when that is full the old one is let go.
//! So what was used lately stays, and nothing is sorted or linked.

use std::collections::HashMap;

use crate::{Key, Owner};

/// Keys that were used lately, never more than a bound.
pub(crate) struct Cache {
    young: HashMap<Owner, Key>,
    old: HashMap<Owner, Key>,
    half: usize,
}

impl Cache {
    pub(crate) fn new(bound: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (bound / 2).max(1) }
    }

    pub(crate) fn get(&mut self, owner: Owner) -> Option<Key> {
        if let Some(key) = self.young.get(&owner) {
            return Some(key.clone());
        }
        let key = self.old.remove(&owner)?;
        self.insert(owner, key.clone());
        Some(key)
    }

    pub(crate) fn insert(&mut self, owner: Owner, key: Key) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(owner, key);
    }

    /// Lets go of the keys of all owners but some.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Owner) -> bool) {
        self.young.retain(|owner, _| keep(owner));
        self.old.retain(|owner, _| keep(owner));
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::Names;

    #[test]
    fn it_is_bounded_and_keeps_what_is_used() {
        let names = Names::new(&Key::random().unwrap());
        let mut cache = Cache::new(10);
        let used = names.tenant("used");
        cache.insert(used, Key::random().unwrap());
        for number in 0..1000 {
            let owner = names.tenant(&number.to_string());
            cache.insert(owner, Key::random().unwrap());
            assert!(cache.get(owner).is_some());
            assert!(cache.get(used).is_some(), "{number}");
            assert!(cache.len() <= 10, "{}", cache.len());
        }
        assert!(cache.get(names.tenant("0")).is_none());
        cache.retain(|owner| *owner != used);
        assert!(cache.get(used).is_none());
    }
}
