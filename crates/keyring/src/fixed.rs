//! Which keys are given by hand?
//!
//! For tests and small projects: a table of tenants and keys, from a file or an environment variable. Keys of users are
//! derived from their tenant's. Nothing is made or destroyed here.

use std::collections::BTreeMap;

use crate::key::Key;
use crate::owner::Names;
use crate::{Error, Owner, Result};

/// The keys of tenants, as they were given.
pub(crate) struct Fixed {
    owners: BTreeMap<String, Owner>,
    keys: BTreeMap<Owner, Key>,
}

impl Fixed {
    /// Reads lines of `tenant = "64 hex digits"` (TOML).
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let problem = |problem: String| Error::NotATable { problem };
        // The parser's own message quotes the line, and so a key.
        let table: toml::Table = text.parse().map_err(|_| problem("it is not TOML".to_owned()))?;
        let mut fixed = Self { owners: BTreeMap::new(), keys: BTreeMap::new() };
        for (number, (tenant, key)) in (1..).zip(&table) {
            let key = key.as_str().and_then(|key| Key::from_hex(key.trim()));
            let key = key.ok_or_else(|| problem(format!("what stands for tenant {number} of the table is no key")))?;
            let owner = Names::new(&key).tenant(tenant);
            fixed.owners.insert(tenant.clone(), owner);
            fixed.keys.insert(owner, key);
        }
        Ok(fixed)
    }

    pub(crate) fn owner(&self, tenant: &str) -> Result<Owner> {
        self.owners.get(tenant).copied().ok_or(Error::NotGiven)
    }

    pub(crate) fn user(&self, tenant: Owner, user: &str) -> Result<Owner> {
        let key = self.keys.get(&tenant).ok_or(Error::NotGiven)?;
        Ok(Names::new(key).user(tenant, user))
    }

    pub(crate) fn key(&self, owner: Owner) -> Result<Key> {
        let tenant = self.keys.get(&owner.tenant()).ok_or(Error::NotGiven)?;
        let Some(user) = owner.user_name() else { return Ok(tenant.clone()) };
        Ok(Key::new(tenant.derive(&format!("user {}", const_hex::encode(user)))))
    }
}
